"""Writes the requirement file of a torch version: torch and the NVIDIA wheels that compiling and linking need.

    bazel run //tools/pins:torch_sdk -- 2.13.0
    python3 tools/pins/torch_sdk.py 2.13.0          the same with the `uv` on the PATH

uv resolves what torch itself pins, asks the package index that uv is configured for, and writes the SHA-256 of every
file, so that one requirement file serves every CPython whose wheel may be taken.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# cuda-toolkit is NVIDIA's list of the wheels of one CUDA release. torch asks for some of its extras; cccl and crt are
# headers alone, which only a compiler misses.
_WANTED_EXTRAS = ("cccl", "crt")
_KEPT = re.compile(
    r"torch|nvidia-(cuda-(cccl|crt|nvrtc|runtime)|cublas|cusolver|cusparse)(-cu\d+)?",
)
_CUDA_MAJOR = "13"
_PYTHON = "3.12"

_HEADER = """\
# What compiling and linking against torch {version} (CUDA {cuda}) needs, every file of it pinned by hash.
# Made by: bazel run //tools/pins:torch_sdk -- {version}
"""


class UpdateError(Exception):
    """Something that the user can mend; its text is the one line they get to see."""


def resolve(uv: str, version: str) -> str:
    """What `uv pip compile` says about torch `version`: every package it needs on Linux, with hashes."""
    command = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
        "--only-binary=:all:",
        "--python-platform=x86_64-manylinux_2_28",
        f"--python-version={_PYTHON}",
        "-",
    ]
    wanted = f"torch=={version}\ncuda-toolkit[{','.join(_WANTED_EXTRAS)}]\n"
    result = subprocess.run(command, input=wanted, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        # uv draws its reasons as a tree, after a headline.
        reason = " ".join(re.sub(r"[^ -~]", " ", result.stderr).split()).removeprefix("error: ")
        raise UpdateError(f"no requirement file for torch {version} (exit code {result.returncode} of uv): {reason}")
    return result.stdout


def select(resolved: str, version: str) -> str:
    """The requirement file: the packages that compiling and linking need, out of all that torch needs."""
    blocks = re.findall(r"^(\S+)==(\S+)((?: \\\n    --hash=\S+)+)\n", resolved, re.MULTILINE)
    versions = {name: found for name, found, _ in blocks}
    cuda = versions.get("cuda-toolkit", "")
    # torch's own dependencies: without them it is a build for the CPU, and the newest toolkit was resolved.
    if not any(name.startswith("nvidia-cudnn") for name in versions):
        raise UpdateError(
            f"torch {version} on this package index is a build without CUDA: use an index that has CUDA builds"
        )
    # An older torch pins NVIDIA's wheels one by one, with the CUDA release in their names.
    other = [name for name in versions if re.fullmatch(r"nvidia-cuda-runtime-cu\d+", name)]
    if other or cuda.split(".")[0] != _CUDA_MAJOR:
        found = f"{other[0]} {versions[other[0]]}" if other else f"cuda-toolkit {cuda}"
        raise UpdateError(
            f"torch {version} needs {found}: its wheels are laid out for another CUDA than {_CUDA_MAJOR};"
            " take torch 2.11 or newer, or use torch.local with an installed torch and toolkit"
        )
    lines = [_HEADER.format(version=version, cuda=".".join(cuda.split(".")[:2]))]
    for name, found, hashes in blocks:
        if _KEPT.fullmatch(name):
            lines.append(f"{name}=={found}{hashes}\n")
    return "".join(lines)


def main(argv: list[str]) -> int:
    """Exit code 0 when the file is written, 1 with one line on stderr when not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", help="of torch, as 2.13.0")
    parser.add_argument("--out", type=Path, help="default: third_party/torch/VERSION.txt")
    parser.add_argument("--uv", default=shutil.which("uv"), help="default: the one on the PATH")
    args = parser.parse_args(argv)
    try:
        if not re.fullmatch(r"\d+(\.\d+){1,2}(\+\w+)?", args.version):
            raise UpdateError(f"{args.version!r} is not a version of torch: 2.13.0 for example is one")
        if not args.uv:
            raise UpdateError("there is no uv on the PATH: run it as `bazel run //tools/pins:torch_sdk`")
        # `bazel run` starts a program in its runfiles.
        workspace = Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."))
        out = workspace / (args.out or Path("third_party/torch", f"{args.version}.txt"))
        if not out.parent.is_dir():
            raise UpdateError(f"{out.parent} is not a directory: name the file to write with --out")
        out.write_text(select(resolve(args.uv, args.version), args.version), encoding="utf-8")
    except (UpdateError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
