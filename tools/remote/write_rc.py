#!/usr/bin/env python3
"""Turns the environment of a CI job into Bazel options: where the cache is, and who asks.

    write_rc.py --out user.bazelrc

    BAZEL_REMOTE_CACHE      address of the cache: https://…, grpcs://…, grpc://…
    BAZEL_REMOTE_EXECUTOR   address of the executor, for --config=remote
    BAZEL_REMOTE_HEADER     a header that proves who asks: Authorization=Bearer …, Authorization=Basic …

.bazelrc reads user.bazelrc last and git ignores it. Credentials thus stay out of the repository and out of command
lines, which every user of a machine and every log can read; the file is for its owner alone. An address that is not set
or empty (a fork without secrets) leaves its option out, and the job builds without a cache.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_CLIENT = "build:cache-client"
_ADDRESSES = {
    "BAZEL_REMOTE_CACHE": (_CLIENT, "--remote_cache", ("http://", "https://", "grpc://", "grpcs://", "unix:")),
    "BAZEL_REMOTE_EXECUTOR": ("build:remote", "--remote_executor", ("grpc://", "grpcs://", "unix:")),
}
_HEADER = "BAZEL_REMOTE_HEADER"


class RcError(Exception):
    """Which variable is wrong, and what it should be."""


def retries(address: str) -> str:
    """The option for how often Bazel asks again, after the protocol of a server's address.

    Over gRPC a transfer that takes longer than one time-out goes on where it stopped, which is a retry. Over HTTP there
    is none to take up, and each action asks anew: from a server that hangs, a retry would make it wait twice.
    """
    return f"--remote_retries={0 if address.startswith('http') else 1}"


def lines(environment: Mapping[str, str]) -> list[str]:
    """The rc file's lines."""
    result = []
    addresses = []
    for variable, (config, option, schemes) in _ADDRESSES.items():
        address = environment.get(variable, "").strip()
        if not address:
            continue
        if not address.startswith(schemes) or len(address.split()) != 1:
            raise RcError(f"{variable} is not an address that Bazel knows: expected one of {', '.join(schemes)}…")
        addresses.append(address)
        result.append(f"{config} {option}={address}")
    if addresses:
        result.append(f"{_CLIENT} {retries(addresses[0])}")
    header = environment.get(_HEADER, "").strip()
    if header and result:
        name, separator, value = header.partition("=")
        if not separator or not name or not value or "\n" in header or '"' in header:
            raise RcError(f"{_HEADER} is not NAME=VALUE in one line, such as Authorization=Bearer …")
        result.append(f'{_CLIENT} --remote_header="{header}"')
    return result


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(argv)
    try:
        text = "".join(line + "\n" for line in lines(os.environ))
        arguments.out.unlink(missing_ok=True)
        with os.fdopen(os.open(arguments.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(text)
    except (RcError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not text:
        print("warning: no BAZEL_REMOTE_CACHE here; this job builds without a cache", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
