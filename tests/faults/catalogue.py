"""The table of faults in docs/operations.md, made of the files of this folder.

    python -m tests.faults.catalogue

A row whose fault has no file here stays as it is in the page.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"
FAULTS = range(1, 58)
#: Part of what every change is shown by: `make faults-smoke`.
SMOKE = frozenset({10, 11, 20, 22, 27, 29, 33, 53})
_BEGIN, _END = "<!-- faults: python -m tests.faults.catalogue -->", "<!-- /faults -->"
_HEAD = "| fault | what happens | shown by |\n|---|---|---|"
_FILE = re.compile(r"test_f(\d\d)_\w+\.py")
_TITLE = re.compile(r"F(\d\d): (.+[^.])\.?", re.DOTALL)
_LINE = re.compile(r"^\| F(\d\d) (.+) \| (.+) \| (.+) \|$")
_NAMED = re.compile(r"`(tests/[^`]+)`")


class BadRow(ValueError):
    """A file that does not say what a row needs; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    fault: str
    happens: str
    shown: str

    @property
    def tests(self) -> list[str]:
        """`path::function` of each test named."""
        return named(self.shown)

    def line(self) -> str:
        return f"| F{self.number:02d} {self.fault} | {self.happens} | {self.shown} |"


def named(text: str) -> list[str]:
    """A long one may be broken over two lines."""
    return ["".join(test.split()) for test in _NAMED.findall(text)]


def files() -> Iterator[tuple[int, Path]]:
    for path in sorted(Path(__file__).parent.glob("test_f*.py")):
        found = _FILE.fullmatch(path.name)
        if found is not None:
            yield int(found[1]), path


def row_of(number: int, path: Path) -> Row:
    """Of its docstring: the first paragraph is `F23: the fault`, the second what happens; one that
    begins with `Also` names tests elsewhere. Raises BadRow."""
    name = path.relative_to(ROOT).as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    fault, *more = (ast.get_docstring(tree) or "").split("\n\n")
    titled = _TITLE.fullmatch(fault)
    if titled is None or int(titled[1]) != number:
        raise BadRow(f'{name}: the docstring is to begin with "F{number:02d}: ", then the fault')
    happens = [each for each in more if not each.startswith("Also ")]
    if not happens:
        raise BadRow(f"{name}: the docstring's second paragraph is to say what happens")
    functions = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]
    if not functions:
        raise BadRow(f"{name}: has no test")
    elsewhere = [test for each in more if each.startswith("Also ") for test in named(each)]
    shown = [f"`{name}::{function}`" for function in functions] + [f"`{t}`" for t in elsewhere]
    return Row(number, _cell(titled[2]), _cell(happens[0]), ", ".join(shown))


def _cell(text: str) -> str:
    return " ".join(text.split()).removesuffix(".").replace("|", "\\|")


def rows_here() -> dict[int, Row]:
    rows: dict[int, Row] = {}
    for number, path in files():
        if number in rows:
            raise BadRow(f"F{number:02d} has two files; a row has one")
        rows[number] = row_of(number, path)
    return rows


def rows_of(page: str) -> dict[int, Row]:
    _, _, after = page.partition(_BEGIN)
    table, _, _ = after.partition(_END)
    found = (_LINE.fullmatch(line) for line in table.splitlines())
    return {int(row[1]): Row(int(row[1]), row[2], row[3], row[4]) for row in found if row}


def renewed(page: str) -> str:
    before, _, after = page.partition(_BEGIN)
    _, _, after = after.partition(_END)
    rows = rows_of(page) | rows_here()
    lines = [rows[number].line() for number in sorted(rows)]
    return "\n".join([f"{before}{_BEGIN}", _HEAD, *lines, _END]) + after


def main() -> int:
    try:
        PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    except BadRow as error:
        print(error, file=sys.stderr)
        return 1
    here = sorted(rows_here())
    print(f"{len(here)} of {len(FAULTS)} faults have a test here")
    return 0


if __name__ == "__main__":
    sys.exit(main())
