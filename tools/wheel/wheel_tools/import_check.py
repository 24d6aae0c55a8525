"""import-check: installs a wheel into a fresh environment of each CPython, and imports it there.

Exit status: 0 when every CPython imports the module, 1 when one does not or all were skipped, 2 when an
argument cannot be used. Bazel's import_check_test runs it; it needs no GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from wheel_tools.archive import WheelArchive
from wheel_tools.errors import WheelError
from wheel_tools.findings import printable

# Run by the interpreter of the environment, which has nothing of this package.
_PROBE = """\
import importlib, json, sys, sysconfig
module_name, extension_name, out = sys.argv[1:4]
module = importlib.import_module(module_name)
extension = importlib.import_module(f"{module_name}.{extension_name}") if extension_name else module
import torch
with open(out, "w", encoding="utf-8") as file:
    json.dump({
        "file": extension.__file__,
        "suffix": sysconfig.get_config_var("EXT_SUFFIX"),
        "torch": torch.__version__,
        "names": sorted(name for name in dir(module) if not name.startswith("_")),
        "missing": [name for name in sys.argv[4:] if name not in sys.modules],
    }, file)
"""


class ImportCheckError(Exception):
    """One CPython's failure: what was found, what was expected, what to do."""


@dataclass(frozen=True)
class Python:
    """One CPython: a tag such as cp312, its interpreter ("" for none), and its packages' pins.txt."""

    tag: str
    version: str
    interpreter: str
    anchor: str


@dataclass(frozen=True)
class Probe:
    """What was imported under one CPython."""

    file: str
    torch: str
    names: frozenset[str]


def check_python(python: Python, args: argparse.Namespace, work: Path) -> Probe:
    """Makes the environment, installs, imports, and looks at what was imported."""
    environment = work / python.tag
    interpreter = os.path.abspath(python.interpreter)
    run(
        [interpreter, "-m", "venv", "--without-pip", str(environment)],
        work,
        f"{python.interpreter} makes no virtual environment",
    )
    inside = environment / "bin" / "python"
    packages = environment / "lib" / f"python{python.version}" / "site-packages"
    if not packages.is_dir():
        (made,) = (path.name for path in environment.glob("lib/python*"))
        raise ImportCheckError(
            f"{python.interpreter} is {made}; expected {python.version}: register an interpreter of that version"
        )
    # A link to the pins lies in the test's runfiles; the packages lie beside the file itself.
    site = Path(python.anchor).resolve().parent / "site"
    if not (site / "torch").is_dir():
        raise ImportCheckError(f"no torch in {site}; its repository is incomplete: fetch it again")
    packages.joinpath("torch_runtime.pth").write_text(f"{site}\n", "utf-8")
    # torch and its requirements are there by the .pth file, which an installer cannot see.
    run(
        [
            os.path.abspath(args.uv),
            "pip",
            "install",
            "--quiet",
            "--python",
            str(inside),
            "--no-deps",
            "--no-index",
            "--offline",
            "--no-config",
            "--cache-dir",
            str(work / "cache"),
            os.path.abspath(args.wheel),
        ],
        work,
        "uv does not install the wheel",
    )
    out = work / f"{python.tag}.json"
    # Not beside the sources: an environment must not find what is not installed in it.
    run(
        [str(inside), "-I", "-B", "-c", _PROBE, args.module, args.extension, str(out), *args.loaded],
        work,
        f"import {args.module} fails",
    )
    return judge(json.loads(out.read_text("utf-8")), args, packages)


def judge(found: dict, args: argparse.Namespace, packages: Path) -> Probe:
    """The probe's answer is what it has to be, or ImportCheckError."""
    file = Path(found["file"])
    if packages.resolve() not in file.resolve().parents:
        raise ImportCheckError(f"{file} was imported; expected a file that the wheel installed")
    suffix = ".abi3.so" if args.stable_abi else found["suffix"]
    if not file.name.endswith(suffix):
        raise ImportCheckError(f"{file.name} was imported; expected one whose name ends in {suffix}")
    if found["missing"]:
        raise ImportCheckError(
            f"{', '.join(found['missing'])} not loaded; expected it to be, after import {args.module}"
        )
    return Probe(file.name, found["torch"], frozenset(found["names"]))


