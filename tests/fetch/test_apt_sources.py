"""Which URLs in apt's sources are mirrors of Debian, in every format that sources.list(5) has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bazel.fetch import apt_sources

MIRROR = "http://mirror.example/debian"


def mirrors(etc: Path, text: str, name: str = "sources.list") -> list[str]:
    file = etc / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return apt_sources.mirrors(etc)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"deb {MIRROR} bookworm main", MIRROR),
        (f"deb {MIRROR}/ trixie main contrib # ours", MIRROR),
        (f"\tdeb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg]  {MIRROR}\tsid  non-free  main", MIRROR),
        ("deb https://user:word@host:8081/repository/debian-remote/ stable main", None),
        ("deb file:///srv/debian bookworm main", "file:///srv/debian"),
        (
            "deb http://h.example/archive/debian/20250520T000000Z bookworm main",
            "http://h.example/archive/debian/20250520T000000Z",
        ),
    ],
)
def test_one_line_sources(tmp_path: Path, line: str, expected: str | None) -> None:
    expected = expected or line.split()[1].rstrip("/")
    assert mirrors(tmp_path, f"# a comment\n\n{line}\n") == [expected]
    assert mirrors(tmp_path, f"# a comment\n\n{line}\n", "sources.list.d/debian.list") == [expected]


@pytest.mark.parametrize(
    "line",
    [
        f"# deb {MIRROR} bookworm main",
        f"deb-src {MIRROR} bookworm main",
        f"deb {MIRROR}-security bookworm-security main",
        "deb http://security.example/debian bookworm/updates main",
        "deb http://archive.example/ubuntu noble main universe",
        "deb https://download.example/linux/debian bookworm stable",
        "deb https://packages.example/apt cloud-bookworm main",
        "deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main",
        "deb tor+http://mirror.example/debian bookworm main",
        "deb",
        "\0\xff",
        "",
    ],
)
def test_what_is_no_mirror(tmp_path: Path, line: str) -> None:
    assert mirrors(tmp_path, line + "\n") == []


def test_deb822_sources(tmp_path: Path) -> None:
    text = f"""\
# Debian's own
Types: deb deb-src
URIs: {MIRROR}/
 https://second.example/debian
Suites: trixie trixie-updates
# a comment between fields
Components: main non-free-firmware
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: {MIRROR}-security
Suites: trixie-security
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: trixie
Components: main

types: deb-src
uris: http://source.example/debian
suites: trixie
components: main
"""
    assert mirrors(tmp_path, text, "sources.list.d/debian.sources") == [MIRROR, "https://second.example/debian"]


def test_ubuntus_sources(tmp_path: Path) -> None:
    text = "Types: deb\nURIs: http://archive.example/ubuntu/\nSuites: noble noble-updates\nComponents: main universe\n"
    assert mirrors(tmp_path, text, "sources.list.d/ubuntu.sources") == []


def test_a_list_of_mirrors(tmp_path: Path) -> None:
    """Debian's cloud images name a file in which the mirrors are."""
    (tmp_path / "mirrors").mkdir()
    (tmp_path / "mirrors/debian.list").write_text(f"# ours\n{MIRROR}\tpriority:1\nhttp://two.example/debian\n")
    text = "deb mirror+file:/etc/apt/mirrors/debian.list bookworm main\n"
    assert mirrors(tmp_path, text) == [MIRROR, "http://two.example/debian"]


def test_the_order_and_what_is_there_twice(tmp_path: Path) -> None:
    mirrors(tmp_path, "deb http://b.example/debian bookworm main\n", "sources.list.d/b.list")
    mirrors(tmp_path, "deb http://a.example/debian bookworm main\n", "sources.list.d/a.list")
    mirrors(tmp_path, "deb http://off.example/debian bookworm main\n", "sources.list.d/x.list.save")
    text = f"deb {MIRROR} bookworm main\ndeb {MIRROR}/ bookworm-updates main\n"
    assert mirrors(tmp_path, text) == [MIRROR, "http://a.example/debian", "http://b.example/debian"]


def test_a_machine_without_apt(tmp_path: Path) -> None:
    assert apt_sources.mirrors(tmp_path / "none") == []
    out = tmp_path / "out.json"
    assert apt_sources.main(["--etc", str(tmp_path / "none"), "--out", str(out)]) == 0
    assert json.loads(out.read_text()) == []


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "sources.list").mkdir()
    assert mirrors(tmp_path, f"deb {MIRROR} bookworm main\n", "sources.list.d/a.list") == [MIRROR]
