"""Finishes a menu for one caller: which options, in which order, on which keys. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from config.actions import Action, SayText, ToQueue
from config.conditions import Comparison, Condition, Not
from config.rulebook import Menu, Option, Retry
from ivr.digits import KEYS, Wish, give_digits
from ivr.menu import PresentedMenu, PresentedOption, PresentedRetry
from ivr.ordering import filled_up, shortest_wait
from ivr.saying import PresentedWith, can_be_said, said, stock, with_key

#: Personal facts that nearly every caller has: a condition on them makes no option one's own.
_COMMON = ("caller.identity", "caller.confidence", "caller.number", "caller.language")


@dataclass(frozen=True, slots=True)
class _Shown:
    """An option on its way into a menu. `is_own`: it is there because of who calls."""

    intent: str
    say: str
    action: Action
    digit: str | None = None
    reasons: tuple[str, ...] = ()
    is_own: bool = False
    offer: str | None = None
    probability: float | None = None
    seconds: float | None = None


def present(with_: PresentedWith, name: str) -> PresentedMenu:
    """Never fails for a text: what cannot be filled in is left out or said neutrally. Raises
    KeyError where there is no such menu (the loader has checked every name)."""
    menu = with_.rulebook.menus[name]
    seen = [item for option in menu.options if (item := _considered(option, menu, with_))]
    person = next((item for item in seen if item.digit == "0"), None)
    others = _ordered([item for item in seen if item.digit != "0"], menu, with_)
    return PresentedMenu(
        name=name,
        language=with_.language,
        greeting=_greeting(menu, with_),
        options=(*_numbered(_with_offer(others, menu, with_), menu, with_), _person(person, with_)),
        tries=menu.tries,
        timeout_s=menu.timeout_s,
        invalid=_retry(menu.invalid, menu, "not_understood", with_),
        timeout=_retry(menu.timeout, menu, "nothing_pressed", with_),
        failure=_to_person(menu.failure, with_),
        direct_dial=menu.direct_dial,
    )


def _retry(retry: Retry, menu: Menu, otherwise: str, with_: PresentedWith) -> PresentedRetry:
    say = said(retry.say, with_) or stock(with_, otherwise)
    return PresentedRetry(say, retry.tries or menu.tries, retry.then, retry.greet_again)


def _greeting(menu: Menu, with_: PresentedWith) -> str | None:
    if menu.greeting is None:
        return None
    return said(menu.greeting, with_) or stock(with_, "welcome")


def _considered(option: Option, menu: Menu, with_: PresentedWith) -> _Shown | None:
    reasons: tuple[str, ...] = ()
    is_own = _was_used(menu.name, option.intent, with_)
    if option.when is not None:
        matched, because = option.when.judge(with_.facts.heard)
        if not matched:
            return None
        reasons = (f"shown because {because}",)
        is_own = is_own or _is_personal(option.when)
    say, is_sayable = said(option.say, with_), can_be_said(option.action, with_)
    if option.digit == "0":
        action = option.action if is_sayable else ToQueue(with_.rulebook.default_queue)
        return _Shown(option.intent, say or stock(with_, "person"), action, "0", reasons)
    if say is None or not is_sayable:
        return None
    return _Shown(option.intent, say, option.action, option.digit, reasons, is_own)


def _was_used(menu: str, intent: str, with_: PresentedWith) -> bool:
    memory = with_.known.memory
    return (menu, intent) in memory.digits or (menu, intent) in memory.choices


def _is_personal(condition: Condition) -> bool:
    return any(fact.startswith("caller.") and fact not in _COMMON for fact in _asked(condition))


def _asked(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Comparison):
        yield condition.fact
    elif isinstance(condition, Not):
        yield from _asked(condition.part)
    else:
        for part in condition.parts:
            yield from _asked(part)


def _ordered(items: list[_Shown], menu: Menu, with_: PresentedWith) -> list[_Shown]:
    """In spoken order, no more than the menu's own limit and the keys allow."""
    order = with_.order or menu.order
    if order == "fixed" and menu.order != "fixed":
        why = f"in the order written: {with_.order_because}"
        return _limited([_because(item, why) for item in items], menu)
    if order == "fixed":
        return _limited(items, menu)
    if not with_.is_personal:
        why = "in the order written: the caller is in the control group"
        return _limited([_because(item, why) for item in items], menu)
    named = {item.intent: p for item in items if (p := _probability(item, menu, with_)) is not None}
    probabilities = filled_up([item.intent for item in items], named)
    if probabilities is None:
        why = "in the order written: no propensities are known"
        return _limited([_because(item, why) for item in items], menu)
    weighed = [_weighed(item, probabilities[item.intent], menu, with_) for item in items]
    likeliest = sorted(weighed, key=_p, reverse=True)
    kept = {id(item) for item in _limited(likeliest, menu)}
    return shortest_wait([item for item in weighed if id(item) in kept], _p, _s)


