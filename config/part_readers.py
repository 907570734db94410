"""Readers of what occurs in many places of a rulebook: texts and actions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.actions import Action, HangUp, SayText, ToMenu, ToQueue
from config.facts import FACTS
from config.located_yaml import Document
from config.problems import MAX_PROBLEMS, Problem, Severity, did_you_mean
from config.rulebook_schema import LANGUAGE, ActionPart
from config.shape import check_shape
from config.spoken_text import ANY_LANGUAGE, Text
from config.stock_texts import OPTION_VALUES
from config.templates import BadTemplate, Template, compile_template

Path = tuple[str | int, ...]

#: What can only be meant as the name of a text: `late_order_text`.
_TEXT_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")


class TooManyProblems(Exception):
    """Ends the reading of one file."""


@dataclass(slots=True)
class Reader:
    """Reads parts of one file; problems land in the document. `texts` are those by name."""

    document: Document
    texts: Mapping[str, Text]

    def report(self, path: Path, sentence: str, severity: Severity = Severity.ERROR) -> None:
        """Raises TooManyProblems: what follows in this file stays unread."""
        if len(self.document.problems) >= MAX_PROBLEMS:
            raise TooManyProblems
        self.document.problems.append(Problem.at(self.document.place(path), sentence, severity))

    def warn(self, path: Path, sentence: str) -> None:
        self.report(path, sentence, Severity.WARNING)

    def text(self, raw: Any, path: Path, *, name: str | None = None) -> Text | None:
        """A text as such, one per language, or (where `name` is not given) the name of one."""
        if isinstance(raw, str) and name is None:
            if raw in self.texts:
                return self.texts[raw]
            if _TEXT_NAME.fullmatch(raw):
                hint = did_you_mean(raw, self.texts)
                self.report(path, f"there is no text named '{raw[:60]}' under texts{hint}")
                return None
        by_language = self._by_language(raw, path, name)
        if not by_language:
            return None
        return Text(by_language, self.document.place(path), name)

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
        variables = FACTS.keys() | OPTION_VALUES if name == "option_key" else FACTS.keys()
        try:
            return compile_template(source, variables)
        except BadTemplate as error:
            self.report(path, str(error))
            return None

    def action(self, raw: Any, path: Path) -> Action | None:
        part = check_shape(ActionPart, raw, path, self.report)
        if part is None:
            return None
        given = [
            key
            for key in ("queue", "menu", "say", "hangup")
            if getattr(part, key) not in (None, False)
        ]
        if len(given) != 1:
            what = f"not {' and '.join(given)} together" if given else "and there is none"
            self.report(
                path, f"an action is exactly one of queue, menu, say or hangup: true, {what}"
            )
            return None
        if part.priority is not None and part.queue is None:
            self.report((*path, "priority"), "'priority' goes with 'queue'")
        if part.then is not None and part.say is None:
            self.report((*path, "then"), "'then' goes with 'say'")
        if part.say is not None:
            return self._say(part, path)
        if part.queue is not None:
            return ToQueue(part.queue, part.priority or 0)
        return ToMenu(part.menu) if part.menu is not None else HangUp()

    def _say(self, part: ActionPart, path: Path) -> Action | None:
        text = self.text(part.say, (*path, "say"))
        if part.then is None:
            self.report(path, "after 'say' comes 'then': a queue, a menu or hangup: true")
            return None
        then = self.action(part.then, (*path, "then"))
        return None if text is None or then is None else SayText(text, then)
