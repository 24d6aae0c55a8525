"""Finds the headers that files can include, with every outcome of `#if`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include(?:_next)?[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)


def reachable(entries: Iterable[Path], roots: Sequence[Path]) -> set[Path]:
    """Returns `entries`, and every file below `roots` that they include, directly or through others.

    Both branches of every condition count, so that no choice of macros needs a header that is missing here. An include
    of a macro's name is not followed. Headers below no root, such as the C library's, are left out.
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
