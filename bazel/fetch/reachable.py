"""Finds the headers that some files can include, whatever the preprocessor decides."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include(?:_next)?[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)


def reachable(entries: Iterable[Path], roots: Sequence[Path]) -> set[Path]:
    """The entries and every file under `roots` that they include, directly or through others.

    Both branches of every condition count, so that no choice of macros misses a header; only a name that a macro makes
    up (`#include NAME`) is not seen. What is under no root, as the C library's headers, is left out.
    """
    waiting = [Path(os.path.normpath(entry)) for entry in entries]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        for name in _INCLUDE.findall(path.read_bytes()):
            for root in (path.parent, *roots):
                target = Path(os.path.normpath(root / os.fsdecode(name)))
                if target.is_file() and any(root in target.parents for root in roots):
                    if target not in seen:
                        seen.add(target)
                        waiting.append(target)
                    break
    return seen
