"""The segments as one page that needs nothing else: text and pictures (SVG) in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment

from switchboard.segment_words import WORDS, named

_KINDS = ("tier", "lifecycle", "own", "behaviour", "price_band", "loyalty", "main_category")
_MOST_BARS, _MOST_MOVES = 12, 15
_FIFTHS = range(1, 6)

_PAGE = """\
<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ words.title }}</title>
<style>
  :root { color-scheme: light; }
  body { margin: 0 auto; max-width: 1080px; padding: 2rem 1.25rem 3rem; background: #f6f7f9;
    color: #1c2733; font: 15px/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
  h1 { margin: 0 0 .25rem; font-size: 1.7rem; }
  h2 { margin: 0 0 .75rem; font-size: 1.05rem; }
  .faint { color: #5a6877; margin: .1rem 0; }
  .pareto { margin: 1.25rem 0; padding: 1rem 1.25rem; border-left: 4px solid #1f6feb;
    background: #fff; font-size: 1.1rem; }
  .cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(310px, 1fr)); }
  .card { padding: 1rem 1.25rem; border: 1px solid #dfe4ea; border-radius: 8px; background: #fff; }
  .wide { margin-top: 1rem; }
  svg { display: block; width: 100%; height: auto; }
  svg text { font: 12px system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; fill: #1c2733; }
  svg text.many { fill: #5a6877; }
  svg text.light { fill: #fff; }
  table { width: 100%; border-collapse: collapse; }
  td { padding: .3rem .5rem .3rem 0; border-top: 1px solid #edf0f3; vertical-align: top; }
  td.count { text-align: right; font-variant-numeric: tabular-nums; }
</style>
</head>
<body>
<h1>{{ words.title }}</h1>
<p class="faint">{{ words.scored.format(count=contacts, at=ran_at) }}</p>
<p class="faint">{{ value_by }}</p>
<p class="pareto">{{ pareto }}</p>
<div class="cards">
{% for chart in charts %}
<section class="card">
<h2>{{ chart.title }}</h2>
<svg viewBox="0 0 360 {{ chart.height }}" role="img" aria-label="{{ chart.title }}">
{% for bar in chart.bars %}
<g transform="translate(0 {{ loop.index0 * 26 }})">
<text x="0" y="16">{{ bar.name }}</text>
<rect x="130" y="4" width="{{ bar.width }}" height="16" rx="3" fill="#1f6feb"></rect>
<text x="{{ bar.width + 136 }}" y="16" class="many">{{ bar.said }}</text>
</g>
{% endfor %}
</svg>
</section>
{% endfor %}
{% if cells %}
<section class="card">
<h2>{{ words.kind_rfm }}</h2>
<svg viewBox="0 0 360 190" role="img" aria-label="{{ words.kind_rfm }}">
{% for cell in cells %}
<rect x="{{ cell.x }}" y="{{ cell.y }}" width="66" height="32" rx="3" fill="#1f6feb"
 fill-opacity="{{ cell.shade }}"></rect>
<text x="{{ cell.x + 33 }}" y="{{ cell.y + 20 }}" text-anchor="middle"
{%- if cell.is_dark %} class="light"{% endif %}>{{ cell.many }}</text>
{% endfor %}
</svg>
<p class="faint">{{ words.rfm_note }}</p>
</section>
{% endif %}
</div>
<section class="card wide">
<h2>{{ moved_title }}</h2>
{% if moves %}<table>
{% for move in moves %}<tr><td>{{ move.kind }}</td><td>{{ move.before }} → {{ move.now }}</td>
<td class="count">{{ move.many }}</td></tr>
{% endfor %}</table>{% endif %}
</section>
<section class="card wide">
<h2>{{ words.warnings }}</h2>
<p>{{ warnings_count }}</p>
{% if warnings %}<table>
{% for one in warnings %}<tr><td>{{ one.contact }}</td><td>{{ one.because }}</td></tr>
{% endfor %}</table>{% endif %}
</section>
</body>
</html>
"""

_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_PAGE)


@dataclass(frozen=True, slots=True)
class _Bar:
    name: str
    width: int
    said: str


@dataclass(frozen=True, slots=True)
class _Cell:
    x: int
    y: int
    many: int
    shade: float

    @property
    def is_dark(self) -> bool:
        return self.shade > 0.55


def segment_page(told: Mapping[str, Any], language: str) -> str:
    """`told` is of `segment_figures`; everything in it is escaped."""
    words, share = WORDS[language], told["pareto_share"]
    found = told["churn_warnings"]
    return _TEMPLATE.render(
        language="zh-CN" if language == "zh" else "en",
        words=words,
        contacts=f"{told['contacts']:,}",
        ran_at=_at(told["ran_at"]),
        value_by=words[f"value_by_{told['value_by']}"],
        pareto=words["pareto_none"]
        if share is None
        else words["pareto"].format(share=f"{100 * share:.1f} %"),
        charts=_charts(told, language),
        cells=_cells(told["sizes"].get("rfm", {})),
        moved_title=_moved_title(told, words),
        moves=_moves(told["movements"], language),
        warnings_count=words["warnings_count"].format(count=found["count"], new=found["new"]),
        warnings=found["newest"],
    )


def _charts(told: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    charts = []
    for kind in _KINDS:
        sizes = list(told["sizes"].get(kind, {}).items())[:_MOST_BARS]
        if not sizes:
            continue
        most = max(many for _, many in sizes) or 1
        bars = [
            _Bar(
                _shortened(
                    _title(told, name, language) if kind == "own" else named(name, language)
                ),
                round(140 * many / most),
                f"{many:,} ({100 * many / max(1, told['contacts']):.1f} %)",
            )
            for name, many in sizes
        ]
        title = WORDS[language][f"kind_{kind}"]
        charts.append({"title": title, "bars": bars, "height": 26 * len(bars)})
    return charts


def _title(told: Mapping[str, Any], name: str, language: str) -> str:
    titles = told["titles"].get(name, {})
    return str(titles.get(language) or titles.get("") or next(iter(titles.values()), name))


def _shortened(text: str, most: int = 18) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _cells(grid: Mapping[str, int]) -> Sequence[_Cell]:
    """5x5: the best recency above, the best frequency to the right."""
    most = max(grid.values(), default=0)
    if not most:
        return ()
    return [
        _Cell(70 * (frequency - 1), 38 * (5 - recency), many, round(0.06 + 0.94 * many / most, 2))
        for recency in _FIFTHS
        for frequency in _FIFTHS
        for many in [grid.get(f"{recency}{frequency}", 0)]
    ]


def _moved_title(told: Mapping[str, Any], words: Mapping[str, str]) -> str:
    if told["compared_with"] is None:
        return words["moved_first"]
    at = _at(told["compared_with"])
    return words["moved" if told["movements"] else "moved_none"].format(at=at)


def _moves(movements: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    rows = [
        {
            "kind": WORDS[language][f"kind_{kind}"],
            "before": named(before, language),
            "now": named(now, language),
            "many": many,
        }
        for kind, found in movements.items()
        for before, now, many in found
    ]
    return sorted(rows, key=lambda row: -row["many"])[:_MOST_MOVES]


def _at(moment: str) -> str:
    return moment.replace("T", " ")[:16] + " UTC"
