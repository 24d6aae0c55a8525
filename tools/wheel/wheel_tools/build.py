"""Builds a wheel out of files: an extension module compiled once per CPython, and the package around it.

    wheel-build --out deep_gemm-2.8.2-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl --distribution deep_gemm \\
        --requires-python '>=3.11,<3.13' --file deep_gemm/__init__.py=src/__init__.py … --license LICENSE=src/LICENSE

Version and tags are read off the output's name. Times and order of the members are fixed: the same files give the same
bytes. Every extension module must be there for exactly the CPythons that Requires-Python admits.

Exit code: 0; 1 with one line on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from wheel_tools.archive import is_safe_name
from wheel_tools.errors import WheelError
from wheel_tools.pythons import admitted
from wheel_tools.record import RecordEntry, entry_for, format_record
from wheel_tools.soabi import served_pythons
from wheel_tools.tags import expand
from wheel_tools.zipwriter import EPOCH, FILE_MODE, ZipWriter

_LIBRARY_MODE = 0o100755


@dataclass(frozen=True)
class Description:
    """What METADATA says besides name and version."""

    distribution: str
    requires_python: str
    requires: tuple[str, ...] = ()
    summary: str = ""
    license_expression: str = ""
    project_urls: tuple[str, ...] = ()


def build_wheel(out: Path, about: Description, files: dict[str, Path], licenses: dict[str, Path]) -> None:
    """Writes the wheel. `files` are by their path in it, `licenses` by theirs below .dist-info/licenses."""
    try:
        distribution, version, _, tags = parse_wheel_filename(out.name)
    except (InvalidWheelFilename, ValueError) as error:
        raise WheelError(
            str(out),
            found=f"an output name that is not a wheel's ({error})",
            expected="NAME-VERSION-PYTHON-ABI-PLATFORM.whl",
            fix="mend the name",
        ) from None
    if canonicalize_name(about.distribution) != distribution:
        raise WheelError(
            out.name,
            found=f"a wheel name of {distribution}",
            expected=f"one of {about.distribution}",
            fix="name the output after the distribution",
        )
    if out.name.split("-")[1] != str(version):
        raise WheelError(
            out.name,
            found=f"the version {out.name.split('-')[1]}",
            expected=f"its normalized form {version}",
            fix="write the version so (PEP 440)",
        )
    for path in (*files, *(f"licenses/{path}" for path in licenses)):
        if not is_safe_name(path) or path.endswith("/"):
            raise WheelError(
                out.name,
                found=f"the member name {path!r}",
                expected="a relative path without . or ..",
                fix="mend what maps files to paths",
            )
    _check_matrix(out.name, about.requires_python, served_pythons(files, tags, _pythons(about.requires_python)))

    dist_info = f"{out.name.split('-')[0]}-{version}.dist-info"
    generated = {
        "METADATA": _metadata(about, version, licenses),
        "WHEEL": _wheel_file("-".join(out.name[: -len(".whl")].split("-")[-3:])),
    }
    aside = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with aside.open("xb") as file:
            writer, entries = ZipWriter(file), []
            sources = {**files, **{f"{dist_info}/licenses/{path}": source for path, source in licenses.items()}}
            for path in sorted(sources, key=lambda path: (path.startswith(dist_info), path)):
                data = sources[path].read_bytes()
                writer.add(path, data, EPOCH, _LIBRARY_MODE if path.endswith(".so") else FILE_MODE)
                entries.append(entry_for(path, data))
            for name, data in generated.items():
                writer.add(f"{dist_info}/{name}", data)
                entries.append(entry_for(f"{dist_info}/{name}", data))
            record = f"{dist_info}/RECORD"
            writer.add(record, format_record([*entries, RecordEntry(record, "", None)]))
            writer.finish()
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)


def _pythons(requires_python: str) -> list[str]:
    try:
        return admitted(SpecifierSet(requires_python))
    except InvalidSpecifier:
        raise WheelError(
            "--requires-python",
            found=repr(requires_python),
            expected="a version specifier such as >=3.11,<3.15",
            fix="write the one that the Pythons of the build came from",
        ) from None


def _check_matrix(name: str, requires_python: str, modules: dict[str, list[str]]) -> None:
    if not modules:
        raise WheelError(name, found="no extension module", expected="a compiled one", fix="add its .so files")
    wanted = _pythons(requires_python)
    for module, served in modules.items():
        if served != wanted:
            raise WheelError(
                name,
                found=f"{module} for {', '.join(served) or 'no CPython'}",
                expected=f"{', '.join(wanted) or 'none'}, which Requires-Python {requires_python} admits",
                fix="give the wheel the Requires-Python that the Pythons of the build came from",
            )


def _metadata(about: Description, version: Version, licenses: dict[str, Path]) -> bytes:
    expression = about.license_expression
    try:
        for requirement in about.requires:
            Requirement(requirement)
        expression = canonicalize_license_expression(expression) if expression else ""
    except InvalidRequirement as error:
        raise WheelError(
            "--requires", found=str(error).splitlines()[0], expected="requirements such as torch==2.14.0", fix="mend it"
        ) from None
    except InvalidLicenseExpression as error:
        raise WheelError(
            "--license-expression", found=str(error), expected="an SPDX expression such as MIT", fix="mend it"
        ) from None
    fields = [
        ("Metadata-Version", "2.4"),
        ("Name", about.distribution),
        ("Version", str(version)),
        ("Summary", about.summary),
        *(("Project-URL", url) for url in about.project_urls),
        ("License-Expression", expression),
        *(("License-File", path) for path in sorted(licenses)),
        ("Requires-Python", about.requires_python),
        *(("Requires-Dist", requirement) for requirement in about.requires),
    ]
    for key, value in fields:
        if "\n" in value or "\r" in value:
            raise WheelError(f"METADATA {key}", found="a line break", expected="one line", fix="take it out")
    return "".join(f"{key}: {value}\n" for key, value in fields if value).encode()


def _wheel_file(tag: str) -> bytes:
    lines = ["Wheel-Version: 1.0", "Generator: wheel-build (rules_deepgemm)", "Root-Is-Purelib: false"]
    return "".join(f"{line}\n" for line in [*lines, *(f"Tag: {single}" for single in expand(tag))]).encode()


def _mapping(option: str, pairs: Sequence[str]) -> dict[str, Path]:
    result: dict[str, Path] = {}
    for pair in pairs:
        path, equals, source = pair.partition("=")
        if not equals or not path or not source:
            raise WheelError(option, found=repr(pair), expected="PATH_IN_WHEEL=FILE", fix="mend it")
        if path in result:
            raise WheelError(
                option,
                found=f"two files for {path}: {result[path]} and {source}",
                expected="one",
                fix="take one of them away",
            )
        result[path] = Path(source)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="wheel-build",
        fromfile_prefix_chars="@",
        description=__doc__.splitlines()[0],
        epilog="@FILE stands for the arguments in it, one a line. Exit code: 0; 1 with one line of error.",
    )
    parser.add_argument("--out", type=Path, required=True, help="the wheel to write; its name has version and tags")
    parser.add_argument("--distribution", required=True, help="the name of the distribution, as METADATA writes it")
    parser.add_argument("--requires-python", required=True, help="the version specifier of the Pythons that it is for")
    parser.add_argument("--requires", action="append", default=[], help="a requirement; repeat it for more")
    parser.add_argument("--summary", default="", help="one line on what it is")
    parser.add_argument("--license-expression", default="", help="the SPDX expression of all that is in the wheel")
    parser.add_argument("--project-url", action="append", default=[], help="'Label, URL'; repeat it for more")
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
    arguments = parser.parse_args(argv)
    about = Description(
        arguments.distribution,
        arguments.requires_python,
        tuple(arguments.requires),
        arguments.summary,
        arguments.license_expression,
        tuple(arguments.project_url),
    )
    try:
        build_wheel(arguments.out, about, _mapping("--file", arguments.file), _mapping("--license", arguments.license))
    except WheelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or arguments.out}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
