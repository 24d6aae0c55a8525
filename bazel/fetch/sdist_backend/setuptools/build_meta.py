"""A PEP 517 backend that hands out an sdist's own PKG-INFO and runs none of its code.

`pip download` insists on metadata even when all that is wanted is the archive, and for that it would run the sdist's
setup.py, which may import torch and look for a CUDA toolkit. An sdist already carries its metadata.
"""

from __future__ import annotations

import email.parser
import os
import re
import shutil


def get_requires_for_build_wheel(config_settings: dict | None = None) -> list[str]:
    """Nothing: no wheel is built."""
    return []


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: dict | None = None) -> str:
    """Copies PKG-INFO (pip runs this in the sdist's root) to where a wheel has METADATA."""
    with open("PKG-INFO", encoding="utf-8") as metadata:
        headers = email.parser.HeaderParser().parse(metadata)
    # pip wants to find the name and the version in the directory's name too, escaped as wheels escape them.
    name = re.sub(r"[-_.]+", "_", headers["Name"])
    dist_info = f"{name}-{headers['Version']}.dist-info"
    os.makedirs(os.path.join(metadata_directory, dist_info))
    shutil.copy("PKG-INFO", os.path.join(metadata_directory, dist_info, "METADATA"))
    return dist_info


class __legacy__:  # noqa: N801 - the name that PEP 517 frontends use for an sdist without pyproject.toml
    get_requires_for_build_wheel = staticmethod(get_requires_for_build_wheel)
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
