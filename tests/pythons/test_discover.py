"""Which interpreters of a machine are taken, which are passed over, and what is said of them.

The CPython that runs this test is the real one. A PyPy, a debug build, a free-threaded build and a CPython for musl are
stood for by scripts that print what probe.py prints under such an interpreter.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from bazel.fetch.command import CommandError
from bazel.fetch.platforms import CPUS
from bazel.pythons import discover, headers, python_repo

HERE = ".".join(map(str, sys.version_info[:2]))
MINOR = "3.12"
CPU = CPUS["x86_64"]
GOOD = {
    "implementation": "CPython",
    "version": "3.12.4",
    "soabi": "cpython-312-x86_64-linux-gnu",
    "debug": False,
    "free_threaded": False,
}
REFUSED = {
    "PyPy": (
        {"implementation": "PyPy", "version": "3.12.13", "soabi": "pypy312-pp75-x86_64-linux-gnu"},
        "is PyPy 3.12.13, not CPython",
    ),
    "debug": ({"debug": True, "soabi": "cpython-312d-x86_64-linux-gnu"}, "is a debug build"),
    "free-threaded": ({"free_threaded": True, "soabi": "cpython-312t-x86_64-linux-gnu"}, "is a free-threaded build"),
    "musl": ({"soabi": "cpython-312-x86_64-linux-musl"}, "has the SOABI cpython-312-x86_64-linux-musl, "),
    "other machine": ({"soabi": "cpython-312-aarch64-linux-gnu"}, "has the SOABI cpython-312-aarch64-linux-gnu, "),
    "no SOABI": ({"soabi": None}, "has the SOABI None"),
    "other version": ({"version": "3.13.1", "soabi": "cpython-313-x86_64-linux-gnu"}, "is CPython 3.13.1, not 3.12"),
}


def interpreter(path: Path, has_headers: bool = True, **said: object) -> Path:
    """A script at `path` that answers probe.py's question with GOOD, changed by `said`."""
    prefix = path.parent.parent
    include = prefix / f"include/python{MINOR}"
    if has_headers:
        include.mkdir(parents=True, exist_ok=True)
        for name in ("Python.h", "pyconfig.h", "patchlevel.h"):
            (include / name).write_text(f"/* {name} */\n", encoding="utf-8")
    answer = {**GOOD, "include": str(include), "executable": str(path), "prefix": str(prefix), **said}
    return script(path, f"printf '%s\\n' {shlex.quote(json.dumps(answer))}\n")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A machine with an empty HOME and an empty directory on its PATH."""
    for name in ("home", "bin"):
        (tmp_path / name).mkdir()
    return {"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")}


@pytest.fixture
def on_that_machine(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is on that machine."""
    for key in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)


def test_the_running_python_is_what_it_is() -> None:
    found = discover.probe(sys.executable)
    discover.check(found, HERE, CPU)
    assert found.soabi == CPU.soabi(HERE)
    assert found.version.startswith(HERE + ".")
    with pytest.raises(CommandError, match=f"is CPython {found.version}, not 3.7"):
        discover.check(found, "3.7", CPU)


def test_the_environment_of_this_python_leads_no_other_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    assert discover.probe(sys.executable).implementation == "CPython"


@pytest.mark.parametrize("kind", REFUSED)
def test_a_wrong_kind_is_refused_when_named(tmp_path: Path, kind: str) -> None:
    said, says = REFUSED[kind]
    named = interpreter(tmp_path / "prefix/bin/python3", **said)
    with pytest.raises(CommandError) as caught:
        python_repo.take(python_repo.Request(MINOR, CPU, named=str(named)), tmp_path)
    assert f"{named}, named for CPython 3.12, {says}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_wrong_kind_is_passed_over_when_found(tmp_path: Path, environment: dict[str, str], kind: str) -> None:
    said, says = REFUSED[kind]
    interpreter(tmp_path / "bin/python3.12", **said)
    interpreter(tmp_path / f"home/.pyenv/versions/{MINOR}.4/bin/python3.12")
    found, looked = discover.find(MINOR, CPU, environment)
    assert found
    assert found.executable == str(tmp_path / "home/.pyenv/versions/3.12.4/bin/python3.12")
    assert says in looked[0]


