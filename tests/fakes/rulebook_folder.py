"""A small good rulebook on disk, of which a test changes what it is about."""

from __future__ import annotations

import time
from pathlib import Path

from config.rulebook_loader import load_rulebook
from config.surroundings import Surroundings

GOOD = {
    "numbers.yaml": (
        'numbers:\n  "+18005550100": {menu: main, language: en}\n  default: {menu: main}\n'
    ),
    "menus.yaml": (
        "menus:\n"
        "  main:\n"
        '    greeting: "Welcome."\n'
        "    options:\n"
        "      - intent: sales\n"
        '        say: "To order"\n'
        "        do: {queue: sales}\n"
    ),
}

#: One menu and nothing else, in one file; a test puts its own section behind it.
ONE_MENU = """\
numbers:
  default: {menu: main}
menus:
  main:
    options:
      - {intent: agent, digit: "0", say: "A person", do: {queue: sales}}
    failure: {queue: sales}
"""


def write_rulebook(folder: Path, **files: str | bytes) -> Path:
    """`files` by name without `.yaml`; they replace or join the good ones."""
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, str | bytes] = {**GOOD, **{f"{n}.yaml": c for n, c in files.items()}}
    for name, content in written.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def option(**parts: str) -> str:
    """A menus file with one option, whose parts are YAML."""
    parts = {"intent": "sales", "say": '"To order"', "do": "{queue: sales}", **parts}
    lines = [f"{key}: {value}" for key, value in parts.items()]
    body = "\n        ".join(lines)
    return f"menus:\n  main:\n    options:\n      - {body}\n"


def rule(when: str, then: str = "{queue: vip}") -> str:
    return f"rules:\n  route:\n    - name: one\n      when: {when}\n      then: {then}\n"


AROUND = Surroundings(
    default_queue="support",
    transfer_targets=frozenset({"reception", "warehouse"}),
    webhook_hosts=frozenset({"api.example.com"}),
    queues=frozenset({"support", "sales", "billing", "vip"}),
)


def hours(body: str) -> str:
    return f"hours:\n  shop:\n    {body}\n"


def webhook(**parts: str) -> str:
    parts = {"url": '"https://api.example.com/stock"', "answers": "{pieces: whole}", **parts}
    return f"webhooks:\n  stock: {{{', '.join(f'{k}: {v}' for k, v in parts.items())}}}\n"


def offer(**parts: str) -> str:
    parts = {"product": "CASE", "agent": '"A case"', "cap": "{heard: 1, per_days: 30}", **parts}
    lines = "\n    ".join(f"{key}: {value}" for key, value in parts.items() if value)
    return f"offers:\n  case:\n    {lines}\n"


def rules(group: str, *items: str) -> str:
    return f"rules:\n  {group}:\n" + "".join(f"    - {item}\n" for item in items)


def example(given: str = "{}", expect: str = "{menu: main}") -> str:
    return f"tests:\n  - name: it\n    given: {given}\n    expect: {expect}\n"


def number(more: str) -> str:
    return f"numbers:\n  default: {{menu: main, {more}}}\n"


def sentences_about(folder: Path, **files: str | bytes) -> list[str]:
    """Every problem, without the folder's name; told within two seconds, and only where there is
    no error is there a rulebook."""
    started = time.process_time()
    loaded = load_rulebook(write_rulebook(folder, **files), around=AROUND)
    assert time.process_time() - started < 2
    assert (loaded.rulebook is None) is bool(loaded.errors)
    return [str(problem).replace(f"{folder}/", "") for problem in loaded.problems]
