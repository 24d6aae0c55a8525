"""Merges lists of kernels and splits them into shards, one for each of several parallel compile actions.

A kernel's shard depends only on the kernel itself. Adding a kernel to a list therefore recompiles one shard, not all.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from kernel_tools.lists import Kernel, KernelList, read
from wheel_tools.errors import WheelError


def merge(paths: list[Path], arch: str, deepgemm: str, num_sms: int) -> list[Kernel]:
    """Returns every kernel of the lists. All must be for this architecture, DeepGEMM and number of SMs (0: any)."""
    kernels: list[Kernel] = []
    for path in paths:
        found = read(path)
        if found.deepgemm not in (None, deepgemm):
            raise WheelError(
                str(path),
                found=f"kernels of DeepGEMM {found.deepgemm}",
                expected=f"kernels of DeepGEMM {deepgemm}, whose headers they are compiled with",
                fix=f"record them again with DeepGEMM {deepgemm}",
            )
        if num_sms and found.num_sms not in (None, num_sms):
            raise WheelError(
                str(path),
                found=f"kernels for {found.num_sms} SMs",
                expected=f"kernels for {num_sms} SMs (num_sms)",
                fix="put them into another deepgemm_kernels target",
            )
        for kernel in found.kernels:
            if kernel.arch != arch:
                raise WheelError(
                    str(path),
                    found=f"{kernel.tag} for {kernel.arch}",
                    expected=f"kernels for {arch} (arch)",
                    fix="put it into another deepgemm_kernels target",
                )
        kernels += found.kernels
    if not kernels:
        raise WheelError(
            ", ".join(map(str, paths)),
            found="no kernel",
            expected="at least one",
            fix="record the cache of a server after it has handled requests",
        )
    return kernels


def main(argv: list[str]) -> int:
    """Returns 0 when the shards are written; prints one line on stderr and returns 1 when a list cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], fromfile_prefix_chars="@")
    parser.add_argument("--list", type=Path, action="append", required=True, help="may be repeated")
    parser.add_argument("--arch", required=True, help="nvcc's architecture, such as sm_90a")
    parser.add_argument("--deepgemm", required=True, help="the version whose headers compile the kernels")
    parser.add_argument("--num-sms", type=int, default=0, help="number of SMs; 0: any. Default: 0")
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
