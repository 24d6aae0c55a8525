"""Merges sets of kernels into the directory `aot` of a package: compiler.txt, manifest.json and kernels.lz."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from wheel_tools.errors import WheelError
from wheel_tools.kernel_pack import pack


def merge(parts: list[Path]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Returns the facts and the cubin of each kernel of the parts, by name.

    A kernel that several parts have is there once, with the first example of a call that a part has for it.
    """
    kernels: dict[str, Any] = {}
    cubins: dict[str, bytes] = {}
    for part in parts:
        for name, facts in json.loads((part / "kernels.json").read_text(encoding="utf-8")).items():
            cubin = (part / name / "kernel.cubin").read_bytes()
            if cubins.setdefault(name, cubin) != cubin:
                raise WheelError(
                    name,
                    found="two sets with different bytes for this kernel",
                    expected="the same bytes, compiled by the same nvcc",
                    fix="build both sets with the same nvcc toolchain",
                )
            source = (part / name / "kernel.cu").read_text(encoding="utf-8")
            call = kernels.get(name, facts)["call"]
            kernels[name] = {**facts, "call": facts["call"] if call is None else call, "source": source}
    return kernels, cubins


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
    parser.add_argument("--deepgemm", required=True, help="the version of DeepGEMM")
    parser.add_argument("--set", action="append", required=True, help="NAME=ARCH=SMS=VERIFIED; may be repeated")
    parser.add_argument("--out", type=Path, required=True, help="an empty directory")
    args = parser.parse_args(argv)
    try:
        kernels, cubins = merge(args.part)
    except WheelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    sets = [_described(text) for text in args.set]
    manifest = {"deepgemm": args.deepgemm, "sets": sets, "kernels": kernels}
    (args.out / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (args.out / "kernels.lz").write_bytes(pack(cubins))
    shutil.copyfile(args.compiler_text, args.out / "compiler.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
