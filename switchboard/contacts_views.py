"""Contacts, duplicates and their quality on a terminal and as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crm_adapter.embedded.duplicates import Duplicates, Pair
from crm_adapter.embedded.likeness import Person
from crm_adapter.embedded.merging import Merged, PastMerge
from crm_adapter.embedded.quality import Quality
from supervisor.quality_words import FIELDS, NAMES, NUMBERS, SHARED, share

_BAR = 20


def show_duplicates(found: Duplicates, least: float, console: Console) -> None:
    if not found.count:
        console.print(f"no pair of {found.contacts:,} contacts is {least:.0%} sure or more")
        return
    table = Table("keep", "merge into it", "because", "sure")
    for pair in found.pairs:
        because = ", ".join(_reasons(pair))
        sure = f"{pair.likeness.confidence:.0%}"
        table.add_row(_named(pair.one), _named(pair.two), Text(because), sure)
    console.print(table)
    if found.count > len(found.pairs):
        console.print(f"the {len(found.pairs):,} surest of {found.count:,} pairs")
    console.print("to merge two of them: switchboard contacts merge KEEP OTHER --dry-run")


def duplicates_json(found: Duplicates) -> dict[str, Any]:
    return {
        "contacts": found.contacts,
        "pairs": found.count,
        "by_kind": found.by_kind,
        "surest": [
            {
                "keep": pair.one.id,
                "other": pair.two.id,
                "names": [f"{one.first} {one.last}".strip() for one in (pair.one, pair.two)],
                "confidence": pair.likeness.confidence,
                "shared": pair.likeness.shared,
                "names_say": pair.likeness.names.value,
                "name_score": pair.likeness.score,
            }
            for pair in found.pairs
        ],
    }


def show_merged(merged: Merged, console: Console, *, dry_run: bool) -> None:
    will = "would move" if dry_run else "moved"
    for name, rows in merged.moved.items():
        console.print(Text(f"{will} {rows} of {name}"), soft_wrap=True)
    if merged.filled:
        console.print(Text(f"taken over: {', '.join(merged.filled)}"), soft_wrap=True)
    for note in merged.notes:
        console.print(Text(note), soft_wrap=True)
    if dry_run:
        console.print("nothing was changed")
    else:
        told = (
            f"{merged.merged_id} is {merged.kept_id} now; to take them apart again: "
            f"switchboard contacts unmerge {merged.merge_id}"
        )
        console.print(Text(told), soft_wrap=True)


def show_merges(past: list[PastMerge], console: Console) -> None:
    table = Table("merge", "kept", "merged", "name", "by", "at", "undone")
    for one in past:
        undone = "" if one.undone_at is None else f"{one.undone_at:%Y-%m-%d %H:%M}"
        table.add_row(
            str(one.merge_id),
            Text(one.kept_id),
            Text(one.merged_id),
            Text(one.merged_name),
            Text(one.by),
            f"{one.at:%Y-%m-%d %H:%M}",
            undone,
        )
    console.print(table)


def show_quality(quality: Quality, console: Console) -> None:
    table = Table("field", "filled", "", "missing")
    for gap in quality.fields:
        missing = quality.contacts - gap.filled
        bar = _bar(gap.filled, quality.contacts)
        table.add_row(
            FIELDS[gap.field][0], bar, share(gap.filled, quality.contacts), f"{missing:,}"
        )
    console.print(table)
    for sentence in in_brief(quality):
        console.print(Text(sentence), soft_wrap=True)
    if quality.duplicates is not None:
        for kind, count in sorted(quality.duplicates.by_kind.items()):
            console.print(f"  {SHARED[kind][0]}: {count:,} pairs")


def in_brief(quality: Quality) -> list[str]:
    total = sum(quality.numbers.values())
    counts = ", ".join(
        f"{share(count, total)} {NUMBERS[kind][0]}" for kind, count in quality.numbers.items()
    )
    lines = [
        f"{quality.contacts:,} contacts with {total:,} numbers: {counts}",
        "without: "
        + ", ".join(
            f"{FIELDS[name][0].lower()} {quality.missing(name):,}"
            for name in ("number", "email", "name", "language")
        )
        + f"; neither number nor e-mail {quality.unreachable:,}",
    ]
    if quality.duplicates is not None:
        lines.append(f"{quality.duplicates.count:,} pairs are likely one person twice")
    return lines


def quality_json(quality: Quality) -> dict[str, Any]:
    return {
        "contacts": quality.contacts,
        "numbers": {kind.value: count for kind, count in quality.numbers.items()},
        "shared_numbers": quality.shared_numbers,
        "unreachable": quality.unreachable,
        "fields": {
            gap.field: {"filled": gap.filled, "missing": quality.contacts - gap.filled}
            for gap in quality.fields
        },
        "duplicates": None
        if quality.duplicates is None
        else {"pairs": quality.duplicates.count, "by_kind": quality.duplicates.by_kind},
    }


def _reasons(pair: Pair) -> list[str]:
    alike = pair.likeness
    return [NAMES[alike.names][0], *(SHARED[kind][0] for kind in alike.shared)]


def _named(person: Person) -> Text:
    name = f"{person.first} {person.last}".strip() or person.company
    return Text(f"{person.id}  {name}")


def _bar(part: int, whole: int) -> str:
    filled = round(_BAR * part / whole) if whole else 0
    return "█" * filled + "░" * (_BAR - filled)
