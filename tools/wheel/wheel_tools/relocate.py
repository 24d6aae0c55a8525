"""Makes a package importable under another parent: `deep_gemm` as `vllm.third_party.deep_gemm`.

Relative imports need nothing. Absolute imports of the package by itself are looked for:

- in Python source they are an error, since the package would load twice or not at all;
- in compiled code a name such as "deep_gemm.utils.mlopart" cannot be edited, so the package and the modules that are
  named so get their old absolute names too: lines appended to the package's `__init__.py` enter them into
  `sys.modules`. (Importing a dotted name from C imports its first part as well.) vLLM's own code does the same with its
  copy where a library wants `deep_gemm`. A package that is installed under the old name keeps it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

_IMPORTERS = ("import_module", "__import__", "find_spec")

_ALIAS_CODE = """

# Added when this package was moved here: its compiled code imports these modules as {package}.<name>.
def _keep_absolute_names():
    import importlib.util
    import sys

    if "{package}" in sys.modules or importlib.util.find_spec("{package}"):
        return  # one that is installed goes by its own name
    sys.modules["{package}"] = sys.modules[__name__]
    for name in {names!r}:
        sys.modules["{package}." + name] = importlib.import_module("." + name, __name__)


_keep_absolute_names()
del _keep_absolute_names
"""


def absolute_imports(source: bytes, package: str, path: str) -> list[str]:
    """Where Python source imports the package, or a module in it, by absolute name: "path:line: statement"."""
    if package.encode() not in source:
        return []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Such a file fails wherever it lies; it is not for the move to judge.
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            names = [node.args[0].value] if called in _IMPORTERS and isinstance(node.args[0].value, str) else []
        else:
            continue
        found += [(node.lineno, name) for name in names if name == package or name.startswith(package + ".")]
    return [f"{path}:{line}: import of {name}" for line, name in sorted(found)]


class CompiledNames:
    """Collects which modules of a package compiled code names, from a stream of its bytes."""

    def __init__(self, package: str, modules: Iterable[str]) -> None:
        self._package = package.encode()
        self._modules = {module.encode() for module in modules}
        self._pattern = re.compile(rb"(?<![\w.])" + re.escape(self._package) + rb"((?:\.[A-Za-z_]\w*)+)(?![\w.])")
        self._tail = b""
        self.found: set[str] = set()

    def feed(self, chunk: bytes) -> None:
        data = self._tail + chunk
        for match in self._pattern.finditer(data):
            name = match[1][1:]
            if name in self._modules:
                self.found.add(name.decode())
        self._tail = data[-256:]  # longer than any module's name, for one that two chunks share


def alias_code(package: str, names: Iterable[str]) -> bytes:
    """What is appended to the package's `__init__.py` so that compiled code finds these modules."""
    paths = [name.split(".") for name in names]
    with_parents = {".".join(path[: count + 1]) for path in paths for count in range(len(path))}
    return _ALIAS_CODE.format(package=package, names=tuple(sorted(with_parents))).encode()


def module_names(paths: Iterable[str]) -> list[str]:
    """The dotted names, within the package, of the Python files at these paths within it."""
    names = []
    for path in paths:
        if path.endswith(".py") and path != "__init__.py":
            stem = path[: -len("/__init__.py")] if path.endswith("/__init__.py") else path[: -len(".py")]
            names.append(stem.replace("/", "."))
    return sorted(names)
