"""A menu for one caller: likely options first, keys where the caller expects them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given as given_
from hypothesis import strategies as st

from calls.offers import CallerMemory, Propensities
from config.actions import ToQueue
from config.rulebook import Option
from ivr.known import Known
from ivr.menu import PresentedMenu
from ivr.rules import decide
from tests.fakes.written_rulebook import given, menu, offer, option, rulebook
from tests.unit.ivr.test_facts import CALL, NOW
from tests.unit.ivr.test_rules import QUIET

pytestmark = pytest.mark.unit

INTENTS = ("sales", "billing", "status", "hours", "complaint")
FIVE = [option(intent) for intent in INTENTS]


def memory(**parts: object) -> Known:
    return Known(memory=CallerMemory(**parts), control_share=0.0)  # type: ignore[arg-type]


def likely(probabilities: dict[str, float], known: Known | None = None) -> Known:
    by_menu = {("main", intent): p for intent, p in probabilities.items()}
    first = known or memory()
    return Known(
        memory=first.memory,
        propensities=Propensities(intents=by_menu, model="test"),
        control_share=first.control_share,
        seconds=lambda text, language: 2.0,
    )


def heard(known: Known, options: Sequence[Option] = FIVE, **more: object) -> PresentedMenu:
    parts = {"order": "by_propensity", **more}
    return decide(rulebook(menu(*options, **parts)), CALL, QUIET, NOW, known).menu("main")


def spoken(presented: PresentedMenu) -> list[str]:
    return [option.intent for option in presented.options]


def digits(presented: PresentedMenu) -> dict[str, str]:
    return {option.intent: option.digit for option in presented.options}


def test_the_likely_comes_first_and_says_why() -> None:
    presented = heard(likely({"status": 0.6, "billing": 0.2}))
    assert spoken(presented) == ["status", "billing", "sales", "hours", "complaint", "agent"]
    first = presented.options[0]
    assert (first.digit, first.probability, first.seconds) == ("1", 0.6, 2.0)
    assert first.reasons == ("wanted with probability 0.6, 2.0 s to say", "next free digit")
    assert presented.options[2].probability == pytest.approx(0.2 / 3)
    assert presented.options[-1].probability is None


def test_the_shorter_of_two_as_likely_comes_first() -> None:
    known = likely({"sales": 0.4, "billing": 0.4})
    long_first = [option("sales", say="To order something new or something else"), FIVE[1]]
    measured = Known(
        propensities=known.propensities,
        control_share=0.0,
        seconds=lambda text, language: float(len(text)),
    )
    assert spoken(heard(measured, long_first)) == ["billing", "sales", "agent"]
    assert heard(measured, long_first).options[0].seconds == len("For billing, press 1.")


def test_without_propensities_the_written_order_holds() -> None:
    presented = heard(memory())
    assert spoken(presented) == [*INTENTS, "agent"]
    assert presented.options[0].reasons[0] == "in the order written: no propensities are known"
    fixed = heard(likely({"status": 1.0}), order="fixed")
    assert spoken(fixed) == [*INTENTS, "agent"]
    assert fixed.options[2].probability is None


def test_of_too_many_the_least_likely_are_left_out() -> None:
    known = likely(dict(zip(INTENTS, (0.1, 0.3, 0.05, 0.4, 0.15), strict=True)))
    assert spoken(heard(known, max_options=3)) == ["hours", "billing", "complaint", "agent"]
    assert spoken(heard(memory(), max_options=2)) == ["sales", "billing", "agent"]


def test_a_habit_keeps_its_digit_wherever_the_option_is_spoken() -> None:
    known = memory(
        digits={("main", "sales"): "4", ("main", "hours"): "1", ("other", "status"): "2"}
    )
    presented = heard(likely({"status": 0.9}, known))
    assert digits(presented) == {
        "status": "2",
        "sales": "4",
        "billing": "3",
        "hours": "1",
        "complaint": "5",
        "agent": "0",
    }
    assert presented.options[1].reasons[-1] == "digit this caller pressed for it before"


def test_a_fixed_digit_is_kept_for_its_owner_even_unseen() -> None:
    options = [
        option("hidden", digit="1", when=given("caller.known", "eq", False)),
        option("three", digit="3"),
        *FIVE[:2],
    ]
    known = memory(digits={("main", "sales"): "1", ("main", "billing"): "3"})
    assert digits(heard(known, options)) == {
        "three": "3",
        "sales": "2",
        "billing": "4",
        "agent": "0",
    }


def offered(known: Known, options: Sequence[Option], slot: int | None = 1) -> PresentedMenu:
    shop = rulebook(
        menu(*options, offer_slot=slot, order="by_propensity"), offers=[offer("warranty")]
    )
    return decide(shop, CALL, QUIET, NOW, known).menu("main")


def test_an_offer_stands_at_its_slot() -> None:
    presented = offered(memory(), FIVE)
    assert spoken(presented) == ["sales", "warranty", *INTENTS[1:], "agent"]
    made = presented.options[1]
    assert (made.offer, made.digit, made.action) == ("warranty", "2", ToQueue("default"))
    assert made.spoken == "To hear of warranty, press 2."
    assert spoken(offered(memory(), FIVE, slot=50))[-2:] == ["warranty", "agent"]
    assert "warranty" not in spoken(offered(memory(), FIVE, slot=None))


def test_an_offer_never_comes_before_the_callers_own() -> None:
    has_order = given("caller.open_orders", "gt", 0)
    personal = [FIVE[0], option("order", when=has_order), *FIVE[1:]]
    assert spoken(offered(memory(), personal))[:3] == ["sales", "order", "warranty"]
    used = memory(choices={("main", "status"): 0.1})
    assert spoken(offered(used, FIVE))[:4] == ["sales", "billing", "status", "warranty"]


def test_an_offer_takes_no_key_from_an_option() -> None:
    nine = [option(f"o{n}") for n in range(9)]
    shop = rulebook(menu(*nine, offer_slot=0, max_options=9), offers=[offer("warranty")])
    presented = decide(shop, CALL, QUIET, NOW, memory()).menu("main")
    assert spoken(presented) == [*(f"o{n}" for n in range(9)), "agent"]


keys = st.sampled_from("123456789")
names = st.sampled_from([f"i{n}" for n in range(14)])


@st.composite
def options_(draw: st.DrawFn) -> list[Option]:
    intents = draw(st.lists(names, unique=True, max_size=14))
    fixed = draw(st.lists(keys, unique=True, max_size=5))
    who = [None, given("caller.known", "eq", True), given("caller.known", "eq", False)]
    return [
        option(
            intent,
            digit=fixed[place] if place < len(fixed) else None,
            when=draw(st.sampled_from(who)),
            say=draw(st.sampled_from(["Short", "A longer sentence to listen to"])),
        )
        for place, intent in enumerate(intents)
    ]


pairs = st.tuples(st.just("main"), names)


@given_(
    options_(),
    st.dictionaries(pairs, keys),
    st.dictionaries(pairs, st.floats(0, 1)),
    st.sampled_from(["fixed", "by_propensity"]),
    st.integers(1, 12),
    st.sampled_from([None, 0, 3]),
    st.booleans(),
)
def test_what_holds_for_every_menu(
    options: list[Option],
    habits: dict[tuple[str, str], str],
    probabilities: dict[tuple[str, str], float],
    order: str,
    max_options: int,
    slot: int | None,
    control: bool,
) -> None:
    shop = rulebook(
        menu(*options, order=order, max_options=max_options, offer_slot=slot),
        offers=[offer("warranty")],
    )
    known = Known(
        memory=CallerMemory(digits=habits),
        propensities=Propensities(intents=probabilities),
        control_share=1.0 if control else 0.0,
    )
    presented = decide(shop, CALL, QUIET, NOW, known).menu("main").options
    keys_ = [shown.digit for shown in presented]
    assert len(set(keys_)) == len(keys_), "no digit twice"
    intents = [shown.intent for shown in presented]
    assert len(set(intents)) == len(intents), "every option at most once"
    assert presented[-1].digit == "0"
    assert isinstance(presented[-1].action, ToQueue), "a person"
    offers = [place for place, shown in enumerate(presented) if shown.offer]
    assert len(offers) <= 1
    assert not (control and offers)
    own = [place for place, intent in enumerate(intents) if ("main", intent) in habits]
    if offers and own:
        assert max(own) < offers[0], "the caller's own come first"
    fixed = {written.digit for written in options if written.digit}
    wanted = [
        habit
        for intent in intents
        if (habit := habits.get(("main", intent))) and habit not in fixed
    ]
    by_intent = {shown.intent: shown for shown in presented}
    for written in options:
        shown = by_intent.get(written.intent)
        if shown is not None and written.digit:
            assert shown.digit == written.digit, "a fixed digit is kept"
        elif shown is not None and wanted.count(habits.get(("main", shown.intent), "")) == 1:
            assert shown.digit == habits["main", shown.intent], "a habit is kept"
    if order == "fixed" or control:
        shown_order = [i for i in intents[:-1] if i != "warranty"]
        assert shown_order == [o.intent for o in options if o.intent in shown_order]
