# ruff: noqa: E501 (whole sentences, as they are read)
"""What authors get wrong about actions and menus."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.rulebook_folder import offer, option, sentences_about

pytestmark = pytest.mark.unit

#: name: (files that differ from the good ones, every problem in order)
BROKEN: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "option that stands still": (
        {"menus": option(do="{menu: main}")},
        ["menus.yaml:4: warning: the option 'sales' leads to its own menu 'main' without a word; where that is meant, call it 'repeat'"],
    ),
    "option that repeats on purpose": (
        {"menus": option(intent="repeat", do="{menu: main}")},
        [],
    ),
    "option that leads back from the first menu": (
        {"menus": option(do="{back: true}")},
        ["menus.yaml:4: warning: the option 'sales' leads back, and no menu leads to 'main': it is heard again"],
    ),
    "option that leads back to another menu": (
        {"menus": option(do="{menu: more}"), "more": option(do="{back: true}").replace("main", "more")},
        [],
    ),
    # Actions
    "nothing to do": (
        {"menus": option(do="{priority: 5}")},
        ["menus.yaml:6: an action is exactly one of queue, menu, back, hangup, say, collect, pin, record, voicemail, transfer, callback and webhook, and there is none"],
    ),
    "key of another action": (
        {"menus": option(do="{menu: main, priority: 5}")},
        ["menus.yaml:6: 'priority' goes with 'queue', not with 'menu'"],
    ),
    "misspelt action": (
        {"menus": option(do="{qeue: sales}")},
        ["menus.yaml:6: unknown key 'qeue'; did you mean 'queue'?"],
    ),
    "action that is a word": (
        {"menus": option(do="sales")},
        ["menus.yaml:6: 'do' must be a mapping (key: value), not 'sales'"],
    ),
    "prefer_s alone": (
        {"menus": option(do="{queue: sales, prefer_s: 20}")},
        ["menus.yaml:6: 'prefer_s' goes with 'prefer_agent'"],
    ),
    "login longer than any agent's": (
        {"menus": option(do="{queue: sales, prefer_agent: " + "a" * 41 + "}")},
        [
            f"menus.yaml:6: 'prefer_agent' cannot be '{'a' * 41}'; "
            "a login has 1 to 40 letters a to z, digits, dots, _, @ and -"
        ],
    ),
    "transfer to somewhere": (
        {"menus": option(do="{transfer: receptoin}")},
        ["menus.yaml:6: calls may not be transferred to 'receptoin'; did you mean 'reception'?"],
    ),
    "transfer to a number": (
        {"menus": option(do='{transfer: "+18005550100"}')},
        ["menus.yaml:6: 'transfer' cannot be '+18005550100'; a name has 1 to 40 letters a to z, digits, _ and -"],
    ),
    "mailbox with a blank": (
        {"menus": option(do='{voicemail: "100 @x"}')},
        ["menus.yaml:6: 'voicemail' is a mailbox like 100 or 100@sales, not '100 @x'"],
    ),
    "collect without words": (
        {"menus": option(do="{collect: order_number, then: {queue: sales}}")},
        ["menus.yaml:6: 'say' is missing"],
    ),
    "collect into no name": (
        {"menus": option(do='{collect: "order number", say: "Which?", then: {queue: sales}}')},
        ["menus.yaml:6: 'collect' cannot be 'order number'; a name has 1 to 40 letters a to z, digits and _, a letter first"],
    ),
    "collect too many digits": (
        {"menus": option(do='{collect: code, say: "Which?", digits: 40, then: {queue: sales}}')},
        ["menus.yaml:6: 'digits' is a number from 1 to 20, or the least and the most: [4, 10]"],
    ),
    "collect upside down": (
        {"menus": option(do='{collect: code, say: "Which?", digits: [8, 4], then: {queue: sales}}')},
        ["menus.yaml:6: 'digits' is a number from 1 to 20, or the least and the most: [4, 10]"],
    ),
    "collect without then": (
        {"menus": option(do='{collect: code, say: "Which?"}')},
        ["menus.yaml:6: 'then' is missing: what comes next, like then: {queue: NAME}"],
    ),
    "typed field that nobody asks for": (
        {"menus": option(say='"{{ typed.cod }}"', do='{collect: code, say: "Which?", then: {queue: sales}}')},
        ["menus.yaml:5: unknown value 'typed.cod' in the text; did you mean 'typed.code'?"],
    ),
    "pin without then": (
        {"menus": option(do='{pin: "Your PIN?"}')},
        ["menus.yaml:6: 'then' is missing: what comes next, like then: {queue: NAME}"],
    ),
    "record what": (
        {"menus": option(do="{record: voice}")},
        ["menus.yaml:6: 'record' must be one of message, name, not 'voice'"],
    ),
    "record for long": (
        {"menus": option(do="{record: message, max_s: 6000}")},
        ["menus.yaml:6: 'max_s' must be at most 600, not '6000'"],
    ),
    "collect a secret": (
        {"menus": option(do='{collect: PIN, say: "Your PIN", then: {queue: sales}}')},
        ["menus.yaml:6: warning: of what is typed as 'PIN' nothing is kept but a card's last digits; who is to be recognised by it is asked by the action 'pin'"],
    ),
    "callback with a typo": (
        {"menus": option(do="{callback: sales, otherwhise: {hangup: true}}")},
        ["menus.yaml:6: unknown key 'otherwhise'; did you mean 'otherwise'?"],
    ),
    "mistakes two steps down": (
        {"menus": option(do='{say: "A", then: {pin: "B", then: {menu: gone}, failure: {queue: [x]}}}')},
        ["menus.yaml:6: 'queue' must be a text (put it in quotes), not a list"],
    ),
    "hangup not": (
        {"menus": option(do="{hangup: no}")},
        ["menus.yaml:6: 'hangup' must be true, not 'no'"],
    ),
    "queue that Asterisk does not have": (
        {"menus": option(do="{queue: sale}")},
        ["menus.yaml:4: warning: Asterisk has no queue 'sale'; did you mean 'sales'?"],
    ),
    "queue of a message": (
        {"menus": option(do="{record: message, queue: boxes}")},
        ["menus.yaml:4: warning: Asterisk has no queue 'boxes'"],
    ),
    "direct dial without extensions": (
        {"menus": option() + "    direct_dial: true\n"},
        ["menus.yaml:7: 'direct_dial' needs extensions in the settings' rulebook.direct_dial"],
    ),
    # Menus
    "two places for offers": (
        {"menus": option() + "      - {offer_slot: 1}\n      - {offer_slot: 1}\n", "offers": offer(menu='"A case"', do="{queue: sales}")},
        ["menus.yaml:8: a menu has one place for an offer at most; this is the second"],
    ),
    "two offers in one place": (
        {"menus": option() + "      - {offer_slot: 2}\n", "offers": offer(menu='"A case"', do="{queue: sales}")},
        ["menus.yaml:7: 'offer_slot' must be at most 1, not '2'"],
    ),
    "place without offers": (
        {"menus": option() + "      - {offer_slot: 1}\n"},
        ["menus.yaml:2: warning: a place for an offer, and there are no offers"],
    ),
    "retry with a typo": (
        {"menus": option() + '    invalid: {say: "No.", trys: 2}\n'},
        ["menus.yaml:7: unknown key 'trys'; did you mean 'tries'?"],
    ),
    "retry leads nowhere": (
        {"menus": option() + '    timeout: {say: "No.", then: {menu: gone}}\n'},
        ["menus.yaml:2: there is no menu 'gone'"],
    ),
    "retry for ever": (
        {"menus": option() + "    timeout: {tries: 1, then: {menu: main}}\n"},
        ["menus.yaml:2: a caller who presses nothing never gets out: the timeout's 'then' leads from 'main' to 'main'"],
    ),
    "back for ever": (
        {"menus": option() + "    failure: {back: true}\n"},
        ["menus.yaml:2: a caller who presses nothing never gets out: failure leads from 'main' to 'main'"],
    ),
    "typing for ever": (
        {"menus": option() + '    failure: {collect: code, say: "Which?", then: {queue: sales}, failure: {menu: main}}\n'},
        ["menus.yaml:2: a caller who presses nothing never gets out: failure leads from 'main' to 'main'"],
    ),
    "two menus for ever": (
        {"menus": option(do="{menu: two}") + "    failure: {menu: two}\n  two:\n    options: [{intent: a, say: A, do: {queue: sales}}]\n    failure: {back: true}\n"},
        [
            "menus.yaml:2: a caller who presses nothing never gets out: failure leads from 'main' to 'two' to 'main'",
            "menus.yaml:8: a caller who presses nothing never gets out: failure leads from 'two' to 'main' to 'two'",
        ],
    ),
    "option that is never heard": (
        {"menus": option(when="{caller.open_orders: {gt: 3, lt: 2}}")},
        ["menus.yaml:4: warning: the option 'sales' is never heard: its 'when' contradicts itself"],
    ),
    "unknown fact in a when": (
        {"menus": option(when="{caller.knwon: true}")},
        ["menus.yaml:7: unknown fact 'caller.knwon'; did you mean 'caller.known'?"],
    ),
    "person by a question": (
        {"menus": option(digit='"0"', do='{collect: code, say: "Which?", then: {queue: sales}}')},
        ["menus.yaml:4: the digit 0 always leads to a person: a queue, and without 'when'"],
    ),
    "money without a filter": (
        {"menus": option(say='"You have {{ caller.balance }}"')},
        ["menus.yaml:5: 'caller.balance' is an amount of money; write how to say it: '{{ caller.balance | money }}'"],
    ),
    "money compared with words": (
        {"menus": option(when="{caller.balance: {gt: much}}")},
        ["menus.yaml:7: caller.balance is compared with an amount as a plain number like 12.5, not 'much'"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_mistake_has_its_sentence(name: str, tmp_path: Path) -> None:
    files, expected = BROKEN[name]
    assert sentences_about(tmp_path, **files) == expected
