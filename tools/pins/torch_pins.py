"""Writes the requirement files of a torch version, every package pinned by hash.

    bazel run @rules_deepgemm//tools/pins:torch -- 2.13.0
    bazel run @rules_deepgemm//tools/pins:torch -- 2.13.0 --python 3.10     for a matrix that begins with CPython 3.10

It writes three files into third_party/torch of the workspace, and a BUILD.bazel where that directory has none:

    2.13.0.txt                      what compiling and linking need: torch.wheel(requirements = …)
    2.13.0.runtime.txt              what an import needs, one wheel for every CPython: torch_runtime.wheel(shared = …)
    2.13.0.runtime-compiled.txt     what an import needs, a wheel for each CPython: torch_runtime.wheel(compiled = …)

uv resolves what torch requires on Linux, from the package index that uv is configured for. The requirement files have
the SHA-256 of all files of each release, so that they serve both x86-64 and aarch64. With `--cpu x86_64` they need to
serve only that CPU.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bazel.fetch import command
from bazel.fetch.command import CommandError
from bazel.fetch.platforms import CPUS
from bazel.torch.torch_pins import HEADERS, SDK

# Packages with a wheel for each CPython; cuda-pathfinder, pure Python, shares a directory with cuda-bindings.
_COMPILED = re.compile(r"torch|triton|markupsafe|cuda-bindings|cuda-pathfinder")
_CUDA_MAJOR = "13"
_PYTHON = "3.11"
_BUILD = '"""Pins of torch, by //tools/pins:torch of rules_deepgemm."""\n\nexports_files(glob(["*.txt"]))\n'


class Package(NamedTuple):
    """A package of the resolution."""

    name: str
    version: str
    #: Its lines in a requirement file.
    text: str


def resolve(uv: Path, version: str, python: str, directory: Path, cpu: str) -> list[Package]:
    """Returns the packages that torch `version` requires on Linux on `cpu`, with `packaging`, which vLLM imports.

    One set of versions has to serve every CPython from `python` on. uv reads its configuration from `directory`.
    """
    command_line = [
        str(uv),
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
        "--only-binary=:all:",
        f"--python-platform={cpu}-manylinux_2_28",
        f"--python-version={python}",
        "-",
    ]
    # NVIDIA's meta-package cuda-toolkit pins the wheels of one CUDA release.
    extras = ",".join(name.removeprefix("nvidia-cuda-") for name in HEADERS)
    wanted = f"torch=={version}\npackaging\ncuda-toolkit[{extras}]\n"
    try:
        result = subprocess.run(command_line, input=wanted, capture_output=True, text=True, check=False, cwd=directory)
    except OSError as error:
        raise CommandError(f"{uv} does not run ({error.strerror}); expected uv: name it with --uv") from None
    if result.returncode != 0:
        # uv draws its reasons as a tree, after a headline.
        reason = " ".join(re.sub(r"[^ -~]", " ", result.stderr).split()).removeprefix("error: ")
        raise CommandError(
            f"uv found no packages for torch {version} on {cpu} (exit code {result.returncode}): {reason}"
        )
    found = re.findall(r"^((\S+)==(\S+)(?: \\\n    --hash=\S+)+\n)", result.stdout, re.MULTILINE)
    return [Package(name, version, text) for text, name, version in found]


def resolve_for_all(uv: Path, version: str, python: str, directory: Path, cpus: Sequence[str]) -> list[Package]:
    """Returns the packages that torch requires on each of `cpus`, or fails where these differ."""
    first, *others = ((cpu, resolve(uv, version, python, directory, cpu)) for cpu in cpus)
    for cpu, packages in others:
        differing = {f"{package.name} {package.version}" for package in set(packages) ^ set(first[1])}
        if differing:
            raise CommandError(
                f"torch {version} requires other packages on {cpu} than on {first[0]}: {', '.join(sorted(differing))};"
                f" expected the same ones: write pins for one CPU, with --cpu {first[0]}"
            )
    return first[1]