def test_no_headers(tmp_path: Path, environment: dict[str, str]) -> None:
    bare = interpreter(tmp_path / "bin/python3.12", has_headers=False)
    found, looked = discover.find(MINOR, CPU, environment)
    assert found is None
    assert "has no headers" in looked[0]
    with pytest.raises(CommandError, match=r"Python\.h is missing.*libpython3\.12-dev"):
        python_repo.take(python_repo.Request(MINOR, CPU, named=str(bare)), tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("echo 'pyenv: python3.12: command not found' >&2; echo more >&2; exit 127", "pyenv: python3.12: command not"),
        ("echo hello", "does not run as a Python"),
        ("echo '[]'", "does not run as a Python"),
        ("echo '{}'", "does not run as a Python"),
        ("exit 0", "does not run as a Python"),
    ],
)
def test_not_a_python(tmp_path: Path, environment: dict[str, str], text: str, says: str) -> None:
    script(tmp_path / "bin/python3.12", text + "\n")
    found, looked = discover.find(MINOR, CPU, environment)
    assert found is None
    assert says in looked[0]


def test_a_file_that_cannot_run(tmp_path: Path) -> None:
    missing = tmp_path / "none/python3"
    with pytest.raises(CommandError, match=r"does not run \(No such file"):
        python_repo.take(python_repo.Request(MINOR, CPU, named=str(missing)), tmp_path)


def test_one_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover, "_TIMEOUT_S", 0.5)
    with pytest.raises(CommandError, match="does not answer"):
        discover.probe(str(script(tmp_path / "python3", "exec sleep 20\n")))


def test_the_order_is_path_then_pyenv_newest_first_then_uv(tmp_path: Path, environment: dict[str, str]) -> None:
    uv = interpreter(tmp_path / "home/.local/share/uv/python/cpython-3.12.11-linux-x86_64-gnu/bin/python3.12")
    pyenv = {patch: interpreter(tmp_path / f"home/.pyenv/versions/3.12.{patch}/bin/python3.12") for patch in (9, 10, 2)}
    path = interpreter(tmp_path / "bin/python3")
    for expected in (path, pyenv[10], pyenv[9], pyenv[2], uv):
        found, _ = discover.find(MINOR, CPU, environment)
        assert found
        assert found.executable == str(expected)
        expected.unlink()
    assert discover.find(MINOR, CPU, environment)[0] is None


@pytest.mark.parametrize(
    ("variable", "inside"),
    [
        ("PYENV_ROOT", "versions/any-name/bin"),
        ("UV_PYTHON_INSTALL_DIR", "any-name/bin"),
        ("XDG_DATA_HOME", "uv/python/x/bin"),
    ],
)
def test_directories_can_be_moved(tmp_path: Path, environment: dict[str, str], variable: str, inside: str) -> None:
    expected = interpreter(tmp_path / "elsewhere" / inside / "python3.12")
    found, _ = discover.find(MINOR, CPU, {**environment, variable: str(tmp_path / "elsewhere")})
    assert found
    assert found.executable == str(expected)


def test_pyenv_is_asked_for_its_root(tmp_path: Path, environment: dict[str, str]) -> None:
    script(tmp_path / "bin/pyenv", f'[ "$1" = root ] && echo "{tmp_path}/asked"\n')
    expected = interpreter(tmp_path / "asked/versions/3.12.4/bin/python3.12")
    found, _ = discover.find(MINOR, CPU, environment)
    assert found
    assert found.executable == str(expected)


