"""The GPU check without a GPU: its verdicts, its wheels, its processes, its table, its errors."""

from __future__ import annotations

import contextlib
import math
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from gpu_check import cli, machine
from gpu_check.cases import CASES, SMALL, TOLERANCES, Case, problems
from gpu_check.checker import Checker
from gpu_check.client import Worker
from gpu_check.errors import CheckError, WorkerError
from gpu_check.wheels import BUNDLED, FLAT, Subject, check_torch, read_wheel, unpack

EXTENSION = f"_C.cpython-{sys.version_info.major}{sys.version_info.minor}-x86_64-linux-gnu.so"
RIGHT = {"not_finite": 0, "relative": 1.7e-3, "element": 0.9, "guards": True, "repeats": True, "digest": "0"}


def wheel(
    directory: Path,
    *,
    name: str = "deep_gemm-2.8.2-py3-none-any.whl",
    package: str = "deep_gemm",
    extension: str = EXTENSION,
    init: str = "",
    metadata: str = "",
) -> Path:
    """A wheel with the members that gpu_check looks at."""
    path = directory / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{package}/__init__.py", init)
        archive.writestr(f"{package}/utils/mlopart.py", "")
        archive.writestr(f"{package}/{extension}", b"\0deep_gemm.utils.mlopart\0")
        stem = "-".join(name.split("-")[:2])
        archive.writestr(f"{stem}.dist-info/METADATA", f"Name: deep_gemm\n{metadata}\n")
    return path


# Verdicts


def test_right_output_has_no_problems() -> None:
    assert problems(RIGHT, TOLERANCES["bf16", "bf16"]) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"not_finite": 3}, "3 elements not written"),
        ({"relative": 0.01}, "relative error 0.01, allowed 0.003"),
        ({"relative": math.nan}, "relative error nan"),
        ({"element": 40.0}, "off by 40 times"),
        ({"element": math.nan}, "off by nan times"),
        ({"guards": False}, "outside the output"),
        ({"repeats": False}, "other bits"),
    ],
)
def test_every_kind_of_wrong_output_is_named(change: dict[str, object], words: str) -> None:
    (problem,) = problems({**RIGHT, **change}, TOLERANCES["bf16", "bf16"])
    assert words in problem


# Cases


def test_cases_cover_what_is_claimed() -> None:
    kinds = {f"{dtype}_{form}" for dtype in ("bf16", "fp8") for form in ("dense", "contiguous", "masked")}
    assert len(CASES) == 37
    assert {case.kind for case in CASES} == {case.kind for case in SMALL} == kinds


def test_cases_have_data_of_their_own_that_a_seed_repeats() -> None:
    seeds = [case.seed(1) for case in CASES]
    assert len(set(seeds)) == len({case.name for case in CASES}) == len(CASES)
    assert seeds == [case.seed(1) for case in CASES]
    assert not set(seeds) & {case.seed(2) for case in CASES}


# Wheels


def test_wheel_is_labelled_by_its_name(tmp_path: Path) -> None:
    found = read_wheel(str(wheel(tmp_path)))
    assert (found.label, found.module, found.torch_pin) == ("deep_gemm 2.8.2", FLAT, None)


def test_vllm_wheel_is_recognised(tmp_path: Path) -> None:
    path = wheel(tmp_path, name="vllm-0.33.0-cp38-abi3-any.whl", package="vllm/third_party/deep_gemm")
    assert read_wheel(str(path)).module == BUNDLED


def test_abi3_extension_is_for_every_python(tmp_path: Path) -> None:
    assert read_wheel(str(wheel(tmp_path, extension="_C.abi3.so"))).module == FLAT


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"extension": "_C.cpython-39-x86_64-linux-gnu.so"}, "found _C.cpython-39-x86_64-linux-gnu.so; expected _C."),
        ({"extension": "other.so"}, "found no _C"),
        ({"package": "flash_attn"}, "found neither deep_gemm/ nor vllm/third_party/deep_gemm/"),
    ],
)
def test_wheel_that_cannot_be_checked_is_refused(tmp_path: Path, options: dict[str, str], words: str) -> None:
    with pytest.raises(CheckError, match=words):
        read_wheel(str(wheel(tmp_path, **options)))


