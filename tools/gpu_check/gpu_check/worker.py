"""A process that imports one wheel's deep_gemm, reads requests as JSON lines and answers with JSON lines.

Each wheel has a process of its own: two builds of one pybind11 module cannot be in one interpreter.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


class Session:
    """The requests: a method do_NAME for each NAME."""

    module: Any = None

    def do_import(self, module: str, root: str) -> dict[str, Any]:
        """Imports torch, then the package, which must come from `root`. Makes DeepGEMM create its JIT."""
        import torch  # noqa: PLC0415

        began = time.perf_counter()
        self.module = importlib.import_module(module)
        seconds = time.perf_counter() - began
        if not Path(self.module.__file__).resolve().is_relative_to(Path(root).resolve()):
            raise RuntimeError(f"{module} was imported from {self.module.__file__}, not from the unpacked wheel")
        torch.set_num_threads(2)
        sms = self.module.get_num_sms()
        return {"seconds": seconds, "sms": sms, "version": getattr(self.module, "__version__", "?")}

    def do_check(self, case: dict[str, Any], seed: int) -> dict[str, Any]:
        """Computes a product, and says what is wrong with its result."""
        from . import cases, products  # noqa: PLC0415

        return products.check(self.module, cases.Case(**case), seed)


def serve(session: Session) -> None:
    """Serves requests until the input ends."""
    # Answers have a descriptor of their own; what libraries print goes to the log.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"value": getattr(session, "do_" + request.pop("do"))(**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(Session())
