"""Puts one wheel's package in the place of another wheel's bundled copy of it.

    wheel-overlay --base vllm-0.33.0-….whl --overlay deep_gemm-2.8.2-….whl --package deep_gemm \\
        --under vllm/third_party --local-version deepgemm.2.8.2

The result is the base wheel, less everything below UNDER/PACKAGE, plus the overlay wheel's PACKAGE there, with a local
version, and with metadata, tags, RECORD and file name that agree with each other. What is not touched is copied as it
is stored, after its hash has been checked against RECORD. The same two wheels give the same bytes.

Exit code: 0; 1 with one line on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.version import InvalidVersion, Version

from wheel_tools.archive import Member, WheelArchive
from wheel_tools.coremetadata import LICENSE_FILE_VERSION, edit_metadata
from wheel_tools.errors import WheelError
from wheel_tools.overlay_inputs import Settings, check_inputs
from wheel_tools.record import STRONG_HASHES, UNHASHED_NAMES, RecordEntry, digests, entry_for, format_record
from wheel_tools.relocate import CompiledNames, alias_code, module_names
from wheel_tools.soabi import parse_extension_name
from wheel_tools.tags import expand, linux_platforms
from wheel_tools.zipwriter import ZipWriter, dos_time

# Decompressing and hashing release the interpreter lock, and more threads than this wait for the disk.
_THREADS = 4


@dataclass
class _Plan:
    """The result's identity, and its members in order."""

    file_name: str
    version: Version
    tag: str
    dist_info: str
    copies: list[tuple[WheelArchive, Member, str]] = field(default_factory=list)
    aliases: tuple[str, ...] = ()


def overlay_wheel(
    base_path: Path, overlay_path: Path, settings: Settings, *, out: Path | None = None, out_dir: Path | None = None
) -> Path:
    """Writes the wheel to `out`, which must have the right name, or into `out_dir`; returns its path."""
    with WheelArchive(base_path) as base, WheelArchive(overlay_path) as overlay:
        check_inputs(base, overlay, settings)
        plan = _plan(base, overlay, settings)
        target = out or (out_dir or Path()) / plan.file_name
        if target.name != plan.file_name:
            raise WheelError(
                str(target),
                found=f"the output name {target.name}",
                expected=plan.file_name,
                fix="name the output as the wheel's contents demand",
            )
        _write_aside(target, base, overlay, settings, plan)
    return target


# What the result is


def joined_version(base: Version, label: str) -> Version:
    """The base's version with the label as its local version, after one that it may already have."""
    local = base.local or ""
    try:
        wanted = Version(f"0+{label}").local
        if local == wanted or local.endswith(f".{wanted}"):
            return base
        return Version(f"{base.public}+{local + '.' if local else ''}{label}")
    except InvalidVersion:
        raise WheelError(
            "--local-version",
            found=repr(label),
            expected="letters and digits, in parts with dots between them (PEP 440)",
            fix="write one such as deepgemm.2.8.2",
        ) from None


def joined_platform(base: str, overlay: str) -> str:
    """Of two compressed platform tags the one that asks for the newer glibc: the result needs both."""
    needs_base, needs_overlay = linux_platforms(base), linux_platforms(overlay)
    return overlay if needs_base and needs_overlay and needs_overlay[0] > needs_base[0] else base


def _plan(base: WheelArchive, overlay: WheelArchive, settings: Settings) -> _Plan:
    version = joined_version(base.name.version, settings.local_version)
    python, abi, platform = base.name.raw_tag.split("-")
    tag = f"{python}-{abi}-{joined_platform(platform, overlay.name.raw_tag.split('-')[2])}"
    stem = f"{base.name.distribution.replace('-', '_')}-{version}"
    build = f"-{base.name.raw_build}" if base.name.raw_build else ""
    plan = _Plan(f"{stem}{build}-{tag}.whl", version, tag, f"{stem}.dist-info")

    old_data = base.dist_info[: -len(".dist-info")] + ".data/"
    licenses = f"{base.dist_info}/licenses/{settings.place}"
    rewritten = {f"{base.dist_info}/{name}" for name in ("METADATA", "WHEEL", *UNHASHED_NAMES)}
    in_dist_info: list[tuple[WheelArchive, Member, str]] = []
    for member in base.members:
        name = member.name
        if name.startswith((settings.place, licenses)) or name in rewritten:
            continue
        if name.startswith(f"{base.dist_info}/"):
            in_dist_info.append((base, member, f"{plan.dist_info}/{name[len(base.dist_info) + 1 :]}"))
        elif name.startswith(old_data):
            plan.copies.append((base, member, f"{stem}.data/{name[len(old_data) :]}"))
        else:
            plan.copies.append((base, member, name))
    package, licenses = f"{settings.package}/", f"{overlay.dist_info}/licenses/"
    for name, member in sorted(overlay.by_name.items()):
        if name.startswith(package):
            plan.copies.append((overlay, member, settings.place + name[len(package) :]))
        elif name.startswith(licenses):
            in_dist_info.append((overlay, member, f"{plan.dist_info}/licenses/{settings.place}{name[len(licenses) :]}"))
    plan.copies += in_dist_info
    plan.aliases = _absolute_names(overlay, settings)
    return plan


