"""Makes the repository of a torch from unpacked wheels or from an installation.

    python3 -m bazel.torch.torch_repository --site DIR --out REPOSITORY
        moves the headers out of wheels that pip_fetch unpacked into DIR, and deletes DIR
    python3 -m bazel.torch.torch_repository --torch …/torch --cuda …/cu13 … --out REPOSITORY
        links the headers of an installed torch, and of the first toolkit that exists

The repository then has torch/include, cuda/include, lib (interfaces of the shared libraries), version.bzl (torch's
version, its CUDA release, its C++ ABI) and headers.bzl (the headers that an extension can include). With --no-cuda it
has nothing of CUDA, whether torch was built with it or not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.command import CommandError
from bazel.torch.elf_interface import write_interface
from bazel.torch.torch_facts import extension_headers, facts, host_headers, torch_build

_TORCH_LIBRARIES = ("c10", "torch", "torch_cpu", "torch_python")
_TORCH_CUDA_LIBRARIES = ("c10_cuda", "torch_cuda")
_CUDA_LIBRARIES = ("cudart", "nvrtc")


def write_interfaces(torch: Path, cuda: Path | None, out: Path) -> None:
    """Writes lib/libNAME.so for each library that extensions link with.

    CUDA's libraries have only versioned file names. The loader looks for the SONAME, which the interface keeps.
    """
    out.mkdir(exist_ok=True)
    for name in _TORCH_LIBRARIES + (_TORCH_CUDA_LIBRARIES if cuda else ()):
        write_interface(torch / "lib" / f"lib{name}.so", out / f"lib{name}.so")
    for name in _CUDA_LIBRARIES if cuda else ():
        found = [path for lib in ("lib64", "lib") for path in sorted((cuda / lib).glob(f"lib{name}.so.*"))]
        if not found:
            raise CommandError(
                f"there is no lib{name}.so.* in {cuda / 'lib64'} or {cuda / 'lib'}; expected a CUDA toolkit with its"
                " libraries: name another one"
            )
        write_interface(found[0], out / f"lib{name}.so")


def _packages(torch: Path, cuda: Path | None) -> list[tuple[str, Path]]:
    return [("torch", torch), *([("cuda", cuda)] if cuda else [])]


def move_wheels(site: Path, out: Path, with_cuda: bool) -> None:
    """Moves headers and licences out of an unpacked site-packages, and deletes the rest."""
    torch = site / "torch"
    if not torch.exists():
        raise CommandError("the requirement file pins no torch: add it")
    version, release = torch_build(torch, with_cuda)
    found = sorted(site.glob("nvidia/cu*/include/cuda.h"))
    if with_cuda and not found:
        raise CommandError(
            f"torch {version} is built with CUDA {release}, but the requirement file pins no nvidia-cuda-runtime of"
            " CUDA 13 or newer: add it"
        )
    cuda = found[0].parents[1] if with_cuda else None
    describe(torch, cuda, out)
    write_interfaces(torch, cuda, out / "lib")
    for name, package in _packages(torch, cuda):
        (out / name).mkdir()
        (package / "include").rename(out / name / "include")
    for licenses in sorted(site.glob("*.dist-info/licenses")):
        (out / "licenses").mkdir(exist_ok=True)
        licenses.rename(out / "licenses" / licenses.parent.name.split("-")[0])
    shutil.rmtree(site)


def link_installed(torch: Path, toolkits: Sequence[Path], out: Path) -> None:
    """Links the headers of an installed torch, and of the first of `toolkits` that exists. Without these, no CUDA."""
    version, release = torch_build(torch, bool(toolkits))
    present = [toolkit for toolkit in toolkits if (toolkit / "include" / "cuda.h").exists()]
    if toolkits and not present:
        raise CommandError(
            f"torch {version} is built with CUDA {release}, but there is no include/cuda.h in"
            f" {', '.join(map(str, toolkits))}: name an installed toolkit with cuda_home"
        )
    cuda = present[0] if present else None
    describe(torch, cuda, out)
    write_interfaces(torch, cuda, out / "lib")
    for name, package in _packages(torch, cuda):
        (out / name).mkdir()
        (out / name / "include").symlink_to(package / "include")


def describe(torch: Path, cuda: Path | None, out: Path) -> None:
    """Writes version.bzl and headers.bzl. A JSON string, and a JSON list of strings, are Starlark too."""
    found = facts(torch, cuda)
    version = [
        '"""Which torch this is; written by the repository rule."""\n',
        f"TORCH_VERSION = {json.dumps(found.torch_version)}",
        f"CUDA_VERSION = {json.dumps(found.cuda_version)}",
        f"CXX11_ABI = {'True' if found.cxx11_abi else 'False'}",
    ]
    extension = [f"torch/include/{path}" for path in extension_headers(torch / "include")]
    host = [f"cuda/include/{path}" for path in host_headers(cuda / "include")] if cuda else []
    headers = [
        '"""The headers that an extension can include; written by the repository rule."""\n',
        f"EXTENSION_HEADERS = {json.dumps(extension, indent=4)}\n",
        f"CUDA_HOST_HEADERS = {json.dumps(host, indent=4)}",
    ]
    for name, lines in (("version.bzl", version), ("headers.bzl", headers)):
        (out / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--site", type=Path, help="a directory of unpacked wheels; it is deleted")
    parser.add_argument("--torch", type=Path, help="the directory of an installed package torch")
    toolkit = parser.add_mutually_exclusive_group()
    toolkit.add_argument("--cuda", type=Path, nargs="+", default=[], help="toolkits; the first that exists is used")
    toolkit.add_argument("--no-cuda", action="store_true", help="make a torch without CUDA of any torch")
    parser.add_argument("--out", type=Path, required=True, help="the repository")

    def act(args: argparse.Namespace) -> None:
        if (args.site is None) == (args.torch is None) or bool(args.torch and not args.no_cuda) != bool(args.cuda):
            parser.error("expected either --site, or --torch and one of --cuda and --no-cuda")
        if args.site:
            move_wheels(args.site.absolute(), args.out, not args.no_cuda)
        else:
            link_installed(args.torch.absolute(), [path.absolute() for path in args.cuda], args.out)

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
