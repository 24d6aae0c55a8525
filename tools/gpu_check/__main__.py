"""`python3 tools/gpu_check WHEEL`: checks and times a built deep_gemm wheel on this machine's GPU."""

from __future__ import annotations

import sys
from pathlib import Path

# wheel_tools has the code that moves a package under vllm/third_party.
sys.path.append(str(Path(__file__).resolve().parents[1] / "wheel"))

from gpu_check.cli import main

if __name__ == "__main__":
    sys.exit(main())
