# ruff: noqa: E501 (YAML as it is written)
"""What good YAML means, section by section."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from calls.follow_up import LeadPolicy
from calls.offers import OfferCap
from config.actions import (
    Action,
    AskCallback,
    AskWebhook,
    Back,
    CheckPin,
    Collect,
    HangUp,
    Record,
    SayText,
    ToMenu,
    ToQueue,
    ToTarget,
    ToVoicemail,
)
from config.facts import FACTS, Fact, FactKind
from config.opening_hours import Span
from config.rulebook import RouteTo, Rulebook, SetLead, SetOffers, SetPop, ToProgramme
from config.rulebook_loader import load_rulebook
from config.settings import RulebookSettings
from config.surroundings import Surroundings
from tests.fakes.rulebook_folder import option, write_rulebook

pytestmark = pytest.mark.unit

AROUND = Surroundings(
    default_queue="office",
    transfer_targets=frozenset({"reception"}),
    direct_dial=("2XX",),
    webhook_hosts=frozenset({"api.example.com"}),
)
PERSON = ToQueue("office")
BERLIN = ZoneInfo("Europe/Berlin")


def load(folder: Path, **files: str | bytes) -> Rulebook:
    loaded = load_rulebook(write_rulebook(folder, **files), around=AROUND)
    assert [str(problem) for problem in loaded.errors] == []
    return loaded.or_raise()


HOURS = """
hours:
  shop:
    timezone: Europe/Berlin
    week: {mon-wed: "09:00-18:00", fri-sun: ["14:00-24:00", "8:00-12:30"]}
    holidays: {country: DE, subdivision: BE, also: {"2026-12-24": Eve}, not: ["2026-12-26"]}
  office: {week: {mon: "00:00-24:00"}, holidays: ours}
  lab: {week: {}, timezone: Asia/Tokyo}
holidays:
  ours: {also: {"2026-07-01": Founding day}}
closures:
  flood: {from: "2026-07-01T08:00", to: "2026-07-01T14:00"}
  move: {from: "2026-08-01", to: "2026-08-02", hours: [shop]}
promotions:
  week: {from: "2026-11-23", to: "2026-11-30", timezone: America/New_York}
  hour: {from: "2026-11-23T10:00", to: "2026-11-23T11:00", timezone: America/New_York}
