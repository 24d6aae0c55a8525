"""Makes pip ask sdist_metadata.py for an sdist's metadata, in place of the sdist's own build backend (PEP 517).

Python imports this module at its start when its directory is on PYTHONPATH. pip starts a Python for each call of a
build backend. The environment names the backend, and the directory of a backend that is part of the sdist.
"""

import os

for _prefix in ("_PYPROJECT_HOOKS", "PEP517"):  # pyproject_hooks (pip 23.1 and newer), and its predecessor pep517
    if os.environ.get(_prefix + "_BUILD_BACKEND"):
        os.environ[_prefix + "_BUILD_BACKEND"] = "sdist_metadata"
        os.environ.pop(_prefix + "_BACKEND_PATH", None)
