"""Section `webhooks`: systems of the company's own that may be asked during a call.

webhooks:
  stock: {url: "https://api.example.com/stock", deadline_s: 2, answers: {pieces: whole, shop: text}}
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from config.clear_text import REFUSED, may_be_clear
from config.facts import Fact, FactKind
from config.problems import did_you_mean
from config.reading.hours import fact_name
from config.reading.parts import Part
from config.reading.reader import Path, Reader
from config.rulebook import Webhook
from config.shape import check_shape

#: How an author names the kind of an answer.
ANSWER_KINDS: dict[str, FactKind] = {
    "text": FactKind.TEXT,
    "whole": FactKind.WHOLE,
    "number": FactKind.NUMBER,
    "yes_no": FactKind.YES_NO,
}


class WebhookPart(Part):
    url: Annotated[str, Field(max_length=500)]
    """https or http; its host stands in the settings' rulebook.webhook_hosts."""
    answers: dict[str, Literal["text", "whole", "number", "yes_no"]] = Field(min_length=1)
    """The values that may come back, with their kinds; others are dropped."""
    deadline_s: Annotated[float, Field(ge=0.1, le=10)] = 2.0
    """How long the caller waits for it."""


def read_webhook(reader: Reader, name: str, raw: Any) -> None:
    path: Path = ("webhooks", name)
    fact_name(reader, name, path)
    part = check_shape(WebhookPart, raw, path, reader.report)
    if part is None:
        return
    _check_url(reader, part.url, (*path, "url"))
    for value in part.answers:
        fact_name(reader, value, (*path, "answers", value))
    answers = {value: Fact(ANSWER_KINDS[kind]) for value, kind in part.answers.items()}
    place = reader.place(path)
    reader.found.webhooks[name] = Webhook(name, part.url, part.deadline_s, answers, place)


def _check_url(reader: Reader, url: str, path: Path) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if host is None or parts.scheme not in ("https", "http") or not url.isprintable() or " " in url:
        reader.report(path, "'url' must be an address that begins with https:// or http://")
        return
    if not may_be_clear(parts.scheme, host, names=False):
        reader.report(path, REFUSED)
    if parts.username is not None or parts.password is not None:
        reader.report(path, "'url' must not hold a name or password; every question is signed")
    allowed = reader.found.around.webhook_hosts
    if host not in allowed:
        why = did_you_mean(host, allowed) or "; the settings' rulebook.webhook_hosts lists who may"
        reader.report(path, f"the host '{host[:60]}' may not be asked{why}")
