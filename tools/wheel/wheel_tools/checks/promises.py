"""What the tags promise: a Linux and a CPython that can be checked, and something compiled for them."""

from __future__ import annotations

from collections.abc import Iterator

from wheel_tools.examine import Wheel
from wheel_tools.findings import Finding
from wheel_tools.interpreters import known_tag
from wheel_tools.options import Options
from wheel_tools.pythons import KNOWN_CPYTHONS

# Extension modules of Windows; those of macOS end in .so, and are no ELF files.
_FOREIGN = (".pyd", ".dll", ".dylib")


def check_promises(wheel: Wheel, options: Options) -> Iterator[Finding]:
    if not wheel.tags:
        return
    name = wheel.file_name
    systems = sorted({tag.platform for tag in wheel.tags})
    tags = ", ".join(sorted(map(str, wheel.tags))[:4])
    if not wheel.platforms and systems != ["any"]:
        found = "only tags for other systems: " + ", ".join(systems[:4])
        yield Finding("not-checked", name, found, "a Linux tag: only ELF files for CPython are checked")
    elif not wheel.platforms and wheel.libraries:
        required = "a Linux tag, since the wheel has ELF files"
        yield Finding("platform-tag", name, "the platform tag any", required)
    elif wheel.platforms and not wheel.compiled:
        foreign = [path for path in wheel.archive.by_name if path.endswith(_FOREIGN)]
        found = f"no ELF file; there is {foreign[0]}" if foreign else "no compiled file"
        yield Finding("coverage-nothing", name, found, f"one, since the wheel's tags are {tags}")
    if wheel.interpreters or not (wheel.platforms or wheel.modules):
        return
    if any(known_tag(tag) for tag in wheel.tags):
        specifier = wheel.metadata.requires_python
        found = f"Requires-Python {specifier if specifier is not None else '(none)'} with the tags {tags}"
        yield Finding("coverage-nothing", name, found, "a CPython that both of them admit")
    elif any(tag.interpreter.startswith("cp") for tag in wheel.tags):
        found = f"the tags {tags}, for CPythons other than {KNOWN_CPYTHONS[0]} to {KNOWN_CPYTHONS[-1]}"
        required = "a known CPython: the names of older ones and the symbols of newer ones are not known"
        yield Finding("coverage-unproven", name, found, required)
    elif wheel.compiled:
        yield Finding("not-checked", name, f"the tags {tags}", "one of CPython: other Pythons are not known")
