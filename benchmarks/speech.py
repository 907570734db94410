"""What speaking costs: kept programs beside one program per sentence, and a prompt that is ready.

Sentences differ from one another as callers' names do. Warm and cold take turns, so that a busy
machine is as hard on one as on the other. Processor time is that of everything: ours (a thread
makes telephone sound of it) and the programs'.

    python -m benchmarks.speech [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from calls.deadlines import Deadline
from config.settings import SpeechSettings
from ivr import sound
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.speech_engines import engine_for

NAMES = ("Maria", "Victoria", "Jonas", "Ana", "Theodore", "Li Na", "Priya", "Magdalena")
SENTENCES = {
    "flite": ("en", "Welcome to Acme, {}{}."),
    "espeak-ng": ("de", "Willkommen bei Acme, {}{}."),
    "espeak-ng, Mandarin": ("zh", "{}{}，您好，欢迎致电。"),
}


async def measure(*, sentences: int, rounds: int, hits: int) -> dict[str, Any]:
    engines: dict[str, dict[str, Any]] = {}
    for engine, (language, pattern) in SENTENCES.items():
        seen: dict[str, list[dict[str, float]]] = {"warm": [], "cold": []}
        for number in range(rounds):
            order = ("warm", "cold") if number % 2 == 0 else ("cold", "warm")
            for kind in order:
                seen[kind].append(await _round(language, pattern, sentences, kind == "warm"))
        engines[engine] = {
            kind: {name: round(statistics.median(r[name] for r in ran), 2) for name in ran[0]}
            for kind, ran in seen.items()
        }
    return {
        "sentences": sentences,
        "rounds": rounds,
        "engines": engines,
        "ready_us": round(await _ready_us(hits), 1),
    }


async def _round(language: str, pattern: str, sentences: int, warm: bool) -> dict[str, float]:
    engine = engine_for(SpeechSettings(keep_warm=warm))
    await engine.speak(pattern.format("you", ""), language)
    cpu, began, seconds = _cpu_s(), time.perf_counter(), 0.0
    for number in range(sentences):
        name = NAMES[number % len(NAMES)]
        samples = await engine.speak(pattern.format(name, " " + str(number)), language)
        seconds += samples.size / sound.RATE
    wall = time.perf_counter() - began
    # A child's time is known once it has ended; that of its start is in `cpu` where it is cold.
    await engine.close()
    return {
        "ms_per_sentence": 1000 * wall / sentences,
        "cpu_ms_per_sentence": 1000 * (_cpu_s() - cpu) / sentences,
        "spoken_s_per_s": seconds / wall,
    }


def _cpu_s() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


async def _ready_us(hits: int) -> float:
    """One sentence that is rendered already, asked for again and again."""
    with tempfile.TemporaryDirectory() as folder:
        store = PromptStore(folder=Path(folder), limit_bytes=10**8, base_url="http://127.0.0.1")
        async with store, engine_for(SpeechSettings()) as engine:
            prompts = Prompts(store=store, engine=engine)
            text = "Thank you for calling."
            await prompts.render(text, "en", deadline=Deadline.after(10))
            began = time.perf_counter()
            for _ in range(hits):
                await prompts.render(text, "en", deadline=Deadline.after(1))
            return 1e6 * (time.perf_counter() - began) / hits


def run(*, quick: bool) -> dict[str, Any]:
    sentences, rounds, hits = (3, 1, 200) if quick else (40, 4, 50_000)
    return uvloop.run(measure(sentences=sentences, rounds=rounds, hits=hits))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds; only shows that it works")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    arguments = parser.parse_args()
    result = run(quick=arguments.quick)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{'engine':<22}{'':<6}{'ms each':>9}{'CPU ms':>9}{'spoken s/s':>12}")
    for engine, kinds in result["engines"].items():
        for kind, row in kinds.items():
            print(
                f"{engine:<22}{kind:<6}{row['ms_per_sentence']:>9.1f}"
                f"{row['cpu_ms_per_sentence']:>9.1f}{row['spoken_s_per_s']:>12.0f}"
            )
    print(f"a prompt that is ready: {result['ready_us']:g} us")


if __name__ == "__main__":
    main()
