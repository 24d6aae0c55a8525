"""What the command-line tools of this package share: their options' form, their errors and their exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from wheel_tools.errors import WheelError


def argument_parser(prog: str, documentation: str) -> argparse.ArgumentParser:
    """A parser that also reads options from a file, as Bazel's actions pass them.

    Args:
        prog: The command's name.
        documentation: The module's docstring. Help begins with its first paragraph and ends with its last, which states
            the exit codes.
    """
    paragraphs = documentation.strip().split("\n\n")
    return argparse.ArgumentParser(
        prog=prog,
        fromfile_prefix_chars="@",
        description=paragraphs[0],
        epilog="@FILE stands for the arguments in FILE, one a line. " + paragraphs[-1],
    )


def run(
    parser: argparse.ArgumentParser,
    command: Callable[[argparse.Namespace], int],
    argv: Sequence[str] | None = None,
    *,
    failure: int = 1,
) -> int:
    """Parses the arguments, runs the command, and returns the exit code.

    A WheelError or OSError becomes one line on standard error, `PROG: error: …`, as argparse prints its own.

    Args:
        parser: The command's parser.
        command: Gets the parsed arguments and returns the exit code.
        argv: The arguments. Default: those of the process.
        failure: The exit code of an error. Default: 1.
    """
    arguments = parser.parse_args(argv)
    try:
        return command(arguments)
    except WheelError as error:
        text = str(error)
    except OSError as error:
        text = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    print(f"{parser.prog}: error: {text}", file=sys.stderr)
    return failure
