"""A CSV file as rows with line numbers, however hostile the file: never more than one line of
`LONGEST_LINE` bytes in memory, and every refusal is a sentence."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LONGEST_LINE = 64 * 1024
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Problem:
    """`people.csv:17: amount: not a number`"""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


class Unreadable(Exception):
    """From here on the file makes no sense; what came before may."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class CsvRow:
    """`line` is the one the row ends on; `at_byte` how much of the file is read by then."""

    line: int
    values: dict[str, str]
    at_byte: int
    #: Where there are more or fewer fields than the header names.
    misfit: str | None = None


class CsvFile:
    """Opened for one reading; `columns` are the header's names in lower case."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._line = 0
        self._bytes = 0
        self._file = path.open("rb")
        try:
            self._reader, self.columns = self._open_reader()
        except Unreadable:
            self._file.close()
            raise

    def close(self) -> None:
        self._file.close()

    def rows(self) -> Iterator[CsvRow]:
        """Every row but empty ones; raises Unreadable."""
        with self._file:
            while True:
                try:
                    fields = next(self._reader, None)
                except csv.Error as error:
                    raise self._unreadable(f"not readable as CSV ({error})") from error
                if fields is None:
                    return
                if any(field.strip() for field in fields):
                    values = dict(zip(self.columns, (f.strip() for f in fields), strict=False))
                    yield CsvRow(self._line, values, self._bytes, self._misfit(len(fields)))

    def _misfit(self, fields: int) -> str | None:
        wanted = len(self.columns)
        return None if fields == wanted else f"{fields} fields where the header names {wanted}"

    def _open_reader(self) -> tuple[Iterator[list[str]], tuple[str, ...]]:
        lines = self._lines()
        header = next(lines, "").removeprefix("\ufeff")
        delimiter = max(_DELIMITERS, key=header.count)
        columns = tuple(
            name.strip().lower().replace(" ", "_")
            for name in next(csv.reader([header], delimiter=delimiter), [])
        )
        if not any(columns):
            raise self._unreadable("the file has no header")
        repeated = sorted({name for name in columns if columns.count(name) > 1})
        if repeated:
            raise self._unreadable(f"the header names {', '.join(repeated)} twice")
        return csv.reader(lines, delimiter=delimiter, strict=True), columns

    def _lines(self) -> Iterator[str]:
        while raw := self._file.readline(LONGEST_LINE + 1):
            self._line += 1
            self._bytes += len(raw)
            if len(raw) > LONGEST_LINE:
                raise self._unreadable(f"the line is longer than {LONGEST_LINE // 1024} kB")
            if b"\0" in raw:
                raise self._unreadable("holds a NUL character: is this a text file in UTF-8?")
            try:
                yield raw.decode()
            except UnicodeDecodeError as error:
                byte = raw[error.start]
                raise self._unreadable(
                    f"is not UTF-8 (byte 0x{byte:02x}): save the file as UTF-8"
                ) from error

    def _unreadable(self, sentence: str) -> Unreadable:
        return Unreadable(Problem(self._name, max(self._line, 1), sentence))
