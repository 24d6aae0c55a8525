"""The checks, each a function of (wheel, options) that yields findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wheel_tools.checks.deep_gemm import check_deep_gemm
from wheel_tools.checks.identity import check_identity
from wheel_tools.checks.kernels import check_kernels
from wheel_tools.checks.libraries import check_libraries
from wheel_tools.checks.members import check_members
from wheel_tools.checks.metadata import check_metadata
from wheel_tools.checks.modules import check_modules
from wheel_tools.checks.portability import check_portability
from wheel_tools.checks.promises import check_promises
from wheel_tools.examine import Wheel
from wheel_tools.findings import Finding
from wheel_tools.options import Options

CHECKS: tuple[Callable[[Wheel, Options], Iterator[Finding]], ...] = (
    check_members,
    check_metadata,
    check_promises,
    check_modules,
    check_identity,
    check_portability,
    check_libraries,
    check_deep_gemm,
    check_kernels,
)
