"""Edits of METADATA: the edited fields change, and every other byte stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import parse_email
from wheel_tools.coremetadata import edit_metadata

PLAIN = b"""Metadata-Version: 2.4
Name: app
Version: 1.0
License-File: LICENSE
Requires-Python: >=3.9
Requires-Dist: torch==2.14.0

# app

Version: 0 is not a header here.
"""

# As setuptools writes a licence text: its empty lines become lines of eight spaces.
LICENSE_TEXT = b"""Metadata-Version: 2.4
Name: app
Version: 1.0
License: Copyright
        \x20
        Redistribution: permitted
        \t
        as is
License-File: LICENSE
Requires-Python: >=3.9
Dynamic: license-file
X-Unknown: kept
 and folded

A description.
"""


def lines_changed(before: bytes, after: bytes) -> tuple[list[bytes], list[bytes]]:
    """The lines that only one of them has, each in its order."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize("data", [PLAIN, LICENSE_TEXT, PLAIN.replace(b"\n", b"\r\n")], ids=["plain", "license", "crlf"])
def test_only_the_edited_lines_change(data):
    edited = edit_metadata(data, version="1.0+x", requires_python="==3.12.*", license_files=["ops/LICENSE"])
    end = b"\r\n" if b"\r\n" in data else b"\n"
    assert lines_changed(data, edited) == (
        [b"Version: 1.0" + end, b"Requires-Python: >=3.9" + end],
        [
            b"Version: 1.0+x" + end,
            b"Requires-Python: ==3.12.*" + end,
            b"License-File: ops/LICENSE" + end,
        ],
    )
    before, after = parse_email(data), parse_email(edited)
    assert after[1] == before[1]
    assert after[0] == {
        **before[0],
        "version": "1.0+x",
        "requires_python": "==3.12.*",
        "license_files": ["LICENSE", "ops/LICENSE"],
    }


def test_license_files_of_the_old_copy_go():
    data = PLAIN.replace(b"License-File: LICENSE\n", b"License-File: LICENSE\nLicense-File: third_party/ops/LICENSE\n")
    edited = edit_metadata(
        data, version="1.0", license_files=["third_party/ops/NEW"], drop_license_prefix="third_party/ops/"
    )
    assert parse_email(edited)[0]["license_files"] == ["LICENSE", "third_party/ops/NEW"]


def test_an_expression_is_replaced_and_never_added():
    assert b"License-Expression" not in edit_metadata(PLAIN, version="1.0", license_expression="MIT")
    data = PLAIN.replace(b"License-File", b"license-expression: Apache-2.0\nLicense-File", 1)
    assert parse_email(edit_metadata(data, version="1.0", license_expression="MIT"))[0]["license_expression"] == "MIT"


@pytest.mark.parametrize(
    "data",
    [
        b"Metadata-Version: 2.1\nName: app\nVersion: 1.0",
        b"Metadata-Version: 2.1\nName: app\nVersion: 1.0\n",
        b"Metadata-Version: 2.1\nName: app\nSummary: caf\xe9 \xff\nVersion: 1.0\n\n\xff\xfe\x00",
        b"Metadata-Version: 2.1\nName: app\nVersion:\n 1.0\nKeywords: a,\n\tb\n\nVersion: 3\n",
        b"Metadata-Version: 2.1\nName: app\nVersion: 1.0\nnot a header\nVersion: 2.0\n",
    ],
)
def test_unusual_files(data):
    edited = edit_metadata(data, version="2.0", license_files=["L"])
    before, after = parse_email(data)[0], parse_email(edited)[0]
    assert after == {**before, "version": "2.0", "license_files": ["L"]}


_values = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f\x85\u2028\u2029"), max_size=20)
_continuations = st.lists(st.tuples(st.sampled_from([" ", "\t", "        "]), _values).map("".join), max_size=3)
_fields = st.tuples(
    st.sampled_from(["License", "Keywords", "Classifier", "X-Own", "Description", "Requires-Dist"]),
    _values,
    _continuations,
).map(lambda field: "\n".join([f"{field[0]}: {field[1]}", *field[2]]))


@given(st.lists(_fields, max_size=6), st.lists(_fields, max_size=6), st.text(max_size=40))
def test_no_field_is_lost(before, after, description):
    lines = ["Metadata-Version: 2.4", "Name: app", *before, "Version: 1.0", *after, "", description]
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    edited = edit_metadata(data, version="1.0+x", license_files=["L"])
    old, new = parse_email(data), parse_email(edited)
    assert new == ({**old[0], "version": "1.0+x", "license_files": ["L"]}, old[1])
