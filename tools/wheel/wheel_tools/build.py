"""Builds a wheel out of files: an extension module compiled once per CPython, and the package around it.

    wheel-build --out deep_gemm-2.8.2-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl --distribution deep_gemm \\
        --requires-python '>=3.11,<3.13' --file deep_gemm/__init__.py=src/__init__.py … --license LICENSE=src/LICENSE

The output's name states version and tags. Times and order of the members are fixed: the same files give the same bytes.
The wheel must have every extension module for exactly the CPythons that Requires-Python admits.

Exit code: 0; 1 after an error, which is one line on standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from wheel_tools import command
from wheel_tools.archive import is_safe_name
from wheel_tools.coremetadata import Description, write_metadata
from wheel_tools.errors import WheelError
from wheel_tools.pythons import admitted
from wheel_tools.soabi import served_pythons
from wheel_tools.tags import expand
from wheel_tools.wheelwriter import FILE_MODE, new_wheel

_LIBRARY_MODE = 0o100755


def build_wheel(out: Path, about: Description, files: dict[str, Path], licenses: dict[str, Path]) -> None:
    """Writes the wheel.

    Args:
        out: The file to write. Its name states the version and the tags.
        about: The other fields of METADATA.
        files: The package's files, by their paths in the wheel.
        licenses: Licence files, by their paths below .dist-info/licenses.
    """
    version = _check_name(out, about.distribution)
    for path in (*files, *(f"licenses/{path}" for path in licenses)):
        if not is_safe_name(path) or path.endswith("/"):
            raise WheelError(
                out.name,
                found=f"the member name {path!r}",
                expected="a relative path without . or ..",
                fix="correct the path in the option",
            )
        if path.split("/")[0].endswith(".dist-info"):
            raise WheelError(
                out.name,
                found=f"the member {path} among the files",
                expected="no file in .dist-info, which wheel-build writes",
                fix="leave it out; pass licences with --license",
            )
    _check_matrix(out.name, about.requires_python, files)

    stem, _, *tag = out.name[: -len(".whl")].split("-")
    dist_info = f"{stem}-{version}.dist-info"
    sources = {**files, **{f"{dist_info}/licenses/{path}": source for path, source in licenses.items()}}
    with new_wheel(out) as wheel:
        for path in sorted(sources, key=lambda path: (path.startswith(dist_info), path)):
            wheel.add(path, sources[path].read_bytes(), mode=_LIBRARY_MODE if path.endswith(".so") else FILE_MODE)
        wheel.add(f"{dist_info}/METADATA", write_metadata(about, version, licenses))
        wheel.add(f"{dist_info}/WHEEL", _wheel_file("-".join(tag[-3:])))
        wheel.add_record(dist_info)


def _check_name(out: Path, distribution: str) -> Version:
    """The version that the output's name states."""
    try:
        name, version, build, _ = parse_wheel_filename(out.name)
    except (InvalidWheelFilename, ValueError) as error:
        raise WheelError(
            str(out),
            found=f"an output name that is not a wheel's ({error})",
            expected="NAME-VERSION-PYTHON-ABI-PLATFORM.whl",
            fix="correct the name",
        ) from None
    if build:
        raise WheelError(
            out.name, found=f"the build tag {build[0]}{build[1]}", expected="none", fix="leave it out of the name"
        )
    if canonicalize_name(distribution) != name:
        raise WheelError(
            out.name,
            found=f"a wheel name of {name}",
            expected=f"one of {distribution}",
            fix="name the output after the distribution",
        )
    if out.name.split("-")[1] != str(version):
        raise WheelError(
            out.name,
            found=f"the version {out.name.split('-')[1]}",
            expected=f"its normalized form {version} (PEP 440)",
            fix="write that one",
        )
    return version


def _check_matrix(name: str, requires_python: str, files: dict[str, Path]) -> None:
    """Every extension module must serve exactly the CPythons that Requires-Python admits."""
    try:
        wanted = admitted(SpecifierSet(requires_python))
    except InvalidSpecifier:
        raise WheelError(
            "--requires-python",
            found=repr(requires_python),
            expected="a version specifier such as >=3.11,<3.15",
            fix="pass the specifier that the Pythons of the build follow from",
        ) from None
    modules = served_pythons(files, parse_wheel_filename(name)[3], wanted)
    if not modules:
        raise WheelError(name, found="no extension module", expected="a compiled one", fix="add its .so files")
    for module, served in modules.items():
        if served != wanted:
            raise WheelError(
                name,
                found=f"{module} for {', '.join(served) or 'no CPython'}",
                expected=f"{', '.join(wanted) or 'none'}, which Requires-Python {requires_python} admits",
                fix="give the wheel the Requires-Python that the Pythons of the build follow from",
            )


def _wheel_file(tag: str) -> bytes:
    lines = ["Wheel-Version: 1.0", "Generator: wheel-build (rules_deepgemm)", "Root-Is-Purelib: false"]
    return "".join(f"{line}\n" for line in [*lines, *(f"Tag: {single}" for single in expand(tag))]).encode()


def _mapping(option: str, pairs: Sequence[str]) -> dict[str, Path]:
    result: dict[str, Path] = {}
    for pair in pairs:
        path, equals, source = pair.partition("=")
        if not equals or not path or not source:
            raise WheelError(option, found=repr(pair), expected="PATH_IN_WHEEL=FILE", fix="correct it")
        if path in result:
            raise WheelError(
                option,
                found=f"two files for {path}: {result[path]} and {source}",
                expected="one",
                fix="remove one of them",
            )
        result[path] = Path(source)
    return result


def _parser() -> argparse.ArgumentParser:
    parser = command.argument_parser("wheel-build", __doc__)
    parser.add_argument("--out", type=Path, required=True, help="the wheel to write; its name states version and tags")
    parser.add_argument("--distribution", required=True, help="the distribution's name, as METADATA states it")
    parser.add_argument("--requires-python", required=True, help="the version specifier of the wheel's Pythons")
    parser.add_argument("--requires", action="append", default=[], help="a requirement; repeat the option for more")
    parser.add_argument("--summary", default="", help="one line that says what the wheel is")
    parser.add_argument("--license-expression", default="", help="the SPDX expression of everything in the wheel")
    parser.add_argument("--project-url", action="append", default=[], help="'Label, URL'; repeat the option for more")
    parser.add_argument(
        "--file", action="append", default=[], metavar="PATH=FILE", help="a file, and its path in the wheel"
    )
    parser.add_argument(
        "--license",
        action="append",
        default=[],
        metavar="PATH=FILE",
        help="a licence, and its path below .dist-info/licenses",
    )
    return parser


def _build(arguments: argparse.Namespace) -> int:
    about = Description(
        arguments.distribution,
        arguments.requires_python,
        tuple(arguments.requires),
        arguments.summary,
        arguments.license_expression,
        tuple(arguments.project_url),
    )
    build_wheel(arguments.out, about, _mapping("--file", arguments.file), _mapping("--license", arguments.license))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    return command.run(_parser(), _build, argv)


if __name__ == "__main__":
    sys.exit(main())
