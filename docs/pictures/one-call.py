"""Draws `one-call.svg`: python docs/pictures/one-call.py > docs/pictures/one-call.svg"""

from __future__ import annotations

import sys
from html import escape

BOX_W, BOX_H = 196, 64
COLUMNS = (20, 262, 504, 746)
BOXES = [
    # key, column, y, title, file, colour
    ("caller", 0, 40, "Caller", "a phone", "#e8edf5"),
    ("asterisk", 1, 40, "Asterisk", "deploy/asterisk/", "#e8edf5"),
    ("agi", 2, 40, "FastAGI server", "ami_bridge/agi_server.py", "#dbeafe"),
    ("inbound", 3, 40, "The story of the call", "ivr/inbound.py", "#dcfce7"),
    ("directory", 3, 150, "Who is this?", "crm_adapter/directory.py", "#fef3c7"),
    ("scorer", 3, 240, "What do they want?", "scoring/scorer.py", "#fce7f3"),
    ("rules", 3, 330, "Which menu and route?", "ivr/rules.py", "#dcfce7"),
    ("dialog", 3, 420, "Speak, listen, queue", "ivr/dialog.py, hold.py", "#dcfce7"),
    ("tracker", 2, 240, "Call tracker", "ami_bridge/call_tracker.py", "#dbeafe"),
    ("bus", 2, 420, "Events", "calls/bus.py", "#e8edf5"),
    ("pops", 1, 420, "Pops and records", "screenpop/, crm_adapter/", "#ede9fe"),
    ("agent", 0, 240, "Agent", "desktop/ in the browser", "#ede9fe"),
    ("crm", 0, 420, "CRM", "record and lead", "#fef3c7"),
]
ARROWS = [
    ("caller", "asterisk", "SIP"),
    ("asterisk", "agi", "AGI"),
    ("agi", "inbound", ""),
    ("inbound", "directory", ""),
    ("directory", "scorer", ""),
    ("scorer", "rules", ""),
    ("rules", "dialog", ""),
    ("dialog", "bus", ""),
    ("asterisk", "tracker", "AMI"),
    ("tracker", "bus", ""),
    ("bus", "pops", ""),
    ("pops", "crm", "outbox"),
    ("pops", "agent", "websocket"),
    ("asterisk", "agent", "rings"),
]


def place(key: str) -> tuple[float, float]:
    _, column, y, *_ = next(box for box in BOXES if box[0] == key)
    return COLUMNS[column], y


def ends(start: str, end: str) -> tuple[float, float, float, float]:
    (ax, ay), (bx, by) = place(start), place(end)
    if ax == bx:
        return ax + BOX_W / 2, ay + BOX_H, bx + BOX_W / 2, by
    if ay == by:
        right = bx > ax
        return (
            (ax + BOX_W if right else ax),
            ay + BOX_H / 2,
            (bx if right else bx + BOX_W),
            by + BOX_H / 2,
        )
    down = by > ay
    return (
        ax + BOX_W * (0.8 if bx > ax else 0.2),
        ay + (BOX_H if down else 0),
        bx + BOX_W * (0.2 if bx > ax else 0.8),
        by + (0 if down else BOX_H),
    )


def draw() -> str:
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 962 510" '
        'font-family="system-ui, sans-serif" role="img" '
        'aria-label="The way of one call through Switchboard">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#475569"/></marker></defs>',
        '<rect width="962" height="510" rx="12" fill="#fff"/>',
    ]
    for start, end, label in ARROWS:
        x1, y1, x2, y2 = ends(start, end)
        out.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#475569" stroke-width="1.6" '
            'marker-end="url(#tip)"/>'
        )
        if label:
            out.append(
                f'<text x="{(x1 + x2) / 2 + (0 if y1 == y2 else 14)}" y="{(y1 + y2) / 2 - 6}" '
                'font-size="11" fill="#475569" '
                f'text-anchor="{"middle" if y1 == y2 else "start"}">{escape(label)}</text>'
            )
    for _key, column, y, title, name, colour in BOXES:
        x = COLUMNS[column]
        out.append(
            f'<rect x="{x}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="10" fill="{colour}" '
            'stroke="#94a3b8"/>'
            f'<text x="{x + BOX_W / 2}" y="{y + 27}" font-size="14" font-weight="600" '
            f'text-anchor="middle" fill="#0f172a">{escape(title)}</text>'
            f'<text x="{x + BOX_W / 2}" y="{y + 47}" font-size="11.5" text-anchor="middle" '
            f'fill="#334155">{escape(name)}</text>'
        )
    out.append("</svg>")
    return "\n".join(out)


sys.stdout.write(draw() + "\n")
