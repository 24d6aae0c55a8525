"""The GPU check without a GPU: its reference's number format, its verdicts, its wheels, its table, its errors."""

from __future__ import annotations

import json
import math
import sys
import zipfile
from pathlib import Path

import pytest
from gpu_check import cli, machine, summary
from gpu_check.cases import CASES, FIRST_CALLS, OVERLAY_CASES, TOLERANCES, judge
from gpu_check.client import Worker, WorkerError
from gpu_check.driver import Run
from gpu_check.errors import CheckError
from gpu_check.formats import decode_e4m3, e4m3_table
from gpu_check.install import BUNDLED, FLAT, Subject, bundle, check_torch, read_wheel

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


# Reference


@pytest.mark.parametrize(
    ("byte", "value"),
    [(0x00, 0.0), (0x01, 2**-9), (0x07, 7 * 2**-9), (0x08, 2**-6), (0x38, 1.0), (0x39, 1.125), (0x7E, 448.0)],
)
def test_e4m3_values_of_the_standard(byte: int, value: float) -> None:
    assert decode_e4m3(byte) == value
    assert decode_e4m3(byte | 0x80) == -value


def test_e4m3_table_is_ordered_and_has_two_nans() -> None:
    table = e4m3_table()
    assert len(table) == 256
    assert [i for i, value in enumerate(table) if math.isnan(value)] == [0x7F, 0xFF]
    assert table[:0x7F] == sorted(set(table[:0x7F]))


# Verdicts


def test_right_output_has_no_problems() -> None:
    assert judge(RIGHT, TOLERANCES["bf16", "bf16"]) == []


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
    (problem,) = judge({**RIGHT, **change}, TOLERANCES["bf16", "bf16"])
    assert words in problem


# Cases


def test_cases_cover_what_is_claimed() -> None:
    asked = {(case.kind, case.dtype, case.use) for case in CASES.values()}
    for kind in ("dense", "contiguous", "masked"):
        for dtype in ("bf16", "fp8"):
            for use in ("", "host", "rate"):
                assert (kind, dtype, use) in asked
    assert {(case.kind, case.dtype) for case in OVERLAY_CASES} == {(kind, dtype) for kind, dtype, _ in asked}
    assert {case.dtype for case in FIRST_CALLS} == {"bf16", "fp8"}


def test_cases_have_data_of_their_own_that_a_seed_repeats() -> None:
    seeds = [case.seed(1) for case in CASES.values()]
    assert len(set(seeds)) == len(CASES)
    assert seeds == [case.seed(1) for case in CASES.values()]
    assert not set(seeds) & {case.seed(2) for case in CASES.values()}


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


def test_bundle_is_vllms_layout_with_the_absolute_names(tmp_path: Path) -> None:
    subject = bundle(read_wheel(str(wheel(tmp_path))), tmp_path / "site", tmp_path / "jit")
    package = tmp_path / "site" / "vllm" / "third_party" / "deep_gemm"
    assert (subject.module, subject.partial) == (BUNDLED, True)
    assert (package / EXTENSION).is_file()
    assert "'utils.mlopart'" in (package / "__init__.py").read_text()
    assert not (tmp_path / "site" / "deep_gemm").exists()


def test_bundle_of_a_vllm_wheel_is_left_as_it_is(tmp_path: Path) -> None:
    path = wheel(tmp_path, name="vllm-1-cp38-abi3-any.whl", package="vllm/third_party/deep_gemm", init="x = 1\n")
    subject = bundle(read_wheel(str(path)), tmp_path / "site", tmp_path / "jit")
    assert not subject.partial
    assert (tmp_path / "site" / "vllm" / "third_party" / "deep_gemm" / "__init__.py").read_text() == "x = 1\n"


