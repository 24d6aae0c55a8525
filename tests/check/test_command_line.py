"""wheel-check as a command: exit status, table, JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from small_wheel import DIST_INFO, SmallWheel, module, path_of
from wheel_tools import check


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return SmallWheel.of_real_modules().write(tmp_path)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    wheel = SmallWheel.of_real_modules()
    del wheel.files[path_of("3.12")]
    (tmp_path / "broken").mkdir()
    return wheel.write(tmp_path / "broken")


def test_clean(wheel, capsys):
    assert check.main([str(wheel)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{wheel.name}: clean"
    assert lines[1].split() == ["module", "Python", "file", "size", "newest", "GLIBC", "compiled", "for", "verdict"]
    assert [line.split()[1] for line in lines[2:]] == ["3.11", "3.12", "3.13", "3.14"]
    assert all(line.endswith("ok") for line in lines[2:])


def test_a_module_of_several_pythons(tmp_path, capsys):
    wheel = SmallWheel(
        {"tiny/stable.abi3.so": module("stable", "3.11")},
        requires_python=">=3.11,!=3.12.*,<3.15",
        name_tag="cp311-abi3-manylinux_2_28_x86_64",
    )
    check.main([str(wheel.write(tmp_path))])
    assert "  tiny.stable  3.11, 3.13-3.14  stable.abi3.so" in capsys.readouterr().out


def test_findings(broken, capsys):
    assert check.main([str(broken)]) == 1
    out = capsys.readouterr().out
    assert f"coverage-missing: {path_of('3.12')}" in out
    for part in ("found:", "required:", "fix:"):
        assert out.count(part) == 1


def test_worst_of_several(wheel, broken, tmp_path, capsys):
    nothing = tmp_path / "nothing-1.0-py3-none-any.whl"
    assert check.main([str(wheel), str(broken)]) == 1
    assert check.main([str(wheel), str(broken), str(nothing)]) == 2
    assert "a file that cannot be read" in capsys.readouterr().out


def test_json(broken, tmp_path, capsys):
    copy = tmp_path / "report.json"
    assert check.main([str(broken), "--format=json", "--json-output", str(copy)]) == 1
    text = capsys.readouterr().out
    assert copy.read_text() == text
    document = json.loads(text)
    assert document["schema"] == 1
    (report,) = document["wheels"]
    fields = ["accepted", "findings", "modules", "operators", "pythons", "table", "unproven", "verdict", "wheel"]
    assert sorted(report) == fields
    assert report["verdict"] == "findings"
    assert report["pythons"] == ["3.11", "3.12", "3.13", "3.14"]
    assert report["modules"] == {"tiny.deep_gemm._C": "per-python"}
    keys = ["class", "found", "path", "pythons", "remedy", "required", "rule"]
    assert [sorted(finding) for finding in report["findings"]] == [keys]
    assert (report["findings"][0]["class"], report["findings"][0]["pythons"]) == ("load", ["3.12"])
    assert report["table"][1] == {
        "module": "tiny.deep_gemm._C",
        "python": "3.12",
        "file": None,
        "size": None,
        "glibc": None,
        "compiled_for": None,
        "verdict": "missing",
    }
    assert report["table"][0]["verdict"] == "ok"


def test_accepted(broken, capsys):
    assert check.main([str(broken), "--accept", "coverage-missing:tiny/*"]) == 0
    assert "accepted, as asked:" in capsys.readouterr().out
    assert check.main([str(broken), "--accept", "coverage-missing:other/*"]) == 1


def test_options_from_a_file(wheel, tmp_path):
    options = tmp_path / "options"
    options.write_text(f"{wheel}\n--torch=2.11.0\n--accept=requires-torch\n")
    assert check.main([f"@{options}"]) == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--requires-python", "three"],
        ["--torch", "new"],
        ["--allow-library", "libx"],
        ["--accept", "Not a rule"],
        ["--jit-headers", "/nowhere"],
        ["--jit-header", "alone"],
        ["--jit-header", "a=/nowhere"],
    ],
)
def test_unusable_options(wheel, options, capsys):
    assert check.main([str(wheel), *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("wheel-check: ")
    assert len(error.splitlines()) == 1


def test_terminal_escapes_do_not_get_through(tmp_path, capsys):
    wheel = SmallWheel.of_real_modules()
    wheel.extra_members = [("tiny/\x1b[2Jx.py", b"")]
    assert check.main([str(wheel.write(tmp_path))]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b" in out


def test_process(broken):
    """As users run it; a large member takes no memory."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    result = subprocess.run(
        [sys.executable, "-m", "wheel_tools.check", str(broken)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (result.returncode, result.stderr) == (1, "")
    assert f"{DIST_INFO}" not in result.stdout


def test_memory(tmp_path):
    """A module of 256 MB is read in less than 200 MB."""
    wheel = SmallWheel.of_real_modules()
    wheel.files[path_of("3.12")] += os.urandom(1 << 20) * 256
    written = wheel.write(tmp_path, zipfile.ZIP_STORED)
    # VmHWM is the peak of only this process image. rusage would include the parent's memory at the fork.
    code = (
        "import sys; from wheel_tools.check import main; status = main(sys.argv[1:]); "
        "peak = next(l for l in open('/proc/self/status') if l.startswith('VmHWM')); "
        "print(status, peak.split()[1], file=sys.stderr)"
    )
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    result = subprocess.run(
        [sys.executable, "-c", code, str(written)], capture_output=True, text=True, env=environment, check=True
    )
    status, peak = result.stderr.split()
    assert status == "0"
    assert int(peak) < 200 << 10