def test_torch_must_be_the_one_compiled_against(tmp_path: Path) -> None:
    found = read_wheel(str(wheel(tmp_path, metadata="Requires-Dist: numpy\nRequires-Dist: torch==2.14.0")))
    check_torch(found, "2.14.0+cu130")
    with pytest.raises(CheckError, match=r"found a wheel for torch 2\.14\.0; expected one for torch 2\.11\.0\+cu130"):
        check_torch(found, "2.11.0+cu130")


def test_moved_package_has_vllms_layout_and_the_absolute_names(tmp_path: Path) -> None:
    subject = unpack(read_wheel(str(wheel(tmp_path))), tmp_path / "site", BUNDLED)
    package = tmp_path / "site" / "vllm" / "third_party" / "deep_gemm"
    assert (subject.module, subject.package) == (BUNDLED, package)
    assert (package / EXTENSION).is_file()
    assert "'utils.mlopart'" in (package / "__init__.py").read_text()
    assert (tmp_path / "site" / "vllm" / "__init__.py").read_text() == ""
    assert not (tmp_path / "site" / "deep_gemm").exists()


@pytest.mark.parametrize("package", ["deep_gemm", "vllm/third_party/deep_gemm"])
def test_package_that_stays_in_its_place_is_left_as_it_is(tmp_path: Path, package: str) -> None:
    path = wheel(tmp_path, name="vllm-1-cp38-abi3-any.whl", package=package, init="x = 1\n")
    subject = unpack(read_wheel(str(path)), tmp_path / "site")
    assert subject.label == "vllm 1"
    assert (tmp_path / "site" / package / "__init__.py").read_text() == "x = 1\n"
    assert not list((tmp_path / "site").glob("*.dist-info"))


# Workers


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An unpacked package, and a torch that has what importing needs."""
    root = tmp_path / "site"
    (root / "deep_gemm").mkdir(parents=True)
    (root / "deep_gemm" / "__init__.py").write_text(
        "__version__ = '2.8.2'\nprint('noise')\ndef get_num_sms(): return 132\n"
    )
    (root / "torch.py").write_text("def set_num_threads(count): pass\n")
    return root


@pytest.fixture
def worker(site: Path, tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    with contextlib.ExitStack() as stack:

        def start(module: str) -> Worker:
            return stack.enter_context(Worker(Subject("a", module, site), tmp_path / "log", tmp_path / "jit", {}))

        yield start


def test_worker_imports_from_the_unpacked_wheel_and_nothing_else(worker: Callable[[str], Worker]) -> None:
    answer = worker(FLAT).start()
    assert (answer["version"], answer["sms"]) == ("2.8.2", 132)
    with pytest.raises(WorkerError, match="not from the unpacked wheel"):
        worker("json").start()


def test_worker_that_crashes_says_by_what(site: Path, worker: Callable[[str], Worker]) -> None:
    (site / "deep_gemm" / "__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    crashing = worker(FLAT)
    with pytest.raises(WorkerError, match="status -11; Fatal Python error: Segmentation fault"):
        crashing.start()
    with pytest.raises(WorkerError, match="its process ended"):
        crashing.start()


def test_worker_that_hangs_is_stopped(site: Path, worker: Callable[[str], Worker]) -> None:
    (site / "deep_gemm" / "__init__.py").write_text("import time\ntime.sleep(60)\n")
    with pytest.raises(WorkerError, match="no answer to 'import' within 1 s"):
        worker(FLAT).ask("import", timeout=1, module=FLAT, root=str(site))


PRODUCTS = """
import os
from pathlib import Path
from gpu_check import worker

class Session(worker.Session):
    def do_check(self, case, seed):
        if case["kind"] == "crash":
            os.abort()
        if case["kind"] == "memory" and not Path("tried").exists():
            Path("tried").touch()
            raise RuntimeError("torch.OutOfMemoryError")
        return {"problems": case.get("problems", [])}

