"""The overlay on the published vLLM wheel: its use of memory, and the result."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

from wheel_tools.archive import WheelArchive
from wheel_tools.coremetadata import edit_metadata
from wheels import extensions, overlay_wheel

BASE = Path(os.environ["BASE_WHEEL"])
PYTHONS = ("311", "312", "313", "314")
PLACE = "vllm/third_party/deep_gemm/"

# `wheel unpack` and `wheel pack`, which compress the wheel again, take 582 MB; the overlay takes 61 MB.
MOST_MEMORY = 200 << 20


def test_the_published_wheel(tmp_path):
    with WheelArchive(BASE) as base:
        torch = next(str(pin) for pin in base.requires_dist if pin.name == "torch")
    name = "deep_gemm-2.8.2-cp311.cp312.cp313.cp314-cp311.cp312.cp313.cp314-manylinux_2_28_x86_64.whl"
    files = {"deep_gemm/__init__.py": b"", "deep_gemm/include/deep_gemm/x.cuh": b"", **extensions("deep_gemm", PYTHONS)}
    overlay = overlay_wheel(tmp_path, name, files=files, requires=torch)
    program = f"import sys; sys.path[:] = {sys.path!r}; from wheel_tools.overlay import main; sys.exit(main())"
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            "--base",
            BASE,
            "--overlay",
            overlay,
            "--package",
            "deep_gemm",
            "--under",
            "vllm/third_party",
            "--local-version",
            "deepgemm.2.8.2",
            "--out-dir",
            tmp_path,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    memory = usage.ru_maxrss << 10
    # Printed and not asserted: the time depends on the machine.
    print(f"{usage.ru_utime + usage.ru_stime:.1f} s of CPU time, {memory >> 20} MiB")
    assert memory < MOST_MEMORY

    result = Path(run.stdout.strip())
    assert result.name == "vllm-0.33.0+deepgemm.2.8.2-cp38-abi3-manylinux_2_28_x86_64.whl"
    with WheelArchive(BASE) as base, WheelArchive(result) as wheel:
        assert base.wheel.tags == ["cp38-abi3-linux_x86_64"]
        assert wheel.wheel.tags == ["cp38-abi3-manylinux_2_28_x86_64"]
        assert sorted(name for name in wheel.by_name if name.startswith(PLACE)) == sorted(
            "vllm/third_party/" + name for name in files
        )
        kept = [name for name in base.by_name if not name.startswith((PLACE, base.dist_info))]
        assert [name for name in wheel.by_name if name in set(kept)] == kept
        assert all(wheel.by_name[name].crc == base.by_name[name].crc for name in kept)
        assert [entry.path for entry in wheel.record] == [member.name for member in wheel.members]
    with zipfile.ZipFile(result) as archive:
        assert archive.testzip() is None


def test_metadata_is_edited_in_place():
    with WheelArchive(BASE) as wheel:
        data = wheel.metadata_bytes
    edited = edit_metadata(data, version="0.33.0+x", license_files=["L"])
    old, new = data.splitlines(keepends=True), edited.splitlines(keepends=True)
    assert [line for line in old if line not in new] == [b"Version: 0.33.0\n"]
    assert [line for line in new if line not in old] == [b"Version: 0.33.0+x\n", b"License-File: L\n"]
