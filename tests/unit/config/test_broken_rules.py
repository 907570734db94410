# ruff: noqa: E501 (whole sentences, as they are read)
"""What authors get wrong about rules, hold, offers, examples, and in the files themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.rulebook_folder import (
    example,
    hours,
    number,
    offer,
    option,
    rule,
    rules,
    sentences_about,
)

pytestmark = pytest.mark.unit

#: name: (files that differ from the good ones, every problem in order)
BROKEN: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    # Rules
    "unknown group": (
        {"rules": rules("rout", "{name: a, then: {queue: sales}}")},
        ["rules.yaml:2: unknown key 'rout'; did you mean 'route'?"],
    ),
    "rule covered by an earlier one": (
        {"rules": rules("route", "{name: any-order, when: {caller.open_orders: {gt: 0}}, then: {queue: sales}}", "{name: many-orders, when: {caller.open_orders: {gte: 5}, caller.known: true}, then: {queue: vip}}")},
        ["rules.yaml:4: warning: the rule 'many-orders' is never reached: whenever it matches, 'any-order' in line 3 matched before"],
    ),
    "rule that never matches": (
        {"rules": rules("route", "{name: odd, when: {all: [{caller.tier: vip}, {caller.tier: ordinary}]}, then: {queue: vip}}")},
        ["rules.yaml:3: warning: the rule 'odd' never matches: its 'when' contradicts itself"],
    ),
    "lead that is no policy": (
        {"rules": rules("lead", "{name: a, then: {lead: maybe}}")},
        ["rules.yaml:3: 'lead' must be one of never, on_answer, on_abandon, always, not 'maybe'"],
    ),
    "lead of many wrong words": (
        {"rules": rules("lead", '{name: a, then: {lead: {when: on_abandn, dedup_days: 3}}}')},
        [
            "rules.yaml:3: 'when' must be one of never, on_answer, on_abandon, always, not 'on_abandn'; did you mean 'on_abandon'?",
            "rules.yaml:3: unknown key 'dedup_days'; did you mean 'dedupe_days'?",
        ],
    ),
    "lead with what does not go together": (
        {"rules": rules("lead", '{name: a, then: {lead: {when: always, after_s: 5, min_talk_s: 5}}}')},
        [
            "rules.yaml:3: 'after_s' goes with 'when: on_abandon'",
            "rules.yaml:3: 'min_talk_s' goes with 'when: on_answer'",
        ],
    ),
    "lead for nobody": (
        {"rules": rules("lead", '{name: a, then: {lead: {owner: [last_actve, "agent:", "queue:sales!", boss]}}}')},
        [
            "rules.yaml:3: 'agent:' names no owner; there are: record_owner, last_active, queue, default, agent:LOGIN, queue:NAME",
            "rules.yaml:3: 'boss' names no owner; there are: record_owner, last_active, queue, default, agent:LOGIN, queue:NAME",
            "rules.yaml:3: 'last_actve' names no owner; did you mean 'last_active'?",
            "rules.yaml:3: 'queue:sales!' names no owner; there are: record_owner, last_active, queue, default, agent:LOGIN, queue:NAME",
        ],
    ),
    "lead that denies what is no number": (
        {"rules": rules("lead", '{name: a, then: {lead: {deny: ["020 7946", "+44*20"]}}}')},
        [
            "rules.yaml:3: '+44*20' is neither a number with its country, like +442079460018, nor the beginning of some, like +4420*",
            "rules.yaml:3: '020 7946' is neither a number with its country, like +442079460018, nor the beginning of some, like +4420*",
        ],
    ),
    "pop without a card": (
        {"rules": rules("pop", '{name: a, then: {shown: false, note: "Hello"}}')},
        ["rules.yaml:3: a card that is not shown has no note"],
    ),
    "offers perhaps": (
        {"rules": rules("offers", "{name: a, then: {allowed: perhaps}}")},
        ["rules.yaml:3: 'allowed' must be true or false, not 'perhaps'"],
    ),
    "rule twice": (
        {"rules": rules("lead", "{name: a, when: {caller.known: true}, then: {lead: never}}", "{name: a, then: {lead: always}}")},
        ["rules.yaml:4: the rule 'a' is given twice; see rules.yaml:3"],
    ),
    "skip_menu with a menu": (
        {"rules": rules("route", "{name: a, then: {menu: main, skip_menu: true}}")},
        ["rules.yaml:3: 'skip_menu' goes with 'queue'"],
    ),
    "menu kept before a voicemail": (
        {"rules": rules("route", '{name: a, then: {voicemail: "100", skip_menu: false}}')},
        ["rules.yaml:3: only 'queue' leaves the menu in its place; leave 'skip_menu: false' out"],
    ),
    "route leads back": (
        {"rules": rules("route", "{name: a, then: {back: true}}")},
        ["rules.yaml:3: 'back' leads nowhere before any menu"],
    ),
    "route leads back in the end": (
        {"rules": rules("route", "{name: a, then: {say: Hello, then: {back: true}}}")},
        ["rules.yaml:3: 'back' leads nowhere before any menu"],
    ),
    "propensity in a rule": (
        {"rules": rule("{propensity: {gt: 0.5}}")},
        ["rules.yaml:4: unknown fact 'propensity'"],
    ),
    # Hold
    "hold entry of two kinds": (
        {"hold": "programmes:\n  default: [{music_s: 20, position: true}]\n"},
        ["hold.yaml:2: a hold entry is exactly one of music_s, say, offer, position and callback"],
    ),
    "hold entry of no kind": (
        {"hold": "programmes:\n  default: [{when: {caller.known: true}}, {music_s: 20}]\n"},
        ["hold.yaml:2: a hold entry is exactly one of music_s, say, offer, position and callback"],
    ),
    "hold without music": (
        {"hold": 'programmes:\n  default: [{say: "Hello"}]\n'},
        ["hold.yaml:2: warning: the programme 'default' has no music: its words follow without a pause"],
    ),
    "hold entries that are words": (
        {"hold": "programmes:\n  default: [{music_s: 20}, position]\n"},
        ["hold.yaml:2: item 2 of the list must be a mapping (key: value), not 'position'"],
    ),
    "hold callback number": (
        {"hold": "programmes:\n  default: [{music_s: 20}, {callback: 5}]\n"},
        ["hold.yaml:2: 'callback' must be true or a text, not '5'"],
    ),
    "hold for an offer": (
        {"hold": "programmes:\n  default: [{music_s: 20}, {offer: true}]\n"},
        ["hold.yaml:2: warning: a place for an offer, and there are no offers"],
    ),
    "hold for some": (
        {"hold": "programmes:\n  default: [{music_s: 20, when: {caller.teir: vip}}]\n"},
        ["hold.yaml:2: unknown fact 'caller.teir'; did you mean 'caller.tier'?"],
    ),
    # Offers
    "offer without cap": (
        {"offers": offer(cap="")},
        ["offers.yaml:2: the offer 'case' has no cap; write cap: {heard: 2, per_days: 30}"],
    ),
    "cap of nothing": (
        {"offers": offer(cap="{heard: 0, per_days: 30}")},
        ["offers.yaml:5: 'heard' must be at least 1, not '0'"],
    ),
    "cap with a typo": (
        {"offers": offer(cap="{heard: 1, per_day: 30}")},
        [
            "offers.yaml:5: 'per_days' is missing",
            "offers.yaml:5: unknown key 'per_day'; did you mean 'per_days'?",
        ],
    ),
    "offer made nowhere": (
        {"offers": offer(agent="")},
        ["offers.yaml:2: the offer 'case' is made nowhere: write menu, hold or agent"],
    ),
    "offer without a place": (
        {"offers": offer(menu='"A case"', do="{queue: sales}")},
        ["offers.yaml:2: warning: the offer 'case' is never heard in a menu: none has an offer_slot"],
    ),
    "offer that leads nowhere of its own": (
        {"offers": offer(menu='"A case"'), "menus": option() + "      - {offer_slot: 1}\n"},
        ["offers.yaml:6: warning: the offer 'case' has no 'do': its key leads to the queue 'support'"],
    ),
    "offer for agents only": (
        {"offers": offer()},
        [],
    ),
    "offer without hold": (
        {"offers": offer(agent="", hold='"A case"')},
        ["offers.yaml:2: warning: the offer 'case' is never heard on hold: write - offer: true in a programme"],
    ),
    "offer without product": (
        {"offers": offer(product="")},
        ["offers.yaml:2: 'product' is missing"],
    ),
    "offer of no value": (
        {"offers": offer(value="0")},
        ["offers.yaml:6: 'value' must be above 0, not '0'"],
    ),
    "offer never and always": (
        {"offers": offer(when="{caller.open_orders: {gt: 0}}", never="{caller.open_orders: {gt: 0}}")},
        ["offers.yaml:2: warning: the offer 'case' is never made: 'when' and 'never' exclude each other"],
    ),
    "propensity in never": (
        {"offers": offer(never="{propensity: {lt: 0.1}}")},
        ["offers.yaml:6: unknown fact 'propensity'"],
    ),
    "offer to nowhere": (
        {"offers": offer(do="{menu: gone}")},
        ["offers.yaml:2: there is no menu 'gone'"],
    ),
    # Examples
    "example with an unknown menu": (
        {"tests": example(expect="{menu: mian}")},
        ["tests.yaml:4: there is no menu 'mian'; did you mean 'main'?"],
    ),
    "example with an unknown offer": (
        {"tests": example(expect="{offer: box}"), "offers": offer()},
        ["tests.yaml:4: there is no offer 'box'; write it under offers"],
    ),
    "example with a misspelt wish": (
        {"tests": example(expect="{qeue: sales}")},
        ["tests.yaml:4: unknown key 'qeue'; did you mean 'queue'?"],
    ),
    "example with impossible doors": (
        {"tests": example(expect="{doors: ajar}")},
        ["tests.yaml:4: 'doors' must be one of open, closed, holiday, closure, not 'ajar'"],
    ),
    "example with letters for keys": (
        {"tests": example('{presses: ["1", "x"]}')},
        ["tests.yaml:3: keys are 0 to 9, * and #, not 'x'"],
    ),
    "example with a bare amount": (
        {"tests": example("{facts: {caller.balance: 12.5}}")},
        ['tests.yaml:3: caller.balance is an amount with its currency, like "12.50 EUR"'],
    ),
    "example with a bad date": (
        {"tests": example("{facts: {caller.last_order.due_on: tomorrow}}")},
        ["tests.yaml:3: a date is written like 2026-12-24, not 'tomorrow'"],
    ),
    "example without expectations": (
        {"tests": "tests:\n  - {name: it, given: {}}\n"},
        ["tests.yaml:2: 'expect' is missing"],
    ),
    "example with a misspelt intent": (
        {"tests": example(expect="{options: [sale, agent]}")},
        ["tests.yaml:2: the example 'it': no menu has the intent 'sale'; did you mean 'sales'?"],
    ),
    "past intent that no menu has": (
        {"rules": rule("{caller.past_intents: biling}")},
        ["rules.yaml:3: warning: no menu has the intent 'biling'"],
    ),
    # Languages
    "closed in one language only": (
        {
            "numbers": "numbers:\n  default: {menu: main, language: zh, hours: shop,\n"
            "    closed: {say: {en: Closed}, then: {hangup: true}}}\n",
            "hours": hours('week: {mon: "09:00-18:00"}'),
        },
        ["numbers.yaml:3: the text has no 'zh', which default speaks"],
    ),
    "retry in one language only": (
        {
            "numbers": number("language: zh"),
            "menus": option() + "    invalid: {then: {say: {en: Bye}, then: {hangup: true}}}\n",
        },
        ["menus.yaml:7: the text has no 'zh', which default speaks"],
    ),
    "offer in one language only": (
        {
            "numbers": number("language: zh"),
            "offers": offer(hold="{en: A case}"),
            "hold": "programmes: {default: [{music_s: 20}, {offer: true}]}\n",
        },
        ["offers.yaml:6: the text has no 'zh', which default speaks"],
    ),
    "stock words of a callback in no such language": (
        {
            "numbers": number("language: de"),
            "menus": option(do="{callback: sales, say: Hallo, then: {hangup: true}}")
            + "    invalid: {say: Hallo}\n    timeout: {say: Hallo}\n",
            "texts": 'texts: {option_key: "{{ say }} {{ digit }}"}\n',
        },
        [
            "numbers.yaml:2: default speaks 'de', and 1 text is not written in it: callback_yes; write it as texts: callback_yes: de: ..."
        ],
    ),
    "a language that nobody writes": (
        {
            "numbers": 'numbers:\n  "1": {menu: main, language: en}\n  default: {menu: main, language: zh}\n',
            "menus": "menus:\n  main:\n    greeting: {en: Hello}\n    options:\n"
            + "".join(f"      - {{intent: {n}, say: {{en: To buy}}, do: {{queue: sales}}}}\n" for n in "abc"),
        },
        ["numbers.yaml:3: default speaks 'zh', and 4 texts are not written in it: menus.yaml:3, menus.yaml:5, menus.yaml:6 and 1 more"],
    ),
    "texts for nobody in particular": (
        {
            "numbers": 'numbers:\n  "1": {menu: main, language: en}\n  default: {menu: main, language: zh}\n',
            "menus": option(say="To order") + '      - {intent: b, say: "{{ caller.first_name }} 24", do: {queue: sales}}\n'
            "    greeting: Hello\n",
        },
        ["menus.yaml:5: warning: what is said in lines 5, 8 names no language; it is read as it is to callers who hear en or zh"],
    ),
    "texts for one language each": (
        {
            "numbers": 'numbers:\n  "1": {menu: main, language: en}\n  default: {menu: zh, language: zh}\n',
            "more": option(say="订购").replace("main", "zh"),
        },
        [],
    ),
    # Files
    "text in quotes left open in a list": (
        {"tests": 'tests:\n  - name: "it\n    given: {}\n'},
        ["tests.yaml:2: not valid YAML: a quote opened in line 2 is not closed"],
    ),
    "at sign without quotes": (
        {"texts": "texts:\n  a: @home\n"},
        ["texts.yaml:2: not valid YAML: a text that begins with @ must stand in quotes"],
    ),
    "colon in a text": (
        {"texts": "texts:\n  a: Hello: you\n"},
        ["texts.yaml:2: not valid YAML: a colon does not fit here; put a text that holds one in quotes, and mind how far lines are indented"],
    ),
    "indented by a tab": (
        {"texts": "texts:\n\ta: Hello\n"},
        ["texts.yaml:2: not valid YAML: a line begins with a tab; indent with spaces"],
    ),
    "bracket left open": (
        {"skills": "skills:\n  a: [1, 2\n"},
        ["skills.yaml:3: not valid YAML: a [ is not closed, or a comma is missing; it began in line 2"],
    ),
    "odd indentation": (
        {"texts": "texts:\n    a: A\n  b: B\n"},
        ["texts.yaml:3: not valid YAML: a line is not indented like those around it, or something after a quote is left over"],
    ),
    "null bytes": (
        {"texts": b"\x00\x00\x00"},
        ["texts.yaml:1: the file contains a NUL byte; it is not text; save the file as UTF-8"],
    ),
    "utf-16": (
        {"texts": 'texts: {a: "A"}\n'.encode("utf-16")},
        ["texts.yaml:1: the file is UTF-16 text; save the file as UTF-8"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_mistake_has_its_sentence(name: str, tmp_path: Path) -> None:
    files, expected = BROKEN[name]
    assert sentences_about(tmp_path, **files) == expected
