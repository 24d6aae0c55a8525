"""Makes a package importable under another parent: `deep_gemm` as `vllm.third_party.deep_gemm`.

Relative imports work there as they are. An absolute import of the package by itself does not, so that this module looks
for such imports:

- In Python source they are an error: the package would be loaded twice or not at all.
- A name in compiled code, such as "deep_gemm.utils.mlopart", cannot be edited. Lines appended to the package's
  `__init__.py` enter the package and the modules with such names into `sys.modules` under their old absolute names. (An
  import of a dotted name from C also imports the name's first part.) vLLM's own code does the same with its copy before
  it passes it to a library that imports `deep_gemm`. If a package with the old name is installed, it keeps that name.
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
        return  # the installed package keeps its name
    sys.modules["{package}"] = sys.modules[__name__]
    for name in {names!r}:
        sys.modules["{package}." + name] = importlib.import_module("." + name, __name__)


_keep_absolute_names()
del _keep_absolute_names
"""


def absolute_imports(source: bytes, package: str, path: str) -> list[str]:
    """Finds absolute imports of a package, or of a module in it, in Python source.

    Args:
        source: The source. One that does not parse has no imports.
        package: The package's name.
        path: The source's path, for the result.

    Returns:
        For each import, in the order of the lines, `<path>:<line>: import of <name>`.
    """
    if package.encode() not in source:
        return []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Such a file is broken before the move, too.
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
    """Searches the bytes of compiled code for the absolute names of a package's modules.

    Args:
        package: The package's name.
        modules: The dotted names of its modules, within the package.

    Attributes:
        found: Those of `modules` whose absolute names occur in what feed() got.
    """

    def __init__(self, package: str, modules: Iterable[str]) -> None:
        self._package = package.encode()
        self._modules = {module.encode() for module in modules}
        self._pattern = re.compile(rb"(?<![\w.])" + re.escape(self._package) + rb"((?:\.[A-Za-z_]\w*)+)(?![\w.])")
        self._tail = b""
        self.found: set[str] = set()

    def feed(self, chunk: bytes) -> None:
        """Searches the next bytes. A name may begin in one chunk and end in the next."""
        data = self._tail + chunk
        for match in self._pattern.finditer(data):
            name = match[1][1:]
            if name in self._modules:
                self.found.add(name.decode())
        self._tail = data[-256:]  # longer than any module's name


def alias_code(package: str, names: Iterable[str]) -> bytes:
    """Python source for the end of the package's `__init__.py`: enters modules under their old absolute names.

    Args:
        package: The package's old name.
        names: The dotted names of the modules, within the package. Their parents are entered, too.
    """
    paths = [name.split(".") for name in names]
    with_parents = {".".join(path[: count + 1]) for path in paths for count in range(len(path))}
    return _ALIAS_CODE.format(package=package, names=tuple(sorted(with_parents))).encode()


def module_names(paths: Iterable[str]) -> list[str]:
    """The dotted names of a package's modules, within the package, from the paths of its Python files."""
    names = []
    for path in paths:
        if path.endswith(".py") and path != "__init__.py":
            stem = path[: -len("/__init__.py")] if path.endswith("/__init__.py") else path[: -len(".py")]
            names.append(stem.replace("/", "."))
    return sorted(names)
