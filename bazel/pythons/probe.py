"""Prints, as one line of JSON, what kind of Python runs this file. Any Python 3 must be able to run it."""

import json
import platform
import sys
import sysconfig


def describe():
    """The facts that decide whether extensions can be built for this interpreter."""
    variables = sysconfig.get_config_vars()
    return {
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "soabi": variables.get("SOABI"),
        "debug": bool(variables.get("Py_DEBUG")) or hasattr(sys, "gettotalrefcount"),
        "free_threaded": bool(variables.get("Py_GIL_DISABLED")),
        "include": sysconfig.get_paths()["include"],
        # The interpreter behind a virtual environment: its packages must not matter.
        "executable": getattr(sys, "_base_executable", None) or sys.executable,
        "prefix": getattr(sys, "base_prefix", sys.prefix),
    }


if __name__ == "__main__":
    print(json.dumps(describe()))