@pytest.mark.usefixtures("on_that_machine")
def test_nothing_found_lists_every_place_and_the_ways_out(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin/python3", version="3.13.1")
    error_file, out = tmp_path / "error", tmp_path / "out"
    out.mkdir()
    command = ["--minor", MINOR, "--cpu", "x86_64", "--out", str(out), "--error-file", str(error_file)]
    assert python_repo.main([*command, "--machine", "--more"]) == 0, "the caller still looks for packages"
    assert "executable" not in json.loads((out / "python.json").read_text(encoding="utf-8"))
    assert python_repo.main([*command, "--no-packages", "no suite has it"]) == 1
    text = error_file.read_text(encoding="utf-8")
    assert text.splitlines()[0] == "no CPython 3.12 with headers was found. Looked at:"
    for place in (
        f"PATH: {tmp_path}/bin/python3 is CPython 3.13.1, not 3.12",
        f"pyenv: {tmp_path}/home/.pyenv/versions has no */bin/python3.12",
        f"uv: {tmp_path}/home/.local/share/uv/python has no */bin/python3.12",
        "Debian: no suite has it",
        'pythons.toolchain(python_version = "3.12"',
        "pythons.registered()",
    ):
        assert place in text


@pytest.mark.usefixtures("on_that_machine")
def test_the_machine_can_be_left_out(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin/python3.12")
    with pytest.raises(CommandError) as caught:
        python_repo.take(python_repo.Request(MINOR, CPU), tmp_path)
    assert "PATH:" not in str(caught.value)


@pytest.mark.usefixtures("on_that_machine")
def test_nothing_on_the_machine_and_nowhere_else_to_look(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"no CPython 3\.12 with headers was found"):
        python_repo.take(python_repo.Request(MINOR, CPU, machine=True), tmp_path)


def test_a_named_python_fills_the_repository(tmp_path: Path) -> None:
    out = tmp_path / "o ut"
    out.mkdir()
    assert python_repo.main(["--minor", HERE, "--cpu", "x86_64", "--named", sys.executable, "--out", str(out)]) == 0
    taken = json.loads((out / "python.json").read_text(encoding="utf-8"))
    assert taken["soabi"] == CPU.soabi(HERE)
    assert (out / f"include/python{HERE}/Python.h").is_file()
    again = discover.probe(str(out / "bin/python3"))
    assert (again.version, again.prefix) == (taken["version"], taken["prefix"])


def test_a_path_with_quotes_can_be_run(tmp_path: Path) -> None:
    named = interpreter(tmp_path / "it's $HOME/bin/python3")
    out = tmp_path / "out"
    out.mkdir()
    assert python_repo.main(["--minor", MINOR, "--cpu", "x86_64", "--named", str(named), "--out", str(out)]) == 0
    assert discover.probe(str(out / "bin/python3")).executable == str(named)


def test_headers_are_copies_of_cpythons_own(tmp_path: Path) -> None:
    include = tmp_path / "include/python3.12"
    for name in ("Python.h", "cpython/object.h", "internal/mimalloc/mimalloc.h", "greenlet/greenlet.h", "x.pyc"):
        file = include / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name, encoding="utf-8")
    (tmp_path / "real.h").write_text("linked", encoding="utf-8")
    (include / "pyconfig.h").symlink_to(tmp_path / "real.h")
    target = tmp_path / "copy"
    assert headers.copy_headers(include, target, CPU.triplet) == 4
    files = {str(path.relative_to(target)): path for path in target.rglob("*") if not path.is_dir()}
    assert sorted(files) == ["Python.h", "cpython/object.h", "internal/mimalloc/mimalloc.h", "pyconfig.h"]
    assert not any(path.is_symlink() for path in files.values())
    assert files["pyconfig.h"].read_text(encoding="utf-8") == "linked"
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o644}


def debian_headers(root: Path) -> Path:
    """Headers as Debian lays them out, beside those of libc."""
    include = root / "usr/include/python3.12"
    include.mkdir(parents=True)
    (include / "Python.h").touch()
    (include / "pyconfig.h").write_text(
        "# if defined(__x86_64__)\n#  include <x86_64-linux-gnu/python3.12/pyconfig.h>\n# elif defined(__arm__)\n"
        "#  include <arm-linux-gnueabi/python3.12/pyconfig.h>\n# endif\n",
        encoding="utf-8",
    )
    (root / "usr/include/stdio.h").touch()
    real = root / "usr/include/x86_64-linux-gnu/python3.12/pyconfig.h"
    real.parent.mkdir(parents=True)
    real.write_text("#define SIZEOF_LONG 8\n", encoding="utf-8")
    return include


def test_debians_pyconfig_is_the_real_one(tmp_path: Path) -> None:
    headers.copy_headers(debian_headers(tmp_path), tmp_path / "copy", CPU.triplet)
    assert sorted(path.name for path in (tmp_path / "copy").rglob("*")) == ["Python.h", "pyconfig.h"]
    assert (tmp_path / "copy/pyconfig.h").read_text(encoding="utf-8") == "#define SIZEOF_LONG 8\n"


