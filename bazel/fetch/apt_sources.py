"""Finds the Debian mirrors in a machine's own apt sources, which need not be a Debian's, nor have apt.

    python3 -m bazel.fetch.apt_sources --out FILE [--etc /etc/apt]     write the mirrors as a JSON list

Both formats of sources.list(5) are read: one line for each source (`*.list`), and deb822 (`*.sources`). Only a mirror's
base URL counts, since a lock names the files below it; the suites are those of the machine. A source is taken for a
mirror of Debian if it has the component `main` and a URL whose path ends in a name that starts with `debian`
(`…/debian`, `…/repository/debian-remote`), or in `debian/` and a snapshot's timestamp. Security archives are left out:
they have another pool.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

from bazel.fetch import command

ETC = Path("/etc/apt")
# What Bazel's downloader and apt both read.
_SCHEMES = ("http", "https", "file")
_MIRROR_PATH = re.compile(r"/debian(?:[-._\w]*|/\d{8}T\d{6}Z)/?$")
_ONE_LINE = re.compile(r"^\s*deb\s+(?:\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>[^#]*)")


def mirrors(etc: Path = ETC) -> list[str]:
    """Base URLs of Debian mirrors, without a final slash, in the order in which apt reads the sources."""
    found = (uri.rstrip("/") for file in _files(etc) for uri in _uris(file, etc))
    return list(dict.fromkeys(found))


def _files(etc: Path) -> Iterator[Path]:
    """The files that apt reads, in its order."""
    yield etc / "sources.list"
    parts = etc / "sources.list.d"
    try:
        yield from sorted(path for path in parts.iterdir() if path.suffix in (".list", ".sources"))
    except OSError:
        return


def _read(file: Path) -> str:
    """A file's text. One that is missing, or that this user may not read, names no mirror."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _uris(file: Path, etc: Path) -> Iterator[str]:
    """The URLs of the Debian mirrors that a file of sources names."""
    parse = _deb822 if file.suffix == ".sources" else _one_line
    for uris, suites, components in parse(_read(file)):
        if "main" in components and not any("security" in suite for suite in suites):
            for uri in uris:
                yield from filter(_is_mirror, _mirror_list(uri, etc))


def _one_line(text: str) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """URLs, suites and components of each `deb` line."""
    for match in filter(None, map(_ONE_LINE.match, text.splitlines())):
        yield [match["uri"]], [match["suite"]], match["components"].split()


def _deb822(text: str) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """URLs, suites and components of each enabled stanza with the type `deb`."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n[ \t]*\n", "\n".join(lines)):
        # A line that starts with a blank continues the field above it.
        fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE))
        values = {name.lower(): value.split() for name, value in fields.items()}
        if "deb" in values.get("types", []) and values.get("enabled", ["yes"])[0].lower() not in ("no", "false", "0"):
            yield values.get("uris", []), values.get("suites", []), values.get("components", [])


def _mirror_list(uri: str, etc: Path) -> list[str]:
    """The URLs behind `mirror+file:/etc/apt/…` (apt-transport-mirror(1)), as in Debian's cloud images."""
    match = re.match(r"mirror\+file:(?://)?(/.*)", uri)
    if not match:
        return [uri]
    listed = Path(match[1])
    if listed.is_relative_to(ETC):
        listed = etc / listed.relative_to(ETC)
    return [line.split()[0] for line in _read(listed).splitlines() if line.split() and not line.startswith("#")]


def _is_mirror(uri: str) -> bool:
    parts = urllib.parse.urlsplit(uri)
    return parts.scheme in _SCHEMES and "security" not in uri and bool(_MIRROR_PATH.search(parts.path))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--etc", type=Path, default=ETC)

    def act(arguments: argparse.Namespace) -> None:
        arguments.out.write_text(json.dumps(mirrors(arguments.etc)) + "\n", encoding="utf-8")

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
