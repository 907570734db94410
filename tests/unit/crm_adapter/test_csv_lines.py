"""Files as people and programs send them."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_adapter.embedded.csv_lines import LONGEST_LINE, CsvFile, Unreadable

pytestmark = pytest.mark.unit


def written(folder: Path, content: bytes) -> Path:
    path = folder / "people.csv"
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        list(CsvFile(path).rows())
    return str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_tells_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    path = written(tmp_path, f"ID{delimiter}First name\r\n7{delimiter} Ann \r\n".encode())
    [row] = CsvFile(path).rows()
    assert row.values == {"id": "7", "first_name": "Ann"}
    assert row.line == 2


def test_excel_marks_its_files(tmp_path: Path) -> None:
    file = CsvFile(written(tmp_path, b"\xef\xbb\xbfid,name\n"))
    assert file.columns == ("id", "name")
    file.close()


def test_quoted_fields_may_hold_delimiters_and_lines(tmp_path: Path) -> None:
    path = written(tmp_path, b'id,name\n1,"Stone, Victoria"\n2,"two\nlines"\n3,x\n')
    rows = list(CsvFile(path).rows())
    assert [row.values["name"] for row in rows] == ["Stone, Victoria", "two\nlines", "x"]
    assert rows[-1].line == 5


def test_empty_rows_are_no_rows_and_misfits_say_so(tmp_path: Path) -> None:
    rows = list(CsvFile(written(tmp_path, b"id,name\n\n,\n1\n1,2,3\n")).rows())
    assert [row.misfit for row in rows] == [
        "1 fields where the header names 2",
        "3 fields where the header names 2",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "people.csv:1: the file has no header"),
        (b"id,id\n", "people.csv:1: the header names id twice"),
        (b"id,name\n1,a\0b\n", "people.csv:2: holds a NUL character"),
        (b"id,name\n1,ok\n2,Jos\xe9\n", "people.csv:3: is not UTF-8 (byte 0xe9)"),
        ("id,name\n".encode("utf-16"), "people.csv:1: holds a NUL character"),
        (b'id,name\n1,"never closed\n' + b"x\n" * 100_000, "people.csv:"),
    ],
    ids=["empty", "twice", "nul", "latin-1", "utf-16", "open quote"],
)
def test_what_makes_no_sense_is_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    assert refusal(written(tmp_path, content)).startswith(sentence)


def test_a_hundred_megabyte_line_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    with path.open("wb") as file:
        file.write(b"id,name\n")
        file.truncate(100 * 1024 * 1024)  # sparse: a line without an end
    assert refusal(path).startswith("people.csv:2: the line is longer than 64 kB")
    long = written(tmp_path, b"id,name\n1," + b"x" * (LONGEST_LINE + 1))
    assert refusal(long).startswith("people.csv:2: the line is longer than 64 kB")
