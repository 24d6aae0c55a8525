"""Lists of kernels: recording, merging, splitting, and one clear error for each kind of wrong list."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import compile_kernels
import merge_kernels
import overlay_header
import pytest
import split_kernels
from kernel_tools import cli
from kernel_tools.lists import Kernel, KernelList, read
from wheel_tools.kernel_pack import unpack

FLAGS = "--gpu-architecture=sm_90a -O3 --compiler-options=-O3"


def kernel(name: str = "gemm", flags: str = FLAGS, source: str = "") -> Kernel:
    return Kernel(name, flags, source or f"#include <deep_gemm/{name}.cuh>\n")


def write(path: Path, *kernels: Kernel, deepgemm: str | None = "2.8.2", num_sms: int | None = 132) -> Path:
    KernelList(list(kernels), deepgemm, num_sms).write(path)
    return path


def cache_entry(root: Path, of: Kernel, key: str, *, committed: bool = True) -> Path:
    """Writes an entry in the format of DeepJIT's backend.hpp."""
    entry = root / "cache" / f"{of.tag}.{key}"
    entry.mkdir(parents=True)
    (entry / "kernel.cu").write_text(of.source)
    command = f"/usr/local/cuda/bin/nvcc /c/tmp/1/kernel.cu --cubin --output-file /c/tmp/1/kernel.cubin {of.flags}"
    meta = {
        "command": command + " --include-path /site/deep_gemm/include",
        "compiler_info": {"path": "/usr/local/cuda/bin/nvcc", "version": "nvcc: release 13.0\n"},
    }
    (entry / "meta.json").write_text(json.dumps(meta))
    if committed:
        (entry / ".committed").touch()
    return entry


# Recording


def test_record_is_sorted_and_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate(("z", "a", "m")):
        cache_entry(tmp_path, kernel(name), f"{number:032x}")
    cache_entry(tmp_path, kernel("unfinished"), "f" * 32, committed=False)
    out, copied = tmp_path / "hopper.jsonl", tmp_path / "entries"
    arguments = ["record", str(tmp_path), "--deepgemm", "2.8.2", "--num-sms", "132", "--out", str(out)]
    assert cli.main([*arguments, "--entries", str(copied)]) == 0
    assert "3 kernels of DeepGEMM 2.8.2 for sm_90a" in capsys.readouterr().out
    recorded = read(out)
    assert (recorded.deepgemm, recorded.num_sms) == ("2.8.2", 132)
    assert recorded.kernels == [kernel("a"), kernel("m"), kernel("z")]
    facts = json.loads((copied / f"a.{1:032x}" / "entry.json").read_text())
    assert facts == {"flags": FLAGS, "compiler": "nvcc: release 13.0\n"}
    assert "/usr/local" not in out.read_text()


def test_record_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def failed(*arguments: str) -> str:
        options = ["--deepgemm", "2.8.2", "--num-sms", "132", "--out", str(tmp_path / "out.jsonl")]
        assert cli.main([*arguments, *options]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        return error

    assert "found no directory cache in it" in failed("record", str(tmp_path / "none"))
    (tmp_path / "empty" / "cache").mkdir(parents=True)
    assert "found no kernel" in failed("record", str(tmp_path / "empty"))
    entry = cache_entry(tmp_path / "bad", kernel(), "0" * 32)
    (entry / "meta.json").write_text("{}")
    assert "expected kernel.cu, and meta.json" in failed("record", str(tmp_path / "bad"))
    cache_entry(tmp_path / "old", kernel(flags="--gpu-architecture=sm_80"), "0" * 32)
    assert "found architecture sm_80" in failed("record", str(tmp_path / "old"))


# Lists


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not json\n", "list.jsonl:1: found no JSON"),
        ('{"tag": "a"}\n', "without the texts tag, flags and source"),
        ('{"tag": "../a", "flags": "", "source": ""}\n', "found the tag"),
        ('{"tag": "a", "flags": "-O3", "source": ""}\n', "found architecture none"),
        ('{"tag": "a", "flags": "--gpu-architecture=sm_99a", "source": ""}\n', "found architecture sm_99a"),
    ],
)
def test_line_that_is_no_kernel_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(text)
    with pytest.raises(split_kernels.WheelError, match=words):
        read(path)


def split(out: Path, *lists: Path, arch: str = "sm_90a", num_sms: int = 132, shards: int = 4) -> int:
    out.mkdir(exist_ok=True)
    arguments = [word for path in lists for word in ("--list", str(path))]
    arguments += [word for i in range(shards) for word in ("--shard", str(out / f"{i}.jsonl"))]
    return split_kernels.main([*arguments, "--arch", arch, "--deepgemm", "2.8.2", "--num-sms", str(num_sms)])


def test_one_more_kernel_changes_one_shard(tmp_path: Path) -> None:
    kernels = [kernel(f"k{i}") for i in range(40)]
    assert split(tmp_path / "a", write(tmp_path / "some.jsonl", *kernels[1:])) == 0
    # The two lists have kernels in common.
    assert split(tmp_path / "b", write(tmp_path / "few.jsonl", *kernels[:9]), tmp_path / "some.jsonl") == 0
    shards = [[read(tmp_path / name / f"{i}.jsonl").kernels for i in range(4)] for name in "ab"]
    assert sorted(k for shard in shards[1] for k in shard) == sorted(kernels)
    assert all(shard for shard in shards[0])
    assert sum(before != after for before, after in zip(*shards)) == 1


