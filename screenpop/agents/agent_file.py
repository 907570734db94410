"""A file of agents (CSV), read as hostile: what each line asks for, and what is wrong in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calls.agents import Skill
from config.problems import Place, Problem, ProblemsFound, did_you_mean
from screenpop.agents.agent_admin import AgentChange, by_name
from screenpop.agents.agent_rules import password_problem, skill_written

COLUMNS = (
    *("login", "name", "interfaces", "softphone", "queues", "skills", "language", "role"),
    "password",
)
NEEDED = ("login", "name")
MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 10_000

_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


@dataclass(frozen=True, slots=True)
class WantedAgent:
    """One line. Columns that the file has not are not changed; an empty cell empties."""

    place: Place
    login: str
    change: AgentChange
    password: str | None = field(default=None, repr=False)


def read_agent_file(path: Path) -> tuple[list[WantedAgent], list[Problem]]:
    """Raises ProblemsFound where it is no such file at all, OSError where it cannot be read."""
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    return read_agents(raw, path.name)


def read_agents(raw: bytes, name: str) -> tuple[list[WantedAgent], list[Problem]]:
    whole = Place(name, 0)
    if len(raw) > MAX_BYTES:
        raise ProblemsFound([Problem.at(whole, f"more than {MAX_BYTES // 2**20} MB")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProblemsFound([Problem.at(whole, "this is no text in UTF-8")]) from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    wanted: list[WantedAgent] = []
    problems: list[Problem] = []
    try:
        header = [cell.strip().lower() for cell in next(lines, [])]
        if wrong := [Problem.at(Place(name, 1), said) for said in _problems_of_header(header)]:
            raise ProblemsFound(wrong)
        for cells in lines:
            # Of a line with line breaks in quotes this is the last.
            place = Place(name, lines.line_num)
            if any(cell.strip() for cell in cells):
                _take(cells, header, place, wanted, problems)
            if len(wanted) + len(problems) > MAX_ROWS:
                raise ProblemsFound([Problem.at(whole, f"more than {MAX_ROWS} lines")])
    except csv.Error as error:
        raise ProblemsFound([Problem.at(Place(name, lines.line_num), str(error))]) from None
    return wanted, problems + list(_twice(wanted))


def _problems_of_header(header: list[str]) -> Iterator[str]:
    if len(header) == 1 and ";" in header[0]:
        yield "columns are divided by commas here, as in login,name; a spreadsheet can save it so"
        return
    for name in NEEDED:
        if name not in header:
            yield f"the first line names the columns, and '{name}' is not among them"
    for name in header:
        if name not in COLUMNS:
            yield f"there is no column '{name[:40]}'{did_you_mean(name, COLUMNS)}"
    if len(set(header)) < len(header):
        yield "a column is named twice"


def _take(
    cells: list[str],
    header: list[str],
    place: Place,
    wanted: list[WantedAgent],
    problems: list[Problem],
) -> None:
    if len(cells) != len(header):
        problems.append(Problem.at(place, f"{len(cells)} cells under {len(header)} columns"))
        return
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    fields: dict[str, Any] = {}
    wrong = False
    for name, read in _READ.items():
        if name in row:
            try:
                fields[name] = read(row[name])
            except ValueError as error:
                wrong = True
                problems.append(Problem.at(place, str(error)))
    password = row.get("password") or None
    if password is not None and (too := password_problem(password)):
        wrong = True
        problems.append(Problem.at(place, too))
    if not wrong:
        wanted.append(WantedAgent(place, row["login"], AgentChange(**fields), password))


def _several(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))


def _skills(text: str) -> tuple[Skill, ...]:
    return by_name([skill_written(part) for part in _several(text)])


def _yes_or_no(text: str) -> bool:
    try:
        return _YES[text.lower()]
    except KeyError:
        raise ValueError(f"softphone {text[:40]!r}: write yes or no") from None


_READ: Mapping[str, Callable[[str], object]] = {
    "name": str,
    "interfaces": _several,
    "softphone": _yes_or_no,
    "queues": _several,
    "skills": _skills,
    "language": lambda text: text or "en",
    "role": lambda text: text or "agent",
}


def _twice(wanted: list[WantedAgent]) -> Iterator[Problem]:
    first: dict[str, Place] = {}
    for one in wanted:
        if one.login in first:
            said = f"login {one.login[:40]!r} stands in line {first[one.login].line} already"
            yield Problem.at(one.place, said)
        first.setdefault(one.login, one.place)
