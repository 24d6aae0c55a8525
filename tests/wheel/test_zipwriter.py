"""The zip writer beyond 16 and 32 bits, read back by the standard library."""

from __future__ import annotations

import zipfile

from wheel_tools.archive import WheelArchive
from wheel_tools.zipwriter import ZipWriter
from wheels import make_wheel


def test_members_beyond_four_gigabytes_have_the_headers_for_it(tmp_path):
    """The archive's own reader reads back what the writer writes beyond 32 bits, without so much data."""

    class Sparse:
        """A file whose large writes are holes."""

        def __init__(self, file):
            self.file = file

        def write(self, data):
            if isinstance(data, Hole):
                self.file.seek(len(data), 1)
            else:
                self.file.write(data)

    class Hole:
        def __len__(self):
            return 5 << 30

    source = make_wheel(tmp_path, "big-1-py3-none-any.whl", {"a": b"small"})
    path = tmp_path / "big.zip"
    with path.open("wb") as file, WheelArchive(source) as archive:
        writer = ZipWriter(Sparse(file))
        member = archive.get("a")
        large = type(member)(0, "a", 5 << 30, 5 << 30, 0, 0, member.info)
        large.info.compress_type = zipfile.ZIP_STORED
        archive.raw_chunks = lambda _: [Hole()]
        writer.copy(archive, large, "large")
        writer.add("after", b"after")
        writer.finish()
    with zipfile.ZipFile(path) as archive:
        assert [(info.filename, info.file_size) for info in archive.infolist()] == [("large", 5 << 30), ("after", 5)]
        assert archive.read("after") == b"after"


def test_more_members_than_sixteen_bits_count(tmp_path):
    path = tmp_path / "many.zip"
    with path.open("wb") as file:
        writer = ZipWriter(file)
        for index in range(70000):
            writer.add(str(index), b"")
        writer.finish()
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 70000
