"""The main() of the programs that repository rules run: one way to report an error, one exit status."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


class CommandError(Exception):
    """A failure that the user can fix. Its text is the one line that the user sees: found, expected, what to do."""


def run(parser: argparse.ArgumentParser, act: Callable[[argparse.Namespace], None], argv: Sequence[str] | None) -> int:
    """Parses `argv`, calls `act` with the result and returns the exit status: 0, or 1 with one line of error.

    The line goes to standard error. Without `error: ` it also goes into the file that the option `--error-file` names;
    every program has that option. Any other exception is a bug and keeps its traceback.
    """
    parser.add_argument("--error-file", type=Path, help="also write the error there")
    arguments = parser.parse_args(argv)
    try:
        act(arguments)
    except CommandError as error:
        message = str(error)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        if error.errno == errno.ENOSPC:
            message = f"the disk is full ({message}): free some space and run the same command again"
    else:
        return 0
    print(f"error: {message}", file=sys.stderr)
    if arguments.error_file:
        arguments.error_file.write_text(message, encoding="utf-8")
    return 1
