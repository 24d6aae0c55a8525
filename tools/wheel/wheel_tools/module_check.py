"""Checks a library that torch_extension linked, and copies it to the name that Python imports.

A module must export its PyInit function. An operator library must register operators and serve every CPython. Both
must need the CUDA runtime of torch's major version, and no symbol of torch that torch lacks. ld does not check this:
it links shared libraries with undefined symbols, since the interpreter defines Python's.

Exit code: 0, with the copy; 1 with one line on standard error.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from wheel_tools import command
from wheel_tools.elf import ElfError, SharedObject, parse_elf
from wheel_tools.errors import WheelError
from wheel_tools.operators import of_python, registers_operators

# CUDA libraries whose SONAME ends in CUDA's major version.
_CUDA_RUNTIME = re.compile(r"lib(?:cudart|nvrtc)\.so\.(\d+)")
# Libraries of CUDA and of a torch with CUDA.
_CUDA_LIBRARY = re.compile(r"lib(?:cuda|cudart|nvrtc|cublas\w*|cusolver\w*|cusparse\w*|c10_cuda|torch_cuda\w*)\.so\b")
# Mangled C++ names in one of torch's namespaces.
_OF_TORCH = re.compile(r"_Z.*(?:2at|3c10|5torch|6caffe2)[A-Z0-9]")


def absent_from(libraries: Iterable[Path], symbols: Iterable[str]) -> list[str]:
    """The `symbols` that none of `libraries` has, sorted."""
    contents = [library.read_bytes() for library in libraries]
    known = {name for content in contents for name in content.split(b"\0")}
    # A string table stores a name that is the end of another one as a part of the other.
    return [
        name
        for name in sorted(symbols)
        if name.encode() not in known and not any(name.encode() + b"\0" in content for content in contents)
    ]


def check_library(library: Path, module: str | None, cuda: str, torch: Sequence[Path], target: str) -> None:
    """Raises WheelError if the library is not what the target is for, or does not fit torch and CUDA's runtime.

    `module` is None for an operator library. `torch` are the interfaces of torch's libraries. If there are none, the
    symbols of torch are not checked.
    """
    where = f"{target}: {library.name}"
    try:
        elf = parse_elf(library.read_bytes())
    except ElfError as error:
        raise WheelError(where, found=str(error), expected="a shared library", fix="link it with linkshared") from None
    if module is None:
        _check_operators(elf, where)
    elif f"PyInit_{module}" not in elf.inits:
        others = ", ".join(sorted(elf.inits)) or "no PyInit function"
        operators = "set operators = True, since it registers operators"
        other = operators if registers_operators(elf) else "correct module_name"
        raise WheelError(
            where,
            found=f"{others} among the exported symbols",
            expected=f"PyInit_{module}, since module_name is {module}",
            fix=f"write PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {{…}} in one source, or {other}",
        )
    for needed in elf.needed:
        if not cuda and _CUDA_LIBRARY.match(needed):
            raise WheelError(
                where,
                found=f"{needed} among the needed libraries",
                expected="nothing of CUDA, since this torch is one without CUDA",
                fix="choose a torch with CUDA, or remove what needs it from srcs, deps and linkopts",
            )
        match = _CUDA_RUNTIME.match(needed)
        if match and match.group(1) != cuda.partition(".")[0]:
            raise WheelError(
                where,
                found=f"{needed} among the needed libraries",
                expected=f"the CUDA runtime of torch, which is built with CUDA {cuda}",
                fix="link the targets in deps with a CUDA toolkit of that major version, or choose another torch",
            )
    wanted = [name for name, weak in elf.undefined.items() if not weak and _OF_TORCH.match(name)]
    absent = absent_from(torch, wanted) if torch else []
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise WheelError(
            where,
            found=f"undefined symbols that no library of torch has: {absent[0]}{more}",
            expected="symbols of this torch",
            fix="define them in srcs or deps (c++filt prints their C++ names), or choose the torch that has them",
        )


def _check_operators(elf: SharedObject, where: str) -> None:
    """An operator library is no module, is the same for every CPython, and registers operators."""
    if elf.inits:
        raise WheelError(
            where,
            found=f"{min(elf.inits)} among the exported symbols",
            expected="no module, since operators = True is for a library that only registers operators",
            fix="remove the function, or remove operators = True",
        )
    if python := of_python(elf):
        raise WheelError(
            where,
            found=f"{python}, which belongs to one CPython",
            expected="nothing of Python, since one operator library serves every CPython",
            fix="include torch/library.h in place of torch/extension.h, or remove operators = True",
        )
    if not registers_operators(elf):
        raise WheelError(
            where,
            found="no call that registers an operator",
            expected="TORCH_LIBRARY, TORCH_LIBRARY_FRAGMENT, TORCH_LIBRARY_IMPL or STABLE_TORCH_LIBRARY",
            fix="write one in srcs; a cc_library in deps that has it needs alwayslink = True, or ld leaves it out",
        )


def _parser() -> argparse.ArgumentParser:
    parser = command.argument_parser("module-check", __doc__)
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--module", help="the X of PyInit_X")
    kind.add_argument("--operators", action="store_true", help="the library registers operators and is no module")
    parser.add_argument("--target", required=True, help="the label that an error begins with")
    parser.add_argument("--cuda", required=True, help="the CUDA release of torch, such as 13.0; '' for none")
    parser.add_argument("--torch", action="append", default=[], type=Path, help="the interface of a library of torch")
    parser.add_argument("--out", type=Path, required=True, help="where to copy the library to if it passes")
    parser.add_argument("file", type=Path)
    return parser


def _check(args: argparse.Namespace) -> int:
    check_library(args.file, args.module, args.cuda, args.torch, args.target)
    shutil.copyfile(args.file, args.out)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    return command.run(_parser(), _check, argv)


if __name__ == "__main__":
    sys.exit(main())
