"""A PEP 517 backend that knows the name and the version of an sdist, and runs none of its code.

`pip download` asks for metadata although it only keeps the archive. The sdist's own backend may import torch, look for
a CUDA toolkit, or not be installed.
"""

import os
import re


def get_requires_for_build_wheel(config_settings=None):
    """Returns no requirements: nothing is built."""
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    """Writes METADATA with the pinned name and version, and returns the directory that it is in."""
    name, version = os.environ["RULES_DEEPGEMM_SDIST_METADATA"].split("==")
    # pip reads both from the directory's name too, where they are escaped as in a wheel's file name (PEP 427).
    directory = f"{re.sub('[-_.]+', '_', name)}-{version.replace('-', '_')}.dist-info"
    os.makedirs(os.path.join(metadata_directory, directory))
    with open(os.path.join(metadata_directory, directory, "METADATA"), "w", encoding="utf-8") as metadata:
        metadata.write(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return directory
