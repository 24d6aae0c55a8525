"""Makes pip ask sdist_metadata.py for an sdist's metadata, in place of the sdist's own build backend (PEP 517).

Python imports this module at its start when its directory is on PYTHONPATH. pip starts a Python for each call of a
build backend. The environment names the backend, and the directory of a backend that is part of the sdist.
"""

import os
import sys

# pyproject_hooks (pip 23.1 and newer), and its predecessor pep517.
_found = [prefix for prefix in ("_PYPROJECT_HOOKS", "PEP517") if os.environ.get(prefix + "_BUILD_BACKEND")]
for _prefix in _found:
    os.environ[_prefix + "_BUILD_BACKEND"] = "sdist_metadata"
    os.environ.pop(_prefix + "_BACKEND_PATH", None)

# Both run a script _in_process.py. A pip that names the backend elsewhere must not run it.
if not _found and any(part.endswith("_in_process.py") for part in getattr(sys, "orig_argv", [])):
    os.write(2, b"ERROR: this version of pip is not supported for sdists: use another one\n")
    os._exit(1)  # an exception would print a traceback here
