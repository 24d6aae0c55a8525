"""Makes the two files that DeepGEMM's own build generates: envs.py and the stub _C.pyi.

    python3 -m bazel.deepgemm.generate pyi  --script scripts/generate_pyi.py --csrc csrc --out _C.pyi
    python3 -m bazel.deepgemm.generate envs --env DG_JIT_CACHE_DIR=/var/cache/deep_gemm … --out envs.py

The stub comes from DeepGEMM's own script. Of two C++ functions with one name the script takes the first that it
finds, in the order of the directory; here the order is by name, so that every machine writes the same stub.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import runpy
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.command import CommandError

# The variables that DeepGEMM's setup.py takes over from its environment.
_PERSISTENT = ("DG_JIT_CACHE_DIR", "DG_JIT_PRINT_COMPILER_COMMAND", "DG_JIT_CPP_STANDARD")


@contextlib.contextmanager
def _sorted_rglob() -> Iterator[None]:
    original = Path.rglob
    Path.rglob = lambda self, *args, **kwargs: iter(sorted(original(self, *args, **kwargs)))  # type: ignore[method-assign]
    try:
        yield
    finally:
        Path.rglob = original  # type: ignore[method-assign]


def stub(script: Path, csrc: Path) -> str:
    """The text of _C.pyi, as DeepGEMM's script writes it for the bindings in `csrc`."""
    if not script.is_file():
        raise CommandError(f"there is no {script}: this DeepGEMM writes its stubs in another way")
    with tempfile.TemporaryDirectory() as out, _sorted_rglob():
        log = io.StringIO()
        with contextlib.redirect_stdout(log):
            try:
                generate = runpy.run_path(str(script))["generate_pyi_file"]
                generate(name="_C", root=str(csrc), output_dir=out)
                text = Path(out, "_C.pyi").read_text(encoding="utf-8")
            except Exception as error:
                raise CommandError(f"{script} failed on {csrc}: {type(error).__name__}: {error}") from error
    if "\ndef " not in text:
        raise CommandError(f"{script} found no m.def(…) in {csrc}: it has no pybind11 bindings")
    return text


def envs(pairs: list[str]) -> str:
    """The text of envs.py: defaults for variables that the user's environment does not set."""
    lines = ["# Pre-installed environment variables", "persistent_envs = dict()"]
    given = {}
    for pair in pairs:
        match = re.fullmatch(r"(\w+)=(.*)", pair, re.DOTALL)
        if not match or match.group(1) not in _PERSISTENT:
            raise CommandError(f"{pair!r} is not NAME=VALUE with a NAME of {', '.join(_PERSISTENT)}")
        given[match.group(1)] = match.group(2)
    lines += [f"persistent_envs[{name!r}] = {given[name]!r}" for name in _PERSISTENT if name in given]
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="what", required=True)
    sub = commands.add_parser("pyi")
    sub.add_argument("--script", type=Path, required=True, help="DeepGEMM's scripts/generate_pyi.py")
    sub.add_argument("--csrc", type=Path, required=True, help="directory of the C++ sources")
    sub.add_argument("--out", type=Path, required=True)
    sub = commands.add_parser("envs")
    sub.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    sub.add_argument("--out", type=Path, required=True)

    def act(args: argparse.Namespace) -> None:
        text = stub(args.script, args.csrc) if args.what == "pyi" else envs(args.env)
        args.out.write_text(text, encoding="utf-8")

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
