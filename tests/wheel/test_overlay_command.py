"""wheel-overlay as a command: what it prints and writes, and its exit codes."""

from __future__ import annotations

from pathlib import Path

from overlays import RESULT
from wheel_tools.overlay import main
from wheels import base_wheel, overlay_wheel


def run(tmp_path: Path, *extra: str | Path) -> int:
    return main(
        [
            "--base",
            str(base_wheel(tmp_path)),
            "--overlay",
            str(overlay_wheel(tmp_path)),
            "--package",
            "ops",
            "--under",
            "app/third_party",
            "--local-version",
            "ops.2.8.2",
            *map(str, extra),
        ]
    )


def test_the_command_prints_the_name_that_it_chose(tmp_path, capsys):
    assert run(tmp_path, "--out-dir", tmp_path) == 0
    assert capsys.readouterr().out == f"{tmp_path / RESULT}\n"
    assert (tmp_path / RESULT).is_file()


def test_the_command_prints_nothing_for_a_named_output(tmp_path, capsys):
    assert run(tmp_path, "--out", tmp_path / RESULT) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / RESULT).is_file()


def test_the_output_must_be_named_for_what_is_in_it(tmp_path, capsys):
    assert run(tmp_path, "--out", tmp_path / "out.whl") == 1
    error = capsys.readouterr().err
    assert f"expected {RESULT}" in error
    assert error.count("\n") == 1


def test_a_place_that_cannot_be_written(tmp_path, capsys):
    assert run(tmp_path, "--out-dir", tmp_path / "missing") == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_a_full_disk_leaves_nothing_behind(tmp_path, capsys, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wheel_tools.wheelwriter.WheelWriter.add_record", full)
    (tmp_path / "out").mkdir()
    assert run(tmp_path, "--out-dir", tmp_path / "out") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []
