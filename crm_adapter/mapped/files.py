"""From a YAML file, or one of the presets that come with us, to a checked mapping; every problem at
once, with file and line.

Secrets stay outside: `${env:NAME}` is a variable of the environment, `${file:/path}` the content of
a file. What they held is never part of a sentence about them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from config import located_yaml
from config.located_yaml import Document, read_yaml
from config.problems import Place, Problem, ProblemsFound, Severity, did_you_mean
from config.shape import check_shape
from crm_adapter.mapped.parts import Part

PRESETS = Path(located_yaml.__file__).parent / "defaults" / "crm"
PRESET = "preset:"
MOST_SECRET = 4000
_OUTSIDE = re.compile(r"\$\{(env|file):([^}]*)\}")

Way = tuple[str | int, ...]
M = TypeVar("M", bound=Part)


@dataclass(slots=True)
class MappingFile:
    """One file as it was read. `secrets` are what came from outside it."""

    document: Document
    secrets: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[Problem]:
        return self.document.problems

    def report(self, path: Way, sentence: str) -> None:
        self.problems.append(Problem.at(self.document.place(path), sentence))

    def warn(self, path: Way, sentence: str) -> None:
        place = self.document.place(path)
        self.problems.append(Problem.at(place, sentence, Severity.WARNING))

    def place(self, path: Way) -> Place:
        return self.document.place(path)

    def shaped(self, model: type[M]) -> M | None:
        """None where it does not even have the shape; the problems say why."""
        if self.document.data is None and self.problems:
            return None
        if not isinstance(self.document.data, dict):
            self.report((), f"a mapping must be keys: {', '.join(model.model_fields)}")
            return None
        for path, sentence in self.document.blanks.items():
            self.report(path, sentence)
        return check_shape(model, self.document.data, (), self.report)

    def raise_errors(self) -> tuple[Problem, ...]:
        """Raises ProblemsFound where one is an error; else the warnings, by line."""
        found = sorted(set(self.problems))
        if any(problem.is_error for problem in found):
            raise ProblemsFound(found)
        return tuple(found)


def read_mapping(where: Path | str, *, kind: str) -> MappingFile:
    """`where` is a file, or `preset:NAME` for one in the folder `kind` of ours. Reads files: call
    it off the loop, or before it runs."""
    text = str(where)
    path = _preset(text.removeprefix(PRESET), kind) if text.startswith(PRESET) else Path(where)
    shown = text if text.startswith(PRESET) else str(path)
    try:
        with path.open("rb") as file:
            return MappingFile(read_yaml(shown, file.read(located_yaml.MAX_BYTES + 1)))
    except FileNotFoundError:
        raise ProblemsFound([Problem(shown, 0, "there is no such mapping file")]) from None
    except OSError as error:
        what = f"the mapping file cannot be read: {error.strerror}"
        raise ProblemsFound([Problem(shown, 0, what)]) from error


def presets(kind: str) -> list[str]:
    return sorted(path.stem for path in (PRESETS / kind).glob("*.yaml"))


def _preset(name: str, kind: str) -> Path:
    known = presets(kind)
    if name not in known:
        hint = did_you_mean(name, known) or f"; there are: {', '.join(known)}"
        raise ProblemsFound([Problem(f"{PRESET}{name[:60]}", 0, f"no such preset{hint}")])
    return PRESETS / kind / f"{name}.yaml"


def put_in_outside_values(
    file: MappingFile,
    keys: Collection[str],
    environ: Mapping[str, str],
    *,
    escaped: Collection[Way] = (),
) -> None:
    """Replaces `${env:…}` and `${file:…}` below the top-level `keys`. Below the ways `escaped`
    stand texts in which braces mean something, so those of a value are doubled."""
    data = file.document.data
    if not isinstance(data, dict):
        return
    for key in keys:
        if key in data:
            data[key] = _filled(data[key], (key,), file, environ, frozenset(escaped))


def _filled(
    value: Any, way: Way, file: MappingFile, environ: Mapping[str, str], escaped: frozenset[Way]
) -> Any:
    if isinstance(value, dict):
        return {
            key: _filled(item, (*way, key), file, environ, escaped) for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _filled(item, (*way, index), file, environ, escaped) for index, item in enumerate(value)
        ]
    if not isinstance(value, str) or "${" not in value:
        return value
    doubled = any(way[: len(outer)] == outer for outer in escaped)

    def put_in(match: re.Match[str]) -> str:
        found = _outside(match[1], match[2], way, file, environ)
        if not str(way[-1]).endswith("url") and len(found) >= 4:
            file.secrets.append(found)
        return found.replace("{", "{{").replace("}", "}}") if doubled else found

    return _OUTSIDE.sub(put_in, value)


def _outside(
    source: str, name: str, way: Way, file: MappingFile, environ: Mapping[str, str]
) -> str:
    """`-` where it cannot be had: the problem is reported, and what follows finds a text."""
    if source == "env":
        text = environ.get(name, "")
        if not text:
            file.report(way, f"the environment has no variable {name[:80]}, or it is empty")
            return "-"
    else:
        try:
            with Path(name).open(encoding="utf-8") as opened:
                text = opened.read(MOST_SECRET + 1).rstrip("\r\n")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            file.report(way, f"the file {name[:200]} cannot be read: {why}")
            return "-"
        if not text:
            file.report(way, f"the file {name[:200]} is empty")
            return "-"
    if len(text) > MOST_SECRET or "\0" in text:
        file.report(way, f"what {source}:{name[:200]} holds is too long, or no text")
        return "-"
    return text
