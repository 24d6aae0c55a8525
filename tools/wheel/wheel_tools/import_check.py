"""Installs a wheel into a fresh environment of each CPython, and imports a module of it, or loads an operator library.

Bazel's import_check_test runs it. It needs no GPU.

Exit code: 0 if the module was imported under every CPython; 1 if an import failed or every CPython was skipped; 2 if an
option cannot be used.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packaging.utils import canonicalize_name

from wheel_tools import command
from wheel_tools.archive import WheelArchive
from wheel_tools.errors import WheelError, printable

# Runs in the environment's interpreter, which cannot import this package.
_PROBE = """\
import importlib.machinery, importlib.util, json, pathlib, subprocess, sys, sysconfig

def load(name):
    # The file, and whether it is an operator library: one that the import system finds, without an init function.
    spec = importlib.util.find_spec(name)
    if spec and isinstance(spec.loader, importlib.machinery.ExtensionFileLoader):
        content = pathlib.Path(spec.origin).read_bytes()
        if b"PyInit" not in content and b"PyModExport" not in content:
            import torch
            torch.ops.load_library(spec.origin)
            return spec.origin, True
    module = importlib.import_module(name)
    return module.__file__ or module.__path__[0], False

module_name, extension_name, operators, out = sys.argv[1:5]
file, library = load(module_name)
if extension_name:
    file, library = load(f"{module_name}.{extension_name}")
import torch
NAMES = "torch._C._dispatch_get_all_op_names()"
registered = set()
if library or operators:
    # Another process lists torch's own operators: here the module has added its own.
    command = [sys.executable, "-I", "-c", f"import torch; print(*{NAMES}, sep=chr(10))"]
    own = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    registered = set(eval(NAMES)) - set(own)
with open(out, "w", encoding="utf-8") as written:
    json.dump({
        "file": file,
        "library": library,
        "suffix": sysconfig.get_config_var("EXT_SUFFIX"),
        "torch": torch.__version__,
        "names": sorted(name for name in dir(sys.modules.get(module_name)) if not name.startswith("_")),
        "operators": sorted(registered),
        "missing": [name for name in sys.argv[5:] if name not in sys.modules],
    }, written)
