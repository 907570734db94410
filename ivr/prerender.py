"""What can be rendered before anybody calls: every sentence that is the same for all callers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from calls.call import Call, CallId
from calls.caller import Caller, Identity, IdentityOutcome
from config.actions import Action, every_step, followers
from config.rulebook import Menu, RouteTo, Rulebook
from config.spoken_text import Text
from config.stock_texts import STOCK_TEXTS
from ivr.menu import PresentedMenu
from ivr.presenting import present
from ivr.rules import decide
from ivr.saying import PresentedWith, said, stock, with_key
from ivr.waiting_words import every_sentence

#: Not spoken as they stand.
_PATTERNS = frozenset({"option_key", "person"})


def fixed_texts(rulebook: Rulebook) -> list[tuple[str, str]]:
    """Pairs of (text, language) for `Prompts.prerender`: what a stranger hears in every menu, on
    every key that an entry may come to stand on, behind every key, at closed doors and waiting."""
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
    rulebook = with_.rulebook
    for name in sorted(STOCK_TEXTS.keys() - _PATTERNS):
        yield stock(with_, name)
    for menu in rulebook.menus.values():
        yield from _menu_texts(present(with_, menu.name))
        yield from _entries_on_every_key(menu, with_)
    for text in (*_texts_of_actions(rulebook), *_texts_of_waiting(rulebook)):
        if spoken := said(text, with_):
            yield spoken
    if any(
        entry.kind == "position"
        for programme in rulebook.programmes.values()
        for entry in programme
    ):
        yield from every_sentence(with_.language)
    for offer in rulebook.offers.values():
        if offer.menu is not None:
            yield from _on_keys(offer.menu, "123456789", with_)


def _menu_texts(menu: PresentedMenu) -> Iterator[str]:
    if menu.greeting:
        yield menu.greeting
    yield from (menu.invalid.say, menu.timeout.say)
    for option in menu.options:
        yield option.spoken or option.say


def _texts_of_actions(rulebook: Rulebook) -> Iterator[Text]:
    for action in _actions(rulebook):
        for step in every_step(action):
            yield from followers(step).texts


def _actions(rulebook: Rulebook) -> Iterator[Action]:
    """Wherever a rulebook leads a caller."""
    for menu in rulebook.menus.values():
        yield from (option.action for option in menu.options)
        ends = (menu.failure, menu.invalid.then, menu.timeout.then)
        yield from (action for action in ends if action is not None)
    routes = (rule.then.action for rule in rulebook.rules if isinstance(rule.then, RouteTo))
    closed = (number.closed for number in rulebook.numbers.values())
    offered = (offer.action for offer in rulebook.offers.values())
    yield from (action for action in (*routes, *closed, *offered) if action is not None)


def _texts_of_waiting(rulebook: Rulebook) -> Iterator[Text]:
    entries = (entry.say for programme in rulebook.programmes.values() for entry in programme)
    offers = (offer.hold for offer in rulebook.offers.values())
    yield from (text for text in (*entries, *offers) if text is not None)


def _entries_on_every_key(menu: Menu, with_: PresentedWith) -> Iterator[str]:
    """Entries that only some callers see, likely ones and habits move the others to other keys."""
    moves = menu.order == "by_propensity" or any(option.when for option in menu.options)
    for option in menu.options:
        keys = "123456789" if moves else "123456789"[: len(menu.options) + 1]
        yield from _on_keys(option.say, option.digit or keys, with_)


def _on_keys(text: Text, keys: str, with_: PresentedWith) -> Iterator[str]:
    if say := said(text, with_):
        yield from (with_key(say, key, with_) for key in keys)


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
