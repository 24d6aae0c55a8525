"""Builds a wheel out of files: extensions compiled once per CPython, and the packages around them.

    wheel-build --out deep_gemm-2.8.2-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl --pyproject pyproject.toml \\
        --project '{"version": "2.8.2"}' --file deep_gemm/__init__.py=src/__init__.py … --license LICENSE=src/LICENSE

The output's name states version and tags. Times and order of the members are fixed: the same files give the same bytes.
The wheel must have every extension module for exactly the CPythons that Requires-Python admits.

Exit code: 0; 1 after an error, which is one line on standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from wheel_tools import command
from wheel_tools.archive import is_safe_name
from wheel_tools.errors import WheelError
from wheel_tools.module_files import read_elf, served_pythons
from wheel_tools.project import Inputs, describe
from wheel_tools.pythons import admitted
from wheel_tools.scripts import check_scripts
from wheel_tools.tags import expand
from wheel_tools.wheelwriter import FILE_MODE, new_wheel

_PROGRAM_MODE = 0o100755


def build_wheel(
    out: Path, inputs: Inputs, files: Mapping[str, Path], data: Mapping[str, Path], dist_info: Mapping[str, Path]
) -> None:
    """Writes the wheel.

    Args:
        out: The file to write. Its name states the version and the tags.
        inputs: What METADATA is made from, and the licences.
        files: The packages' files, by their paths in the wheel.
        data: Files by their paths in .data.
        dist_info: Further files by their paths in .dist-info.
    """
    about = describe(inputs)
    _check_name(out, about.project.name, str(about.project.version))
    stem, version, *tag = out.name[: -len(".whl")].split("-")
    base = f"{stem}-{version}"
    info = f"{base}.dist-info"
    written = {f"{info}/METADATA": about.metadata, f"{info}/WHEEL": _wheel_file("-".join(tag[-3:]))}
    if about.entry_points:
        written[f"{info}/entry_points.txt"] = about.entry_points
    sources = {
        **files,
        **{f"{base}.data/{path}": source for path, source in data.items()},
        **{f"{info}/{path}": source for path, source in dist_info.items()},
        **{f"{info}/licenses/{path}": source for path, source in inputs.licenses.items()},
    }
    _check_members(out.name, files, sources, [*written, f"{info}/RECORD"])
    _check_matrix(out.name, about.project.requires_python or SpecifierSet(), files)
    check_scripts(out.name, {**about.project.scripts, **about.project.gui_scripts}, files)
    with new_wheel(out) as wheel:
        for path in sorted(sources, key=lambda path: (path.startswith(info), path)):
            content = sources[path].read_bytes()
            program = content.startswith(b"\x7fELF") or path.endswith(".so") or path.startswith(f"{base}.data/scripts/")
            wheel.add(path, content, mode=_PROGRAM_MODE if program else FILE_MODE)
        for path, content in written.items():
            wheel.add(path, content)
        wheel.add_record(info)


def _check_members(name: str, files: Mapping[str, Path], paths: Mapping[str, Path], written: Sequence[str]) -> None:
    for path in paths:
        if not is_safe_name(path) or path.endswith("/"):
            raise WheelError(
                name,
                found=f"the member name {path!r}",
                expected="a relative path without . or ..",
                fix="correct the path in the option",
            )
        if path in files and path.split("/")[0].endswith(".dist-info"):
            raise WheelError(
                name,
                found=f"the member {path} among the files",
                expected="no file in .dist-info, which wheel-build writes",
                fix="leave it out; pass licences with --license, other files with --dist-info",
            )
        if path in written:
            raise WheelError(
                name, found=f"a file for {path}", expected="none", fix="leave it out: wheel-build writes that file"
            )


def _check_name(out: Path, distribution: str, version: str) -> None:
    """The output's name must state the name and the version of METADATA."""
    try:
        name, _, build, _ = parse_wheel_filename(out.name)
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
    if out.name.split("-")[1] != version:
        raise WheelError(
            out.name,
            found=f"the version {out.name.split('-')[1]}",
            expected=f"{version}, the version of the project in its normalized form (PEP 440)",
            fix="write that one",
        )


