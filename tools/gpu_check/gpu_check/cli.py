"""The command line."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import machine, no_toolkit, summary
from .driver import Run
from .errors import CheckError
from .install import FLAT, Subject, Wheel, bundle, check_torch, install, read_wheel
from .no_toolkit import NoToolkit

EPILOG = """
Exit status: 0 when every number is right, 1 when one is wrong or a wheel does not work, 2 when the arguments or the
machine do not allow a check.
"""


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the arguments."""
    made = argparse.ArgumentParser(
        prog="gpu_check",
        description="Runs a built deep_gemm wheel on a Hopper GPU: are its numbers right, and what does a call cost?",
        epilog=EPILOG,
    )
    made.add_argument("wheel", help="a deep_gemm wheel, or a vLLM wheel that bundles DeepGEMM")
    made.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="[LABEL=]WHEEL",
        help="a wheel to run side by side with it; may be repeated",
    )
    made.add_argument(
        "--no-overlay", action="store_true", help="leave out the wheel's package as vllm/third_party/deep_gemm"
    )
    made.add_argument(
        "--no-toolkit",
        action="store_true",
        help="hide the CUDA toolkit; check that every kernel of the wheel is found, right and equal to the JIT's",
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    made.add_argument("--seed", type=int, help="of the random data (default: a new one, printed in the table's head)")
    made.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes that check numbers at a time")
    made.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="an empty directory to install, compile and log in (default: temporary)",
    )
    return made


def wheels(arguments: argparse.Namespace) -> list[Wheel]:
    """Returns the named wheels; the first is the one under test."""
    named = [read_wheel(arguments.wheel)]
    for argument in arguments.against:
        label, equals, path = argument.partition("=")
        named.append(read_wheel(path, label) if equals and not Path(argument).exists() else read_wheel(argument))
    labels = [wheel.label for wheel in named]
    for label in labels:
        if labels.count(label) > 1:
            raise CheckError(
                "--against",
                found=f"{label!r} twice",
                expected="a name for every wheel",
                fix="write --against LABEL=WHEEL",
            )
    return named


@contextlib.contextmanager
def workplace(directory: Path | None) -> Iterator[Path]:
    """Yields `directory`, which must be empty, or a temporary one that is deleted at the end."""
    if directory is None:
        made = Path(tempfile.mkdtemp(prefix="gpu_check-"))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise CheckError(
            str(directory), found="files", expected="an empty directory", fix="give another one, or empty it"
        )
    yield directory.resolve()


def subjects(named: list[Wheel], overlay: bool, work: Path) -> list[Subject]:
    """Installs every wheel, and the first one also in the layout of vLLM's wheel."""
    installed = []
    for number, wheel in enumerate(named):
        root, cache = work / f"site-{number}", work / f"jit-{number}"
        installed.append(install(wheel, root, cache))
    if overlay and named[0].module == FLAT:
        installed.insert(1, bundle(named[0], work / "site-overlay", work / "jit-overlay"))
    return installed


def check_without_toolkit(arguments: argparse.Namespace, named: list[Wheel], head: dict[str, str]) -> int:
    """`--no-toolkit`; the exit status."""
    if len(named) > 1:
        raise CheckError("--against", found="it with --no-toolkit", expected="one wheel", fix="leave it out")
    with workplace(arguments.work) as work:
        outcome = NoToolkit(named[0], work, int(head["seed"]), arguments.jobs, nvcc=head["nvcc"] != "none").everything()
    print(no_toolkit.text(head, outcome))
    if arguments.json:
        values = {**head, **dataclasses.asdict(outcome), "loaded": sorted(outcome.loaded)}
        arguments.json.write_text(json.dumps(values, indent=1) + "\n")
    return 1 if outcome.failures else 0


def main(argv: list[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    arguments = parser().parse_args(argv)
    try:
        if arguments.jobs < 1:
            raise CheckError("--jobs", found=str(arguments.jobs), expected="1 or more", fix="leave it out")
        named = wheels(arguments)
        version = machine.torch_version()
        for wheel in named:
            check_torch(wheel, version)
        seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
        date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        head = {"date": date, **machine.describe(needs_nvcc=not arguments.no_toolkit), "seed": str(seed)}
        if arguments.no_toolkit:
            return check_without_toolkit(arguments, named, head)
        with workplace(arguments.work) as work:
            run = Run(subjects(named, not arguments.no_overlay, work), seed, arguments.jobs, work)
            run.everything()
    except (CheckError, OSError) as error:
        print(f"gpu_check: {error}", file=sys.stderr)
        return 2
    print(summary.text(head, run))
    if arguments.json:
        arguments.json.write_text(json.dumps(summary.data(head, run), indent=1) + "\n")
    return 1 if summary.failures(run) else 0
