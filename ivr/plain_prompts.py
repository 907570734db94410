"""What is said when the caller's own menu cannot be spoken: rendered before any call comes."""

from __future__ import annotations

#: By base language; English where there is none.
ONE_MOMENT = {
    "en": "Please hold the line. A person will be with you in a moment.",
    "zh": "请稍候。马上为您转接人工服务。",
}


def one_moment(language: str) -> str:
    base = language.lower().replace("_", "-").partition("-")[0]
    return ONE_MOMENT.get(base, ONE_MOMENT["en"])


def fixed_texts() -> list[tuple[str, str]]:
    """Pairs of (text, language) for `Prompts.prerender`."""
    return [(text, language) for language, text in ONE_MOMENT.items()]