def _limited(items: list[_Shown], menu: Menu) -> list[_Shown]:
    """The first ones that the menu's limit and the keys left by the author's own allow."""
    keys_left = _keys_left(menu)
    kept = []
    for item in items[: menu.max_options]:
        if item.digit is None:
            keys_left -= 1
        if item.digit is not None or keys_left >= 0:
            kept.append(item)
    return kept


def _keys_left(menu: Menu) -> int:
    return len(set(KEYS) - {option.digit for option in menu.options})


def _probability(item: _Shown, menu: Menu, with_: PresentedWith) -> float | None:
    return with_.known.propensities.intents.get((menu.name, item.intent))


def _because(item: _Shown, why: str) -> _Shown:
    return replace(item, reasons=(*item.reasons, why))


def _weighed(item: _Shown, probability: float, menu: Menu, with_: PresentedWith) -> _Shown:
    seconds = with_.known.seconds(with_key(item.say, item.digit or "1", with_), with_.language)
    why = f"wanted with probability {probability:.2g}, {seconds:.1f} s to say"
    counted = with_.known.propensities.intent_reasons.get((menu.name, item.intent))
    reasons = (*item.reasons, why) if counted is None else (*item.reasons, why, counted)
    return replace(item, reasons=reasons, probability=probability, seconds=round(seconds, 2))


def _p(item: _Shown) -> float:
    return item.probability or 0.0


def _s(item: _Shown) -> float:
    return item.seconds or 0.0


def _with_offer(items: list[_Shown], menu: Menu, with_: PresentedWith) -> list[_Shown]:
    """The offer of this call at its slot, or after the last of the caller's own options; not where
    it would take a key from an option."""
    offer = with_.offer
    if offer is None or offer.menu is None or menu.offer_slot is None:
        return items
    say = said(offer.menu, with_)
    unkeyed = sum(item.digit is None for item in items)
    if say is None or unkeyed >= _keys_left(menu) or offer.name in {item.intent for item in items}:
        return items
    own = [place for place, item in enumerate(items) if item.is_own]
    place = min(max([menu.offer_slot, *(last + 1 for last in own)]), len(items))
    action = offer.action or ToQueue(with_.rulebook.default_queue)
    made = _Shown(offer.name, say, action, reasons=("the offer of this call",), offer=offer.name)
    return [*items[:place], made, *items[place:]]


def _numbered(items: list[_Shown], menu: Menu, with_: PresentedWith) -> list[PresentedOption]:
    written = {option.intent for option in menu.options}
    habits = with_.known.memory.digits.items()
    given = give_digits(
        [Wish(item.intent, item.digit) for item in items],
        reserved={option.digit for option in menu.options if option.digit},
        remembered={i: digit for (of, i), digit in habits if of == menu.name and i in written},
    )
    pairs = zip(items, given, strict=True)
    return [_finished(item, got.digit, got.why, with_) for item, got in pairs if got is not None]


def _finished(item: _Shown, digit: str, why: str, with_: PresentedWith) -> PresentedOption:
    return PresentedOption(
        digit=digit,
        intent=item.intent,
        say=item.say,
        action=item.action,
        reasons=(*item.reasons, why),
        spoken=with_key(item.say, digit, with_),
        offer=item.offer,
        probability=item.probability,
        seconds=item.seconds,
    )


def _person(item: _Shown | None, with_: PresentedWith) -> PresentedOption:
    """The `0` that every menu has."""
    if item is None:
        action: Action = ToQueue(with_.rulebook.default_queue)
        item = _Shown("agent", stock(with_, "person"), action, "0")
    item = replace(item, action=_to_person(item.action, with_))
    return _finished(item, "0", "a person is always one key away", with_)


def _to_person(action: Action, with_: PresentedWith) -> Action:
    """The queue of a route rule stands in for the one that the menu names for a person."""
    if isinstance(action, SayText):
        return replace(action, then=_to_person(action.then, with_))
    if isinstance(action, ToQueue) and with_.person is not None:
        return replace(with_.person, priority=max(action.priority, with_.person.priority))
    return action
