"""tools/remote/write_rc.py: credentials of the environment become options in a file that only its owner can read."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

HEADER = "Authorization=Basic bm90OnNlY3JldA=="


def run(out: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    names = ("BAZEL_REMOTE_CACHE", "BAZEL_REMOTE_EXECUTOR", "BAZEL_REMOTE_HEADER")
    environment = {key: value for key, value in os.environ.items() if key not in names}
    return subprocess.run(
        [sys.executable, "-m", "tools.remote.write_rc", "--out", str(out)],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_cache_and_credentials(tmp_path: Path) -> None:
    out = tmp_path / "user.bazelrc"
    out.write_text("of an earlier job\n")
    out.chmod(0o644)
    result = run(out, BAZEL_REMOTE_CACHE="https://cache.example/", BAZEL_REMOTE_HEADER=HEADER)
    assert result.returncode == 0
    assert out.read_text().splitlines() == [
        "build:cache-client --remote_cache=https://cache.example/",
        "build:cache-client --remote_retries=0",
        f'build:cache-client --remote_header="{HEADER}"',
    ]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert HEADER not in result.stdout + result.stderr


def test_executor(tmp_path: Path) -> None:
    out = tmp_path / "user.bazelrc"
    assert run(out, BAZEL_REMOTE_EXECUTOR="grpcs://executor.example").returncode == 0
    assert out.read_text().splitlines() == [
        "build:remote --remote_executor=grpcs://executor.example",
        "build:cache-client --remote_retries=1",
    ]


def test_without_a_cache_a_job_builds_alone(tmp_path: Path) -> None:
    out = tmp_path / "user.bazelrc"
    result = run(out, BAZEL_REMOTE_CACHE="", BAZEL_REMOTE_HEADER=HEADER)
    assert result.returncode == 0
    assert out.read_text() == ""
    assert result.stderr.startswith("warning: BAZEL_REMOTE_CACHE is not set")


@pytest.mark.parametrize(
    "variables",
    [
        {"BAZEL_REMOTE_CACHE": "cache.example:80"},
        {"BAZEL_REMOTE_CACHE": "https://cache.example/ --nosandbox"},
        {"BAZEL_REMOTE_EXECUTOR": "https://executor.example"},
        {"BAZEL_REMOTE_CACHE": "https://cache.example/", "BAZEL_REMOTE_HEADER": "secret"},
        {"BAZEL_REMOTE_CACHE": "https://cache.example/", "BAZEL_REMOTE_HEADER": "A=b\nbuild --spawn_strategy=local"},
    ],
)
def test_bad_values_are_one_clear_line(tmp_path: Path, variables: dict[str, str]) -> None:
    out = tmp_path / "user.bazelrc"
    result = run(out, **variables)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: BAZEL_REMOTE_")
    assert "secret" not in result.stderr
    assert not out.exists()
