"""Absolute names of a package that moves: compiled code must find its modules, Python source must not use them."""

from __future__ import annotations

import zipfile

import pytest
from overlays import overlaid, run_python
from wheel_tools.errors import WheelError
from wheels import contents, extensions, overlay_wheel


def test_modules_that_compiled_code_imports_by_absolute_name_stay_importable(tmp_path):
    overlay = overlay_wheel(tmp_path, body=b"\0ops.utils.late\0ops.gone\0notops.utils\0")
    out = overlaid(tmp_path, overlay=overlay)
    init = contents(out)["app/third_party/ops/__init__.py"].decode()
    assert "('utils', 'utils.late')" in init
    with zipfile.ZipFile(out) as archive:
        archive.extractall(tmp_path / "site")
    assert run_python(tmp_path / "site", _IMPORT_FROM_C) == "True True True False\n"


def test_an_installed_package_keeps_its_name(tmp_path):
    overlay = overlay_wheel(tmp_path, body=b"\0ops.utils.late\0")
    with zipfile.ZipFile(overlaid(tmp_path, overlay=overlay)) as archive:
        archive.extractall(tmp_path / "site")
    with zipfile.ZipFile(overlay) as archive:
        archive.extractall(tmp_path / "site")
    assert run_python(tmp_path / "site", _IMPORT_FROM_C) == "False True False False\n"


# What pybind11's module_::import calls, and whether it gives the moved package's module.
_IMPORT_FROM_C = """
import ctypes, sys
import app.third_party.ops as ops
api = ctypes.pythonapi.PyImport_ImportModule
api.restype, api.argtypes = ctypes.py_object, [ctypes.c_char_p]
late = api(b"ops.utils.late")
print(late is sys.modules.get("app.third_party.ops.utils.late"), late.LOADED, sys.modules["ops"] is ops,
      hasattr(ops, "_keep_absolute_names"))
"""


def test_a_name_that_spans_two_chunks_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("wheel_tools.zipreader.CHUNK", 64)
    overlay = overlay_wheel(tmp_path, body=bytes((1 << 20) - 70) + b"\0ops.utils.late\0")
    assert b"utils.late" in contents(overlaid(tmp_path, overlay=overlay))["app/third_party/ops/__init__.py"]


@pytest.mark.parametrize(
    "source",
    [
        b"import ops.utils",
        b"from ops import utils",
        b"import importlib\nimportlib.import_module('ops.utils')",
        b"def f():\n    import ops as o",
    ],
)
def test_absolute_imports_in_python_are_an_error(tmp_path, source):
    files = {"ops/__init__.py": b"", "ops/utils.py": source, **extensions("ops")}
    with pytest.raises(WheelError, match=r"ops/utils.py:\d: import of ops"):
        overlaid(tmp_path, overlay=overlay_wheel(tmp_path, files=files))


def test_imports_of_others_are_none(tmp_path):
    source = b"import os, opsx\nfrom . import ops\nfrom .ops import x\nfind_spec(name)\n# import ops\n"
    files = {"ops/__init__.py": b"", "ops/utils.py": source, "ops/broken.py": b"ops (", **extensions("ops")}
    overlaid(tmp_path, overlay=overlay_wheel(tmp_path, files=files))
