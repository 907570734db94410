"""Reads what occurs in many places of a rulebook: texts, conditions, parts of a known shape."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from config.condition_reader import read_condition
from config.conditions import Condition
from config.facts import OPTION_FACTS, Fact
from config.located_yaml import Document
from config.problems import MAX_PROBLEMS, Place, Problem, Severity, did_you_mean
from config.reading.found import Found
from config.reading.parts import LANGUAGE
from config.recording_names import recording_name
from config.spoken_text import ANY_LANGUAGE, Text
from config.templates import BadTemplate, Template, compile_template

Path = tuple[str | int, ...]

#: What can only be meant as the name of a text: `late_order_text`.
_TEXT_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")


#: Characters of all texts that vary from caller to caller, beyond any real rulebook: a program is
#: made of each, which takes some 15 µs a character.
MAX_VARYING = 80_000
_TOO_MUCH = f"the texts with values in them have more than {MAX_VARYING:,} characters in all"


class TooManyProblems(Exception):
    """Ends the reading of one file."""


@dataclass(slots=True)
class Reader:
    """Reads parts of one file; problems land in the document.

    Every method answers something usable, a stand-in where there was a problem; `errors` before
    and after tell whether what was read in between is good.
    """

    document: Document
    found: Found
    errors: int = 0

    def place(self, path: Path) -> Place:
        return self.document.place(path)

    def report(self, path: Path, sentence: str, severity: Severity = Severity.ERROR) -> None:
        """Raises TooManyProblems: what follows in this file stays unread. Where nothing is written
        nothing more is wrong."""
        if path in self.document.blanks:
            self.errors += 1
            return
        if len(self.document.problems) >= MAX_PROBLEMS:
            raise TooManyProblems
        self.errors += severity is Severity.ERROR
        self.document.problems.append(Problem.at(self.place(path), sentence, severity))

    def warn(self, path: Path, sentence: str) -> None:
        self.report(path, sentence, Severity.WARNING)

    def known(self, section: str, name: str, path: Path, what: str) -> bool:
        """Whether `name` is given under `section`; reported where not."""
        names = self.found.named(section)
        if name in names or self.found.is_partial:
            return True
        hint = did_you_mean(name, names) or f"; write it under {section}"
        return self._no_such(name, path, what, hint)

    def known_among(self, name: str, names: Collection[str], path: Path, what: str) -> bool:
        """Whether it is one of `names`; reported where not."""
        if name in names:
            return True
        return self._no_such(name, path, what, did_you_mean(name, names))

    def _no_such(self, name: str, path: Path, what: str, hint: str) -> bool:
        is_no = "are no" if what.endswith("s") else "is no"
        self.report(path, f"there {is_no} {what} '{name[:60]}'{hint}")
        return False

    def when(
        self,
        raw: Mapping[str, Any],
        path: Path,
        *,
        key: str = "when",
        more: Mapping[str, Fact] = {},
    ) -> Condition | None:
        """None where nothing is asked (or where it is wrong). `more` facts are known only here."""
        if key not in raw:
            return None
        facts = {**self.found.facts, **more} if more else self.found.facts
        return read_condition(raw[key], (*path, key), self.report, facts)

    def text(self, raw: Any, path: Path, *, name: str | None = None) -> Text:
        """A text as such, one per language, or (where `name` is not given) the name of one."""
        texts = self.found.texts
        if isinstance(raw, str) and name is None:
            if raw in texts:
                return texts[raw]
            if _TEXT_NAME.fullmatch(raw) and self.found.is_partial:
                return texts["welcome"]
            if _TEXT_NAME.fullmatch(raw):
                hint = did_you_mean(raw, texts)
                self.report(path, f"there is no text named '{raw[:60]}' under texts{hint}")
                return texts["welcome"]
        by_language = self._by_language(raw, path, name)
        if not by_language:
            return texts["welcome"]
        return Text(by_language, self.place(path), name or recording_name(self.document.data, path))

    def text_in(self, raw: Any, key: str, path: Path, otherwise: str = "welcome") -> Text:
        """The text at `key`; where nothing is written, the stock text `otherwise`."""
        value = raw.get(key) if isinstance(raw, dict) else None
        return self.found.texts[otherwise] if value is None else self.text(value, (*path, key))

    def optional_text(self, raw: Any, key: str, path: Path) -> Text | None:
        value = raw.get(key) if isinstance(raw, dict) else None
        return None if value is None else self.text(value, (*path, key))

    def _by_language(self, raw: Any, path: Path, name: str | None) -> dict[str, Template]:
        if isinstance(raw, str):
            raw = {ANY_LANGUAGE: raw}
        elif not isinstance(raw, dict) or not raw:
            self.report(path, f"'{path[-1]}' must be a text, or one text per language (en: ...)")
            return {}
        found: dict[str, Template] = {}
        for language, source in raw.items():
            at = (*path, language) if language else path
            if language and not re.match(LANGUAGE, language):
                self.report(at, f"'{language[:20]}' is not a language; write it like en or zh")
            elif not isinstance(source, str) or not source.strip():
                self.report(at, f"'{at[-1]}' must be a text that is not empty (put it in quotes)")
            elif template := self._template(source, at, name):
                found[language] = template
        return found if len(found) == len(raw) else {}

    def _template(self, source: str, path: Path, name: str | None) -> Template | None:
        facts, made = self.found.facts, self.found.templates
        is_option = name == "option_key"
        try:
            if (source, is_option) not in made:
                if self.found.varying > MAX_VARYING:
                    raise BadTemplate(_TOO_MUCH)
                known = {**facts, **OPTION_FACTS} if is_option else facts
                template = made[source, is_option] = compile_template(source, known)
                self.found.varying += len(source) if template.fixed is None else 0
        except BadTemplate as error:
            self.report(path, str(error))
            return None
        return made[source, is_option]
