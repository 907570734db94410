"""One log: lines for people on a terminal, JSON in a pipe; names cut and numbers masked on the way
out."""

from __future__ import annotations

import copy
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from switchboard.cut_names import cut_arguments, cut_names

#: Of a trained model (`scoring.registry.card.version_of`): a day, a time, and eight of a hash. No
#: telephone number has 22 digits, nor a letter.
_VERSION = (
    r"(?<![\w.+-])20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"-(?:[01]\d|2[0-3])[0-5]\d[0-5]\d-[0-9a-f]{8}(?![\w-])"
)
_NUMBER = re.compile(rf"(?P<version>{_VERSION})|(?<![\w.])\+?\d[\d ()-]{{5,}}\d(?![\w.])")


def masked(text: str) -> str:
    """With the last two digits of each telephone number only."""
    return _NUMBER.sub(lambda m: m["version"] or "…" + m.group()[-2:], text)


def mask_numbers(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keeps a phone number's last two digits. A second net: our own messages carry ids only."""
    for key, value in event.items():
        if isinstance(value, str) and key not in ("timestamp", "call"):
            event[key] = masked(value)
    return event


def shown(text: str) -> str:
    """With what a terminal would obey, and what turns the direction of text, as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def escape_controls(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """For a terminal. A traceback keeps its lines, each marked, so that none looks like an entry
    of the log."""
    for key, value in event.items():
        if key in ("exception", "stack") and isinstance(value, str):
            event[key] = "\n".join(f"  | {shown(line)}" for line in value.split("\n"))
        elif isinstance(value, str):
            event[key] = shown(value)
        elif not isinstance(value, bool | int | float | None):
            event[key] = shown(repr(value))
    return event


class _Formatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        # Others who handle it have it as it is.
        record = copy.copy(record)
        cut_arguments(record)
        return super().format(record)


def set_up(*, level: str = "INFO", mask: bool = True) -> None:
    """Replaces the root logger's handlers; called once, by the command line."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if mask:
        shared.append(mask_numbers)
    # Not rich's: its tracebacks show the variables, and with them names, numbers and secrets.
    last: list[Any] = [structlog.processors.format_exc_info, cut_names]
    if mask:
        last.append(mask_numbers)
    if sys.stderr.isatty():
        plain = structlog.dev.plain_traceback
        last.append(escape_controls)
        last.append(structlog.dev.ConsoleRenderer(exception_formatter=plain))
    else:
        last.append(structlog.processors.JSONRenderer())
    handler = logging.StreamHandler()
    handler.setFormatter(
        _Formatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # panoramisk logs every packet, secrets included, at INFO and below.
    logging.getLogger("panoramisk").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
