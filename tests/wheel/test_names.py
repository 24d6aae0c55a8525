"""Starlark computes the same names at analysis as `packaging` and wheel-overlay do."""

from __future__ import annotations

import json
import os
from pathlib import Path

from packaging.utils import InvalidName, InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version
from wheel_tools.overlay_plan import joined_platform, joined_version

RESULTS = json.loads(Path(os.environ["WHEEL_NAMES"]).read_text(encoding="utf-8"))


def normalized(version: str) -> str | None:
    try:
        return str(Version(version))
    except InvalidVersion:
        return None


def test_versions():
    versions = RESULTS["versions"]
    assert len(versions) > 10000
    # The samples are not all of one kind.
    assert sum(result is not None for result in versions.values()) > 1000
    assert {text: result for text, result in versions.items() if result != normalized(text)} == {}


def test_local_versions():
    def expected(text: str) -> str | None:
        version = normalized(f"0+{text}")
        return version and version.partition("+")[2]

    # "0+" with nothing after it is no version; neither is an empty local version.
    assert RESULTS["local_versions"] == {text: expected(text) for text in RESULTS["local_versions"]}
    assert RESULTS["local_versions"]["deepgemm.2.08"] == "deepgemm.2.8"


def test_distributions():
    def expected(name: str) -> str | None:
        try:
            return canonicalize_name(name, validate=True).replace("-", "_")
        except InvalidName:
            return None

    assert RESULTS["distributions"] == {name: expected(name) for name in RESULTS["distributions"]}
    assert RESULTS["distributions"]["My.Ops--x"] == "my_ops_x"


def overlaid(base: str, overlay: str, local_version: str) -> str | None:
    """The file name that wheel-overlay gives its result."""
    try:
        distribution, version, _, _ = parse_wheel_filename(base)
    except InvalidWheelFilename:
        return None
    _, _, *build, python, abi, platform = base.removesuffix(".whl").split("-")
    parts = [distribution.replace("-", "_"), str(joined_version(version, local_version)), *build, python, abi]
    return "-".join([*parts, joined_platform(platform, overlay.removesuffix(".whl").split("-")[-1])]) + ".whl"


def test_overlays():
    cases = RESULTS["overlays"]
    assert len(cases) > 100
    for case in cases:
        assert case["result"] == overlaid(case["base"], case["overlay"], case["local_version"]), case


def test_overlay_samples():
    results = {(case["base"], case["local_version"]): case["result"] for case in reversed(RESULTS["overlays"])}
    for base, expected in {
        "App-1.0+cu129-2-cp38-abi3-manylinux_2_31_x86_64.whl": (
            "app-1.0+cu129.ops.2-2-cp38-abi3-manylinux_2_31_x86_64.whl"
        ),
        "app-1.0+ops.2-cp38-abi3-manylinux_2_28_x86_64.whl": "app-1.0+ops.2-cp38-abi3-manylinux_2_28_x86_64.whl",
        "my.app-1!01.0-cp38-abi3-linux_x86_64.whl": "my_app-1!1.0+ops.2-cp38-abi3-linux_x86_64.whl",
        "app-1.0.zip": None,
    }.items():
        assert results[base, "ops-2"] == expected
