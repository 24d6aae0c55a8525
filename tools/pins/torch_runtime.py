"""Writes the two requirement files of what importing an extension on torch needs, pinned by hash.

    python3 tools/pins/torch_runtime.py 2.14.0                    with the `uv` on the PATH
    python3 tools/pins/torch_runtime.py 2.11.0 --python 3.10      for a matrix that begins with another CPython

`<version>.runtime.txt` has the wheels that serve every CPython, `<version>.runtime-compiled.txt` those of which there
is one for each: the first are fetched once, the second for every registered CPython. What is resolved is all that torch
itself requires on Linux, and `packaging`, which vLLM imports before anything else.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

_OLDEST_PYTHON = "3.11"
# cuda-pathfinder is pure Python, but lies in the same directory as cuda-bindings.
_COMPILED = {"torch", "triton", "markupsafe", "cuda-bindings", "cuda-pathfinder"}
_HEADER = """\
# What importing an extension on torch {version} needs, {what}, pinned by hash.
# Made by: python3 tools/pins/torch_runtime.py {arguments}
"""


def main(argv: list[str]) -> int:
    """Exit code 0 when both files are written, 1 with one line on stderr when not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", help="of torch, as 2.14.0")
    parser.add_argument(
        "--python",
        default=_OLDEST_PYTHON,
        help="the oldest CPython of the matrix: one set of versions has to serve all (default: %(default)s)",
    )
    args = parser.parse_args(argv)
    version = args.version
    if not re.fullmatch(r"\d+(\.\d+){2}", version):
        print(f"runtime.py: found {version}; expected a version of torch, as 2.14.0", file=sys.stderr)
        return 1
    command = [
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
        "--only-binary=:all:",
        "--python-platform=x86_64-manylinux_2_28",
        f"--python-version={args.python}",
        "-",
    ]
    try:
        result = subprocess.run(
            command, input=f"torch=={version}\npackaging\n", capture_output=True, text=True, check=False
        )
    except OSError as error:
        print(f"runtime.py: uv cannot be run ({error.strerror}); install it (pip install uv)", file=sys.stderr)
        return 1
    if result.returncode != 0:
        print(f"runtime.py: no set of packages for torch {version}: {' '.join(result.stderr.split())}", file=sys.stderr)
        return 1
    blocks = re.findall(r"^((\S+)==\S+(?: \\\n    --hash=\S+)+)\n", result.stdout, re.MULTILINE)
    arguments = version if args.python == _OLDEST_PYTHON else f"{version} --python {args.python}"
    folder = Path(__file__).resolve().parent
    for compiled, suffix, what in (
        (False, "runtime", "the same for every CPython"),
        (True, "runtime-compiled", "a build for each CPython"),
    ):
        chosen = [block for block, name in blocks if (name in _COMPILED) == compiled]
        header = _HEADER.format(version=version, what=what, arguments=arguments)
        folder.joinpath(f"{version}.{suffix}.txt").write_text(header + "\n".join([*chosen, ""]), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