def test_debians_pyconfig_without_the_real_one(tmp_path: Path) -> None:
    include = debian_headers(tmp_path)
    shutil.rmtree(tmp_path / "usr/include/x86_64-linux-gnu")
    with pytest.raises(CommandError, match="is missing: reinstall the headers"):
        headers.copy_headers(include, tmp_path / "copy", CPU.triplet)


AARCH64 = CPUS["aarch64"]
SETTINGS = {"SOABI": "cpython-312-aarch64-linux-gnu", "Py_DEBUG": 0}


def debian_packages(root: Path, settings: dict[str, object]) -> Path:
    """CPython 3.12 for aarch64 as Debian's packages unpack it; this machine cannot run its interpreter."""
    libraries, stdlib = root / "usr/lib/aarch64-linux-gnu", root / "usr/lib/python3.12"
    include, config = root / "usr/include/python3.12", root / "usr/include/aarch64-linux-gnu/python3.12/pyconfig.h"
    for file, text in {
        root / "usr/bin/python3.12": "ELF",
        libraries / AARCH64.loader: "ELF",
        libraries / "libz.so.1": "ELF",
        stdlib / "ensurepip/__init__.py": "",
        stdlib / "_sysconfigdata__aarch64-linux-gnu.py": f"# system configuration\nbuild_time_vars = {settings}\n",
        include / "Python.h": "",
        include / "patchlevel.h": '#define PY_VERSION      "3.12.9"\n',
        include / "pyconfig.h": "#  include <aarch64-linux-gnu/python3.12/pyconfig.h>\n",
        config: "#define SIZEOF_LONG 8\n",
    }.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def test_packages_of_another_cpu_are_laid_out_and_not_run(tmp_path: Path) -> None:
    request = python_repo.Request(MINOR, AARCH64, packages=debian_packages(tmp_path / "debian", SETTINGS))
    found, _ = python_repo.take(request, tmp_path / "out")
    assert found
    assert (found.version, found.soabi) == ("3.12.9", "cpython-312-aarch64-linux-gnu")
    assert (tmp_path / "out/include/python3.12/pyconfig.h").read_text(encoding="utf-8") == "#define SIZEOF_LONG 8\n"
    assert f"lib/aarch64-linux-gnu/{AARCH64.loader}" in (tmp_path / "out/bin/python3").read_text(encoding="utf-8")
    assert (tmp_path / "out/lib/aarch64-linux-gnu/libz.so.1").is_file()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({**SETTINGS, "Py_DEBUG": 1}, "is a debug build"),
        ({**SETTINGS, "Py_GIL_DISABLED": 1}, "is a free-threaded build"),
        ({**SETTINGS, "SOABI": "cpython-312-x86_64-linux-gnu"}, "has the SOABI cpython-312-x86_64-linux-gnu, cpython"),
    ],
)
def test_packages_of_another_cpu_that_will_not_do(tmp_path: Path, settings: dict[str, object], says: str) -> None:
    request = python_repo.Request(MINOR, AARCH64, packages=debian_packages(tmp_path / "debian", settings))
    with pytest.raises(CommandError) as caught:
        python_repo.take(request, tmp_path / "out")
    assert f"no CPython 3.12 for aarch64-linux-gnu with headers was found. Looked at:\n  Debian: {says}" in str(
        caught.value
    )
    assert 'pythons.toolchain(python_version = "3.12", cpu = …, headers = …)' in str(caught.value)


def test_headers_that_name_the_machine_are_refused(tmp_path: Path) -> None:
    named = interpreter(tmp_path / "prefix/bin/python3.12")
    config = tmp_path / "prefix/include/python3.12/pyconfig.h"
    config.write_text(f'#define HOME "{tmp_path}/prefix/lib"\n', encoding="utf-8")
    with pytest.raises(CommandError, match="a path of this machine"):
        python_repo.take(python_repo.Request(MINOR, CPU, named=str(named)), tmp_path / "out")


def test_packages_without_an_interpreter(tmp_path: Path) -> None:
    (tmp_path / "debian").mkdir()
    with pytest.raises(CommandError, match=r"Debian: the packages of the lock have no usr/bin/python3\.12; add"):
        python_repo.take(python_repo.Request(MINOR, CPU, packages=tmp_path / "debian"), tmp_path)
