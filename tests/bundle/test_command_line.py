"""What commands say of the error that ended them."""

from pathlib import Path

import pytest

from bundle.command_line import CommandParser, details, first_words, reason
from bundle.errors import BundleError, EnvironmentFileError


def test_an_error_that_is_expected_is_told_as_it_is() -> None:
    assert first_words(EnvironmentFileError("dev.toml: a\ndev.toml: b"), (BundleError,)) == "dev.toml: a\ndev.toml: b"


def test_what_the_system_refuses_is_told_with_the_file_and_without_pythons_spelling(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="such") as refused:
        (tmp_path / "none").read_text(encoding="utf-8")

    assert first_words(refused.value, ()) == f"{tmp_path / 'none'}: No such file or directory."


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("a\nb."), "ValueError: a b."),
        (KeyError("version"), "KeyError: 'version'."),
        (RuntimeError(), "RuntimeError."),
        (PermissionError(13, "Permission denied", "f"), "Permission denied."),
    ],
)
def test_a_reason_is_a_sentence_in_one_line(error: Exception, words: str) -> None:
    assert reason(error) == words


def test_any_other_error_is_called_a_fault_of_the_program() -> None:
    assert first_words(ZeroDivisionError("by zero"), (BundleError,)).startswith(
        "ZeroDivisionError: by zero. This is a fault of the program"
    )


def test_the_details_have_the_errors_behind_it() -> None:
    error = ValueError("outer")
    error.__cause__ = OSError("inner")

    assert details(error).startswith("OSError: inner\n")
    assert details(error).endswith("ValueError: outer")


def test_a_wrong_option_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    parser = CommandParser(prog="run.py")
    parser.add_verbose()

    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--verbos=1"])

    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("run.py: error: ")
    assert line.endswith(". All options: run.py --help")
