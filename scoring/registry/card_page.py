"""A card as a page for people: no script, nothing fetched, English and Chinese."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jinja2 import Environment, StrictUndefined

from scoring.registry.card import Figures, Measured, ModelCard
from scoring.registry.card_words import HEADINGS, MEANINGS, PURPOSE

_SIDE = 260.0
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ card.kind }} {{ card.version }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1c2530}
h1{margin-bottom:.2rem}h2{margin-top:2rem;font-size:1.1rem}.dim{color:#5b6775}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d5dbe1;font-variant-numeric:tabular-nums}
.yes{color:#0a6b3d}.no{color:#a3201d}input.language{position:absolute;opacity:0}
label{border:1px solid #98a4b0;border-radius:.3rem;padding:.1rem .6rem;cursor:pointer}
main{display:none}{% for code in languages %}
#to-{{ code }}:checked~main.{{ code }}{display:block}#to-{{ code }}:checked~.choice label[for=to-{{ code }}]{background:#1c2530;color:#fff}{% endfor %}
input.language:focus-visible~.choice{outline:2px solid #2563c9}
</style></head><body>
{% for code in languages %}<input class="language" type="radio" name="language" id="to-{{ code }}"{{ " checked" if loop.first }}>
{% endfor %}<h1>{{ card.kind }}</h1><p class="dim">{{ card.version }}</p>
<p class="choice">{% for code, words in languages.items() %}<label for="to-{{ code }}">{{ words.name }}</label> {% endfor %}</p>
{% for code, words in languages.items() %}
<main class="{{ code }}" lang="{{ code }}">
<h2>{{ words.what }}</h2><p>{{ purpose[code][0] }}</p>
<h2>{{ words.use }}</h2><p>{{ purpose[code][1] }}</p>
<h2>{{ words.misuse }}</h2><p>{{ purpose[code][2] }}</p><p>{{ words.private }}</p>
<h2>{{ words.gate }}</h2>
<p><b class="{{ 'yes' if card.decision.promoted else 'no' }}">{{ words.passed if card.decision.promoted else words.failed }}</b>{% if card.champion %} <span class="dim">({{ words.champion }} {{ card.champion }})</span>{% endif %}</p>
<ul>{% for reason in card.decision.because %}<li>{{ reason }}</li>{% endfor %}</ul>
<h2>{{ words.metrics }}</h2>
<table><tr><th>{{ words.figure }}</th><th>{{ words.model }}</th>{% for name in card.baselines %}<th>{{ name }}</th>{% endfor %}</tr>
{% for name, value in card.metrics.items() %}<tr><td>{{ name }}{% if name in meanings[code] %}<br><span class="dim">{{ meanings[code][name] }}</span>{% endif %}</td><td>{{ said(value) }}</td>{% for other in card.baselines.values() %}<td>{{ said(other[name]) if name in other else '–' }}</td>{% endfor %}</tr>
{% endfor %}</table>
{% if card.slices %}<h2>{{ words.slices }}</h2>
<table><tr><th>{{ words.group }}</th>{% for name in in_slices %}<th>{{ name }}</th>{% endfor %}</tr>
{% for group, found in card.slices.items() %}<tr><td>{{ group }}</td>{% for name in in_slices %}<td>{{ said(found[name]) if name in found else '–' }}</td>{% endfor %}</tr>
{% endfor %}</table>{% endif %}
{% if dots %}<h2>{{ words.calibration }}</h2>
<svg width="{{ side }}" height="{{ side }}" viewBox="0 0 {{ side }} {{ side }}" role="img" aria-label="{{ words.calibration }}"><rect width="{{ side }}" height="{{ side }}" fill="#f3f5f7"/><line x1="0" y1="{{ side }}" x2="{{ side }}" y2="0" stroke="#98a4b0"/>{% for dot in dots %}<circle cx="{{ dot.x }}" cy="{{ dot.y }}" r="{{ dot.r }}" fill="#2563c9" fill-opacity=".7"><title>{{ dot.words }}</title></circle>{% endfor %}</svg>
<p class="dim">{{ words.axes }}</p>{% endif %}
{% if bars %}<h2>{{ words.importance }}</h2>
<table>{% for name, share, width in bars %}<tr><td>{{ name }}</td><td><svg width="300" height="14" aria-hidden="true"><rect width="{{ width }}" height="14" fill="#2563c9"/></svg></td><td>{{ share }}</td></tr>
{% endfor %}</table>{% endif %}
<h2>{{ words.data }}</h2>
<table>{% if card.window %}<tr><td>{{ words.window }}</td><td>{{ card.window.since.date() }} – {{ card.window.until.date() }}</td></tr>{% endif %}
<tr><td>{{ words.rows }}</td><td>{{ card.rows }}</td></tr><tr><td>{{ words.contacts }}</td><td>{{ card.contacts }}</td></tr>
<tr><td>{{ words.horizon }}</td><td>{{ card.horizon_days or words.none }}</td></tr>
<tr><td>{{ words.trained }}</td><td>{{ card.trained_at.strftime('%Y-%m-%d %H:%M') }} UTC</td></tr>
<tr><td>{{ words.schema }}</td><td>{{ card.contact_schema }}</td></tr><tr><td>SHA-256</td><td><code>{{ card.sha256[:16] }}…</code></td></tr></table>
{% if moves %}<h2>{{ words.history }}</h2><ul>{% for move in moves %}<li>{{ move.at.strftime('%Y-%m-%d %H:%M') }} UTC: {{ move.action }}{% if move.by %} ({{ move.by }}){% endif %}{% if move.forced %}, <b class="no">{{ words.forced }}</b>{% endif %}{% if move.because %}: {{ move.because }}{% endif %}</li>{% endfor %}</ul>{% endif %}
</main>{% endfor %}
</body></html>
"""  # noqa: E501
_TEMPLATE = Environment(autoescape=True, undefined=StrictUndefined).from_string(_PAGE)


