"""Reads the files to import and finds everything wrong with them before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from crm_adapter.embedded.csv_lines import CsvFile, Problem, Unreadable
from crm_adapter.embedded.import_rows import (
    KINDS,
    AccountRow,
    ContactRow,
    ImportRow,
    ProductRow,
    columns_of,
    headers_wanted,
    kind_of,
    renamed,
    unused_columns,
)
from crm_adapter.embedded.odd_rows import OddRows
from crm_adapter.pins import hash_pin

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
    #: By customer number: the id of the contact who has it.
    customers: dict[str, str] = field(default_factory=dict)
    #: By contact: made while nothing is locked, since each takes tens of milliseconds.
    pin_hashes: dict[str, str] = field(default_factory=dict)


class SourceFile:
    """One file of a known kind; may be read several times."""

    def __init__(self, path: Path) -> None:
        """Raises Unreadable where the header fits no kind."""
        self.path = path
        self.size = path.stat().st_size
        self.kind, self.columns = self._kind()
        self.odd = OddRows(path.name)

    def notices(self) -> Iterator[str]:
        """What an importer may not expect of a file that is good."""
        if unused := unused_columns(self.kind, self.columns):
            yield (
                f"{self.path.name}: not used: {', '.join(unused)} "
                f"(there are: {columns_of(self.kind)})"
            )
        yield from self.odd.notices()

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
                        wrong = _plain(detail)
                        # What is wrong with two columns together names them itself.
                        where = ".".join(map(str, detail["loc"]))
                        sentence = f"{where}: {wrong}" if where else wrong
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


def _plain(detail: ErrorDetails) -> str:
    if detail["type"] in ("bool_parsing", "bool_type"):
        return "say yes or no"
    return detail["msg"].removeprefix("Value error, ")


def open_files(paths: list[Path], problems: Problems) -> list[SourceFile]:
    """In the order of loading."""
    files = []
    for path in paths:
        try:
            files.append(SourceFile(path))
        except Unreadable as error:
            problems.add(error.problem)
        except OSError as error:
            problems.add(Problem(path.name, 1, f"cannot be read: {error.strerror}"))
    return sorted(files, key=lambda file: KINDS.index(file.kind))


def check_file(
    file: SourceFile, known: KnownIds, problems: Problems, region: str
) -> Iterator[tuple[int, ImportRow, int]]:
    """Yields the rows that can be read, as `SourceFile.rows` does, and adds the file's own ids to
    `known`; a row that refers to what is not there is yielded too, and is a problem. Keeps the ids
    of one kind in memory, nothing else."""
    seen = known.in_files.setdefault(file.kind, set())
    for line, row, at_byte in file.rows(problems, region):
        file.odd.look_at(line, row)
        sentence = _check_references(row, known) or _check_customer_number(row, known)
        own_id = row.own_key
        if own_id in seen:
            sentence = f"the {row.key} stands in an earlier line or file already"
        elif isinstance(row, AccountRow) and row.pin is not None:
            known.pin_hashes[row.contact_id] = hash_pin(row.pin)
        if sentence:
            problems.add(Problem(file.path.name, line, sentence))
        seen.add(own_id)
        yield line, row, at_byte
    if file.kind is ContactRow:
        known.contacts |= seen
    elif file.kind is ProductRow:
        known.products |= seen


def _check_references(row: ImportRow, known: KnownIds) -> str | None:
    contact_id, product = getattr(row, "contact_id", None), getattr(row, "product", None)
    if contact_id is not None and contact_id not in known.contacts:
        return "contact_id: there is no such contact, neither here nor in the CRM"
    if product is not None and product not in known.products:
        return "product: there is no such product, neither here nor in the CRM"
    return None


def _check_customer_number(row: ImportRow, known: KnownIds) -> str | None:
    if not isinstance(row, ContactRow) or row.customer_number is None:
        return None
    if known.customers.setdefault(row.customer_number, row.id) != row.id:
        return "customer_number: another contact has it, here or in the CRM"
    return None