def check_cuda(packages: Sequence[Package], version: str) -> str:
    """Returns the CUDA release of torch `version`, such as 13.0, or fails where its wheels do not serve."""
    versions = {package.name: package.version for package in packages}
    # A torch without CUDA requires no cuDNN; the newest cuda-toolkit was resolved then.
    if not any(name.startswith("nvidia-cudnn") for name in versions):
        raise CommandError(f"torch {version} on this package index is built without CUDA: use one with CUDA builds")
    # An older torch pins NVIDIA's wheels one by one, with the CUDA release in their names.
    other = next((name for name in versions if re.fullmatch(r"nvidia-cuda-runtime-cu\d+", name)), None)
    toolkit = versions.get("cuda-toolkit", "")
    if other or toolkit.split(".")[0] != _CUDA_MAJOR:
        found = f"{other} {versions[other]}" if other else f"cuda-toolkit {toolkit}"
        raise CommandError(
            f"torch {version} requires {found}; expected wheels of CUDA {_CUDA_MAJOR}: take torch 2.11 or newer, or use"
            " torch.local with an installed torch and toolkit"
        )
    return ".".join(toolkit.split(".")[:2])


def requirement_files(packages: Sequence[Package], version: str, arguments: str) -> dict[str, str]:
    """Returns the text of each requirement file by its name. The header shows the command line's `arguments`."""
    cuda = check_cuda(packages, version)
    runtime = [package for package in packages if package.name not in HEADERS]
    files = {
        f"{version}.txt": (
            f"What compiling and linking against torch {version} (CUDA {cuda}) need",
            [package for package in packages if SDK.fullmatch(package.name)],
        ),
        f"{version}.runtime.txt": (
            f"What importing an extension on torch {version} needs, the same for every CPython",
            [package for package in runtime if not _COMPILED.fullmatch(package.name)],
        ),
        f"{version}.runtime-compiled.txt": (
            f"What importing an extension on torch {version} needs, a wheel for each CPython",
            [package for package in runtime if _COMPILED.fullmatch(package.name)],
        ),
    }
    made_by = f"# Made by: bazel run @rules_deepgemm//tools/pins:torch -- {arguments}\n"
    return {
        name: f"# {what}, pinned by hash.\n{made_by}" + "".join(package.text for package in chosen)
        for name, (what, chosen) in files.items()
    }


def write_pins(args: argparse.Namespace) -> None:
    """Resolves, then writes all files or none."""
    if not re.fullmatch(r"\d+(\.\d+){1,2}(\+\w+)?", args.version):
        raise CommandError(f"{args.version!r} is not a version of torch; expected one such as 2.13.0")
    if not re.fullmatch(r"3\.\d+", args.python):
        raise CommandError(f"--python is {args.python!r}; expected a CPython such as 3.11")
    if not args.uv:
        raise CommandError(
            "there is no uv on the PATH: run @rules_deepgemm//tools/pins:torch with Bazel, which has one"
        )
    # `bazel run` starts a program in its runfiles directory.
    workspace = Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", ".")).absolute()
    packages = resolve_for_all(args.uv.absolute(), args.version, args.python, workspace, args.cpu or tuple(CPUS))
    options = [] if args.python == _PYTHON else [f"--python {args.python}"]
    arguments = " ".join([args.version, *options, *(f"--cpu {cpu}" for cpu in args.cpu)])
    files = requirement_files(packages, args.version, arguments)
    out = workspace / args.out
    out.mkdir(parents=True, exist_ok=True)
    if not any((out / name).exists() for name in ("BUILD.bazel", "BUILD")):
        files["BUILD.bazel"] = _BUILD
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
        print(f"wrote {out / name}")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", help="of torch, such as 2.13.0")
    parser.add_argument("--python", default=_PYTHON, help="the oldest CPython of the matrix (default: %(default)s)")
    parser.add_argument("--cpu", action="append", choices=CPUS, default=[], help="repeatable (default: all)")
    parser.add_argument("--out", type=Path, default=Path("third_party/torch"), help="default: %(default)s")
    parser.add_argument("--uv", type=Path, default=shutil.which("uv"), help="default: the one on the PATH")
    return command.run(parser, write_pins, argv)


if __name__ == "__main__":
    sys.exit(main())
