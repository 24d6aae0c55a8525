"""wheel-check: proves that wheels will load wherever their metadata says.

Exit status: 0 when all wheels are clean, 1 when there are findings, 2 when a file cannot be read
as a wheel (or an option cannot be used).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from wheel_tools.archive import WheelArchive
from wheel_tools.checks import CHECKS
from wheel_tools.errors import WheelError
from wheel_tools.examine import UnreadableError, examine
from wheel_tools.findings import Finding, printable
from wheel_tools.options import Options, problem_with
from wheel_tools.record import sha256
from wheel_tools.report import SCHEMA, Report, as_text, kinds_of, rows_of


def check_wheel(path: str | Path, options: Options) -> Report:
    """Checks one file; never raises for what is in it."""
    name = printable(Path(path).name)
    try:
        with WheelArchive(path) as archive:
            wheel = examine(archive)
            findings: list[Finding] = []
            for check in CHECKS:
                findings += check(wheel, options)
            # What could not be read was noted where it was asked for.
            findings = list(dict.fromkeys(wheel.findings + findings))
            accepted = [f for f in findings if options.accepts(f.rule, f.path)]
            findings = [f for f in findings if f not in accepted]
            return Report(
                name,
                "findings" if findings else "clean",
                [f"3.{minor}" for minor in wheel.installable],
                kinds_of(wheel),
                rows_of(wheel, findings),
                findings,
                accepted,
            )
    except UnreadableError as error:
        return Report(name, "unreadable", findings=[error.finding])
    except WheelError as error:
        return Report(
            name, "unreadable", findings=[Finding("unreadable", name, error.found, error.expected, error.fix)]
        )
    # Last line of defence: whatever a library makes of hostile bytes, it does not pass.
    except Exception as error:
        return Report(
            name,
            "unreadable",
            findings=[
                Finding(
                    "unreadable",
                    name,
                    f"bytes that cannot be read ({type(error).__name__}: {error})",
                    "a wheel",
                    "download or build it anew",
                )
            ],
        )


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        fromfile_prefix_chars="@",
        prog="wheel-check",
        description="Proves that wheels with CPython extensions will load wherever their metadata says.",
        epilog=__doc__.partition("\n\n")[2],
    )
    parser.add_argument("wheels", metavar="WHEEL", nargs="+", type=Path)
    parser.add_argument(
        "--requires-python",
        metavar="SPECIFIER",
        default="",
        help="the matrix that was built; METADATA must admit exactly it",
    )
    parser.add_argument(
        "--torch",
        metavar="VERSION",
        default="",
        help="the torch compiled against; METADATA's requirement must admit it",
    )
    parser.add_argument(
        "--allow-library",
        metavar="[GLOB:]LIBRARY",
        action="append",
        default=[],
        help="a DT_NEEDED library that is fine, of all files or of those named",
    )
    parser.add_argument(
        "--accept",
        metavar="RULE[:GLOB]",
        action="append",
        default=[],
        help="findings that are known; they are listed but do not count",
    )
    parser.add_argument(
        "--jit-headers",
        metavar="DIRECTORY",
        type=Path,
        help="DeepGEMM's include/, with which the wheel's must be identical",
    )
    parser.add_argument(
        "--jit-header",
        metavar="PATH=FILE",
        action="append",
        default=[],
        help="one such header: its path below include/, and the file to compare",
    )
    parser.add_argument("--strict", action="store_true", help="a file that does not prove its CPython is a finding")
    parser.add_argument("--json-output", metavar="FILE", type=Path, help="write the JSON report there too")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser.parse_args(argv)


def _options(arguments: argparse.Namespace) -> Options:
    try:
        SpecifierSet(arguments.requires_python)
        if arguments.torch:
            Version(arguments.torch)
    except (InvalidSpecifier, InvalidVersion) as error:
        raise ValueError(str(error)) from None
    headers = None
    if arguments.jit_headers is not None:
        headers = header_digests(arguments.jit_headers)
        if not headers:
            raise ValueError(f"no files in {arguments.jit_headers}")
    for entry in arguments.jit_header:
        path, equals, file = entry.partition("=")
        if not equals:
            raise ValueError(f"--jit-header {entry}; expected PATH=FILE")
        headers = headers or {}
        headers[path] = sha256([Path(file).read_bytes()])[0]
    options = Options(
        arguments.requires_python,
        arguments.torch,
        tuple(arguments.allow_library),
        tuple(arguments.accept),
        headers,
        arguments.strict,
    )
    if problem := problem_with(options):
        raise ValueError(problem)
    return options


def header_digests(folder: Path) -> dict[str, str]:
    """Path below the folder → its digest, as RECORD writes it."""
    return {
        file.relative_to(folder).as_posix(): sha256([file.read_bytes()])[0]
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    try:
        options = _options(arguments)
    except (ValueError, OSError) as error:
        print(f"wheel-check: {error}", file=sys.stderr)
        return 2
    reports = [check_wheel(path, options) for path in arguments.wheels]
    document = json.dumps({"schema": SCHEMA, "wheels": [r.as_json() for r in reports]}, indent=2)
    if arguments.json_output is not None:
        arguments.json_output.write_text(document + "\n", "utf-8")
    print(document if arguments.format == "json" else "\n\n".join(map(as_text, reports)))
    return max(report.exit_code for report in reports)


if __name__ == "__main__":
    sys.exit(main())
