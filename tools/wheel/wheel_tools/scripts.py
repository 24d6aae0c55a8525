"""Refuses a wheel with a script that calls a function of the wheel's own package which is not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from wheel_tools.errors import WheelError

# With these, only running a module tells its names.
_DYNAMIC = {"*", "__getattr__", "exec", "globals", "vars"}


def _names(source: bytes) -> set[str]:
    """The names that a module mentions or defines, also in functions. `_DYNAMIC` if it cannot be parsed."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return _DYNAMIC
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    return names


def check_scripts(wheel: str, scripts: Mapping[str, str], files: Mapping[str, Path]) -> None:
    """Raises WheelError for a script that cannot run.

    Args:
        wheel: The wheel's name.
        scripts: `module:function`, by the name of the script.
        files: The wheel's files, by their paths in it.
    """
    for script, value in scripts.items():
        module, function = re.findall(r"[\w.]+", value)[:2]
        stem = module.replace(".", "/")
        source = files.get(f"{stem}.py") or files.get(f"{stem}/__init__.py")
        absent = ""
        if source:
            known = _names(source.read_bytes()) & {function.split(".")[0], *_DYNAMIC}
            absent = "" if known else f"{module} has no {function}"
        elif f"{stem.rpartition('/')[0]}/__init__.py" in files:
            # It may be compiled.
            absent = "" if any(path.startswith(f"{stem}.") for path in files) else f"the wheel has no {stem}.py"
        if absent:
            raise WheelError(
                wheel,
                found=f"the script {script} = {value!r}, and {absent}",
                expected="a function of the wheel",
                fix="correct it in [project.scripts] or entry_points, or add the file to srcs",
            )
