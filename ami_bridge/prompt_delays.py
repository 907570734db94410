"""How long callers wait for us: from Asterisk's connection to our first command, and to the first
one that plays a sound."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

_SECONDS = (
    *(0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.0125, 0.015, 0.02, 0.025, 0.03),
    *(0.04, 0.05, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.51, 0.52, 0.53, 0.55),
    *(0.575, 0.6, 0.65, 0.7, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
)


class PromptDelays:
    """Histograms on `registry`. The wait for a sound is there whole, and less Asterisk's own
    ANSWER, which takes half a second where the caller sends no audio (channel.c
    `ast_raw_answer`)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._command = Histogram(
            "switchboard_first_command_seconds",
            "From the FastAGI connection to our first word, the call being in the journal",
            registry=registry,
            buckets=_SECONDS,
        )
        self._whole = Histogram(
            "switchboard_first_prompt_seconds",
            "From the FastAGI connection to the first command that plays a sound",
            registry=registry,
            buckets=_SECONDS,
        )
        self._ours = Histogram(
            "switchboard_first_prompt_less_answer_seconds",
            "The same without the time that Asterisk took to answer the call",
            registry=registry,
            buckets=_SECONDS,
        )

    def commanded(self, after_s: float) -> None:
        self._command.observe(after_s)

    def observe(self, *, whole_s: float, answer_s: float) -> None:
        self._whole.observe(whole_s)
        self._ours.observe(max(0.0, whole_s - answer_s))
