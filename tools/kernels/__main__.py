"""`python3 tools/kernels record CACHE_DIRECTORY`: which kernels did a server compile?"""

from __future__ import annotations

import sys
from pathlib import Path

# A checkout is enough: no installation, on the machine that has the cache.
sys.path.append(str(Path(__file__).resolve().parents[1] / "wheel"))

from kernel_tools.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