def _absolute_names(overlay: WheelArchive, settings: Settings) -> tuple[str, ...]:
    """The modules of the package that its compiled code imports by absolute name."""
    if not settings.under:
        return ()
    prefix = f"{settings.package}/"
    modules = module_names(name[len(prefix) :] for name in overlay.by_name if name.startswith(prefix))
    found: set[str] = set()
    for name, member in overlay.by_name.items():
        if name.startswith(prefix) and parse_extension_name(name):
            names = CompiledNames(settings.package, modules)
            for chunk in overlay.chunks(member):
                names.feed(chunk)
            found |= names.found
    return tuple(sorted(found))


# Writing it


def _write_aside(target: Path, base: WheelArchive, overlay: WheelArchive, settings: Settings, plan: _Plan) -> None:
    """Writes next to the target and renames: a failure leaves nothing that looks like a wheel."""
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        verified = _verify(plan.copies)
        with aside.open("xb") as file:
            _write(ZipWriter(file), base, overlay, settings, plan, verified)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _write(  # noqa: PLR0917
    writer: ZipWriter,
    base: WheelArchive,
    overlay: WheelArchive,
    settings: Settings,
    plan: _Plan,
    verified: dict[str, RecordEntry],
) -> None:
    entries: list[RecordEntry] = []
    init = f"{settings.place}__init__.py"
    for archive, member, name in plan.copies:
        if plan.aliases and archive is overlay and name == init:
            data = archive.read(member) + alias_code(settings.package, plan.aliases)
            writer.add(name, data, dos_time(member.info.date_time), member.mode)
            entries.append(entry_for(name, data))
            continue
        writer.copy(archive, member, name)
        if not member.is_dir:
            entries.append(verified[name])
    when = dos_time(base.by_name[f"{base.dist_info}/METADATA"].info.date_time)
    for name, data in (("METADATA", _metadata(base, overlay, settings, plan)), ("WHEEL", _wheel_file(base, plan))):
        path = f"{plan.dist_info}/{name}"
        writer.add(path, data, when)
        entries.append(entry_for(path, data))
    record = f"{plan.dist_info}/RECORD"
    writer.add(record, format_record([*entries, RecordEntry(record, "", None)]), when)
    writer.finish()


def _metadata(base: WheelArchive, overlay: WheelArchive, settings: Settings, plan: _Plan) -> bytes:
    try:
        knows_licenses = Version(base.metadata.get("metadata_version", "")) >= LICENSE_FILE_VERSION
    except InvalidVersion:
        knows_licenses = False
    prefix = f"{plan.dist_info}/licenses/"
    files = [name[len(prefix) :] for archive, _, name in plan.copies if archive is overlay and name.startswith(prefix)]
    return edit_metadata(
        base.metadata_bytes,
        version=str(plan.version),
        requires_python=settings.requires_python,
        license_files=files if knows_licenses else [],
        drop_license_prefix=settings.place,
        license_expression=_license_expression(base, overlay) if knows_licenses else "",
    )


def _license_expression(base: WheelArchive, overlay: WheelArchive) -> str:
    """Both wheels' licences, or "" where the base's stays as it is."""
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


