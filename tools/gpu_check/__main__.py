"""`python3 tools/gpu_check WHEEL`: does a built deep_gemm wheel compute, and at what cost, on this machine's GPU?"""

from __future__ import annotations

import sys
from pathlib import Path

# The code that moves a package under vllm/third_party is the wheel tools' own.
sys.path.append(str(Path(__file__).resolve().parents[1] / "wheel"))

from gpu_check.cli import main

if __name__ == "__main__":
    sys.exit(main())
