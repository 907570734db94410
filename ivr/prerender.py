"""What can be rendered before anybody calls: every sentence that is the same for all callers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from calls.call import Call, CallId
from calls.caller import Caller, Identity, IdentityOutcome
from config.actions import every_step, followers
from config.rulebook import Menu, Rulebook
from config.stock_texts import STOCK_TEXTS
from ivr.menu import PresentedMenu
from ivr.presenting import present
from ivr.rules import decide
from ivr.saying import PresentedWith, said, stock

#: Not spoken as they stand.
_PATTERNS = frozenset({"option_key", "person"})


def fixed_texts(rulebook: Rulebook) -> list[tuple[str, str]]:
    """Pairs of (text, language) for `Prompts.prerender`: what a stranger hears in every menu, and
    every fixed entry on every key that it may come to stand on."""
    found: dict[tuple[str, str], None] = {}
    for with_ in _strangers(rulebook):
        for text in _texts(with_):
            found[text, with_.language] = None
    return list(found)


def _strangers(rulebook: Rulebook) -> Iterator[PresentedWith]:
    seen: set[str] = set()
    for key, number in rulebook.numbers.items():
        plan = decide(rulebook, _call(key), _NOBODY, datetime.now(UTC))
        languages = rulebook.languages.get(number.menu) or {plan.decision.language}
        for language in sorted({plan.decision.language, *languages} - seen):
            seen.add(language)
            yield replace(plan.presented_with, language=language)


def _texts(with_: PresentedWith) -> Iterator[str]:
    for name in sorted(STOCK_TEXTS.keys() - _PATTERNS):
        yield stock(with_, name)
    for menu in with_.rulebook.menus.values():
        yield from _menu_texts(present(with_, menu.name))
        yield from _action_texts(menu, with_)
        yield from _entries_on_every_key(menu, with_)
    for programme in with_.rulebook.programmes.values():
        for entry in programme:
            if entry.say is not None and (text := said(entry.say, with_)):
                yield text


def _menu_texts(menu: PresentedMenu) -> Iterator[str]:
    if menu.greeting:
        yield menu.greeting
    yield from (menu.invalid.say, menu.timeout.say)
    for option in menu.options:
        yield option.spoken or option.say


def _action_texts(menu: Menu, with_: PresentedWith) -> Iterator[str]:
    for action in [*(option.action for option in menu.options), menu.failure]:
        for step in every_step(action):
            for text in followers(step).texts:
                if spoken := said(text, with_):
                    yield spoken


def _entries_on_every_key(menu: Menu, with_: PresentedWith) -> Iterator[str]:
    """Entries that only some callers see move the others to other keys."""
    pattern = with_.rulebook.text("option_key")
    for option in menu.options:
        say = said(option.say, with_)
        keys = option.digit or "123456789"[: len(menu.options)]
        for digit in keys if say else "":
            if spoken := said(pattern, with_, say=say or "", digit=digit):
                yield spoken


_NOBODY = Caller(number=None, identity=Identity(IdentityOutcome.NONE, "prerender", 0.0))


def _call(dialled: str) -> Call:
    return Call(
        id=CallId("none", "none"),
        channel="",
        from_raw="",
        from_name="",
        withheld=False,
        dialled=dialled,
        language="en",
        arrived_at=datetime.now(UTC),
    )
