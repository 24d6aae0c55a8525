"""Stands in for every Python that pip starts while it downloads an sdist, so that no code of the sdist can run.

    sdist_backend.py NAME==VERSION …/_in_process.py HOOK DIRECTORY

`pip download` asks an sdist's build backend (PEP 517) for metadata although it keeps only the archive. That backend may
import torch, look for a CUDA toolkit, or not be installed. This program answers with the pinned name and version.
Arguments and answers are those of pyproject_hooks (pip 23.1 and newer) and of its predecessor pep517: input.json and
output.json in DIRECTORY. Anything else that pip may start is refused.
"""

import json
import os
import re
import sys


def metadata(pin: str, directory: str) -> str:
    """Writes METADATA into `directory`, and returns the name of the .dist-info directory."""
    name, version = pin.split("==")
    # pip reads both from the directory's name too, where they are escaped as in a wheel's file name (PEP 427).
    info = f"{re.sub('[-_.]+', '_', name)}-{version.replace('-', '_')}.dist-info"
    os.makedirs(os.path.join(directory, info))
    with open(os.path.join(directory, info, "METADATA"), "w", encoding="utf-8") as file:
        file.write(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return info


def main(pin: str, *command: str) -> int:
    """Answers one call of a hook; the exit status is 1 where pip starts something else."""
    if command[-2:-1] != ("prepare_metadata_for_build_wheel",):
        print("ERROR: this version of pip is not supported for sdists: use another one", file=sys.stderr)
        return 1
    with open(os.path.join(command[-1], "input.json"), encoding="utf-8") as file:
        arguments = json.load(file)["kwargs"]
    with open(os.path.join(command[-1], "output.json"), "w", encoding="utf-8") as file:
        json.dump({"return_val": metadata(pin, arguments["metadata_directory"])}, file)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
