"""Merges lists of kernels and deals them out, so that as many actions can compile them side by side.

A kernel's place depends on its own text alone: another kernel in the list recompiles one shard and not all.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from kernel_tools.lists import Kernel, KernelList, read
from wheel_tools.errors import WheelError


def merge(paths: list[Path], arch: str, deepgemm: str, num_sms: int) -> list[Kernel]:
    """Every kernel of the lists, all of which must be for this architecture, DeepGEMM and number of SMs."""
    kernels: list[Kernel] = []
    for path in paths:
        found = read(path)
        if found.deepgemm not in (None, deepgemm):
            raise WheelError(
                str(path),
                found=f"kernels of DeepGEMM {found.deepgemm}",
                expected=f"kernels of DeepGEMM {deepgemm}, whose headers they are compiled with",
                fix="record them again",
            )
        if num_sms and found.num_sms not in (None, num_sms):
            raise WheelError(
                str(path),
                found=f"kernels for {found.num_sms} SMs",
                expected=f"kernels for {num_sms} SMs (num_sms)",
                fix="make a set of its own for them",
            )
        for kernel in found.kernels:
            if kernel.arch != arch:
                raise WheelError(
                    str(path),
                    found=f"{kernel.tag} for {kernel.arch}",
                    expected=f"kernels for {arch} (arch)",
                    fix="make a set of its own for it",
                )
        kernels += found.kernels
    if not kernels:
        raise WheelError(
            ", ".join(map(str, paths)), found="no kernel", expected="at least one", fix="record a server that was used"
        )
    return kernels


def main(argv: list[str]) -> int:
    """Exit code 0 when the shards are written, 1 with one line on stderr when a list cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], fromfile_prefix_chars="@")
    parser.add_argument("--list", type=Path, action="append", required=True, help="may be repeated")
    parser.add_argument("--arch", required=True, help="such as sm_90a")
    parser.add_argument("--deepgemm", required=True, help="the version whose headers compile the kernels")
    parser.add_argument("--num-sms", type=int, default=0, help="0: any")
    parser.add_argument("--shard", type=Path, action="append", required=True, help="a file to write; may be repeated")
    args = parser.parse_args(argv)
    shards: list[list[Kernel]] = [[] for _ in args.shard]
    try:
        for kernel in merge(args.list, args.arch, args.deepgemm, args.num_sms):
            digest = hashlib.sha256(f"{kernel.tag}\0{kernel.flags}\0{kernel.source}".encode()).digest()
            shards[int.from_bytes(digest[:8], "big") % len(shards)].append(kernel)
    except WheelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for path, kernels in zip(args.shard, shards):
        KernelList(kernels).write(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
