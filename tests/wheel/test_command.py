"""The frame of the command-line tools: errors are one line and an exit code."""

from __future__ import annotations

import argparse

import pytest
from wheel_tools import command
from wheel_tools.errors import WheelError, printable

DOCUMENTATION = """Does a thing.

    tool EXAMPLE

Exit code: 0; 3 after an error.
"""


def run(outcome: Exception | int, *argv: str, **options: int) -> int:
    """Runs a command that raises or returns the outcome."""

    def body(_: argparse.Namespace) -> int:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    parser = command.argument_parser("tool", DOCUMENTATION)
    parser.add_argument("--value")
    return command.run(parser, body, argv, **options)


def test_the_commands_own_exit_code(capsys):
    assert run(0) == 0
    assert run(5, failure=3) == 5
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (WheelError("a.whl", found="x", expected="y", fix="do z"), "a.whl: found x; expected y; do z"),
        (FileNotFoundError(2, "No such file or directory", "a.whl"), "a.whl: No such file or directory"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_an_error_is_one_line(capsys, error, line):
    assert run(error) == 1
    assert run(error, failure=3) == 3
    assert capsys.readouterr() == ("", f"tool: error: {line}\n" * 2)


def test_a_defect_of_the_tool_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run(ZeroDivisionError())


def test_an_unusable_option_is_exit_code_2(capsys):
    with pytest.raises(SystemExit) as error:
        run(0, "--unknown")
    assert error.value.code == 2
    assert "tool: error: " in capsys.readouterr().err


def test_options_from_a_file(tmp_path):
    options = tmp_path / "options"
    options.write_text("--value\na b\n")
    parser = command.argument_parser("tool", DOCUMENTATION)
    parser.add_argument("--value")
    assert command.run(parser, lambda arguments: len(arguments.value), [f"@{options}"]) == 3


def test_the_help_has_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        run(0, "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "Does a thing." in text
    assert "Exit code: 0; 3 after an error." in text
    assert "EXAMPLE" not in text


def test_errors_are_printable():
    assert printable("a\n\x1b[31m\u202e\udcff") == r"a\n\x1b[31m\u202e\udcff"
    assert printable("a" * 10, limit=4) == "aaaa…"
