"""The wheel of a project with extensions of each kind: what is in it, and what it says of itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from wheel_tools.archive import WheelArchive

SOABIS = os.environ["SOABIS"].split()


@pytest.fixture(scope="module")
def wheel():
    with WheelArchive(Path(os.environ["WHEEL"])) as archive:
        yield archive


def test_members(wheel):
    info, data = "my_ops-1.0rc1.dist-info", "my_ops-1.0rc1.data"
    assert sorted(wheel.by_name) == sorted(
        [
            *(f"my_ops/_C.{soabi}.so" for soabi in SOABIS),
            "my_ops/__init__.py",
            "my_ops/cli.py",
            "my_ops/lib/libmy_operators.so",
            "my_ops/libmy_library.so",
            "my_ops/stable/_C.abi3.so",
            "my_ops/table.txt",
            "shared_code/__init__.py",
            f"{data}/scripts/my-run",
            f"{info}/METADATA",
            f"{info}/RECORD",
            f"{info}/WHEEL",
            f"{info}/entry_points.txt",
            f"{info}/licenses/LICENSE",
            f"{info}/notes/library.c",
        ]
    )
    assert wheel.by_name[f"{data}/scripts/my-run"].mode == 0o100755
    assert wheel.by_name["my_ops/libmy_library.so"].mode == 0o100755
    assert wheel.dist_info_bytes("entry_points.txt").decode() == "[console_scripts]\nmy-ops = my_ops.cli:main\n"


def test_the_tags_are_those_of_the_extensions_for_each_python(wheel):
    tags = ".".join(f"cp{soabi.split('-')[1]}" for soabi in SOABIS)
    assert wheel.name.raw_tag == f"{tags}-{tags}-manylinux_2_28_x86_64"


def test_metadata(wheel):
    assert SpecifierSet(wheel.metadata["requires_python"]) == SpecifierSet(os.environ["REQUIRES_PYTHON"])
    assert {key: value for key, value in wheel.metadata.items() if key != "requires_python"} == {
        "author_email": "Ada <ada@example.org>",
        "description": "# My ops\n",
        "description_content_type": "text/markdown",
        "license_expression": "MIT",
        "license_files": ["LICENSE"],
        "metadata_version": "2.4",
        "name": "My.Ops",
        "provides_extra": ["cli"],
        "requires_dist": ["numpy>=2", "torch>=2.4", "torch==2.14.0", 'rich; extra == "cli"'],
        "summary": "It multiplies.",
        "version": "1.0rc1",
    }


def test_a_wheel_of_operator_libraries_serves_every_python():
    with WheelArchive(Path(os.environ["OPERATORS_WHEEL"])) as wheel:
        assert wheel.name.file_name == "operators-1.0rc1-py3-none-manylinux_2_28_x86_64.whl"
        assert wheel.metadata["name"] == "operators"
        assert "my_ops/lib/libmy_operators.so" in wheel.by_name
