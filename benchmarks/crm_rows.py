"""How the figures about CRMs are told."""

from __future__ import annotations

from benchmarks.row import Result, Row, with_aim


def lookup_rows(seen: Result) -> list[Row]:
    rows = []
    for name, found in seen["databases"].items():
        sizes, growth = found["sizes"], found["growth"]
        most, fewest = max(sizes, key=int), min(sizes, key=int)
        fewer = "; ".join(
            f"{int(size):,}: {row['p50_ms']:g}, {row['p99_ms']:g}"
            for size, row in sizes.items()
            if size != most
        )
        bare = f"the bare driver: {sizes[most]['bare_p50_ms']:g}, {sizes[most]['bare_p99_ms']:g}"
        p99 = sizes[most]["p99_ms"]
        grown = {what: ratio["median"] for what, ratio in growth.items()}
        rows += [
            Row(
                f"ms to find a number among {int(most):,} contacts, {name}, p50 and p99",
                f"{sizes[most]['p50_ms']:g}, {p99:g}",
                f"{bare}; {fewer}",
                with_aim(f"p99 ≤ {seen['aim_p99_ms']:g}", p99 <= seen["aim_p99_ms"]),
            ),
            Row(
                f"growth from {int(fewest):,} contacts to that, {name}, p50 and p99: median of "
                f"{seen['rounds']} rounds",
                f"{grown['p50']:g} ×, {grown['p99']:g} ×",
                f"p99 by round: {growth['p99']['least']:g} to {growth['p99']['most']:g} ×; "
                f"the bare driver: {grown['bare_p50']:g} ×, {grown['bare_p99']:g} ×",
                with_aim(
                    f"≤ {seen['aim_growth']:g} ×",
                    max(grown["p50"], grown["p99"]) <= seen["aim_growth"],
                ),
            ),
        ]
    return rows


def dip_rows(seen: Result) -> list[Row]:
    rows = [
        Row(
            f"ms of a whole look-up through `{name}` ({row['version']}), p50 and p95",
            f"{row['p50_ms']:g}, {row['p95_ms']:g}",
            f"{row['together']} at once: p95 {row['together_p95_ms']:g}",
            with_aim(f"p95 ≤ {seen['aim_p95_ms']:g}", row["p95_ms"] <= seen["aim_p95_ms"]),
        )
        for name, row in seen["crms"].items()
    ]
    lead = seen["lead"]
    rows.append(
        Row(
            "s from a stranger's hang-up to the lead in Tryton and on its owner's desktop",
            f"{lead['median_s']:g}, worst {lead['worst_s']:g}",
            "–",
            with_aim(f"≤ {seen['aim_lead_s']:g}", lead["worst_s"] <= seen["aim_lead_s"]),
        )
    )
    return rows


def away_rows(seen: Result) -> list[Row]:
    alive = seen["alive"]
    rows = []
    for kind, what in (("silent", "says nothing"), ("refused", "refuses connections")):
        row = seen[kind]
        rows.append(
            Row(
                f"ms a caller waits for a CRM that {what}: p99 until it is given up, then after",
                f"{row['asked_p99_ms']:g} ({row['asked']} callers), "
                f"{row['not_asked_p99_ms']:g} ({row['not_asked']})",
                f"CRM alive: {alive['asked_p50_ms']:g}, {alive['asked_p99_ms']:g}",
                with_aim(
                    f"≤ {seen['aim_ms']:g}, ≤ {seen['aim_open_ms']:g}",
                    row["asked_p99_ms"] <= seen["aim_ms"]
                    and row["not_asked_p99_ms"] <= seen["aim_open_ms"],
                ),
            )
        )
    return rows


def outbox_rows(seen: Result) -> list[Row]:
    return [
        Row(
            f"entries a second that the outbox delivers to the embedded CRM, {name}",
            f"{found['entries_per_s']:,}",
            f"{found['entries']:,} of {found['entities']:,} leads, calls and tasks after "
            f"{seen['outage_h']} h without it: {found['seconds']:g} s",
            with_aim(f"all in {seen['aim_s']:g} s", found["seconds"] <= seen["aim_s"]),
        )
        for name, found in seen["databases"].items()
    ]
