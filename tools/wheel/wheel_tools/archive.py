"""A wheel, read in place: its file name, WHEEL, METADATA and RECORD, each when it is first asked for.

    with WheelArchive(path) as wheel:
        wheel.name.version, wheel.requires_python, wheel.record
        for member in wheel.members:
            for chunk in wheel.chunks(member): ...

Every failure that the bytes of the file can cause is a WheelError.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from packaging.metadata import RawMetadata
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import BuildTag, InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from wheel_tools.record import RecordEntry, parse_record
from wheel_tools.requirements import CoreMetadata, read_metadata
from wheel_tools.zipreader import DOWNLOAD, Member, ZipReader, is_safe_name

__all__ = ["Member", "WheelArchive", "WheelFile", "WheelName", "is_safe_name"]


@dataclass(frozen=True)
class WheelName:
    """The parts of a wheel's file name.

    Attributes:
        file_name: The whole name.
        distribution: The name of the distribution, normalized (`deep-gemm`).
        version: The version.
        build: The build tag, as a number and the rest; empty if the name has none.
        tags: The single tags that the compressed one stands for.
        raw_distribution, raw_version, raw_build, raw_tag: The parts as the name spells them; raw_build may be "".
    """

    file_name: str
    distribution: str
    version: Version
    build: BuildTag
    tags: frozenset[Tag]
    raw_distribution: str
    raw_version: str
    raw_build: str
    raw_tag: str


@dataclass(frozen=True)
class WheelFile:
    """The WHEEL file.

    Attributes:
        headers: Each line's key and value, in the file's order.
    """

    headers: tuple[tuple[str, str], ...]

    def values(self, key: str) -> list[str]:
        """The values of a key, which is compared without regard to case."""
        return [value for name, value in self.headers if name.lower() == key.lower()]

    @property
    def tags(self) -> list[str]:
        """The Tag lines as written. Each should be a single tag, but may be a compressed one."""
        return self.values("Tag")


class WheelArchive(ZipReader):
    """An open wheel. Use it in a `with` statement, or call close()."""

    def __enter__(self) -> WheelArchive:
        return self

    @cached_property
    def name(self) -> WheelName:
        """The parts of the file name."""
        file_name = self.path.name
        try:
            distribution, version, build, tags = parse_wheel_filename(file_name)
        except (InvalidWheelFilename, ValueError) as error:
            raise self.error(
                found=f"a file name that is not a wheel's ({error})",
                expected="NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl",
                fix="use the name that the wheel was published under",
            ) from None
        parts = file_name[: -len(".whl")].split("-")
        raw_build = parts[2] if len(parts) == 6 else ""
        return WheelName(
            file_name, distribution, version, build, tags, parts[0], parts[1], raw_build, "-".join(parts[-3:])
        )

    @cached_property
    def dist_info(self) -> str:
        """The name of the .dist-info directory. None or several is a WheelError."""
        roots = {name.partition("/")[0] for name in self.by_name if "/" in name}
        found = sorted(root for root in roots if root.endswith(".dist-info"))
        if len(found) != 1:
            raise self.error(
                found=f"{len(found)} .dist-info directories" + (f" ({', '.join(found[:4])})" if found else ""),
                expected="exactly one, as every wheel has",
                fix=DOWNLOAD,
            )
        return found[0]

    def dist_info_bytes(self, name: str) -> bytes:
        """The bytes of a file in .dist-info. A missing file is a WheelError."""
        path = f"{self.dist_info}/{name}"
        member = self.get(path)
        if member is None:
            raise self.error(found=f"no {path}", expected="one, as every wheel has", fix=DOWNLOAD)
        return self.read(member)

    @cached_property
    def wheel(self) -> WheelFile:
        """The WHEEL file."""
        data = self.dist_info_bytes("WHEEL")
        where = f"{self.dist_info}/WHEEL"
        headers = []
        try:
            lines = data.decode("utf-8").splitlines()
        except UnicodeDecodeError:
            raise self.error(found="bytes that are not UTF-8", expected="text", fix=DOWNLOAD, member=where) from None
        for line in lines:
            if not line.strip():
                continue
            key, colon, value = line.partition(":")
            if not colon or not key.strip():
                raise self.error(found=f"the line {line!r}", expected="'Key: value'", fix=DOWNLOAD, member=where)
            headers.append((key.strip(), value.strip()))
        for tag in (value for key, value in headers if key.lower() == "tag"):
            if tag.count("-") != 2 or not all(tag.split("-")):
                raise self.error(found=f"the tag {tag!r}", expected="PYTHON-ABI-PLATFORM", fix=DOWNLOAD, member=where)
        return WheelFile(tuple(headers))

    @cached_property
    def metadata_bytes(self) -> bytes:
        """METADATA as it is stored."""
        return self.dist_info_bytes("METADATA")

    @cached_property
    def core(self) -> CoreMetadata:
        """METADATA as the checks read it."""
        return read_metadata(self.metadata_bytes)

    @property
    def metadata(self) -> RawMetadata:
        """METADATA as `packaging` parses it. Fields that it cannot parse are left out."""
        return self.core.raw

    @property
    def requires_python(self) -> SpecifierSet | None:
        """Requires-Python; None if METADATA has none, which admits every Python."""
        self._refuse("requires-python", "a version specifier such as >=3.11,<3.15")
        return self.core.requires_python

    @property
    def requires_dist(self) -> list[Requirement]:
        """The Requires-Dist lines, in their order."""
        self._refuse("requires-dist", "a requirement such as torch==2.14.0")
        return self.core.requirements

    def _refuse(self, field: str, expected: str) -> None:
        """Raises a WheelError if METADATA has a wrong value in this field."""
        for problem in self.core.problems:
            if problem.field == field:
                where = f"{self.dist_info}/METADATA"
                fix = "ask the wheel's publisher to correct it"
                raise self.error(found=problem.text, expected=expected, fix=fix, member=where)

    @cached_property
    def record(self) -> list[RecordEntry]:
        """The lines of RECORD, in their order, duplicates included."""
        return parse_record(self.dist_info_bytes("RECORD"), f"{self.path.name}: {self.dist_info}/RECORD")
