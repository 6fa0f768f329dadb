"""What the commands share: wrong options, and what is said of the error that ended a command.

The first line is what is wrong, where, and the way out; where in the program it came up stands behind `--verbose`.
"""

import argparse
import sys
import traceback
from pathlib import Path
from typing import NoReturn


class CommandParser(argparse.ArgumentParser):
    """A parser that says what is wrong with an option in one line, and ends with `WRONG`."""

    WRONG = 2

    def error(self, message: str) -> NoReturn:
        """End the command: what is wrong, and where the options are described."""
        self.exit(self.WRONG, f"{self.prog}: error: {message}. All options: {self.prog} --help\n")

    def add_verbose(self) -> None:
        """Add `--verbose`."""
        self.add_argument("--verbose", action="store_true", help="after an error: where it came up, and its causes")


def folder(text: str) -> Path:
    """Return the folder of an option.

    Raises:
        argparse.ArgumentTypeError: there is none of that name.
    """
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: no such folder")
    return path


def is_of_the_system(error: BaseException) -> bool:
    """Tell whether the system refused a file, a folder or a port: that is for the user to mend."""
    return isinstance(error, OSError) and bool(error.strerror)


def first_words(error: BaseException, expected: tuple[type[BaseException], ...]) -> str:
    """Return what is wrong, for a person.

    An error that is neither of the kinds `expected` nor the system's is a fault of the program, and is called so.
    """
    if isinstance(error, expected):
        return str(error)
    if isinstance(error, OSError) and is_of_the_system(error):
        return reason(error) if error.filename is None else f"{error.filename}: {reason(error)}"
    return (
        f"{reason(error)} This is a fault of the program, not of what you asked for: "
        "--verbose shows where it came up; please report it with that."
    )


def missing(error: ModuleNotFoundError, set_up: str) -> str:
    """Return that this Python lacks a package, and which one has all; `set_up` is the command that makes that one."""
    return f"{sys.executable} has no {error.name}. Start it with .venv/bin/python, which has all once you ran: {set_up}"


def reason(error: BaseException) -> str:
    """Return an error as a sentence in one line, without Python's spelling of it: `No such file or directory.`."""
    if isinstance(error, OSError) and is_of_the_system(error):
        return f"{error.strerror}."
    kind, said = type(error).__name__, " ".join(str(error).split()).rstrip(".")
    return f"{kind}: {said}." if said else f"{kind}."


def details(error: BaseException) -> str:
    """Return where an error came up, with the errors behind it."""
    return "".join(traceback.format_exception(error)).rstrip()
