"""Settings: defaults, file, environment, secrets, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

import config
from calls.errors import Misconfigured
from config.crm_secrets import known_secrets
from config.problems import ProblemsFound
from config.settings import Settings
from config.settings_file import load_settings

pytestmark = pytest.mark.unit


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "switchboard.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        load_settings(path, environ or {})
    assert isinstance(caught.value, ProblemsFound)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return [str(p).removeprefix(f"{path.parent}/") for p in caught.value.problems]


def test_without_a_file_there_are_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}) == Settings()


def test_the_commented_example_says_the_defaults() -> None:
    example = Path(config.__file__).parent / "defaults" / "switchboard.yaml"
    assert load_settings(example, {}) == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "ami: {host: a, port: 1}\nweb:\n")
    environ = {
        "SWITCHBOARD_AMI__HOST": "b",
        "SWITCHBOARD_CRM__OWN_NUMBERS": "+18005550100, +18005550188",
        "SWITCHBOARD_WEB__ALLOWED_ORIGINS": '["https://a.example"]',
        "SWITCHBOARD_RULEBOOK__WATCH": "false",
        "SWITCHBOARD_REDIS__URL": "",
        "SWITCHBOARD_DEMO__SPEED": "not a section of ours",
        "SWITCHBOARD_HOME": "no section at all",
    }
    settings = load_settings(path, environ)
    assert (settings.ami.host, settings.ami.port) == ("b", 1)
    assert settings.crm.own_numbers == ("+18005550100", "+18005550188")
    assert settings.web.allowed_origins == ("https://a.example",)
    assert settings.rulebook.watch is False
    assert settings.redis.url is None


def test_prices_by_beginnings_of_numbers(tmp_path: Path) -> None:
    text = "dialling:\n  day_cost: 50\n  prices:\n    +1: 0.01\n    +4930: 1\n"
    dialling = load_settings(write(tmp_path, text), {}).dialling
    assert (dialling.prices, dialling.day_cost) == ({"+1": 0.01, "+4930": 1.0}, 50)
    environ = {"SWITCHBOARD_DIALLING__PRICES": '{"+44": 0.02}'}
    assert load_settings(write(tmp_path, ""), environ).dialling.prices == {"+44": 0.02}


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    path = write(tmp_path, f"ami: {{secret: old, secret_file: {tmp_path}/secret}}\n")
    settings = load_settings(path, {})
    assert settings.ami.secret.get_secret_value() == "hush"
    assert "hush" not in repr(settings)


def test_a_secret_file_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, "ami:\n  secret_file: none/such\n")
    assert problems(path) == [
        "switchboard.yaml:2: 'secret_file' cannot be read: No such file or directory"
    ]


def test_a_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    assert problems(write(tmp_path, "ami:\n  secret: 12345678\n")) == [
        "switchboard.yaml:2: 'secret' must be a text (put it in quotes), not what is there"
    ]


@pytest.mark.parametrize("secret", ["amp111", "changeme", "Admin", "password", "mysecret"])
def test_a_secret_that_everybody_knows_is_refused(tmp_path: Path, secret: str) -> None:
    (tmp_path / "known").write_text(f"{secret}\n")
    nodes = f"nodes:\n  asterisks:\n    - {{host: b, system: b, secret: {secret}}}\n"
    hidden = f"rulebook:\n  webhook_secret_file: {tmp_path}/known\n"
    listed = f"crm:\n  webhooks_in:\n    - {{name: shop, secret_file: {tmp_path}/known}}\n"
    theirs = f"odoo:\n  webhook_secret: {secret}\n"
    text = f"ami:\n  secret: {secret}\n{nodes}{hidden}{listed}{theirs}"
    told = problems(write(tmp_path, text))
    assert [line.partition(" is one")[0] for line in told] == [
        "switchboard.yaml:2: 'secret'",
        "switchboard.yaml:5: 'secret'",
        "switchboard.yaml:6: 'webhook_secret'",
        "switchboard.yaml:10: 'secret_file'",
        "switchboard.yaml:12: 'webhook_secret'",
    ]
    assert all("openssl rand" in line and secret not in line for line in told)


@pytest.mark.parametrize(
    ("section", "here", "there", "key"),
    [
        ("tryton", "http://127.0.0.1:8000", "http://10.0.0.7:8000", "password"),
        ("odoo", "http://[::1]:8069", "https://odoo.example.com/x", "key"),
        ("suitecrm", "http://localhost", "http://suite", "client_secret"),
        ("sql", "postgresql://u:%61dmin@127.0.0.1/crm", "postgresql://u:admin@db/crm", "url"),
        ("sql", "postgresql://u:odoo@/crm", "postgresql://u:postgres@10.0.0.7/crm", "url"),
    ],
)
def test_a_crms_secret_that_everybody_knows_stays_on_this_machine(
    tmp_path: Path, section: str, here: str, there: str, key: str
) -> None:
    (tmp_path / "known").write_text("admin\n")
    by_file = "" if section == "sql" else f"  {key}_file: {tmp_path}/known\n"
    line = 2 if section == "sql" else 1
    [told] = problems(write(tmp_path, f"{section}:\n  url: {there}\n{by_file}"))
    assert told.startswith(f"switchboard.yaml:{line}: '{key}' is one that everybody knows, and")
    settings = load_settings(write(tmp_path, f"{section}:\n  url: {here}\n{by_file}"), {})
    [tolerated] = known_secrets(settings)
    assert tolerated.told.startswith(f"{section}.{key} is one that everybody knows")
    assert "admin" not in tolerated.told


def test_a_crms_own_secret_is_nobody_elses(tmp_path: Path) -> None:
    text = "sql:\n  url: sqlite:///crm.db\nodoo:\n  url: https://odoo.example.com\n  key: 7c0f\n"
    assert list(known_secrets(load_settings(write(tmp_path, text), {}))) == []


def test_a_file_asked_for_must_be_there(tmp_path: Path) -> None:
    assert problems(tmp_path / "other.yaml") == ["other.yaml: there is no such settings file"]


def test_mistakes_in_file_and_environment_come_together(tmp_path: Path) -> None:
    path = write(tmp_path, "ami:\n  prot: 5\n  port: 70000\nami2: {}\nweb:\n  port: x\ncrm: true\n")
    environ = {"SWITCHBOARD_AMI__SECRT": "x", "SWITCHBOARD_AGI__PORT": "many"}
    assert sorted(problems(path, environ)) == [
        "SWITCHBOARD_AGI__PORT: 'port' must be a whole number, not 'many'",
        "SWITCHBOARD_AMI__SECRT: unknown key 'secrt'; did you mean 'secret'?",
        "switchboard.yaml:2: unknown key 'prot'; did you mean 'port'?",
        "switchboard.yaml:3: 'port' must be at most 65535, not '70000'",
        "switchboard.yaml:4: unknown key 'ami2'; did you mean 'ami'?",
        "switchboard.yaml:6: 'port' must be a whole number, not 'x'",
        "switchboard.yaml:7: 'crm' must be a mapping (key: value), not true",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"agi: \xff", "switchboard.yaml:1: the file is not UTF-8 text"),
        ("agi: {", "switchboard.yaml:2: not valid YAML"),
        ("- agi", "switchboard.yaml:1: the settings must be sections: agi, ami"),
        (
            "agi: {port: 1}\nagi: {port: 2}",
            "switchboard.yaml:2: the key 'agi' is given twice; the first is in line 1",
        ),
        ("crm:\n  region: Germany", "switchboard.yaml:2: 'region' cannot be 'Germany'"),
        (
            "web:\n  trusted_proxies: [10.0.0.5/24]",
            "switchboard.yaml:2: '10.0.0.5/24' is no network: write it like 10.0.0.5 or",
        ),
        (
            "web:\n  trusted_proxies: [0.0.0.0/0]",
            "switchboard.yaml:2: '0.0.0.0/0' is everybody: name your proxies alone",
        ),
        (
            "dialling:\n  day_cost: 50",
            "switchboard.yaml:1: dialling.day_cost is set, but dialling.prices does not say what",
        ),
        (
            "dialling:\n  prices: {0049: 0.02}",
            "switchboard.yaml:2: '0049' cannot be '0049'; a number's beginning is written like",
        ),
        (
            "dialling: {day_cost: 5, prices: {+1: .inf}}",
            "switchboard.yaml:1: '+1' must be a number, not '.inf'",
        ),
        (
            "crm:\n  own_numbers: 5",
            "switchboard.yaml:2: 'own_numbers' must be a list (- item), not '5'",
        ),
        (
            "crm:\n  adapter: salesforec",
            "switchboard.yaml:2: 'adapter' must be one of embedded, sql, rest, odoo, tryton, "
            "espocrm, suitecrm, hubspot, salesforce, zoho, dynamics, pipedrive, chain, "
            "not 'salesforec'; did you mean 'salesforce'?",
        ),
    ],
)
def test_each_mistake_has_its_sentence(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    found = problems(write(tmp_path, text))
    assert len(found) == 1
    assert found[0].startswith(sentence)


@pytest.mark.parametrize(
    ("speech", "complaint"),
    [
        (
            "engines: {en: flyte}",
            "'en' must be one of flite, espeak, piper, http, not 'flyte'; did you mean 'flite'?",
        ),
        (
            "engines: {de: piper}",
            "speech.engines gives de to piper, but speech.piper_voices names no voice for de",
        ),
        ("engines: {zh: http}", "speech.engines names http, but speech.http_url is not set"),
        (
            "{engines: {zh: http}, http_url: 'http://x', http_voices: {en: a}}",
            "speech.engines gives zh to http, but speech.http_voices names no voice for zh",
        ),
    ],
)
def test_an_engine_that_cannot_speak_is_an_error(
    tmp_path: Path, speech: str, complaint: str
) -> None:
    shape = speech if speech.startswith("{") else f"{{{speech}}}"
    path = write(tmp_path, f"speech: {shape}\n")
    assert problems(path) == [f"switchboard.yaml:1: {complaint}"]


def test_engines_of_the_environment_join_the_defaults(tmp_path: Path) -> None:
    environ = {"SWITCHBOARD_SPEECH__ENGINES": '{"zh": "espeak", "*": "flite"}'}
    settings = load_settings(write(tmp_path, ""), environ)
    assert settings.speech.engine_names == {"en": "flite", "zh": "espeak", "*": "flite"}
    broken = {"SWITCHBOARD_SPEECH__ENGINES": "zh=espeak"}
    assert problems(write(tmp_path, ""), broken) == [
        "SWITCHBOARD_SPEECH__ENGINES: 'engines' must be a mapping (key: value), not 'zh=espeak'"
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "{inbound_missed: 'Missed {callr}'}",
            "there is no placeholder {callr}; these are: {caller}, {number}, {queue}, {agent}, "
            "{dialled}, {intent}, {outcome}",
        ),
        ("{inbound_missed: 'x {caller.__class__}'}", "there is no placeholder {caller.__class__}"),
        ("{inbound_missed: '{caller!r}'}", "{caller} stands alone, without a format"),
        ("{inbound_missed: '{caller:>900000000}'}", "{caller} stands alone, without a format"),
        ("{inbound_missed: 'a } b'}", "a single brace means nothing"),
        ("{inbound_mist: x}", "'inbound_mist' must be one of inbound_answered"),
        ("{outbound: ''}", "'outbound' must have at least 1 character"),
    ],
)
def test_a_title_that_cannot_be_made(tmp_path: Path, text: str, sentence: str) -> None:
    [problem] = problems(write(tmp_path, f"crm:\n  titles: {text}\n"))
    assert problem.startswith(f"switchboard.yaml:2: {sentence}")


def test_titles_come_from_the_environment_too(tmp_path: Path) -> None:
    environ = {"SWITCHBOARD_CRM__TITLES": '{"outbound": "Zu {caller}"}'}
    settings = load_settings(write(tmp_path, ""), environ)
    assert settings.crm.titles == {"outbound": "Zu {caller}"}