# Workers


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An installed package, and a torch that has what importing needs."""
    root = tmp_path / "site"
    (root / "deep_gemm").mkdir(parents=True)
    (root / "deep_gemm" / "__init__.py").write_text("__version__ = '2.8.2'\nprint('noise')\n")
    (root / "torch.py").write_text("def set_num_threads(count): pass\n")
    return root


def test_worker_imports_from_the_installed_wheel_and_nothing_else(site: Path, tmp_path: Path) -> None:
    subject = Subject("a", FLAT, site, tmp_path / "jit")
    with Worker(subject, tmp_path / "log") as worker:
        assert worker.start()["version"] == "2.8.2"
    elsewhere = Subject("b", "json", site, tmp_path / "jit")
    with (
        Worker(elsewhere, tmp_path / "log") as worker,
        pytest.raises(WorkerError, match="not from the installed wheel"),
    ):
        worker.start()


def test_worker_that_crashes_says_by_what(site: Path, tmp_path: Path) -> None:
    (site / "deep_gemm" / "__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    with Worker(Subject("a", FLAT, site, tmp_path / "jit"), tmp_path / "log") as worker:
        with pytest.raises(WorkerError, match="status -11; Fatal Python error: Segmentation fault"):
            worker.start()
        with pytest.raises(WorkerError, match="its process ended"):
            worker.start()


def test_worker_that_hangs_is_stopped(site: Path, tmp_path: Path) -> None:
    (site / "deep_gemm" / "__init__.py").write_text("import time\ntime.sleep(60)\n")
    subject = Subject("a", FLAT, site, tmp_path / "jit")
    words = "no answer to 'import' within 1 s"
    with Worker(subject, tmp_path / "log") as worker, pytest.raises(WorkerError, match=words):
        worker.ask("import", timeout=1, module=FLAT, root=str(site), threads=1)


# Reports


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of a wheel, its overlay and another build, as its stages would have left it."""
    subjects = [
        Subject("ours", FLAT, tmp_path, tmp_path / "a"),
        Subject("ours in vllm", BUNDLED, tmp_path, tmp_path / "b", partial=True),
        Subject("theirs", FLAT, tmp_path, tmp_path / "c"),
    ]
    made = Run(subjects, 1, 1, tmp_path)
    made.ceilings = {"bf16": 700e12, "fp8": 1300e12}
    for result in made.results:
        result.imports = {"version": "2.8.2", "seconds": 0.09, "torch_seconds": 2.0}
        cases = OVERLAY_CASES if result.subject.partial else CASES.values()
        result.checks = {case.name: {**RIGHT, "problems": []} for case in cases}
        if not result.subject.partial:
            for case in CASES.values():
                if case.use == "host":
                    result.host[case.name] = {"host_seconds": 20e-6, "event_seconds": 21e-6}
                if case.use == "rate":
                    result.rate[case.name] = {"flops_per_second": 630e12}
    made.again.host = {name: {**times, "host_seconds": 20.2e-6} for name, times in made.results[0].host.items()}
    return made


def cells(run: Run, what: str) -> list[str]:
    """The cells of one row of the table."""
    return next(row[1:] for row in summary.rows(run) if row[0] == what)


def test_table_of_a_right_run(run: Run) -> None:
    text = summary.text({"GPU": "H100"}, run)
    assert "all numbers right" in text
    assert "WRONG" not in text
    assert "SLOWER" not in text
    assert cells(run, "right numbers") == [
        "cases",
        f"{len(CASES)} of {len(CASES)}",
        "6 of 6",
        cells(run, "right numbers")[1],
    ]
    assert cells(run, "same bits as ours") == ["cases", "-", "6 of 6", f"{len(CASES)} of {len(CASES)}"]
    assert cells(run, "rate: bf16 dense 8192x8192x8192") == ["TFLOP/s", "630 (90%)", "-", "630 (90%)"]
    assert cells(run, "host clock a call: fp8 dense 16x512x512") == ["µs", "20.00", "-", "20.00 (+0.0%)"]
    assert cells(run, "host clock, the same wheel again") == ["%", "≤ 1.0%", "-", "-"]


def test_table_columns_line_up(run: Run) -> None:
    table = summary.markdown(summary.rows(run))
    assert len({len(line) for line in table}) == 1
    assert all(line.count("|") == 6 for line in table)


def test_wrong_and_missing_numbers_are_failures_and_grouped(run: Run) -> None:
    theirs = run.results[2]
    name = "bf16 dense 16x512x512"
    theirs.checks[name] = {**RIGHT, "relative": 0.5, "problems": ["relative error 0.5"]}
    theirs.failures = [(name, "relative error 0.5")]
    run.results[0].checks.clear()
    run.results[0].failures = [(case, "its process ended") for case in CASES]
    text = summary.text({}, run)
    assert cells(run, f"error: {name}") == ["relative", "FAILED", "1.7e-03", "5.0e-01 WRONG"]
    assert f"WRONG theirs: {name}: relative error 0.5" in text
    assert f"and {len(CASES) - 3} more: its process ended" in text
    assert f"{len(CASES) + 1} failures" in text
    assert not json.loads(json.dumps(summary.data({}, run)))["right"]


def test_host_time_over_five_percent_is_pointed_out(run: Run) -> None:
    name = "fp8 dense 16x512x512"
    run.results[2].host[name]["host_seconds"] = 18e-6
    assert summary.slower(run) == [f"{name}: 11.1% more host time than theirs"]
    run.results[2].host[name]["host_seconds"] = 19.5e-6
    assert summary.slower(run) == []


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