class Moved(Protocol):
    """`scoring.registry.registry.Move`."""

    @property
    def at(self) -> datetime: ...

    @property
    def because(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Dot:
    x: float
    y: float
    r: float
    words: str


def page_of(card: ModelCard, moves: Iterable[Moved] = ()) -> str:
    purpose = {code: found[card.kind] for code, found in PURPOSE.items()}
    found = sorted(card.importance.items(), key=lambda item: -item[1])[:15]
    largest = max((share for _, share in found), default=0.0)
    bars = [
        (name, f"{share:.1%}", round(max(0.0, 300 * share / largest), 1))
        for name, share in found
        if largest > 0
    ]
    return _TEMPLATE.render(
        card=card,
        purpose=purpose,
        languages=HEADINGS,
        meanings=MEANINGS,
        said=said,
        in_slices=_names_in(card.slices.values()),
        dots=_dots(card),
        bars=bars,
        side=_SIDE,
        moves=tuple(moves),
    )


def said(figure: Measured) -> str:
    """`0.8012 (0.7911 to 0.8113)`"""
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"


def _names_in(slices: Iterable[Figures]) -> list[str]:
    return list(dict.fromkeys(name for found in slices for name in found))


def _dots(card: ModelCard) -> list[_Dot]:
    largest = max((max(each.forecast, each.came) for each in card.reliability), default=0.0)
    if largest <= 0:
        return []
    scale = _SIDE / (largest * 1.05)
    rows = max(each.rows for each in card.reliability) or 1
    return [
        _Dot(
            round(each.forecast * scale, 1),
            round(_SIDE - each.came * scale, 1),
            round(3 + 5 * (each.rows / rows) ** 0.5, 1),
            f"{each.forecast:.3f} → {each.came:.3f} ({each.rows})",
        )
        for each in card.reliability
    ]
