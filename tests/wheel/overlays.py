"""What the tests of the overlay share: settings that fit the wheels of wheels.py, and ways to run the overlay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from wheel_tools import overlay as overlay_module
from wheel_tools.errors import WheelError
from wheel_tools.overlay_inputs import Settings
from wheels import base_wheel, overlay_wheel

SETTINGS = Settings("ops", "app/third_party", "ops.2.8.2")
RESULT = "app-1.0+ops.2.8.2-cp38-abi3-manylinux_2_28_x86_64.whl"
DIST_INFO = "app-1.0+ops.2.8.2.dist-info"


def overlaid(
    tmp_path: Path, base: Path | None = None, overlay: Path | None = None, settings: Settings = SETTINGS
) -> Path:
    """The result for two wheels; each defaults to a good one."""
    out = tmp_path / "out"
    out.mkdir(parents=True, exist_ok=True)
    return overlay_module.overlay_wheel(
        base or base_wheel(tmp_path), overlay or overlay_wheel(tmp_path), settings, out_dir=out
    )


def refuses(
    tmp_path: Path, match: str, base: Path | None = None, overlay: Path | None = None, settings: Settings = SETTINGS
) -> None:
    """The overlay must fail with an error that matches, and leave nothing behind."""
    with pytest.raises(WheelError, match=match) as error:
        overlaid(tmp_path, base, overlay, settings)
    text = str(error.value)
    assert text.isprintable()
    assert "; expected " in text
    assert list((tmp_path / "out").iterdir()) == []


def run_python(directory: Path, program: str) -> str:
    """What a program prints that finds its modules in the directory, however isolated this Python is."""
    program = f"import sys; sys.path.insert(0, {str(directory)!r})\n{program}"
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