def run(command: list[str], work: Path, failure: str) -> None:
    environment = {
        "HOME": str(work),
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TMPDIR": str(work),
        "XDG_CACHE_HOME": str(work),
    }
    result = subprocess.run(
        command,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        last = "\n".join("    " + printable(line) for line in result.stdout.splitlines()[-25:])
        raise ImportCheckError(f"{failure} (exit status {result.returncode}):\n{last}")


def torch_requirement_problem(wheel: Path, torch: str) -> str:
    """Why the torch that was imported is not one that the wheel requires, or ""."""
    with WheelArchive(wheel) as archive:
        for requirement in archive.requires_dist:
            if canonicalize_name(requirement.name) == "torch" and not requirement.specifier.contains(
                torch, prereleases=True
            ):
                return (
                    f"torch {torch} was imported; the wheel requires {requirement}: "
                    "give import_check_test the packages of that torch"
                )
    return ""


def compare_names(probes: dict[str, Probe]) -> list[str]:
    """The public names must be the same under every CPython."""
    everywhere = frozenset.union(*(probe.names for probe in probes.values()))
    return [
        f"{version}: lacks the public names {', '.join(sorted(everywhere - probe.names))}; "
        "expected the same names under every CPython"
        for version, probe in probes.items()
        if probe.names != everywhere
    ]


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="import-check", fromfile_prefix_chars="@", description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--uv", required=True, help="the installer")
    parser.add_argument("--module", required=True)
    parser.add_argument("--extension", default="", help="the module's extension module, such as _C")
    parser.add_argument("--stable-abi", action="store_true", help="expect <extension>.abi3.so")
    parser.add_argument(
        "--loaded", action="append", default=[], metavar="NAME", help="a module that must be in sys.modules afterwards"
    )
    parser.add_argument(
        "--skip-missing", action="store_true", help="a CPython without an interpreter is skipped; it fails otherwise"
    )
    parser.add_argument("--python", action="append", required=True, default=[], metavar="TAG,VERSION,INTERPRETER,PINS")
    parser.add_argument("--work", type=Path, required=True, help="an empty directory to work in")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    probes: dict[str, Probe] = {}
    failed = skipped = 0
    for text in args.python:
        parts = text.split(",")
        if len(parts) != 4:
            print(f"import-check: --python {text}; expected TAG,VERSION,INTERPRETER,PINS", file=sys.stderr)
            return 2
        python = Python(*parts)
        if not python.interpreter:
            told = (
                f"no interpreter of CPython {python.version} is registered; install one with "
                "headers (pyenv, uv, the system's), name one in the pythons extension, or skip it "
                "with --@rules_deepgemm//bazel/rules:skip_missing_interpreters"
            )
            print(f"{python.version}: {'SKIPPED' if args.skip_missing else 'FAILED'}: {told}")
            skipped, failed = skipped + args.skip_missing, failed + (not args.skip_missing)
            continue
        try:
            probe = check_python(python, args, work)
            if problem := torch_requirement_problem(args.wheel, probe.torch):
                raise ImportCheckError(problem)
        except (ImportCheckError, WheelError) as error:
            print(f"{python.version}: FAILED: {error}")
            failed += 1
            continue
        probes[python.version] = probe
        print(f"{python.version}: ok: {probe.file}, torch {probe.torch}, {len(probe.names)} public names", flush=True)
    if probes:
        different = compare_names(probes)
        failed += len(different)
        for line in different:
            print(line)
    print(f"{len(probes)} imported, {failed} failed, {skipped} skipped")
    if not probes and not failed:
        print("no CPython imported the module; expected one interpreter at least: a skipped check proves nothing")
    return 0 if probes and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
