"""Reads the files to import and finds everything wrong with them before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from crm_adapter.embedded.csv_lines import CsvFile, Problem, Unreadable
from crm_adapter.embedded.import_rows import (
    KINDS,
    ContactRow,
    ImportRow,
    ProductRow,
    PurchaseRow,
    columns_of,
    headers_wanted,
    kind_of,
    renamed,
    unused_columns,
)

#: Called with bytes read so far and bytes to read.
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Problems:
    """All of them are counted, the first `limit` are kept."""

    limit: int = 1_000
    kept: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, problem: Problem) -> None:
        self.count += 1
        if len(self.kept) < self.limit:
            self.kept.append(problem)


@dataclass(slots=True)
class KnownIds:
    """What a row may refer to: in the database already, or in a file read before."""

    contacts: set[str]
    products: set[str]
    #: The ids of the files themselves, so that no row silently wins over another.
    in_files: dict[type[ImportRow], set[str]] = field(default_factory=dict)


class SourceFile:
    """One file of a known kind; may be read several times."""

    def __init__(self, path: Path) -> None:
        """Raises Unreadable where the header fits no kind."""
        self.path = path
        self.size = path.stat().st_size
        self.kind, self.columns = self._kind()

    def notices(self) -> Iterator[str]:
        """What an importer may not expect of a file that is good."""
        if unused := unused_columns(self.kind, self.columns):
            yield (
                f"{self.path.name}: not used: {', '.join(unused)} "
                f"(there are: {columns_of(self.kind)})"
            )

    def rows(self, problems: Problems, region: str) -> Iterator[tuple[int, ImportRow, int]]:
        """Line, row and bytes read so far of every good row; the bad ones go to `problems`."""
        try:
            for row in CsvFile(self.path).rows():
                if row.misfit:
                    problems.add(Problem(self.path.name, row.line, row.misfit))
                    continue
                try:
                    parsed = self.kind.model_validate(renamed(row.values))
                    if isinstance(parsed, ContactRow):
                        parsed.e164_numbers(region)
                except ValidationError as error:
                    for detail in error.errors(include_input=False, include_url=False):
                        wrong = detail["msg"].removeprefix("Value error, ")
                        sentence = f"{'.'.join(map(str, detail['loc']))}: {wrong}"
                        problems.add(Problem(self.path.name, row.line, sentence))
                except ValueError as error:
                    problems.add(Problem(self.path.name, row.line, f"phone: {error}"))
                else:
                    yield row.line, parsed, row.at_byte
        except Unreadable as error:
            problems.add(error.problem)

    def _kind(self) -> tuple[type[ImportRow], tuple[str, ...]]:
        opened = CsvFile(self.path)
        opened.close()
        kind = kind_of(opened.columns)
        if kind is None:
            sentence = f"the header fits no kind of file; it needs one of: {headers_wanted()}"
            raise Unreadable(Problem(self.path.name, 1, sentence))
        return kind, opened.columns


def open_files(paths: list[Path], problems: Problems) -> list[SourceFile]:
    """In the order of loading: contacts, products, purchases."""
    files = []
    for path in paths:
        try:
            files.append(SourceFile(path))
        except Unreadable as error:
            problems.add(error.problem)
        except OSError as error:
            problems.add(Problem(path.name, 1, f"cannot be read: {error.strerror}"))
    return sorted(files, key=lambda file: KINDS.index(file.kind))


def check_file(file: SourceFile, known: KnownIds, problems: Problems, region: str) -> Iterator[int]:
    """Yields the bytes read so far, now and then; adds the file's own ids to `known`. Keeps the
    ids of one kind in memory, nothing else."""
    seen = known.in_files.setdefault(file.kind, set())
    for line, row, at_byte in file.rows(problems, region):
        sentence = _check_references(row, known)
        own_id = row.code if isinstance(row, ProductRow) else getattr(row, "id", "")
        if own_id in seen:
            sentence = "the id stands in an earlier line or file already"
        if sentence:
            problems.add(Problem(file.path.name, line, sentence))
        seen.add(own_id)
        yield at_byte
    if file.kind is ContactRow:
        known.contacts |= seen
    elif file.kind is ProductRow:
        known.products |= seen


def _check_references(row: ImportRow, known: KnownIds) -> str | None:
    if not isinstance(row, PurchaseRow):
        return None
    if row.contact_id not in known.contacts:
        return "contact_id: there is no such contact, neither here nor in the CRM"
    if row.product is not None and row.product not in known.products:
        return "product: there is no such product, neither here nor in the CRM"
    return None
