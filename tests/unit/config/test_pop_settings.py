"""Where pops may go: addresses with fields, hosts that are allowed, and nothing unencrypted."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.pop_address import FIELDS, PopAddress
from config.problems import ProblemsFound
from config.settings_file import load_settings
from tests.acceptance.desktop.hostile import NAMES

pytestmark = pytest.mark.unit

HOOK = "{name: crm, url: 'https://crm.example.com/pops', secret: hush}"
HEAD = "pops:\n  hosts: [crm.example.com, '127.0.0.1', '::1']\n"


def read(tmp_path: Path, text: str):
    path = tmp_path / "switchboard.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_settings(path, {}).pops


def test_what_is_written_is_what_is_meant(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush")
    pops = read(
        tmp_path,
        f"""\
  webhooks:
    - {HOOK}
    - {{name: two, url: 'http://[::1]:8080/', secret_file: {secret}, queues: [sales]}}
  addresses:
    - {{url: 'https://crm.example.com/?q={{number}}', open: auto, callers: known}}
    - {{url: 'http://127.0.0.1:1/--A--phone_number--B--', queues: [sales]}}
""",
    )
    assert [hook.name for hook in pops.webhooks] == ["crm", "two"]
    assert len(pops.webhooks[0].events) == 5
    assert [(one.open, one.callers) for one in pops.addresses] == [
        ("auto", "known"),
        ("click", "any"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (
            "  addresses:\n    - url: 'https://crm.example.com/{nmae}'\n",
            4,
            "'url' has an unknown field 'nmae'; did you mean 'name'?",
        ),
        (
            "  addresses:\n    - url: 'https://crm.example.com/--A--list_id--B--'\n",
            4,
            "unknown field 'list_id'",
        ),
        ("  addresses:\n    - url: 'https://crm.example.com/{'\n", 4, "a { without its }"),
        ("  addresses:\n    - url: 'https://crm.example.com/--A--x'\n", 4, "an --A-- without"),
        ("  addresses:\n    - url: 'https://{name}.example.com/'\n", 4, "'name' in its host"),
        ("  addresses:\n    - url: 'https://crm.example.com:{name}/'\n", 4, "'name' in its host"),
        ("  addresses:\n    - url: 'https://crm.example.com{name}/'\n", 4, "'name' in its host"),
        ("  addresses:\n    - url: '{name}'\n", 4, "'name' in its host"),
        ("  addresses:\n    - url: 'javascript:alert({name})'\n", 4, "'name' in its host"),
        ("  addresses:\n    - url: 'javascript:alert(1)'\n", 4, "must be written like https://"),
        ("  addresses:\n    - url: 'http://crm.example.com/'\n", 4, "must be https"),
        ("  addresses:\n    - url: 'https://a:b@crm.example.com/'\n", 4, "no user and no password"),
        ("  addresses:\n    - url: 'https://crm.example.com:x/'\n", 4, "cannot be read"),
        ("  addresses:\n    - url: 'https://evil.example/?{name}'\n", 1, "is not in pops.hosts"),
        ("  addresses:\n    - {url: 'https://crm.example.com/', open: now}\n", 4, "auto, click"),
        (f"  webhooks:\n    - {HOOK}\n    - {HOOK}\n", 1, "two are called crm"),
        (
            "  webhooks:\n    - {name: a, url: 'https://evil.example/', secret: x}\n",
            1,
            "pops.hosts",
        ),
        ("  webhooks:\n    - {name: a, url: 'https://crm.example.com/'}\n", 4, "set secret_file"),
        ("  webhooks:\n    - {name: a, url: 'http://10.0.0.1/', secret: x}\n", 4, "must be https"),
        (
            "  webhooks:\n    - {name: a, url: 'ftp://crm.example.com/', secret: x}\n",
            4,
            "like https",
        ),
        (HOOK.join(("  webhooks:\n    - ", "\n")).replace("}", ", events: []}"), 4, "not be empty"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    with pytest.raises(ProblemsFound) as found:
        read(tmp_path, text)
    [problem] = found.value.problems
    assert sentence in problem.sentence
    assert (problem.line, "hush" in str(found.value)) == (line, False)


def test_both_ways_to_write_a_field_mean_the_same() -> None:
    ours = PopAddress.parsed("https://h/a?n={number}&q={queue}&id={contact_id}")
    theirs = PopAddress.parsed(
        "https://h/a?n=--A--phone_number--B--&q=--A--group--B--&id=--A--lead_id--B--"
    )
    assert ours == theirs
    values = {"number": "+1 202", "queue": "a&b", "contact_id": ""}
    assert ours.filled(values) == "https://h/a?n=%2B1%20202&q=a%26b&id="


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_stays_one_value(name: str) -> None:
    filled = PopAddress.parsed("https://h.example/find?name={name}&end=1#{name}").filled(
        {"name": name[:200]}
    )
    assert filled is not None
    parts = urlsplit(filled)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "h.example", "/find")
    assert parse_qs(parts.query, keep_blank_values=True) == {"name": [name[:200]], "end": ["1"]}
    assert not set(filled) & set("<>\"'`{}\\ \r\n")
    assert filled.isascii()


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=60)))
def test_no_value_leads_elsewhere(values: dict[str, str]) -> None:
    template = "https://h.example/crm/" + "/".join(f"{{{name}}}" for name in FIELDS) + "/x"
    filled = PopAddress.parsed(template).filled(values)
    if filled is not None:
        parts = urlsplit(filled)
        assert parts.netloc == "h.example"
        assert parts.path.count("/") == len(FIELDS) + 2
        assert not {".", ".."} & set(parts.path.split("/"))


def test_steps_out_of_the_path_and_endless_addresses_are_none() -> None:
    address = PopAddress.parsed("https://h.example/crm/{name}{company}/x")
    assert address.filled({"name": ".."}) is None
    assert address.filled({"name": ".", "company": "."}) is None
    assert address.filled({"name": "a.."}) == "https://h.example/crm/a../x"
    assert address.filled({"name": "陈" * 1_000}) is None