worker.serve(Session())
"""


def test_crash_costs_only_its_product_and_memory_is_tried_again(site: Path, tmp_path: Path) -> None:
    (tmp_path / "products.py").write_text(PRODUCTS)

    class Fake(Checker):
        def worker(self, subject: Subject, cache: str, **settings: str) -> Worker:
            log = self.work / f"{cache}-{next(self._logs)}.log"
            return Worker(subject, log, self.work / cache, settings, (str(tmp_path / "products.py"),))

    checker = Fake(tmp_path, 1, 2)
    cases = {"crash": {"kind": "crash"}, "wrong": {"kind": "x", "problems": ["bad"]}, "memory": {"kind": "memory"}}
    cases |= {f"more {number}": {"kind": "x"} for number in range(5)}
    assert checker.products(Subject("a", FLAT, site), cases, "jit").keys() == cases.keys() - {"crash"}
    assert sorted(checker.failures) == [
        "a, jit: crash: its process ended (status -6; Fatal Python error: Aborted)",
        "a, jit: wrong: bad",
    ]


# Reports


def columns() -> list[dict[str, Any]]:
    """The columns of a wheel, its overlay and another build."""

    def column(label: str, cases: list[Case]) -> dict[str, Any]:
        checks = {case.name: {**RIGHT, "problems": []} for case in cases}
        return {"label": label, "version": "2.8.2", "asked": len(cases), "checks": checks, "kernels": 41}

    return [column("ours", CASES), column("ours in vllm", SMALL), column("theirs", CASES)]


def cells(made: list[dict[str, Any]], what: str) -> list[str]:
    """The cells of one row of the table."""
    return next(row[1:] for row in cli.rows(made) if row[0] == what)


def test_table_of_a_right_run() -> None:
    assert cells(columns(), "right numbers") == ["37 of 37", "6 of 6", "37 of 37"]
    assert cells(columns(), "same bits as ours") == ["37 of 37", "6 of 6", "37 of 37"]
    table = cli.markdown(cli.rows(columns()))
    assert len({len(line) for line in table}) == 1
    assert all(line.count("|") == 5 for line in table)


def test_wrong_and_missing_numbers_are_in_the_table() -> None:
    made = columns()
    name = "bf16_dense 16x512x512"
    made[2]["checks"][name] = {**RIGHT, "relative": 0.5, "digest": "1", "problems": ["relative error 0.5"]}
    del made[1]["checks"][name]
    assert cells(made, f"error: {name}") == ["1.7e-03", "-", "5.0e-01 WRONG"]
    assert cells(made, "right numbers") == ["37 of 37", "5 of 6", "36 of 37"]
    assert cells(made, "same bits as ours") == ["37 of 37", "5 of 5", "36 of 37"]


# Command line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.whl"], "missing.whl: found no such file; expected a built wheel"),
        (["{text}"], "found a file that is no zip archive"),
        (["{wheel}", "--against", "{wheel}"], "found 'deep_gemm 2.8.2' twice"),
        (["{wheel}", "--against", "other=missing.whl"], "missing.whl: found no such file"),
        (["{wheel}", "--jobs", "0"], "--jobs: found 0"),
        (["{wheel}"], "found a wheel for torch 2.14.0; expected one for torch 2.11.0"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.setattr(machine, "torch_version", lambda: "2.11.0+cu130")
    text = tmp_path / "text.whl"
    text.write_text("no archive")
    made = wheel(tmp_path, metadata="Requires-Dist: torch==2.14.0")
    assert cli.main([argument.format(wheel=made, text=text) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert captured.err.count("\n") == 1


def test_work_directory_must_be_empty(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckError, match="expected an empty directory"), cli.workplace(tmp_path):
        pass


def test_label_is_taken_from_the_argument(tmp_path: Path) -> None:
    made = wheel(tmp_path)
    arguments = cli.parser().parse_args([str(made), "--against", f"theirs={made}"])
    assert [found.label for found in cli.wheels(arguments)] == ["deep_gemm 2.8.2", "theirs"]
