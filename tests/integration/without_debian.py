"""A Bazel on this machine as it would be without Debian (without_debian.sh)."""

from __future__ import annotations

from pathlib import Path

from bazel_in_bazel import Bazel, Workspace, which_bazel

_SCRIPT = Path(__file__).resolve().with_suffix(".sh")


def bazel_without_debian(workspace: Workspace, base: Path, **options: object) -> Bazel:
    """A Bazel that sees nothing of Debian, is not root, and has no HOME and the umask 077.

    Args:
        workspace: where it is started.
        base: as Bazel's; `base/apt` is what it sees as /etc/apt, and is empty at first.
        **options: further arguments of Bazel.
    """
    for name in ("apt", "hidden/empty"):
        (base / name).mkdir(parents=True)
    launcher = base / "bazel"
    launcher.write_text(
        f"#!/bin/sh\nunset HOME\numask 077\n"
        f"exec '{_SCRIPT}' '{base}/hidden/empty' '{base}/apt' '{which_bazel()}' \"$@\"\n",
        encoding="utf-8",
    )
    launcher.chmod(0o755)
    # Without HOME, Bazel would take that of the passwd file, which may belong to another user.
    return Bazel(workspace, base, program=str(launcher), startup=[f"--output_user_root={base}/user"], **options)
