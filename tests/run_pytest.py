"""The main program of every pytest_test: runs pytest with the settings of Bazel's test environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


def main(arguments: list[str]) -> int:
    options = [
        "--import-mode=importlib",
        "--rootdir=.",
        # No configuration but this: what lies above the runfiles directory is none of a test's business.
        f"--config-file={os.devnull}",
        "-p",
        "no:cacheprovider",
        "-rs",
    ]
    if "XML_OUTPUT_FILE" in os.environ:
        options.append(f"--junitxml={os.environ['XML_OUTPUT_FILE']}")
    if "TEST_TMPDIR" in os.environ:
        options.append(f"--basetemp={Path(os.environ['TEST_TMPDIR'], 'pytest')}")
    if "TESTBRIDGE_TEST_ONLY" in os.environ:
        options += ["-k", os.environ["TESTBRIDGE_TEST_ONLY"]]
    # Helper modules lie beside the tests, which importlib mode does not put on the path.
    sys.path[:0] = list(dict.fromkeys(str(Path(file).parent) for file in arguments if file.endswith(".py")))
    return pytest.main(options + arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