"""


def test_hours(tmp_path: Path) -> None:
    numbers = "numbers:\n  default: {menu: main, timezone: Europe/Berlin, hours: office, closed: {hangup: true}}\n"
    hours = load(tmp_path, hours=HOURS, numbers=numbers, tests=YEARS).hours
    shop = hours["shop"]
    day, evening = Span(time(8), time(12, 30)), Span(time(14), time(0))
    assert shop.week == {
        **dict.fromkeys((0, 1, 2), (Span(time(9), time(18)),)),
        **dict.fromkeys((4, 5, 6), (day, evening)),
    }
    assert (shop.timezone, hours["office"].timezone) == (BERLIN, None)
    assert shop.holidays[date(2026, 12, 24)] == "Eve"
    assert date(2026, 3, 8) in shop.holidays  # Berlin's own
    assert date(2026, 12, 26) not in shop.holidays
    assert date(2036, 12, 25) in shop.holidays  # an example is set in that year
    assert hours["office"].holidays == {date(2026, 7, 1): "Founding day"}
    assert hours["lab"].week == {}


YEARS = 'tests: [{name: far, given: {at: "2036-12-25T10:00"}, expect: {menu: null}}]\n'


def test_closures_are_on_each_clock(tmp_path: Path) -> None:
    numbers = "numbers:\n  default: {menu: main, timezone: Europe/Berlin, hours: office, closed: {hangup: true}}\n"
    hours = load(tmp_path, hours=HOURS, numbers=numbers).hours
    starts = {
        name: [(c.name, c.starts.astimezone(UTC).hour) for c in h.closures]
        for name, h in hours.items()
    }
    assert starts == {
        "shop": [("flood", 6), ("move", 22)],
        "office": [("flood", 6)],
        "lab": [("flood", 23)],
    }
    [_, move] = hours["shop"].closures
    assert move.ends == datetime(2026, 8, 3, tzinfo=BERLIN)


def test_a_promotion_holds_to_the_end_of_its_last_day(tmp_path: Path) -> None:
    promotions = load(tmp_path, hours=HOURS).promotions
    york = ZoneInfo("America/New_York")
    week, hour = promotions["week"], promotions["hour"]
    assert week.starts == datetime(2026, 11, 23, tzinfo=york)
    assert week.holds_at(datetime(2026, 11, 30, 23, 59, tzinfo=york))
    assert not week.holds_at(datetime(2026, 12, 1, tzinfo=york))
    assert not hour.holds_at(datetime(2026, 11, 23, 11, tzinfo=york))


def test_a_rulebook_has_its_own_facts(tmp_path: Path) -> None:
    webhooks = (
        'webhooks: {stock: {url: "https://api.example.com:8443/s?x=1", deadline_s: 1,'
        " answers: {pieces: whole, open: yes_no, price: number, shop: text}}}\n"
    )
    do = '{collect: code, say: "Which?", then: {queue: sales}}'
    book = load(tmp_path, hours=HOURS, webhooks=webhooks, menus=option(do=do))
    own = {name: fact.kind for name, fact in book.facts.items() if name not in FACTS}
    assert own == {
        **{f"hours.{name}": FactKind.TEXT for name in ("shop", "office", "lab")},
        **{f"opens.{name}": FactKind.MOMENT for name in ("shop", "office", "lab")},
        "promotion.week": FactKind.YES_NO,
        "promotion.hour": FactKind.YES_NO,
        "typed.code": FactKind.TEXT,
        "answers.stock.pieces": FactKind.WHOLE,
        "answers.stock.open": FactKind.YES_NO,
        "answers.stock.price": FactKind.NUMBER,
        "answers.stock.shop": FactKind.TEXT,
    }
    assert "propensity" not in book.facts
    stock = book.webhooks["stock"]
    assert (stock.url, stock.deadline_s) == ("https://api.example.com:8443/s?x=1", 1.0)
    assert stock.answers["pieces"] == Fact(FactKind.WHOLE)


def plain(action: Action) -> Any:
    """Texts by what they say."""
    match action:
        case SayText(text, then):
            return ("say", text.in_language("en").source, plain(then))
        case Collect() | CheckPin():
            said = (action.say.in_language("en").source, action.invalid.name)
            return (type(action).__name__, said, plain(action.then), plain(action.failure))
        case Record(what, say, then, queue, max_s, _):
            return (what, say.in_language("en").source, plain(then), queue, max_s)
        case AskCallback(queue, say, then, otherwise):
            return (queue, say.name, plain(then), plain(otherwise))
    return action


GOODBYE = ("say", "Thank you for calling. Goodbye.", HangUp())
TONE = "Please speak after the tone, and press hash when you are done."
ACTIONS: dict[str, Any] = {
    "{queue: sales}": ToQueue("sales"),
    "{queue: sales, priority: 5, prefer_agent: last}": ToQueue("sales", 5, "last", 20),
    "{queue: sales, prefer_agent: anna, prefer_s: 9}": ToQueue("sales", 0, "anna", 9),
    "{queue: sales, skills: [a, b]}": ToQueue("sales", min_penalty=1, max_penalty=3),
    "{menu: main}": ToMenu("main"),
    "{back: true}": Back(),
    "{hangup: true, queue: null}": HangUp(),
    "{say: Hi, then: {queue: sales}}": ("say", "Hi", ToQueue("sales")),
    "{collect: code, say: Hi, then: {queue: sales}}": (
        "Collect", ("Hi", "typed_wrong"), ToQueue("sales"), PERSON,
    ),
    "{pin: Hi, then: {queue: sales}, failure: {hangup: true}}": (
        "CheckPin", ("Hi", "pin_wrong"), ToQueue("sales"), HangUp(),
    ),
    "{record: message}": ("message", TONE, GOODBYE, "office", 60.0),
    "{record: message, say: Hi, queue: sales, max_s: 9}": ("message", "Hi", GOODBYE, "sales", 9.0),
    "{record: name, then: {queue: sales}}": ("name", TONE, ToQueue("sales"), None, 60.0),
    "{voicemail: 100}": ToVoicemail("100"),
    "{voicemail: 100@sales}": ToVoicemail("100@sales"),
    "{transfer: reception}": ToTarget("reception"),
    "{callback: sales}": ("sales", "callback_ask", GOODBYE, PERSON),
    "{callback: sales, then: {hangup: true}, otherwise: {back: true}}": (
        "sales", "callback_ask", HangUp(), Back(),
    ),
    "{webhook: stock, then: {back: true}}": AskWebhook("stock", Back(), PERSON),
}  # fmt: skip
MORE = (
    "skills: {a: {max_penalty: 3}, b: {min_penalty: 1, max_penalty: 5}}\n"
    'webhooks: {stock: {url: "https://api.example.com/", answers: {a: text}}}\n'
)


@pytest.mark.parametrize("written", ACTIONS)
def test_actions(written: str, tmp_path: Path) -> None:
    [only] = load(tmp_path, more=MORE, menus=option(do=written)).menus["main"].options
    assert plain(only.action) == ACTIONS[written]


@pytest.mark.parametrize(("digits", "bounds"), [("8", (8, 8)), ("[4, 10]", (4, 10))])
def test_how_many_digits(digits: str, bounds: tuple[int, int], tmp_path: Path) -> None:
    do = f"{{collect: code, say: Hi, digits: {digits}, tries: 2, timeout_s: 7, then: {{back: true}}}}"
    [only] = load(tmp_path, menus=option(do=do)).menus["main"].options
    assert isinstance(only.action, Collect)
    assert (only.action.min_digits, only.action.max_digits) == bounds
    assert (only.action.tries, only.action.timeout_s) == (2, 7.0)


def test_a_menu_with_everything(tmp_path: Path) -> None:
    menus = option() + (
        "      - offer_slot: 1\n"
        "      - {intent: agent, say: A, do: {queue: a}}\n"
        '    invalid: {say: "No.", tries: 2, then: {voicemail: 1}, greet_again: true}\n'
        "    timeout: {greet_again: true}\n"
        "    budget_s: 12\n    direct_dial: true\n    order: by_propensity\n    max_options: 4\n"
    )
    menu = load(tmp_path, menus=menus).menus["main"]
    assert [o.digit for o in menu.options] == [None, "0"]
    assert (menu.offer_slot, menu.direct_dial, menu.budget_s, menu.order) == (
        1,
        True,
        12.0,
        "by_propensity",
    )
    invalid, timeout = menu.invalid, menu.timeout
    assert (invalid.say.in_language("en").source, invalid.tries) == ("No.", 2)
    assert (invalid.then, invalid.greet_again) == (ToVoicemail("1"), True)
    assert (timeout.say.name, timeout.tries, timeout.then, timeout.greet_again) == (
        "nothing_pressed", None, None, True,
    )  # fmt: skip
    assert menu.failure == PERSON


RULES = """
rules:
  route:
    - {name: a, when: {caller.tier: vip}, then: {queue: q, priority: 9, skip_menu: true}}
    - {name: b, when: {caller.tier: important}, then: {queue: q}}
    - {name: c, when: {caller.tier: ordinary}, then: {menu: main}}
    - {name: d, then: {record: message, queue: q}}
  hold: [{name: e, then: {programme: calm}}]
  lead: [{name: f, then: {lead: never}}]
  pop: [{name: g, then: {shown: false}}]
  offers: [{name: h, then: {allowed: false}}]
