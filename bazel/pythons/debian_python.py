"""Makes a CPython that runs from any directory out of Debian's packages.

    bin/python3             a shell script that starts the interpreter with the tree's own loader
    libexec/python3.X       the interpreter
    lib/python3.X           the standard library, without its tests
    lib/<triplet>           the loader, libc, and every library that the interpreter or a compiled wheel may need

No file of it names a path of the machine, so that the same packages give the same bytes.
"""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

from bazel.fetch.command import CommandError
from bazel.fetch.platforms import Cpu

_WRAPPER = Path(__file__).with_name("python3.sh")
# Not needed to run programs. `config-*` is the static library with its makefiles.
_STDLIB_LEFT_OUT = ("__pycache__", "test", "idlelib", "turtledemo", "lib2to3", "config-*", "EXTERNALLY-MANAGED",
                    "sitecustomize.py")  # fmt: skip
_WHEEL_DIRECTORY = re.compile(r"sysconfig\.get_config_var\(.WHEEL_PKG_DIR.\)")
_OWN_WHEEL_DIRECTORY = "os.path.join(os.path.dirname(__file__), '_bundled')"
_SHARED_OBJECT = re.compile(r"\.so(\.[\d.]+)?$")


def lay_out(debian: Path, minor: str, cpu: Cpu, root: Path) -> Path:
    """Lays out the interpreter of the unpacked packages in `debian` below `root` and returns its include directory."""
    program = debian / f"usr/bin/python{minor}"
    stdlib = debian / f"usr/lib/python{minor}"
    if not (program.is_file() and stdlib.is_dir()):
        raise CommandError(f"the packages of the lock have no usr/bin/python{minor}; add python{minor} to it")
    _copy_stdlib(stdlib, root / f"lib/python{minor}")
    _copy_wheels(debian / "usr/share/python-wheels", root / f"lib/python{minor}/ensurepip")
    _copy_libraries(debian, cpu, root / "lib" / cpu.triplet)
    _copy_file(program, root / f"libexec/python{minor}", 0o755)
    _write_wrapper(root / "bin", minor, cpu)
    return debian / f"usr/include/python{minor}"


def settings(root: Path, minor: str, cpu: Cpu) -> dict[str, object]:
    """What `sysconfig` reports of the CPython that `lay_out` made below `root`, without running it."""
    path = root / f"lib/python{minor}/_sysconfigdata__{cpu.triplet}.py"
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign):
            return ast.literal_eval(statement.value)
    raise CommandError(f"{path.name} of the lock's packages assigns nothing; expected build_time_vars")


def _copy_file(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def _copy_stdlib(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*_STDLIB_LEFT_OUT))
    # Debian's ensurepip takes the wheels in the machine's /usr/share/python-wheels.
    ensurepip = target / "ensurepip/__init__.py"
    text = ensurepip.read_text(encoding="utf-8")
    ensurepip.write_text(_WHEEL_DIRECTORY.sub(_OWN_WHEEL_DIRECTORY, text), encoding="utf-8")


def _copy_wheels(source: Path, ensurepip: Path) -> None:
    """Copies the wheels that `python3 -m venv` installs to where CPython's own ensurepip has them."""
    for wheel in sorted(source.glob("*.whl")):
        _copy_file(wheel, ensurepip / "_bundled" / wheel.name, 0o644)


def _copy_libraries(debian: Path, cpu: Cpu, target: Path) -> None:
    """Copies every shared library under its SONAME; links become files."""
    debian = debian.resolve()
    for directory in (debian / "lib" / cpu.triplet, debian / "usr/lib" / cpu.triplet):
        found = [path for path in sorted(directory.glob("*.so*")) if _SHARED_OBJECT.search(path.name)]
        # The link has the SONAME (libffi.so.8), its target the full version (libffi.so.8.4.0): the SONAME is enough.
        linked = {path.resolve() for path in found if path.is_symlink()}
        for source in found:
            if source in linked or "libpython" in source.name:
                continue
            _copy_file(source, target / source.name, 0o755 if source.name == cpu.loader else 0o644)
    if not (target / cpu.loader).is_file():
        raise CommandError(f"the packages of the lock have no {cpu.loader}; add libc6 to it")


def _write_wrapper(directory: Path, minor: str, cpu: Cpu) -> None:
    text = _WRAPPER.read_text(encoding="utf-8")
    for key, value in {"TRIPLET": cpu.triplet, "LOADER": cpu.loader, "MINOR": minor}.items():
        text = text.replace(f"@{key}@", value)
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("python3", f"python{minor}"):
        (directory / name).write_text(text, encoding="utf-8")
        (directory / name).chmod(0o755)
