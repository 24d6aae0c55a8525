"""Writes the requirement file of one part of torch, out of a requirement file or of a project's lock.

    python3 -m bazel.torch.torch_pins PART --requirements FILE --python 3.12 --out OUT [--headers PINS]

PART is `cuda` (what compiling and linking need), `cpu` (the same without CUDA), `shared` (of a lock, what importing
needs and is the same for every CPython) or `compiled` (the rest of it, for one CPython). No torch requires NVIDIA's
wheels of headers cccl and crt; a lock without them gets those of PINS.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from bazel.fetch import command, lock
from bazel.fetch.command import CommandError
from bazel.fetch.pins import Pin, index_options, read_pins
from bazel.fetch.platforms import CPUS

# The packages whose headers and libraries compiling and linking need.
SDK = re.compile(r"torch|nvidia-(cuda-(cccl|crt|nvrtc|runtime)|cublas|cusolver|cusparse)")
# Those of them that no torch requires.
HEADERS = ("nvidia-cuda-cccl", "nvidia-cuda-crt")
# It shares a directory with cuda-bindings, which has a wheel for each CPython.
_NOT_SHARED = "cuda-pathfinder"


def _release(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _with_headers(pins: dict[str, Pin], headers: Path, name: str) -> dict[str, Pin]:
    """Adds NVIDIA's wheels of headers that are missing, or fails where `headers` has those of another CUDA release."""
    runtime = pins.get("nvidia-cuda-runtime")
    if not runtime:
        raise CommandError(
            f"{name} has torch {pins['torch'].version} without nvidia-cuda-runtime; expected a torch with CUDA 13 or"
            " newer: lock one, or choose a torch without CUDA by cuda = False"
        )
    known = {pin.name: pin for pin in read_pins(headers.read_text(encoding="utf-8")) or []}
    for missing in [header for header in HEADERS if header not in pins]:
        if _release(known[missing].version) != _release(runtime.version):
            release = _release(runtime.version)
            raise CommandError(
                f"{name} has nvidia-cuda-runtime {runtime.version} and no {missing}; expected both of CUDA {release}:"
                f" add {missing}=={release}.* to the project's dependencies, and lock it again"
            )
        pins[missing] = known[missing]
    return pins


def requirement_file(args: argparse.Namespace) -> str:
    """Returns the text of the requirement file."""
    name = args.requirements.name
    # torch_pins.bzl has compared the whole name.
    if args.requirements.suffix == ".toml" or name == "uv.lock":
        locked = lock.read_lock(args.requirements, ["torch", *HEADERS], args.python, args.part != "cpu", args.cpu)
        options = sorted({f"--extra-index-url {one.index}" for one in locked if one.index})
    else:
        text = args.requirements.read_text(encoding="utf-8")
        read = read_pins(text)
        if read is None:
            # Only pip can read it.
            return text
        locked = [lock.Locked(pin, None, False) for pin in read]
        options = index_options(text)
    pins = {canonicalize_name(one.pin.name): one.pin for one in locked}
    others = dict.fromkeys(HEADERS, "") | {canonicalize_name(one.pin.name): one.elsewhere for one in locked}
    if "torch" not in pins:
        raise CommandError(f"{name} has no torch for CPython {args.python} on Linux, with == and hashes: add it")
    if args.part == "cpu":
        pins = {"torch": pins["torch"]}
    elif args.part == "cuda":
        pins = {key: pin for key, pin in pins.items() if SDK.fullmatch(key)}
        pins = _with_headers(pins, args.headers, name)
    else:
        shared = {one.pin.name for one in locked if one.shared and one.pin.name != _NOT_SHARED}
        pins = {
            key: pin for key, pin in pins.items() if key not in HEADERS and (key in shared) == (args.part == "shared")
        }
    elsewhere = [
        f"{pins[key].name} {pins[key].version} for {one}" for key, one in others.items() if one and key in pins
    ]
    if elsewhere:
        raise CommandError(
            f"{name} has {'; '.join(elsewhere)}; expected a wheel for CPython {args.python} on {args.cpu} Linux: name"
            " another CPython with python, or lock the project for this one"
        )
    unhashed = [f"{pin.name} {pin.version}" for pin in pins.values() if not pin.hashes]
    if unhashed:
        raise CommandError(
            f"{name} has no SHA-256 of {', '.join(unhashed)}; expected one of each wheel: lock it from a package index"
        )
    return "".join(f"{line}\n" for line in [*options, *(pins[key].line for key in sorted(pins))])


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["cpu", "cuda", "shared", "compiled"])
    parser.add_argument("--requirements", type=Path, required=True, help="a requirement file, uv.lock or pylock.toml")
    parser.add_argument("--python", required=True, help="the CPython, such as 3.12")
    parser.add_argument("--cpu", default="x86_64", choices=CPUS, help="the CPU of the wheels (default: x86_64)")
    parser.add_argument("--headers", type=Path, help="requirement file with NVIDIA's wheels of headers")
    parser.add_argument("--out", type=Path, required=True, help="the requirement file to write")

    def act(args: argparse.Namespace) -> None:
        args.out.write_text(requirement_file(args), encoding="utf-8")

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
