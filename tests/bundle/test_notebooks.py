"""Reading the Python files of the notebooks' folder: one reading everywhere."""

from pathlib import Path

import pytest

from bundle.errors import SourceEncodingError
from bundle.notebooks import HEADER, is_notebook, read_source


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_the_kind_of_line_ends_are_no_part_of_a_source(
    tmp_path: Path, encoding: str, line_end: str
) -> None:
    file = tmp_path / "load.py"
    file.write_bytes(f"{HEADER}{line_end}x = 'é'{line_end}".encode(encoding))
    assert read_source(file) == f"{HEADER}\nx = 'é'\n"
    assert is_notebook(file)


def test_a_file_that_is_not_utf_8_is_named_with_the_line_and_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "load.py"
    file.write_bytes(f"{HEADER}\nx = 1\ny = 'é'\n".encode("latin-1"))
    with pytest.raises(SourceEncodingError) as raised:
        is_notebook(file)
    assert str(raised.value) == f"{file}: line 3: is not UTF-8 (byte 0xe9). Save the file as UTF-8."


def test_what_is_no_python_file_is_no_notebook_whatever_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    assert not is_notebook(tmp_path / "picture.png")