def _check_matrix(name: str, requires_python: SpecifierSet, files: Mapping[str, Path]) -> None:
    """Every extension module must serve exactly the CPythons that Requires-Python admits."""
    wanted = admitted(requires_python)
    tags = parse_wheel_filename(name)[3]
    libraries = {path: read_elf(source.read_bytes()) for path, source in files.items() if ".so" in Path(path).suffixes}
    modules = served_pythons(libraries, tags, wanted)
    if not libraries or not (modules or any(tag.abi == "none" for tag in tags)):
        raise WheelError(name, found="no extension module", expected="a compiled one", fix="add its .so files")
    for module, served in modules.items():
        plain = f"{module}.so" in libraries
        if served != wanted:
            raise WheelError(
                name,
                found=f"{module}{'.so' if plain else ''} for {', '.join(served) or 'no CPython'}",
                expected=f"{', '.join(wanted) or 'none'}, which Requires-Python {requires_python} admits",
                fix=f"an extension module's name must say its CPython, as {module}.<SOABI>.so or {module}.abi3.so does"
                if plain and not served
                else "give the wheel the Requires-Python that the Pythons of the build follow from",
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


def _fields(text: str) -> dict[str, object]:
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        raise WheelError("--project", found=f"no JSON ({error})", expected="an object", fix="correct it") from None
    if not isinstance(fields, dict):
        raise WheelError("--project", found=text, expected="a JSON object", fix="correct it")
    return fields


def _parser() -> argparse.ArgumentParser:
    parser = command.argument_parser("wheel-build", __doc__)
    parser.add_argument("--out", type=Path, required=True, help="the wheel to write; its name states version and tags")
    parser.add_argument("--pyproject", type=Path, help="the pyproject.toml whose [project] is the wheel's metadata")
    parser.add_argument(
        "--project", default="{}", metavar="JSON", help="fields of [project], in place of those in pyproject.toml"
    )
    parser.add_argument("--requires-python", default="", help="Requires-Python where [project] has none")
    parser.add_argument("--pin", action="append", default=[], help="a further requirement, NAME==VERSION")
    parser.add_argument(
        "--empty", action="append", default=[], help="a field in `dynamic` that the wheel does not have"
    )
    parser.add_argument("--home-page", default="", help="the field Home-page")
    parser.add_argument("--download-url", default="", help="the field Download-URL")
    parser.add_argument("--readme", action="append", default=[], metavar="PATH=FILE", help="the readme")
    parser.add_argument("--readme-type", default="", help="the readme's content type")
    for option, text in [
        ("--file", "a file, and its path in the wheel"),
        ("--license", "a licence, and its path below .dist-info/licenses"),
        ("--data", "a file, and its path in .data, such as scripts/NAME"),
        ("--dist-info", "a file, and its path in .dist-info"),
    ]:
        parser.add_argument(option, action="append", default=[], metavar="PATH=FILE", help=text)
    return parser


def _build(arguments: argparse.Namespace) -> int:
    headers = {"Home-page": arguments.home_page, "Download-URL": arguments.download_url}
    inputs = Inputs(
        _fields(arguments.project),
        arguments.pyproject,
        _mapping("--license", arguments.license),
        next(iter(_mapping("--readme", arguments.readme).items()), None),
        arguments.readme_type,
        arguments.requires_python,
        arguments.pin,
        arguments.empty,
        {key: value for key, value in headers.items() if value},
    )
    build_wheel(
        arguments.out,
        inputs,
        _mapping("--file", arguments.file),
        _mapping("--data", arguments.data),
        _mapping("--dist-info", arguments.dist_info),
    )
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    return command.run(_parser(), _build, argv)


if __name__ == "__main__":
    sys.exit(main())
