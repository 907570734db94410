"""By which name an author may record a text that has none of its own: from where it stands.

menus.main.greeting                     main-greeting
menus.main.options: intent billing      main-billing
programmes.default, second entry        default-2
offers.extended_warranty.menu           extended_warranty-menu
"""

from __future__ import annotations

from typing import Any

_SILENT = ("options", "say")


def recording_name(document: Any, path: tuple[str | int, ...]) -> str:
    """`path` leads from the file's top to the text."""
    words: list[str] = []
    part = document
    for index, step in enumerate(path):
        part = _inside(part, step)
        if index == 0 or step in _SILENT:
            continue
        if isinstance(step, int):
            intent = part.get("intent") if isinstance(part, dict) else None
            words.append(intent if isinstance(intent, str) else str(step + 1))
        else:
            words.append("".join(letter for letter in step if letter.isalnum() or letter in "_-"))
    return "-".join(words)


def _inside(part: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return part[step] if isinstance(part, list) and step < len(part) else None
    return part.get(step) if isinstance(part, dict) else None
