"""A small good rulebook on disk, of which a test changes what it is about."""

from __future__ import annotations

from pathlib import Path

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
