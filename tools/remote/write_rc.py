"""Writes the remote cache and the credentials of a CI job's environment into an rc file for Bazel.

    python3 -m tools.remote.write_rc --out user.bazelrc

    BAZEL_REMOTE_CACHE      address of the cache: https://…, grpcs://…, grpc://…
    BAZEL_REMOTE_EXECUTOR   address of the executor, for --config=remote
    BAZEL_REMOTE_HEADER     a header with credentials: Authorization=Bearer …, Authorization=Basic …

.bazelrc imports user.bazelrc last, and git ignores it. Credentials stay out of the repository, of logs and of command
lines, which every user of a machine can read; only its owner can read the file. An address that is empty or not set (a
fork without secrets) leaves its option out, and the job builds without a cache.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bazel.fetch import command
from bazel.fetch.command import CommandError

_CLIENT = "build:cache-client"
_ADDRESSES = {
    "BAZEL_REMOTE_CACHE": (_CLIENT, "--remote_cache", ("http://", "https://", "grpc://", "grpcs://", "unix:")),
    "BAZEL_REMOTE_EXECUTOR": ("build:remote", "--remote_executor", ("grpc://", "grpcs://", "unix:")),
}
_HEADER = "BAZEL_REMOTE_HEADER"


def retries(address: str) -> str:
    """Returns the option --remote_retries for the protocol of a server's address.

    Over gRPC, one retry resumes a transfer that takes longer than one time-out. Over HTTP a transfer cannot be resumed,
    and with a server that hangs each action would wait twice.
    """
    return f"--remote_retries={0 if address.startswith('http') else 1}"


def lines(environment: Mapping[str, str]) -> list[str]:
    """Returns the rc file's lines."""
    result = []
    addresses = []
    for variable, (config, option, schemes) in _ADDRESSES.items():
        address = environment.get(variable, "").strip()
        if not address:
            continue
        if not address.startswith(schemes) or len(address.split()) != 1:
            raise CommandError(f"{variable} is not an address that Bazel knows: expected one of {', '.join(schemes)}…")
        addresses.append(address)
        result.append(f"{config} {option}={address}")
    if addresses:
        result.append(f"{_CLIENT} {retries(addresses[0])}")
    header = environment.get(_HEADER, "").strip()
    if header and result:
        name, separator, value = header.partition("=")
        if not separator or not name or not value or "\n" in header or '"' in header:
            raise CommandError(f"{_HEADER} is not NAME=VALUE in one line, such as Authorization=Bearer …")
        result.append(f'{_CLIENT} --remote_header="{header}"')
    return result


def write(arguments: argparse.Namespace) -> None:
    """Writes the file, which only its owner can read."""
    text = "".join(line + "\n" for line in lines(os.environ))
    arguments.out.unlink(missing_ok=True)
    with os.fdopen(os.open(arguments.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    if not text:
        print("warning: BAZEL_REMOTE_CACHE is not set; this job builds without a cache", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the rc file")
    return command.run(parser, write, argv)


if __name__ == "__main__":
    sys.exit(main())
