"""Makes the two files that DeepGEMM's own build generates: envs.py and the stub _C.pyi.

    python3 generate.py pyi  --script scripts/generate_pyi.py --csrc csrc --out _C.pyi
    python3 generate.py envs --env DG_JIT_CACHE_DIR=/var/cache/deep_gemm … --out envs.py

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
from collections.abc import Iterator
from pathlib import Path

# The variables that DeepGEMM's setup.py takes over from its environment.
_PERSISTENT = ("DG_JIT_CACHE_DIR", "DG_JIT_PRINT_COMPILER_COMMAND", "DG_JIT_CPP_STANDARD")


class GenerateError(Exception):
    """Something that the user can mend; its text is the one line they get to see."""


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
        raise GenerateError(f"there is no {script}: this DeepGEMM writes its stubs in another way")
    with tempfile.TemporaryDirectory() as out, _sorted_rglob():
        log = io.StringIO()
        with contextlib.redirect_stdout(log):
            try:
                generate = runpy.run_path(str(script))["generate_pyi_file"]
                generate(name="_C", root=str(csrc), output_dir=out)
                text = Path(out, "_C.pyi").read_text(encoding="utf-8")
            except Exception as error:
                raise GenerateError(f"{script} failed on {csrc}: {type(error).__name__}: {error}") from error
    if "\ndef " not in text:
        raise GenerateError(f"{script} found no m.def(…) in {csrc}: it has no pybind11 bindings")
    return text


def envs(pairs: list[str]) -> str:
    """The text of envs.py: defaults for variables that the user's environment does not set."""
    lines = ["# Pre-installed environment variables", "persistent_envs = dict()"]
    given = {}
    for pair in pairs:
        match = re.fullmatch(r"(\w+)=(.*)", pair, re.DOTALL)
        if not match or match.group(1) not in _PERSISTENT:
            raise GenerateError(f"{pair!r} is not NAME=VALUE with a NAME of {', '.join(_PERSISTENT)}")
        given[match.group(1)] = match.group(2)
    lines += [f"persistent_envs[{name!r}] = {given[name]!r}" for name in _PERSISTENT if name in given]
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> int:
    """Exit code 0 when the file is written, 1 with one line on stderr when not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="what", required=True)
    command = commands.add_parser("pyi")
    command.add_argument("--script", type=Path, required=True, help="DeepGEMM's scripts/generate_pyi.py")
    command.add_argument("--csrc", type=Path, required=True, help="directory of the C++ sources")
    command.add_argument("--out", type=Path, required=True)
    command = commands.add_parser("envs")
    command.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    command.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    try:
        text = stub(args.script, args.csrc) if args.what == "pyi" else envs(args.env)
        args.out.write_text(text, encoding="utf-8")
    except (GenerateError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