def test_report_of_misses_is_a_list(tmp_path: Path) -> None:
    # Two processes missed the same kernels.
    report = write(tmp_path / "misses.jsonl", kernel("a"), kernel("b"), deepgemm=None)
    report.write_text(report.read_text() * 2)
    assert split(tmp_path / "out", report, write(tmp_path / "list.jsonl", kernel("b"), kernel("c")), shards=1) == 0
    assert read(tmp_path / "out" / "0.jsonl").kernels == [kernel("a"), kernel("b"), kernel("c")]


@pytest.mark.parametrize(
    ("facts", "options", "words"),
    [
        ({"deepgemm": "2.8.1"}, {}, "found kernels of DeepGEMM 2.8.1; expected kernels of DeepGEMM 2.8.2"),
        ({"num_sms": 78}, {}, "found kernels for 78 SMs; expected kernels for 132 SMs"),
        ({}, {"arch": "sm_100f"}, "found gemm for sm_90a; expected kernels for sm_100f"),
    ],
)
def test_list_for_another_set_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], facts: dict, options: dict, words: str
) -> None:
    assert split(tmp_path / "out", write(tmp_path / "list.jsonl", kernel(), **facts), **options) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_empty_list_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert split(tmp_path / "out", write(tmp_path / "list.jsonl")) == 1
    assert "found no kernel" in capsys.readouterr().err


# Compiling, with a program that fails like nvcc


def test_source_that_does_not_compile_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nvcc = tmp_path / "nvcc"
    nvcc.write_text(
        f"#!{sys.executable}\nprint('kernel.cu(7): error: identifier \"x\" is undefined')\nraise SystemExit(2)\n"
    )
    nvcc.chmod(0o755)
    include = tmp_path / "include"
    for name, text in {
        "cutlass/version.h": "#define CUTLASS_MAJOR 4\n#define CUTLASS_MINOR 2\n#define CUTLASS_PATCH 1\n",
        "deep_gemm/gemm.cuh": "",
    }.items():
        (include / name).parent.mkdir(parents=True)
        (include / name).write_text(text)
    (tmp_path / "compiler.txt").write_text("nvcc\n")

    def compiled(path: Path) -> str:
        out = tmp_path / path.stem
        out.mkdir()
        arguments = ["--list", str(path), "--nvcc", str(nvcc), "--compiler-text", str(tmp_path / "compiler.txt")]
        assert compile_kernels.main([*arguments, "--include", str(include), "--out", str(out)]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        return error

    error = compiled(write(tmp_path / "bad.jsonl", kernel()))
    assert 'gemm for sm_90a: found kernel.cu(7): error: identifier "x" is undefined' in error
    assert "deep_gemm/gone.cuh: found no such header" in compiled(write(tmp_path / "gone.jsonl", kernel("gone")))


# Merging sets into a package


def part(directory: Path, *names: str, data: bytes = b"cubin", call: dict | None = None) -> Path:
    for name in names:
        (directory / name).mkdir(parents=True)
        (directory / name / "kernel.cu").write_text(f"// {name}\n")
        (directory / name / "kernel.cubin").write_bytes(data)
    (directory / "kernels.json").write_text(json.dumps({name: {"flags": FLAGS, "call": call} for name in names}))
    return directory


def lay_out(out: Path, *parts: Path) -> int:
    out.mkdir()
    compiler = out.parent / "compiler.txt"
    compiler.write_text("nvcc\n")
    arguments = [word for path in parts for word in ("--part", str(path))]
    arguments += ["--set", "a=sm_90a=132=true", "--set", "b=sm_90a=0=false"]
    return merge_kernels.main([*arguments, "--compiler-text", str(compiler), "--deepgemm", "2.8.2", "--out", str(out)])


def test_two_sets_with_one_kernel(tmp_path: Path) -> None:
    call = {"kind": "fp8_dense"}
    parts = [part(tmp_path / "a", "x.0", "y.0"), part(tmp_path / "b", "y.0", "z.0", call=call)]
    assert lay_out(tmp_path / "aot", *parts) == 0
    assert unpack((tmp_path / "aot" / "kernels.lz").read_bytes()) == dict.fromkeys(("x.0", "y.0", "z.0"), b"cubin")
    manifest = json.loads((tmp_path / "aot" / "manifest.json").read_text())
    assert manifest["kernels"]["y.0"] == {"flags": FLAGS, "call": call, "source": "// y.0\n"}
    assert manifest["kernels"]["x.0"]["call"] is None
    assert [(found["name"], found["verified"]) for found in manifest["sets"]] == [("a", True), ("b", False)]


def test_two_sets_that_differ_in_one_kernel_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lay_out(tmp_path / "aot", part(tmp_path / "a", "x.0"), part(tmp_path / "b", "x.0", data=b"other")) == 1
    assert "x.0: found two sets with different bytes for this kernel" in capsys.readouterr().err


# The header


def test_overlay_refuses_another_header(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in {"runtime.hpp": "// a later DeepJIT\n", "runtime.hpp.patch": "--- a\n+++ b\n"}.items():
        (tmp_path / name).write_text(text)
    arguments = ["--header", str(tmp_path / "runtime.hpp"), "--patch", str(tmp_path / "runtime.hpp.patch")]
    assert overlay_header.main([*arguments, "--sha256", "0" * 64, "--out", str(tmp_path / "out.hpp")]) == 1
    error = capsys.readouterr().err
    assert "found SHA-256" in error
    assert "kernels_ahead_of_time = False" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out.hpp").exists()


def test_patch_that_does_not_fit_is_an_error() -> None:
    patch = "--- a\n+++ b\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
    assert overlay_header.apply("one\ntwo\nthree\n", patch) == "one\n2\nthree\n"
    with pytest.raises(ValueError, match="line 2"):
        overlay_header.apply("one\nzwei\n", patch)
