"""Replaces a wheel's bundled copy of a package with the package of another wheel.

    wheel-overlay --base vllm-0.33.0-….whl --overlay deep_gemm-2.8.2-….whl --package deep_gemm \\
        --under vllm/third_party --local-version deepgemm.2.8.2

The result is the base wheel without UNDER/PACKAGE, plus the overlay wheel's PACKAGE there. Its version gets a local
part; metadata, tags, RECORD and file name agree with each other. All other members are compared with RECORD and copied
as they are stored. The same two wheels give the same bytes.

Exit code: 0; 1 after an error, which is one line on standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.version import InvalidVersion, Version

from wheel_tools import command
from wheel_tools.archive import WheelArchive
from wheel_tools.coremetadata import LICENSE_FILE_VERSION, edit_metadata
from wheel_tools.errors import WheelError
from wheel_tools.import_aliases import alias_code
from wheel_tools.overlay_inputs import Settings, check_inputs
from wheel_tools.overlay_plan import Plan, make_plan
from wheel_tools.record_hashes import verified_entries
from wheel_tools.tags import expand
from wheel_tools.wheelwriter import WheelWriter, new_wheel


def overlay_wheel(
    base_path: Path, overlay_path: Path, settings: Settings, *, out: Path | None = None, out_dir: Path | None = None
) -> Path:
    """Writes the wheel.

    Args:
        base_path: The base wheel.
        overlay_path: A wheel that has only the package.
        settings: What goes where.
        out: The file to write; another name than the result's is a WheelError. Default: the result's name in `out_dir`.
        out_dir: The directory to write to. Default: the working directory.

    Returns:
        The file that was written.
    """
    with WheelArchive(base_path) as base, WheelArchive(overlay_path) as overlay:
        check_inputs(base, overlay, settings)
        plan = make_plan(base, overlay, settings)
        target = out or (out_dir or Path()) / plan.file_name
        if target.name != plan.file_name:
            raise WheelError(
                str(target),
                found=f"the output name {target.name}",
                expected=plan.file_name,
                fix="give the output the name that its contents require",
            )
        with new_wheel(target) as wheel:
            _write(wheel, base, overlay, settings, plan)
    return target


def _write(wheel: WheelWriter, base: WheelArchive, overlay: WheelArchive, settings: Settings, plan: Plan) -> None:
    verified = verified_entries(plan.copies)
    for copy in plan.copies:
        if plan.aliases and copy.archive is overlay and copy.name == f"{settings.place}__init__.py":
            data = overlay.read(copy.member) + alias_code(settings.package, plan.aliases)
            wheel.add(copy.name, data, copy.member.info.date_time, copy.member.mode)
        else:
            wheel.copy(copy.archive, copy.member, copy.name, verified.get(copy.name))
    when = base.by_name[f"{base.dist_info}/METADATA"].info.date_time
    wheel.add(f"{plan.dist_info}/METADATA", _metadata(base, overlay, settings, plan), when)
    wheel.add(f"{plan.dist_info}/WHEEL", _wheel_file(base, plan), when)
    wheel.add_record(plan.dist_info, when)


def _metadata(base: WheelArchive, overlay: WheelArchive, settings: Settings, plan: Plan) -> bytes:
    """The base's METADATA with the new version; if it may state licences, with those of the overlay."""
    try:
        knows_licenses = Version(base.metadata.get("metadata_version", "")) >= LICENSE_FILE_VERSION
    except InvalidVersion:
        knows_licenses = False
    prefix = f"{plan.dist_info}/licenses/"
    files = [
        copy.name[len(prefix) :] for copy in plan.copies if copy.archive is overlay and copy.name.startswith(prefix)
    ]
    return edit_metadata(
        base.metadata_bytes,
        version=str(plan.version),
        requires_python=settings.requires_python,
        license_files=files if knows_licenses else [],
        drop_license_prefix=settings.place,
        license_expression=_license_expression(base, overlay) if knows_licenses else "",
    )


def _license_expression(base: WheelArchive, overlay: WheelArchive) -> str:
    """The conjunction of both wheels' expressions; "" if one has none, or one that is not valid."""
    ours, theirs = (wheel.metadata.get("license_expression", "") for wheel in (base, overlay))
    if not ours or not theirs:
        return ""
    parts = [f"({text})" if " OR " in text.upper() else text for text in (ours, theirs)]
    terms = list(
        dict.fromkeys(term for part in parts for term in ([part] if part.startswith("(") else part.split(" AND ")))
    )
    try:
        return canonicalize_license_expression(" AND ".join(terms))
    except InvalidLicenseExpression:
        return ""


def _wheel_file(base: WheelArchive, plan: Plan) -> bytes:
    """The base's WHEEL with this generator, and with the tags and the build number of the file name."""
    kept = [(key, value) for key, value in base.wheel.headers if key.lower() not in ("build", "generator", "tag")]
    lines = [f"{key}: {value}" for key, value in kept]
    at = 1 if lines and lines[0].lower().startswith("wheel-version") else 0
    lines.insert(at, "Generator: wheel-overlay (rules_deepgemm)")
    lines += [f"Tag: {tag}" for tag in expand(plan.tag)]
    lines += [f"Build: {base.name.raw_build}"] if base.name.raw_build else []
    return ("\n".join(lines) + "\n").encode()


def _parser() -> argparse.ArgumentParser:
    parser = command.argument_parser("wheel-overlay", __doc__)
    parser.add_argument("--base", type=Path, required=True, help="the wheel that bundles a copy of the package")
    parser.add_argument("--overlay", type=Path, required=True, help="a wheel that has only the package")
    parser.add_argument("--package", required=True, help="the package's name, such as deep_gemm")
    parser.add_argument("--under", required=True, help="the base's directory of the copy, such as vllm/third_party")
    parser.add_argument("--local-version", required=True, help="appended to the base's version, such as deepgemm.2.8.2")
    parser.add_argument(
        "--torch-version",
        default="",
        help="the torch that the extension was compiled against, "
        "which the base must admit (default: the one that the overlay wheel pins)",
    )
    parser.add_argument("--requires-python", default="", help="narrows the base's Requires-Python to this specifier")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--out", type=Path, help="the file to write; it must have the name that the wheel requires")
    place.add_argument(
        "--out-dir", type=Path, default=Path(), help="the directory to write to; the path is printed (default: .)"
    )
    return parser


def _overlay(arguments: argparse.Namespace) -> int:
    settings = Settings(
        arguments.package,
        arguments.under.strip("/"),
        arguments.local_version,
        arguments.torch_version,
        arguments.requires_python,
    )
    written = overlay_wheel(arguments.base, arguments.overlay, settings, out=arguments.out, out_dir=arguments.out_dir)
    if not arguments.out:
        print(written)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    return command.run(_parser(), _overlay, argv)


if __name__ == "__main__":
    sys.exit(main())
