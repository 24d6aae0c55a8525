"""Writes the headers and interface libraries of a torch that a pip hub installs.

    pip-torch --version 2.14.0 --cuda-version 13.0 --torch …/torch --cuda …/nvidia/cu13 … --headers OUT --libraries OUT

Each of NVIDIA's wheels has a directory of its own. OUT of the headers then has torch/include and cuda/include, with the
headers that an extension can include; OUT of the libraries has libNAME.so for each.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.command import CommandError
from bazel.torch.torch_facts import Facts, extension_headers, facts, host_headers
from bazel.torch.torch_repository import write_interfaces


def _merged(directories: Sequence[Path], out: Path) -> Path | None:
    """Links the files of all `directories` in one; None where there are none."""
    for directory in directories:
        for path in directory.rglob("*"):
            if path.is_file():
                link = out / path.relative_to(directory)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path.absolute())
    return out if directories else None


def _copy(headers: Sequence[str], include: Path, out: Path) -> None:
    for header in headers:
        (out / header).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(include / header, out / header)


def _text(torch: Facts) -> str:
    abi = "on" if torch.cxx11_abi else "off"
    return f"torch {torch.torch_version} with CUDA {torch.cuda_version or 'none'} and the C++11 ABI {abi}"


def prepare(args: argparse.Namespace) -> None:
    """Writes all outputs, or fails where torch is another one than its metadata says."""
    with tempfile.TemporaryDirectory() as scratch:
        cuda = _merged(args.cuda, Path(scratch))
        found = facts(args.torch, cuda)
        expected = Facts(args.version, args.cuda_version, cxx11_abi=True)
        if found != expected:
            raise CommandError(
                f"{args.torch} has {_text(found)}; expected {_text(expected)}: choose another torch, or torch.wheel for"
                " this one"
            )
        _copy(extension_headers(args.torch / "include"), args.torch / "include", args.headers / "torch/include")
        if cuda:
            _copy(host_headers(cuda / "include"), cuda / "include", args.headers / "cuda/include")
        write_interfaces(args.torch, cuda, args.libraries)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", required=True, help="torch's version without its local part")
    parser.add_argument("--cuda-version", required=True, help="the CUDA release; empty for a torch without CUDA")
    parser.add_argument("--torch", type=Path, required=True, help="the directory of the package torch")
    parser.add_argument("--cuda", type=Path, action="append", default=[], help="a directory with include or lib")
    parser.add_argument("--headers", type=Path, required=True, help="the directory of the headers")
    parser.add_argument("--libraries", type=Path, required=True, help="the directory of the interfaces")
    return command.run(parser, prepare, argv)


if __name__ == "__main__":
    sys.exit(main())
