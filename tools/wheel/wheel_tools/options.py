"""What the user of a check says about the wheel."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

CLASSES = ("load", "form")


@dataclass(frozen=True)
class Options:
    # The Requires-Python that the wheel was built for, such as ">=3.11,<3.15"; "" if unknown.
    matrix: str = ""
    # The torch that its extensions were compiled against, such as "2.14.0"; "" if unknown.
    torch: str = ""
    # "LIBRARY" for every file, or "GLOB:LIBRARY" for the files that GLOB matches; LIBRARY is a glob of names too.
    allowed_libraries: tuple[str, ...] = ()
    # "RULE" or "RULE:GLOB": known findings that do not count, by their path.
    accepted: tuple[str, ...] = ()
    # Path below the package's include/ → its "sha256=…"; None where nothing is known of them.
    jit_headers: dict[str, str] | None = field(default=None, hash=False)
    # Whether what cannot be decided from the files is a finding.
    strict: bool = False
    # The classes of findings that count: "load", "form".
    classes: tuple[str, ...] = CLASSES

    def allows_library(self, path: str, library: str) -> bool:
        """Whether the file at this path may need the library."""
        entries = (entry.rpartition(":") for entry in self.allowed_libraries)
        return any(fnmatchcase(library, name) and fnmatchcase(path, glob or "*") for glob, _, name in entries)

    def accepts(self, rule: str, path: str) -> bool:
        """Whether findings of the rule at this path are known and do not count."""
        entries = (entry.partition(":") for entry in self.accepted)
        return any(rule == accepted and fnmatchcase(path, glob or "*") for accepted, _, glob in entries)


def problem_with(options: Options) -> str:
    """What is wrong with the options; "" for nothing."""
    for entry in options.allowed_libraries:
        if not re.fullmatch(r"(?:[^:]+:)?[\w.+*?\[\]!-]*(?:\.so|[*?\]])[\w.*?\[\]!-]*", entry):
            return f"allowed library {entry!r}; expected libNAME.so.N or GLOB:libNAME.so.N, where NAME may have * and ?"
    for entry in options.accepted:
        if not re.fullmatch(r"[a-z0-9-]+(?::.+)?", entry):
            return f"accepted finding {entry!r}; expected RULE or RULE:GLOB"
    if len(options.matrix.splitlines()) > 1:
        return f"Requires-Python {options.matrix!r}; expected one line, such as >=3.11,<3.15"
    return ""
