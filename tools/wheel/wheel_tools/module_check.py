"""Whether sources, and the shared libraries made of them, have the module that torch_extension was told they have.

    module-check sources --module _C --target //:my_ops_C --out OK my_ops.cc …
        before the compiler, in milliseconds: only what is certain is an error. A name that the sources or the build
        define, or that is all capitals, may be a macro for anything and is taken for right.
    module-check library --module _C --target //:my_ops_C --cuda 13.0 --torch lib/libc10.so --torch lib/libtorch.so …
            --out OK _C.cpython-312-x86_64-linux-gnu.so
        after the linker, exactly: the library exports PyInit_<module>, the CUDA runtime that it needs is the one of
        torch's major version, and torch has what it wants of torch. A linker lets a shared library want symbols that
        nobody has, since those of Python come from the interpreter.

Exit code: 0, with an empty file at OK; 1 with one line on standard error.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from wheel_tools.elf import ElfError, ElfReader
from wheel_tools.errors import WheelError

_MACRO_OF_THE_BUILD = "TORCH_EXTENSION_NAME"
_COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
_DEFINED = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_MODULE = re.compile(r"\bPYBIND11_MODULE\s*\(\s*(\w+)|\bPyInit_(\w+)")
# Of CUDA's libraries those whose SONAME ends in CUDA's own major version.
_CUDA_RUNTIME = re.compile(r"lib(?:cudart|nvrtc)\.so\.(\d+)")
# Mangled names with one of torch's namespaces in them.
_OF_TORCH = re.compile(r"_Z.*(?:2at|3c10|5torch|6caffe2)[A-Z0-9]")


def check_sources(sources: Iterable[Path], module: str, defined: Iterable[str], target: str) -> None:
    """Raises WheelError where the sources name modules, and certainly not this one."""
    found: dict[str, Path] = {}
    macros = {_MACRO_OF_THE_BUILD, *(definition.partition("=")[0] for definition in defined)}
    for source in sources:
        code = _COMMENT_OR_STRING.sub(" ", source.read_text(encoding="utf-8", errors="replace"))
        macros.update(_DEFINED.findall(code))
        for match in _MODULE.finditer(code):
            found.setdefault(match.group(1) or match.group(2), source)
    if not found or any(name == module or name in macros or name.isupper() for name in found):
        return
    name, source = next(iter(found.items()))
    raise WheelError(
        target,
        found=f"the module {name} in {source}",
        expected=f"module_name, which is {module}",
        fix=f'write PYBIND11_MODULE({_MACRO_OF_THE_BUILD}, m) there, or set module_name = "{name}"',
    )


def absent_from(libraries: Iterable[Path], symbols: Iterable[str]) -> list[str]:
    """Those of `symbols` that none of `libraries` knows, sorted."""
    contents = [library.read_bytes() for library in libraries]
    known = {name for content in contents for name in content.split(b"\0")}
    # A linker stores a name that another one ends with as a part of that.
    return [
        name
        for name in sorted(symbols)
        if name.encode() not in known and not any(name.encode() + b"\0" in content for content in contents)
    ]


def check_library(library: Path, module: str, cuda: str, torch: Sequence[Path], target: str) -> None:
    """Raises WheelError where the library is not this module, or does not fit torch and the CUDA runtime of `cuda`.

    `torch` are the interfaces of torch's libraries; without any, symbols are not looked for.
    """
    content = library.read_bytes()
    reader = ElfReader(len(content), lambda: [content])
    reader.feed(content)
    where = f"{target}: {library.name}"
    try:
        elf = reader.parse()
    except ElfError as error:
        raise WheelError(where, found=str(error), expected="a shared library", fix="link it with linkshared") from None
    if f"PyInit_{module}" not in elf.inits:
        others = ", ".join(sorted(elf.inits)) or "no PyInit function"
        raise WheelError(
            where,
            found=f"{others} among the exported symbols",
            expected=f"PyInit_{module}, after module_name",
            fix=f"write PYBIND11_MODULE({_MACRO_OF_THE_BUILD}, m) {{…}} in one source, or mend module_name",
        )
    for needed in elf.needed:
        match = _CUDA_RUNTIME.match(needed)
        if match and match.group(1) != cuda.partition(".")[0]:
            raise WheelError(
                where,
                found=f"that it needs {needed}",
                expected=f"the CUDA runtime of torch, which is built with CUDA {cuda}",
                fix="give the targets in deps a CUDA toolkit of torch's major version, or take another torch",
            )
    wanted = [name for name, weak in elf.undefined.items() if not weak and _OF_TORCH.match(name)]
    absent = absent_from(torch, wanted) if torch else []
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise WheelError(
            where,
            found=f"that it wants {absent[0]}{more}, which no library of torch has",
            expected="symbols of this torch",
            fix="define it in srcs or deps (c++filt tells what it is), or take the torch that has it",
        )


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="module-check", fromfile_prefix_chars="@")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--module", required=True, help="the X of PyInit_X")
    common.add_argument("--target", required=True, help="what an error begins with")
    common.add_argument("--out", type=Path, required=True, help="an empty file, written when all is well")
    commands = parser.add_subparsers(dest="command", required=True)
    sources = commands.add_parser("sources", parents=[common])
    sources.add_argument("--define", action="append", default=[], help="NAME or NAME=VALUE that the build defines")
    sources.add_argument("files", nargs="*", type=Path)
    library = commands.add_parser("library", parents=[common])
    library.add_argument("--cuda", required=True, help="the CUDA release of torch, such as 13.0")
    library.add_argument("--torch", action="append", default=[], type=Path, help="the interface of a library of torch")
    library.add_argument("file", type=Path)
    args = parser.parse_args(argv)
    try:
        if args.command == "sources":
            check_sources(args.files, args.module, args.define, args.target)
        else:
            check_library(args.file, args.module, args.cuda, args.torch, args.target)
        args.out.write_bytes(b"")
    except (WheelError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
