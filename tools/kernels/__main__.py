"""`python3 tools/kernels record CACHE_DIRECTORY`: lists the kernels that a server compiled."""

from __future__ import annotations

import sys
from pathlib import Path

# Run from a checkout, without installation: import wheel_tools from tools/wheel.
sys.path.append(str(Path(__file__).resolve().parents[1] / "wheel"))

from kernel_tools.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
