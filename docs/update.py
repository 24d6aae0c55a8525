"""Writes generated files into the source tree: `bazel run //docs:update`. Arguments: PATH=FILE in the runfiles."""

import os
import shutil
import sys

for argument in sys.argv[1:]:
    path, _, generated = argument.partition("=")
    shutil.copyfile(generated, os.path.join(os.environ["BUILD_WORKSPACE_DIRECTORY"], path))
    print(f"wrote {path}")
