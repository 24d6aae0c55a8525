"""Merges sets of kernels into the directory `aot` of a package: compiler.txt, manifest.json and cache/<tag>.<key>/."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from wheel_tools.errors import WheelError


def merge(parts: list[Path], out: Path) -> dict[str, Any]:
    """Copies the entries of every part into `out/cache` and returns the facts of each, by name.

    A kernel that several parts have is copied once, with the first example of a call that a part has for it.
    """
    kernels: dict[str, Any] = {}
    for part in parts:
        for name, facts in json.loads((part / "kernels.json").read_text(encoding="utf-8")).items():
            if name not in kernels:
                shutil.copytree(part / name, out / "cache" / name, copy_function=shutil.copyfile)
                kernels[name] = facts
            elif (part / name / "kernel.cubin").read_bytes() != (out / "cache" / name / "kernel.cubin").read_bytes():
                raise WheelError(
                    name,
                    found="two sets with different bytes for this kernel",
                    expected="the same bytes, compiled by the same nvcc",
                    fix="build both sets with the same nvcc toolchain",
                )
            elif kernels[name]["call"] is None:
                kernels[name] = facts
    return kernels


def compress(out: Path, kernels: dict[str, Any], fatbinary: Path) -> None:
    """Replaces each cubin with a compressed fatbin, which the driver unpacks when it loads the kernel."""
    for name, facts in kernels.items():
        arch = re.search(r"--gpu-architecture=sm_(\w+)", facts["flags"])
        cubin, fatbin = out / "cache" / name / "kernel.cubin", out / "cache" / name / "kernel.fatbin"
        image = f"--image3=kind=elf,sm={arch[1] if arch else ''},file={cubin}"
        command = [str(fatbinary), "-64", f"--create={fatbin}", "--compress-all", "--compress-mode=size", image]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise WheelError(name, found=done.stdout.strip(), expected="a fatbin", fix="build without compress_kernels")
        fatbin.replace(cubin)


def _described(text: str) -> dict[str, Any]:
    name, arch, num_sms, verified = text.split("=")
    return {"name": name, "arch": arch, "num_sms": int(num_sms) or None, "verified": verified == "true"}


def main(argv: list[str]) -> int:
    """Returns 0 when the directory is written; prints one line on stderr and returns 1 when the sets conflict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], fromfile_prefix_chars="@")
    parser.add_argument(
        "--part", type=Path, action="append", required=True, help="output of compile_kernels; may be repeated"
    )
    parser.add_argument("--compiler-text", type=Path, required=True, help="the output of nvcc --version")
    parser.add_argument("--fatbinary", type=Path, help="CUDA's fatbinary, to compress cubins. Default: no compression")
    parser.add_argument("--deepgemm", required=True, help="the version of DeepGEMM")
    parser.add_argument("--set", action="append", required=True, help="NAME=ARCH=SMS=VERIFIED; may be repeated")
    parser.add_argument("--out", type=Path, required=True, help="an empty directory")
    args = parser.parse_args(argv)
    try:
        kernels = merge(args.part, args.out)
        if args.fatbinary:
            compress(args.out, kernels, args.fatbinary)
    except WheelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    sets = [_described(text) for text in args.set]
    manifest = {"deepgemm": args.deepgemm, "sets": sets, "kernels": kernels}
    (args.out / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    shutil.copyfile(args.compiler_text, args.out / "compiler.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
