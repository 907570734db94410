"""A rulebook of one file: a rulebook, or errors that lie in it; the same each time."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from config import settings_file
from config.problems import MAX_PROBLEMS
from config.rulebook_files import RulebookFiles
from config.rulebook_loader import load_files
from tests.fuzz.targets import Target

_TODAY = date(2026, 3, 2)
_SHIPPED = Path(settings_file.__file__).parent / "defaults" / "rulebooks"


def check(data: bytes) -> None:
    files = RulebookFiles("rules", {"main.yaml": data})
    loaded = load_files(files, today=_TODAY)
    assert (loaded.rulebook is None) == bool(loaded.errors)
    assert len(loaded.problems) <= MAX_PROBLEMS + 1
    lines = data.count(b"\n") + data.count(b"\r") + data.count(b"\xc2\x85") + 2
    lines += data.count(b"\xe2\x80\xa8") + data.count(b"\xe2\x80\xa9")
    for problem in loaded.problems:
        assert problem.sentence.strip()
        assert 0 <= problem.line <= lines
        str(problem).encode()
    if loaded.rulebook is not None:
        assert loaded.rulebook.version == files.version


_SMALL = b"""numbers:
  default: {menu: main}
menus:
  main:
    say: {en: "Hello {{ caller.first_name or 'there' }}."}
    options:
      "1": {say: {en: "For orders"}, intent: orders, do: {queue: support}}
      "2": {say: {en: "For anything else"}, intent: other, do: {queue: default}}
"""
_RULES = b"""numbers:
  default: {menu: main, hours: office}
hours:
  office: {zone: Europe/Berlin, open: {mon-fri: "09:00-17:00"}, holidays: [DE]}
menus:
  main: {say: {en: Hi}, options: {"1": {say: {en: One}, intent: one, do: {queue: a}}}}
rules:
  - name: vip
    when: {all: [caller.tier is vip, caller.recency < 30]}
    do: {priority: 5, queue: vip}
  - when: {any: [{fact: call.weekday, in: [sat, sun]}]}
    do: {menu: main}
texts:
  hello: {en: "Hello", zh: "\xe4\xbd\xa0\xe5\xa5\xbd"}
"""


def _parts() -> tuple[bytes, ...]:
    """Each section of a shipped rulebook, short enough that a million of them take minutes."""
    found = []
    for path in sorted(_SHIPPED.glob("*/*.yaml")):
        content = path.read_bytes()
        found.append(content[: content.rfind(b"\n", 0, 500) + 1])
    return tuple(found)


TARGET = Target(
    check,
    (_SMALL, _RULES, *_parts()),
    (b"&a ", b"*a", b"!!python/object:os.system", b"<<: ", b"- ", b": ", b"\n  ", b"|", b"{", b"}",
     b"[", b"]", b"yes", b"1e3", b"0x10", b"when:", b"do:", b"menus:", b"caller.tier", b"---\n",
     b"? ", b"%YAML 1.1\n", b"09:00-25:00", b"2026-02-30", b"\t"),
    # Four times the longest file that comes with us; authors' files are read aside from calls.
    longest=16_000,
)  # fmt: skip
