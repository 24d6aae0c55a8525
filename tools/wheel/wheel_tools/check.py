"""Proves that wheels with CPython extensions will load wherever their metadata says.

In a GLOB, * crosses slashes. Exit status: 0 when all wheels are clean, 1 when there are findings, 2 when a file cannot
be read as a wheel (or an option cannot be used).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from wheel_tools import command
from wheel_tools.archive import WheelArchive
from wheel_tools.check_report import SCHEMA, Report, as_text, report_on
from wheel_tools.checks import CHECKS
from wheel_tools.errors import WheelError, printable
from wheel_tools.examine import UnreadableError, examine
from wheel_tools.findings import Finding
from wheel_tools.options import CLASSES, Options, problem_with
from wheel_tools.record import sha256


def check_wheel(path: str | Path, options: Options) -> Report:
    """Checks one file; never raises for what is in it."""
    name = printable(Path(path).name)
    try:
        with WheelArchive(path) as archive:
            wheel = examine(archive)
            findings = [finding for check in CHECKS for finding in check(wheel, options)]
            # What could not be read was noted where it was asked for.
            findings = list(dict.fromkeys(wheel.findings + findings))
            findings = [f for f in findings if f.kind in options.classes]
            accepted = [f for f in findings if options.accepts(f.rule, f.path)]
            rest = [f for f in findings if f not in accepted]
            unproven = [f for f in rest if f.unproven and not options.strict]
            return report_on(wheel, [f for f in rest if f not in unproven], accepted, unproven)
    except UnreadableError as error:
        finding = error.finding
    except WheelError as error:
        finding = Finding("unreadable", name, error.found, error.expected, error.fix)
    # Last line of defence: whatever a library makes of hostile bytes, they do not pass.
    except Exception as error:
        finding = Finding("unreadable", name, f"bytes that cannot be read ({type(error).__name__}: {error})", "a wheel")
    return Report(name, "unreadable", findings=[finding])


def _parser() -> argparse.ArgumentParser:
    parser = command.argument_parser("wheel-check", __doc__)

    def several(option: str, metavar: str, text: str) -> None:
        parser.add_argument(option, metavar=metavar, action="append", default=[], help=text)

    parser.add_argument("wheels", metavar="WHEEL", nargs="+", type=Path)
    text = "the matrix that was built; METADATA must admit exactly it"
    parser.add_argument("--requires-python", metavar="SPECIFIER", default="", help=text)
    text = "the torch compiled against; METADATA's requirement must admit it"
    parser.add_argument("--torch", metavar="VERSION", default="", help=text)
    text = "a DT_NEEDED library that is fine, of all files or of those that GLOB matches; LIBRARY may be a glob too"
    several("--allow-library", "[GLOB:]LIBRARY", text)
    several("--accept", "RULE[:GLOB]", "findings that are known; they are listed but do not count")
    text = "findings of this class only: load, the wheel will not import somewhere it claims to; form, names and style"
    parser.add_argument("--only", action="append", choices=CLASSES, help=text)
    text = "DeepGEMM's include/, with which the wheel's must be identical"
    parser.add_argument("--jit-headers", metavar="DIRECTORY", type=Path, help=text)
    several("--jit-header", "PATH=FILE", "one such header: its path below include/, and the file to compare")
    text = "what the files do not prove, such as their CPython, is a finding"
    parser.add_argument("--strict", action="store_true", help=text)
    parser.add_argument("--json-output", metavar="FILE", type=Path, help="write the JSON report there too")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    """The options; ValueError or OSError for those that cannot be used."""
    options = Options(
        arguments.requires_python,
        arguments.torch,
        tuple(arguments.allow_library),
        tuple(arguments.accept),
        _header_digests(arguments),
        arguments.strict,
        tuple(arguments.only or CLASSES),
    )
    if problem := problem_with(options):
        raise ValueError(problem)
    try:
        SpecifierSet(options.matrix)
        Version(options.torch or "0")
    except (InvalidSpecifier, InvalidVersion) as error:
        raise ValueError(str(error)) from None
    return options


def _header_digests(arguments: argparse.Namespace) -> dict[str, str] | None:
    """Path below include/ → its digest, as RECORD writes it; None without any option that names headers."""
    files: dict[str, Path] = {}
    if (folder := arguments.jit_headers) is not None:
        files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
        if not files:
            raise ValueError(f"no files in {folder}")
    for entry in arguments.jit_header:
        path, equals, file = entry.partition("=")
        if not equals:
            raise ValueError(f"--jit-header {entry}; expected PATH=FILE")
        files[path] = Path(file)
    return {path: sha256([file.read_bytes()])[0] for path, file in files.items()} or None


def main(argv: list[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    return command.run(_parser(), _check, argv, failure=2)


def _check(arguments: argparse.Namespace) -> int:
    """Checks the wheels that the arguments name, and prints the reports."""
    try:
        options = _options(arguments)
    except ValueError as error:
        print(f"wheel-check: error: {printable(str(error))}", file=sys.stderr)
        return 2
    reports = [check_wheel(path, options) for path in arguments.wheels]
    document = json.dumps({"schema": SCHEMA, "wheels": [r.as_json() for r in reports]}, indent=2)
    if arguments.json_output is not None:
        arguments.json_output.write_text(document + "\n", "utf-8")
    print(document if arguments.format == "json" else "\n\n".join(map(as_text, reports)))
    return max(report.exit_code for report in reports)


if __name__ == "__main__":
    sys.exit(main())