programmes:
  calm:
    - {music_s: 20}
    - {say: Hello, when: {caller.known: true}}
    - {offer: true}
    - {position: true}
    - {callback: true}
    - {callback: "Press 1."}
"""


def test_rules_of_all_groups(tmp_path: Path) -> None:
    rules = {rule.name: rule.then for rule in load(tmp_path, rules=RULES).rules}
    leave = rules.pop("d")
    assert isinstance(leave, RouteTo)
    assert (type(leave.action), leave.skip_menu) == (Record, True)
    assert rules == {
        "a": RouteTo(action=ToQueue("q", 9), skip_menu=True),
        "b": RouteTo(action=ToQueue("q")),
        "c": RouteTo(menu="main"),
        "e": ToProgramme("calm"),
        "f": SetLead(LeadPolicy("never", "f")),
        "g": SetPop(shown=False),
        "h": SetOffers(False),
    }


def test_hold_entries(tmp_path: Path) -> None:
    entries = load(tmp_path, rules=RULES).programmes["calm"]
    assert [entry.kind for entry in entries] == [
        "music",
        "say",
        "offer",
        "position",
        "callback",
        "callback",
    ]
    assert (entries[0].music_s, entries[1].when is not None) == (20.0, True)
    texts = [entry.say for entry in entries[4:] if entry.say]
    assert (texts[0].name, texts[1].in_language("en").source) == ("callback_offer", "Press 1.")


def test_offers(tmp_path: Path) -> None:
    offers = (
        "offers:\n  case: {product: CASE, agent: A, when: {propensity: {gte: 0.2}},"
        " cap: {heard: 2, per_days: 30}}\n"
        "  bag: {product: BAG, menu: M, hold: H, never: {caller.known: false}, do: {queue: q}, value: 9,"
        " cap: {heard: 1, per_days: 7, after_refusal_days: 0}}\n"
    )
    found = load(tmp_path, offers=offers).offers
    assert list(found) == ["case", "bag"]
    case, bag = found["case"], found["bag"]
    assert (case.cap, case.action, case.value) == (OfferCap(2, 30, 90), PERSON, 1.0)
    assert (bag.cap, bag.action, bag.value) == (OfferCap(1, 7, 0), ToQueue("q"), 9.0)
    assert case.when is not None
    assert case.when.evaluate({"propensity": 0.2}).matched
    assert bag.never is not None
    assert (case.menu, bag.agent) == (None, None)


def test_a_number_with_everything(tmp_path: Path) -> None:
    numbers = (
        "numbers:\n  default: {menu: main, lead: on_answer, hours: shop, closed: {voicemail: 100},"
        ' pop: {note: "Be kind, {{ caller.first_name }}."}}\n'
    )
    number = load(tmp_path, hours=HOURS, numbers=numbers).numbers["default"]
    assert (number.hours, number.closed) == ("shop", ToVoicemail("100"))
    assert number.lead == LeadPolicy("on_answer", "default")
    assert number.pop.note is not None
    assert number.pop.shown


def test_texts_know_by_which_name_they_are_recorded(tmp_path: Path) -> None:
    menu = load(tmp_path).menus["main"]
    assert menu.greeting is not None
    assert (menu.greeting.name, menu.options[0].say.name) == ("main-greeting", "main-sales")


def test_a_language_that_everything_speaks(tmp_path: Path) -> None:
    both = "{en: A, zh: 一}"
    menus = option(say=both, do=f"{{say: {both}, then: {{queue: a}}}}")
    hold = f"programmes: {{default: [{{music_s: 9}}, {{say: {both}}}]}}\n"
    numbers = "numbers: {default: {menu: main}}\n"
    assert load(tmp_path, menus=menus, hold=hold, numbers=numbers).languages["main"] == {"en", "zh"}
    offers = "offers: {o: {product: P, hold: {en: A}, cap: {heard: 1, per_days: 1}}}\n"
    book = load(tmp_path, menus=menus, hold=hold, numbers=numbers, offers=offers)
    assert book.languages["main"] == {"en"}


def test_hosts_of_webhooks_are_compared_as_names_are() -> None:
    settings = RulebookSettings(webhook_hosts=("API.Example.com.",))
    assert Surroundings.of(settings).webhook_hosts == {"api.example.com"}