def _wheel_file(base: WheelArchive, plan: _Plan) -> bytes:
    """WHEEL with the tags and the build number of the file name; who packed it is told, the rest is kept."""
    kept = [(key, value) for key, value in base.wheel.headers if key.lower() not in ("build", "generator", "tag")]
    lines = [f"{key}: {value}" for key, value in kept]
    at = 1 if lines and lines[0].lower().startswith("wheel-version") else 0
    lines.insert(at, "Generator: wheel-overlay (rules_deepgemm)")
    lines += [f"Tag: {tag}" for tag in expand(plan.tag)]
    lines += [f"Build: {base.name.raw_build}"] if base.name.raw_build else []
    return ("\n".join(lines) + "\n").encode()


def _verify(copies: Sequence[tuple[WheelArchive, Member, str]]) -> dict[str, RecordEntry]:
    """Hashes everything that is taken over, and returns its RECORD lines by its new name."""
    entries: dict[str, RecordEntry] = {}
    for archive in dict.fromkeys(archive for archive, _, _ in copies):
        recorded: dict[str, RecordEntry] = {}
        for entry in archive.record:
            if recorded.setdefault(entry.path, entry) != entry:
                raise archive.error(
                    found=f"two different lines for {entry.path} in RECORD", expected="one", fix="build the wheel anew"
                )
        jobs = [(member, name) for owner, member, name in copies if owner is archive and not member.is_dir]
        shares: list[list[tuple[Member, str]]] = [[] for _ in range(min(_THREADS, os.cpu_count() or 1))]
        loads = [0] * len(shares)
        for job in sorted(jobs, key=lambda job: -job[0].size):
            lightest = loads.index(min(loads))
            shares[lightest].append(job)
            loads[lightest] += job[0].size
        with ThreadPoolExecutor(len(shares)) as pool:
            for part in pool.map(lambda share, path=archive.path, known=recorded: _hash(path, share, known), shares):
                entries.update(part)
    return entries


def _hash(path: Path, share: Iterable[tuple[Member, str]], recorded: dict[str, RecordEntry]) -> dict[str, RecordEntry]:
    entries = {}
    with WheelArchive(path) as archive:
        for member, name in share:
            known = recorded.get(member.name)
            if known is None:
                raise archive.error(
                    found="no line in RECORD",
                    expected="one for every file",
                    fix="build the wheel anew",
                    member=member.name,
                )
            if known.algorithm not in STRONG_HASHES:
                raise archive.error(
                    found=f"the hash {known.digest or '(none)'} in RECORD",
                    expected="sha256 or stronger",
                    fix="build the wheel anew",
                    member=member.name,
                )
            hashes, size = digests(archive.chunks(member), {"sha256", known.algorithm})
            if known.digest != hashes[known.algorithm] or known.size not in (size, None):
                raise archive.error(
                    found=f"{size} bytes with {hashes[known.algorithm]}",
                    expected=f"{known.size} with {known.digest}, as RECORD says",
                    fix="download the wheel anew",
                    member=member.name,
                )
            entries[name] = RecordEntry(name, hashes["sha256"], size)
    return entries


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="wheel-overlay", description=__doc__.splitlines()[0], epilog="Exit code: 0; 1 with one line of error."
    )
    parser.add_argument("--base", type=Path, required=True, help="the wheel whose bundled package is replaced")
    parser.add_argument("--overlay", type=Path, required=True, help="the wheel of the package alone")
    parser.add_argument("--package", required=True, help="the package's name, such as deep_gemm")
    parser.add_argument("--under", required=True, help="the base's directory that holds it, such as vllm/third_party")
    parser.add_argument("--local-version", required=True, help="appended to the base's version, such as deepgemm.2.8.2")
    parser.add_argument(
        "--torch-version",
        default="",
        help="the torch that the extension was compiled against, "
        "which the base must admit (default: the one that the overlay wheel pins)",
    )
    parser.add_argument("--requires-python", default="", help="narrows the base's Requires-Python to this")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--out", type=Path, help="the file to write; its name must be the right one for the wheel")
    place.add_argument("--out-dir", type=Path, default=Path(), help="where to write it (default: here)")
    arguments = parser.parse_args(argv)
    settings = Settings(
        arguments.package,
        arguments.under.strip("/"),
        arguments.local_version,
        arguments.torch_version,
        arguments.requires_python,
    )
    try:
        written = overlay_wheel(
            arguments.base, arguments.overlay, settings, out=arguments.out, out_dir=arguments.out_dir
        )
    except WheelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or arguments.out or arguments.out_dir}: {error.strerror}", file=sys.stderr)
        return 1
    if not arguments.out:
        print(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
