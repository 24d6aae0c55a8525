"""The writer beyond 16 and 32 bits, read back by the standard library."""

from __future__ import annotations

import io
import zipfile

from wheel_tools.archive import WheelArchive
from wheel_tools.wheelwriter import WheelWriter
from wheels import make_wheel


def test_members_beyond_four_gigabytes_have_the_headers_for_it(tmp_path):
    """zipfile reads back what the writer writes beyond 32 bits, without so much data."""

    class Sparse(io.FileIO):
        """A file whose large writes are holes."""

        def write(self, data):
            return self.seek(len(data), 1) if isinstance(data, Hole) else super().write(data)

    class Hole:
        def __len__(self):
            return 5 << 30

    source = make_wheel(tmp_path, "big-1-py3-none-any.whl", {"a": b"small"})
    path = tmp_path / "big.zip"
    with Sparse(path, "w") as file, zipfile.ZipFile(file, "w") as out, WheelArchive(source) as archive:
        writer = WheelWriter(out)
        member = archive.get("a")
        member.info.compress_type = zipfile.ZIP_STORED
        member.info.file_size = member.info.compress_size = 5 << 30
        archive.raw_chunks = lambda _: [Hole()]
        writer.copy(archive, member, "large", None)
        writer.add("after", b"after")
    with zipfile.ZipFile(path) as archive:
        assert [(info.filename, info.file_size) for info in archive.infolist()] == [("large", 5 << 30), ("after", 5)]
        assert archive.read("after") == b"after"


def test_more_members_than_sixteen_bits_count(tmp_path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        writer = WheelWriter(archive)
        for index in range(70000):
            writer.add(str(index), b"")
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 70000
