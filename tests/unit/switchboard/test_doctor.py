"""What the doctor says of an Asterisk's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import RulebookSettings, Settings, SpeechSettings
from switchboard import doctor, seal_key
from switchboard.backup.places import places, secret_files
from switchboard.findings import Finding

pytestmark = pytest.mark.unit


def write(etc: Path, **files: str) -> None:
    for name, text in files.items():
        (etc / f"{name}.conf").write_text(text, encoding="utf-8")


GOOD = {
    "manager": "[general]\nenabled=yes\n\n[switchboard]\nsecret = x ; secret\n"
    "read = call,agent,reporting,system,user,dtmf\nwrite = call,agent,reporting\n",
    "extensions": "#include switchboard.conf\n[general]\nstatic=yes\n[phones](!)\n"
    "[switchboard-in]\nexten => _X.,1,NoOp()\n[switchboard-dialog]\n[switchboard-route]\n"
    "[switchboard-fallback]\n",
    "extconfig": "[settings]\nmusiconhold => curl,http://127.0.0.1:8080/pbx/musiconhold\n"
    "queues => curl,http://127.0.0.1:8080/pbx/queues\n"
    "queue_members => curl,http://127.0.0.1:8080/pbx/queue_members\n",
    "res_curl": "[globals]\nconntimeout = 1\nhttptimeout = 2\n",
    "res_http_media_cache": "[general]\ntimeout_secs = 2\n",
}


def test_a_good_configuration_has_nothing_to_mend(tmp_path: Path) -> None:
    cache = f"[directories](!)\nastcachedir => {tmp_path}\n"
    write(tmp_path, **GOOD, asterisk=cache)
    found = list(doctor._asterisk_files(Settings(), tmp_path))
    assert {f.level for f in found} == {"ok"}
    assert len(found) == 10


def test_dangerous_rights_are_named(tmp_path: Path) -> None:
    write(tmp_path, **{**GOOD, "manager": GOOD["manager"].replace("write = ", "write = command,")})
    found = [f for f in doctor._asterisk_files(Settings(), tmp_path) if f.level == "warning"]
    assert [f.what for f in found] == [
        "AMI user switchboard may command: whoever has its secret owns the PBX"
    ]


def test_a_right_to_place_calls_is_one_too_many(tmp_path: Path) -> None:
    cache = f"[directories]\nastcachedir => {tmp_path}\n[options]\nlive_dangerously = Yes\n"
    rights = GOOD["manager"].replace("write = ", "write = originate,")
    write(tmp_path, **{**GOOD, "manager": rights}, asterisk=cache)
    found = [f for f in doctor._asterisk_files(Settings(), tmp_path) if f.level == "warning"]
    assert [f.what.split(":")[0] for f in found] == [
        "AMI user switchboard may originate",
        "asterisk.conf says live_dangerously",
    ]


def test_missing_rights_contexts_and_user_are_errors(tmp_path: Path) -> None:
    cache = f"[directories]\nastcachedir => {tmp_path}\n"
    write(tmp_path, extensions="[switchboard-in]\n", extconfig="[settings]\n", asterisk=cache)
    errors = [f.what for f in doctor._asterisk_files(Settings(), tmp_path) if f.level == "error"]
    assert errors[0] == f"no AMI user [switchboard] in {tmp_path}/manager.conf or what it includes"
    assert [e.split("]")[0] for e in errors[1:]] == [
        "dialplan lacks [switchboard-dialog",
        "dialplan lacks [switchboard-route",
        "dialplan lacks [switchboard-fallback",
    ]
    write(tmp_path, manager="[switchboard]\nread=call\nwrite=call\n")
    found = [f.what for f in doctor._asterisk_files(Settings(), tmp_path)]
    assert "AMI user switchboard lacks write=agent,reporting" in found


def test_a_cache_folder_that_is_missing_silences_every_prompt(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    write(tmp_path, **GOOD, asterisk=f"[directories]\nastcachedir => {missing}\n")
    errors = [f.what for f in doctor._asterisk_files(Settings(), tmp_path) if f.level == "error"]
    assert errors == [f"{missing} (astcachedir) is not there: callers would hear no prompts"]


OURS = {
    "switchboard_manager": GOOD["manager"].split("\n\n")[1],
    "switchboard_extensions": "[switchboard-in]\n[switchboard-dialog]\n[switchboard-route]\n"
    "[switchboard-fallback]\n",
    "switchboard_extconfig": GOOD["extconfig"].removeprefix("[settings]\n"),
    "switchboard_curl": GOOD["res_curl"].removeprefix("[globals]\n"),
    "switchboard_media_cache": GOOD["res_http_media_cache"].removeprefix("[general]\n"),
}


def test_files_of_ours_count_once_they_are_included(tmp_path: Path) -> None:
    write(tmp_path, **OURS, asterisk=f"[directories]\nastcachedir => {tmp_path}\n")
    write(tmp_path, manager="[general]\n", extensions="[general]\n", extconfig="[settings]\n")
    write(tmp_path, res_curl="[globals]\n", res_http_media_cache="[general]\n")
    lost = [f for f in doctor._asterisk_files(Settings(), tmp_path) if f.level != "ok"]
    named = [f.remedy.removeprefix("only where the rulebook uses prefer_agent: ") for f in lost]
    assert [one.split(" is there")[0] for one in named] == [
        "switchboard_manager.conf",
        *["switchboard_extensions.conf"] * 4,
        *["switchboard_extconfig.conf"] * 2,
        "switchboard_curl.conf",
        "switchboard_media_cache.conf",
    ]
    (tmp_path / "manager.d").mkdir()
    (tmp_path / "switchboard_manager.conf").rename(tmp_path / "manager.d/swb.conf")
    write(
        tmp_path,
        manager='[general]\n#include "manager.d/*.conf" ; all\n',
        extensions="[general]\n#include extensions_custom.conf\n",
        extensions_custom="#tryinclude <switchboard_extensions.conf>\n",
        extconfig=f"[settings]\n#include {tmp_path}/switchboard_extconfig.conf\n",
        res_curl="[globals]\n#include switchboard_curl.conf\n",
        res_http_media_cache="[general]\n#include switchboard_media_cache.conf\n",
    )
    found = list(doctor._asterisk_files(Settings(), tmp_path))
    assert {f.level for f in found} == {"ok"}


def test_files_that_include_each_other_come_to_an_end(tmp_path: Path) -> None:
    write(tmp_path, **{**GOOD, "extensions": GOOD["extensions"] + "#include extensions.conf\n"})
    found = [f.what for f in doctor._asterisk_files(Settings(), tmp_path) if f.level == "ok"]
    assert "dialplan has [switchboard-in]" in found


def test_a_user_without_a_secret_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, **{**GOOD, "manager": GOOD["manager"].replace("secret = x ; secret\n", "")})
    found = [f.what for f in doctor._asterisk_files(Settings(), tmp_path)]
    assert "AMI user switchboard has no secret: its log-in is refused" in found


def test_only_the_engines_of_the_settings_are_missed(tmp_path: Path) -> None:
    voice = tmp_path / "de.onnx"
    voice.touch()
    speech = SpeechSettings(
        engines={"de": "piper"}, piper="no-such-piper", piper_voices={"de": voice}, espeak="gone"
    )
    found = list(doctor._programs(Settings(speech=speech)))
    assert [(f.level, f.what) for f in found] == [
        ("ok", "flite is there"),
        ("error", "gone is missing: its languages cannot be spoken"),
        ("error", "no-such-piper is missing: its languages cannot be spoken"),
        ("error", f"speech.piper_voices: de: there is no file {voice}.json"),
    ]


def warnings(etc: Path, settings: Settings | None = None) -> list[Finding]:
    found = doctor._asterisk_files(settings or Settings(), etc)
    return [finding for finding in found if finding.level != "ok"]


def cached(etc: Path) -> str:
    return f"[directories]\nastcachedir => {etc}\n"


def test_an_agent_is_tried_first_only_with_both_realtime_queue_lines(tmp_path: Path) -> None:
    without = [line for line in GOOD["extconfig"].splitlines() if "queue_members" not in line]
    write(tmp_path, **{**GOOD, "extconfig": "\n".join(without)}, asterisk=cached(tmp_path))
    [found] = warnings(tmp_path)
    assert found.level == "warning"
    assert found.what.startswith("extconfig.conf does not ask us for queue_members: `prefer_agent`")
    assert found.remedy.startswith("only where the rulebook uses prefer_agent: #include")


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("res_curl", "[globals]\n", "[globals] does not set conntimeout and httptimeout"),
        ("res_curl", "[globals]\nconntimeout = 1\n", "[globals] does not set httptimeout"),
        ("res_curl", "[general]\nconntimeout = 1\nhttptimeout = 2\n", "does not set conntimeout"),
        ("res_http_media_cache", "[general]\n", "[general] does not set timeout_secs"),
    ],
)
def test_fetches_without_a_bound_hold_callers(
    tmp_path: Path, name: str, text: str, what: str
) -> None:
    write(tmp_path, **{**GOOD, name: text}, asterisk=cached(tmp_path))
    [found] = warnings(tmp_path)
    assert (found.level, what in found.what) == ("warning", True)
    seconds = "300 s" if name == "res_curl" else "360 s"
    assert f"holds a caller up to {seconds}" in found.what
    assert f"{name}.conf, below [" in found.remedy


def test_fetches_without_their_files_hold_callers_too(tmp_path: Path) -> None:
    write(tmp_path, **GOOD, asterisk=cached(tmp_path))
    (tmp_path / "res_curl.conf").unlink()
    (tmp_path / "res_http_media_cache.conf").unlink()
    assert [found.level for found in warnings(tmp_path)] == ["warning"] * 2


def test_targets_of_the_settings_need_a_context(tmp_path: Path) -> None:
    write(tmp_path, **GOOD, asterisk=cached(tmp_path))
    settings = Settings(
        rulebook=RulebookSettings(transfer_targets=("reception",), direct_dial=("2XX",))
    )
    [found] = warnings(tmp_path, settings)
    assert found.level == "warning"
    assert found.what.startswith("dialplan lacks [switchboard-targets], which rulebook.transfer_")
    assert "rulebook.transfer_targets and rulebook.direct_dial" in found.what
    own = GOOD["extensions"] + "[switchboard-targets]\nexten => reception,1,Dial(PJSIP/200,30)\n"
    write(tmp_path, extensions=own)
    assert warnings(tmp_path, settings) == []


def test_the_key_of_the_database_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    settings = Settings.model_validate({"privacy": {"encryption": {"key_file": file}}})
    [missing] = doctor._seals(settings)
    assert missing.level == "error"
    assert "new-key" in missing.what
    made = seal_key.make(file)
    assert [f.what for f in doctor._seals(settings)] == [f"encryption: the key {made.fingerprint}"]
    file.chmod(0o644)
    assert [f.level for f in doctor._seals(settings)] == ["warning", "ok"]


def test_no_backup_holds_the_key(tmp_path: Path) -> None:
    settings = Settings.model_validate({"privacy": {"encryption": {"key_file": tmp_path / "k"}}})
    assert tmp_path / "k" not in secret_files(settings).values()
    assert not any(tmp_path / "k" == place.path for place in places(settings))
