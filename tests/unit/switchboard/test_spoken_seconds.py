"""`switchboard check` counts the seconds of what was really spoken."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Settings
from ivr.prompt_store import WAV_BYTES_PER_S, WAV_HEAD, recipe_name
from ivr.sentences import estimated_s
from ivr.speech_engines import engine_for
from supervisor import check
from switchboard import offline
from tests.fakes.rulebook_folder import write_rulebook

pytestmark = pytest.mark.unit


async def test_what_was_spoken_is_measured_and_the_rest_estimated(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "rulebook")
    settings = Settings.model_validate({"speech": {"cache_dir": str(tmp_path / "prompts")}})
    seconds = await offline.spoken_seconds(settings, folder)
    assert seconds("Welcome.", "en") == estimated_s("Welcome.", "en")
    assert not (tmp_path / "prompts").exists()
    (tmp_path / "prompts").mkdir()
    voice = engine_for(settings.speech).voice_for("en")
    name = recipe_name(voice.engine, voice.name, "en", "Welcome.")
    sound = bytes(WAV_HEAD + 40 * WAV_BYTES_PER_S)
    (tmp_path / "prompts" / f"{name}.wav").write_bytes(sound)
    seconds = await offline.spoken_seconds(settings, folder)
    assert seconds("Welcome.", "en") == 40
    assert seconds("Goodbye.", "en") == estimated_s("Goodbye.", "en")
    first, problem = check.check(folder, seconds=seconds)
    assert "until its first option" in first.sentence
    assert "the menu 'main' takes up to 4" in problem.sentence
