"""Makes the stub _C.pyi, which DeepGEMM's own build generates.

    python3 -m bazel.deepgemm.generate --script scripts/generate_pyi.py --csrc csrc --out _C.pyi

The stub comes from DeepGEMM's own script. Of two C++ functions with one name the script takes the first that it
finds, in the order of the directory; here the order is by name, so that every machine writes the same stub.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import runpy
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.command import CommandError


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


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--script", type=Path, required=True, help="DeepGEMM's scripts/generate_pyi.py")
    parser.add_argument("--csrc", type=Path, required=True, help="directory of the C++ sources")
    parser.add_argument("--out", type=Path, required=True)

    def act(args: argparse.Namespace) -> None:
        args.out.write_text(stub(args.script, args.csrc), encoding="utf-8")

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