"""

_NO_INTERPRETER = (
    "no interpreter of CPython {} is registered; expected one: install one with headers (pyenv, uv, the system's), "
    "name one in the pythons extension, or skip it with --@rules_deepgemm//bazel/rules:skip_missing_interpreters"
)


@dataclass(frozen=True)
class Python:
    """One CPython.

    Attributes:
        tag: Its Python tag, such as cp312.
        version: Its version, such as 3.12.
        interpreter: The path of its interpreter; "" if there is none.
        anchor: The path of a file beside `site`, the directory with torch and the packages that torch requires.
    """

    tag: str
    version: str
    interpreter: str
    anchor: str


@dataclass(frozen=True)
class Probe:
    """What was loaded under one CPython: the file's name, torch's version, public names, registered operators."""

    file: str
    torch: str
    names: frozenset[str]
    operators: frozenset[str]

    def __str__(self) -> str:
        operators = f", operators {', '.join(sorted(self.operators))}" if self.operators else ""
        return f"{self.file}, torch {self.torch}, {len(self.names)} public names{operators}"


def check_python(python: Python, arguments: argparse.Namespace, work: Path) -> Probe:
    """Makes the environment, installs the wheel, imports the module; a WheelError says what went wrong."""
    environment = work / python.tag
    interpreter = os.path.abspath(python.interpreter)
    run = partial(_run, work, arguments.emulator)
    run([interpreter, "-m", "venv", "--without-pip", str(environment)], f"{python.interpreter} -m venv")
    inside = environment / "bin" / "python"
    packages = environment / "lib" / f"python{python.version}" / "site-packages"
    if not packages.is_dir():
        raise WheelError(
            python.interpreter,
            found=" ".join(sorted(path.name for path in environment.glob("lib/python*"))) or "no environment",
            expected=f"python{python.version}",
            fix="register an interpreter of that version",
        )
    # Runfiles have a link to the anchor only; the packages are beside the file itself.
    site = Path(python.anchor).resolve().parent / "site"
    if not (site / "torch").is_dir():
        raise WheelError(str(site), found="no torch", expected="torch's package", fix="fetch its repository again")
    packages.joinpath("torch_runtime.pth").write_text(f"{site}\n", "utf-8")
    # uv does not see the packages that the .pth file adds, so that it must not look for requirements.
    options = ["--quiet", "--no-deps", "--no-index", "--offline", "--no-config"]
    paths = ["--python", str(inside), "--cache-dir", str(work / "cache"), os.path.abspath(arguments.wheel)]
    run([os.path.abspath(arguments.uv), "pip", "install", *options, *paths], "uv pip install")
    out = work / f"{python.tag}.json"
    # Isolated (-I), so that the module is found only if it is installed.
    names = [arguments.module, arguments.extension, "operators" if arguments.operator else "", str(out)]
    probe = [str(inside), "-I", "-B", "-c", _PROBE, *names]
    run([*probe, *arguments.loaded], f"import {arguments.module}")
    if arguments.script:
        run([str(inside), "-I", "-B", os.path.abspath(arguments.script)], arguments.script.name)
    result = _probed(json.loads(out.read_text("utf-8")), arguments, packages)
    _check_torch(arguments.wheel, python.version, result.torch)
    return result


def _probed(found: dict, arguments: argparse.Namespace, packages: Path) -> Probe:
    file = Path(found["file"])
    fix = "check what is in the wheel"
    where = f"import {arguments.module}"
    if packages.resolve() not in file.resolve().parents:
        raise WheelError(where, found=str(file), expected="a file that the wheel installed", fix=fix)
    suffix = ".abi3.so" if arguments.stable_abi else found["suffix"]
    # The import system has found an operator library; the module of a package that loads one is its __init__.py.
    is_module = not found["library"] and (arguments.extension or not arguments.operator)
    if is_module and not file.name.endswith(suffix):
        raise WheelError(where, found=file.name, expected=f"a file whose name ends in {suffix}", fix=fix)
    if found["missing"]:
        missing = ", ".join(found["missing"])
        raise WheelError(where, found=f"{missing} not in sys.modules", expected="it to be loaded", fix=fix)
    # An overload is registered as ns::name.overload.
    operators = {text for name in found["operators"] for text in (name, name.partition(".")[0])}
    if absent := sorted(set(arguments.operator) - operators):
        there = ", ".join(found["operators"]) or "no operators"
        raise WheelError(where, found=there, expected=f"{', '.join(absent)} to be registered with torch", fix=fix)
    return Probe(file.name, found["torch"], frozenset(found["names"]), frozenset(found["operators"]))


def _run(work: Path, emulator: Path | None, arguments: list[str], what: str) -> None:
    """Runs a command. One that fails is a WheelError, after its last lines of output."""
    environment = {
        "HOME": str(work),
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TMPDIR": str(work),
        "XDG_CACHE_HOME": str(work),
    }
    if emulator:
        # python3.sh reads it, in the environment's interpreter and wherever uv runs that.
        environment["RULES_DEEPGEMM_EMULATOR"] = str(emulator.resolve())
    try:
        result = subprocess.run(
            arguments,
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        expected, fix = "a program", "check its path"
        if error.errno == errno.ENOEXEC:
            expected, fix = "a program for this machine's CPU", "run the test on a machine that runs the interpreter"
        raise WheelError(what, found=str(error), expected=expected, fix=fix) from None
    if result.returncode != 0:
        for line in result.stdout.splitlines()[-25:]:
            print("    " + printable(line))
        raise WheelError(what, found=f"exit status {result.returncode}", expected="0", fix="see its output above")


def _check_torch(wheel: Path, version: str, torch: str) -> None:
    """The wheel must admit the torch that was imported, where it requires one for this Python."""
    environment = {"python_version": version, "python_full_version": f"{version}.0", "extra": ""}
    with WheelArchive(wheel) as archive:
        for requirement in archive.requires_dist:
            if canonicalize_name(requirement.name) != "torch":
                continue
            applies = requirement.marker is None or requirement.marker.evaluate(environment)
            if applies and not requirement.specifier.contains(torch, prereleases=True):
                raise WheelError(
                    "import torch",
                    found=f"torch {torch}",
                    expected=f"{requirement}, which the wheel requires",
                    fix="give import_check_test the packages of that torch",
                )


def compare(probes: dict[str, Probe]) -> list[str]:
    """One line for each CPython that lacks public names or operators which another one has; `probes` are by version."""
    lines = []
    for what, attribute in (("public names", "names"), ("operators", "operators")):
        everywhere = frozenset.union(*(getattr(probe, attribute) for probe in probes.values()))
        lines += [
            f"{version}: FAILED: found no {what} {', '.join(sorted(absent))}; "
            f"expected the same {attribute} under every CPython: check what the module imports"
            for version, probe in probes.items()
            if (absent := everywhere - getattr(probe, attribute))
        ]
    return lines


def _python(text: str) -> Python:
    parts = text.split(",")
    if len(parts) != 4:
        raise argparse.ArgumentTypeError(f"{text}; expected TAG,VERSION,INTERPRETER,PINS")
    return Python(*parts)


def _parser() -> argparse.ArgumentParser:
    parser = command.argument_parser("import-check", __doc__)
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel to install")
    parser.add_argument("--uv", required=True, help="the path of uv, the installer")
    parser.add_argument("--module", required=True, help="the module to import")
    parser.add_argument("--extension", default="", help="the module or operator library in it (default: itself)")
    parser.add_argument("--stable-abi", action="store_true", help="expect <extension>.abi3.so")
    parser.add_argument(
        "--emulator",
        type=Path,
        help="what starts the interpreters (bazel/pythons/python3.sh) on a machine of another CPU",
    )
    parser.add_argument(
        "--loaded", action="append", default=[], metavar="NAME", help="a module that must be in sys.modules afterwards"
    )
    parser.add_argument(
        "--operator", action="append", default=[], metavar="NS::NAME", help="an operator that must be registered"
    )
    parser.add_argument("--script", type=Path, help="a Python program to run afterwards (default: none)")
    parser.add_argument(
        "--skip-missing", action="store_true", help="skip a CPython without an interpreter (default: it fails)"
    )
    parser.add_argument(
        "--python",
        action="append",
        type=_python,
        required=True,
        metavar="TAG,VERSION,INTERPRETER,PINS",
        help="a CPython, its interpreter or nothing, and the pins.txt beside its packages",
    )
    parser.add_argument("--work", type=Path, required=True, help="an empty directory to work in")
    return parser


def _check(arguments: argparse.Namespace) -> int:
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    probes: dict[str, Probe] = {}
    failed = skipped = 0
    for python in arguments.python:
        if not python.interpreter:
            outcome = "SKIPPED" if arguments.skip_missing else "FAILED"
            print(f"{python.version}: {outcome}: {_NO_INTERPRETER.format(python.version)}")
            skipped, failed = skipped + arguments.skip_missing, failed + (not arguments.skip_missing)
            continue
        try:
            probe = check_python(python, arguments, work)
        except WheelError as error:
            print(f"{python.version}: FAILED: {error}")
            failed += 1
            continue
        probes[python.version] = probe
        print(f"{python.version}: ok: {probe}", flush=True)
    for line in compare(probes) if probes else []:
        print(line)
        failed += 1
    print(f"{len(probes)} imported, {failed} failed, {skipped} skipped")
    if not probes and not failed:
        print("found no CPython that imported the module; expected one at least: register an interpreter")
    return 0 if probes and not failed else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    return command.run(_parser(), _check, argv)


if __name__ == "__main__":
    sys.exit(main())
