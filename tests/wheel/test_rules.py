"""The wheels that extension_wheel and wheel_overlay build, as files."""

from __future__ import annotations

import os
from pathlib import Path

from wheel_tools.archive import WheelArchive
from wheel_tools.examine import valid_tags


def test_extension_wheel():
    with WheelArchive(Path(os.environ["OPS_WHEEL"])) as wheel:
        assert [member.name for member in wheel.members] == [
            "ops/_C.cpython-311-x86_64-linux-gnu.so",
            "ops/_C.cpython-312-x86_64-linux-gnu.so",
            "ops/__init__.py",
            "ops-2.8.2.dist-info/licenses/LICENSE",
            "ops-2.8.2.dist-info/METADATA",
            "ops-2.8.2.dist-info/WHEEL",
            "ops-2.8.2.dist-info/RECORD",
        ]
        assert [str(requirement) for requirement in wheel.requires_dist] == ["numpy>=2", "torch==2.14.0"]
        assert wheel.metadata["license_expression"] == "MIT"
        assert wheel.metadata["project_urls"] == {"Source": "https://example.org/ops"}
        assert wheel.metadata["summary"] == 'Operators, and "quotes"'
        assert valid_tags(wheel.wheel.tags) == (wheel.name.tags, [])
        data = wheel.read(wheel.get("ops/_C.cpython-312-x86_64-linux-gnu.so"))
    assert data == b"stands for the library of cp312\n"


def test_wheel_overlay():
    with WheelArchive(Path(os.environ["OVERLAID"])) as wheel:
        names = [member.name for member in wheel.members]
        version = wheel.metadata["version"]
        old = [name for name in names if "old.py" in name]
        init = wheel.read(wheel.get("app/third_party/ops/__init__.py"))
    assert version == "1.0+ops.2.8.2"
    assert "app/__init__.py" in names
    assert old == []
    assert init == b'VERSION = "2.8.2"\n'


def test_versions_that_are_not_normalized():
    """Both actions write the file that analysis declared: each refuses another name than the one it computes."""
    # $(rootpath) quotes the "!" of an epoch for a shell.
    with WheelArchive(Path(os.environ["RESPELT"].strip("'"))) as wheel:
        assert wheel.metadata["version"] == "1!2.8rc1+local.1.ops.2.8"
        assert wheel.dist_info == "ops-1!2.8rc1+local.1.ops.2.8.dist-info"
