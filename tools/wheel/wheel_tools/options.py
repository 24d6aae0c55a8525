"""What the user of a check says about the wheel."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Options:
    # The Requires-Python that the wheel was built for, such as ">=3.11,<3.15"; "" if unknown.
    matrix: str = ""
    # The torch that its extensions were compiled against, such as "2.14.0"; "" if unknown.
    torch: str = ""
    # "libfoo.so.1" for every file, or "GLOB:libfoo.so.1" for the files that GLOB matches.
    allowed_libraries: tuple[str, ...] = ()
    # "RULE:GLOB": findings of a rule that are known and accepted, by path.
    accepted: tuple[str, ...] = ()
    # Path below the package's include/ → its "sha256=…"; None where nothing is known of them.
    jit_headers: dict[str, str] | None = field(default=None, hash=False)
    # Whether a .so has to prove which CPython it was compiled for.
    strict: bool = False

    def allows_library(self, path: str, library: str) -> bool:
        for entry in self.allowed_libraries:
            glob, colon, name = entry.rpartition(":")
            if name == library and (not colon or fnmatchcase(path, glob)):
                return True
        return False

    def accepts(self, rule: str, path: str) -> bool:
        for entry in self.accepted:
            accepted, colon, glob = entry.partition(":")
            if accepted == rule and (not colon or fnmatchcase(path, glob)):
                return True
        return False


def problem_with(options: Options) -> str:
    """What is wrong with the options, or ""."""
    for entry in options.allowed_libraries:
        if not re.fullmatch(r"(?:[^:]+:)?[\w.+-]+\.so[\w.]*", entry):
            return f"allowed library {entry!r}; expected libNAME.so.N or GLOB:libNAME.so.N"
    for entry in options.accepted:
        if not re.fullmatch(r"[a-z0-9-]+(?::.+)?", entry):
            return f"accepted finding {entry!r}; expected RULE or RULE:GLOB"
    return ""
