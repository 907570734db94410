"""Templates become mappings that load, read the answers that were meant, and hide nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jmespath
import pytest
import yaml

from crm_adapter.threecx.convert import Converted, convert
from crm_adapter.threecx.report import Level
from crm_adapter.threecx.template import LONGEST, TemplateRefused
from crm_adapter.threecx.trial import problems_of

pytestmark = pytest.mark.unit

SAMPLES = Path(__file__).parents[3] / "fixtures" / "threecx"


def sample(name: str) -> Converted:
    return convert((SAMPLES / f"{name}.xml").read_bytes())


def told(converted: Converted, level: Level) -> list[str]:
    return [f"{e.element}: {e.sentence}" for e in converted.entries if e.level is level]


def read(mapping: dict[str, Any], answer: Any) -> list[dict[str, Any]]:
    records = jmespath.search(mapping["items"], answer)
    return [
        {name: jmespath.search(expression, record) for name, expression in mapping["map"].items()}
        for record in records
    ]


@pytest.mark.parametrize("name", ["chained", "json_paths", "log_in", "oauth2", "report_call"])
def test_every_sample_loads_in_the_adapter(name: str) -> None:
    converted = sample(name)
    assert told(converted, Level.MISSING) == []
    assert problems_of(converted) == []
    assert yaml.safe_load(converted.yaml()) == converted.mapping


PERSON = {
    "id": 7,
    "name": {"given": "Ann", "family": "Berg"},
    "company": {"title": "Mill"},
    "mail": "ann@mill.example",
    "phones": [
        {"kind": "work", "value": "+12025550102"},
        {"kind": "mobile", "value": "+12025550101"},
    ],
}


@pytest.mark.parametrize("people", [[PERSON], PERSON])
def test_paths_lead_through_lists_and_objects_alike(people: Any) -> None:
    [lookup] = sample("json_paths").mapping["lookup"]
    nobody = {"id": None, "name": {"given": "X"}}
    for answer in ({"results": {"people": people}}, {"results": [{"people": people}]}):
        assert read(lookup, answer) == [
            {
                "id": 7,
                "first_name": "Ann",
                "last_name": "Berg",
                "company": "Mill",
                "phones": ["+12025550101", "+12025550102"],
            }
        ]
    for answer in (
        {},
        {"results": None},
        {"results": {"people": []}},
        {"results": {"people": nobody}},
    ):
        assert read(lookup, answer) == []


def test_request_and_secrets() -> None:
    converted = sample("json_paths")
    [lookup] = converted.mapping["lookup"]
    assert converted.mapping["base_url"] == "${env:CRM_BASE_URL}"
    assert lookup["path"] == "/v2/people"
    assert lookup["query"] == {
        "phone": "{phone}",
        "expand": "phones,company",
        "pipeline": "{pipeline}",
    }
    assert lookup["headers"] == {"X-Api-Key": "{api_key}"}
    assert lookup["url"] == "https://app.harbor.example/p/{id}"
    assert converted.mapping["parameters"] == {
        "pipeline": "phone",
        "api_key": "${env:CRM_API_KEY}",
    }
    assert converted.mapping["limits"] == {"concurrency": 2}
    assert any("Output[Email]" in line for line in told(converted, Level.LOST))


def test_a_call_is_reported() -> None:
    converted = sample("report_call")
    assert converted.mapping["auth"] == {
        "type": "basic",
        "username": "${env:CRM_USER}",
        "password": "${env:CRM_SECRET}",
    }
    assert "changeme" not in converted.yaml()
    assert converted.mapping["phone"] == {"forms": ["last9"]}
    call = converted.mapping["log_call"]
    assert call["request"]["path"] == "/api/customers/{contact_id}/calls"
    assert call["request"]["json"] == {
        "subject": "{title}",
        "seconds": "{talk_s#}",
        "began": "{arrived_at_sql}",
        "billable": True,
        "who": {"number": "tel:{e164}"},
        "tags": ["phone", "{direction}"],
    }
    assert call["id"] == "call.id"
    lost = "\n".join(told(converted, Level.LOST))
    for element in (
        "ReportCall]/Request@SkipIf",
        "Value[weekday]",
        "Value[mail]",
        "Value[source]",
        "Scenario[ReportCallMissed]",
        "Scenario[ReportChat]",
        "Scenario[SearchContacts]",
        "Output[PhotoUrl]",
    ):
        assert element in lost
    look = "\n".join(told(converted, Level.LOOK))
    assert "log_stranger" in look
    assert "find_by_key" in look


def test_deleted_records_do_not_count() -> None:
    [lookup] = sample("report_call").mapping["lookup"]
    assert lookup["kind"] == "account"
    rows = [{"id": 1, "state": "deleted"}, {"id": 2, "state": "open", "name": "Ann"}, {"id": 3}]
    assert [row["id"] for row in read(lookup, rows)] == [2, 3]


def test_a_chain_becomes_look_ups_and_details() -> None:
    converted = sample("chained")
    contacts, leads = converted.mapping["lookup"]
    assert (contacts["method"], contacts["json"]) == ("POST", {"phone": "{phone}", "limit": 20})
    assert (leads["kind"], leads["query"]) == ("lead", {"phone": "{phone}"})
    [details] = converted.mapping["get"]
    assert details["path"] == "/contacts/{id}"
    assert jmespath.search(details["item"], {"data": {"id": 5}}) == {"id": 5}
    [person] = read(contacts, {"data": [{"id": 1, "first": "Ann", "phones": ["+1"]}]})
    assert person["first_name"] == "Ann"
    [person] = read(contacts, {"data": {"id": 1, "first": "Ann", "last": "Berg"}})
    assert person["first_name"] == "Ann Berg"
    assert any("Nowhere" in line for line in told(converted, Level.LOST))


def test_oauth2_keeps_a_refresh_token() -> None:
    converted = sample("oauth2")
    auth = converted.mapping["auth"]
    assert auth["type"] == "oauth2_refresh_token"
    assert auth["token_url"] == "https://id.union.example/oauth/token"
    assert "headers" not in converted.mapping["lookup"][0]
    assert any("CRM_REFRESH_TOKEN" in line for line in told(converted, Level.LOOK))


def test_a_log_in_is_kept() -> None:
    login = sample("log_in").mapping["auth"]["login"]
    assert login["request"]["json"] == {
        "login": "${env:CRM_LOGIN}",
        "password": "${env:CRM_PASSWORD}",
    }
    assert (login["header"], login["lasts_s"]) == ("X-Session", 600)
    assert jmespath.search(login["take"]["token"], {"result": {"token": "t"}}) == "t"


def test_what_the_mapping_lacks_is_said() -> None:
    missing = told(sample("no_numbers"), Level.MISSING)
    assert any("map.id" in line for line in missing)
    assert any("map.phones" in line for line in missing)


def test_a_database_is_refused_clearly() -> None:
    with pytest.raises(TemplateRefused, match="`sql` adapter instead"):
        sample("sql")


def template(inside: str = "", scenario: str = "", **crm: str) -> bytes:
    lookup = (
        '<Scenario Id="" Type="REST"><Request Url="https://c.example/p?q=[Number]"/>'
        '<Variables><Variable Name="I" Path="id"/><Variable Name="N" Path="n"/></Variables>'
        '<Outputs><Output Type="EntityId" Value="[I]"/><Output Type="FirstName" Value="[N]"/>'
        f'<Output Type="PhoneHome" Value="[N]"/></Outputs>{scenario}</Scenario>'
    )
    name = crm.get("name", "X")
    return f'<Crm Name="{name}">{inside}<Scenarios>{lookup}</Scenarios></Crm>'.encode()


@pytest.mark.parametrize(
    ("inside", "scenario", "where"),
    [
        ("<Novelty Way='1'/>", "", "Crm/Novelty"),
        ("<Number Prefix='Plus' Area='44'/>", "", "Crm/Number@Area"),
        ("", "<Query>SELECT 1</Query>", "Scenario[by number]/Query"),
        ("", "<Outputs Colour='red'/>", "Outputs@Colour"),
        ("loose words", "", "Crm (text)"),
    ],
)
def test_what_nobody_reads_is_told(inside: str, scenario: str, where: str) -> None:
    lost = told(convert(template(inside, scenario)), Level.LOST)
    assert any(line.startswith("Crm") and where in line for line in lost), lost


BOMB = b"""<?xml version="1.0"?><!DOCTYPE Crm [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<Crm Name="&c;"/>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE Crm [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<Crm Name="&a;"/>"""


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (BOMB, "entities"),
        (OUTSIDE, "entities"),
        (b"<Crm>" + b" " * LONGEST + b"</Crm>", "larger than"),
        (b"<html><body/></html>", "first element is <html>"),
        (b"not xml", "not readable as XML"),
        (b"", "not readable as XML"),
        (b"\xff\xfe\x00<", "not readable as XML"),
        (b"<Crm>" + b"<a>" * 40 + b"</a>" * 40 + b"</Crm>", "deeper"),
        (b"<Crm>" + b"<a/>" * 6000 + b"</Crm>", "more elements"),
        (b"<Crm Name='x'/>", "no look-up by number"),
        (
            template("<Parameters><Parameter Name='A' Default='${env:HOME}'/></Parameters>"),
            "reason",
        ),
        (template("<Number>${file:/etc/passwd}</Number>"), "no template has a reason"),
        (template().replace(b"https://c.example/p", b"https://c.example?a=1"), None),
        (template().replace(b"https://c.example/p", b"ftp://c.example/p"), "no address"),
        (template().replace(b"https://c.example/p", b"[Unknown]/p"), "which is nowhere"),
    ],
)
def test_hostile_files_are_refused_in_a_sentence(raw: bytes, says: str | None) -> None:
    if says is None:
        assert convert(raw).mapping["lookup"][0]["path"] == "/"
        return
    with pytest.raises(TemplateRefused, match=says) as refused:
        convert(raw)
    assert len(str(refused.value)) < 400


def test_no_text_of_the_template_ends_a_comment() -> None:
    name = "x&#10;auth: {type: none}&#x2028;b: 1&#x85;c: 2"
    converted = convert(template(f"<Novel Name='{name}'/>"))
    assert "auth: {type: none}" in converted.yaml()
    assert yaml.safe_load(converted.yaml()) == converted.mapping


def test_braces_of_the_template_are_braces() -> None:
    raw = template().replace(b"q=[Number]", b"q=[Number]&amp;f={id}&amp;g={{x")
    converted = convert(raw)
    assert converted.mapping["lookup"][0]["query"] == {
        "q": "{phone}",
        "f": "{{id}}",
        "g": "{{{{x",
    }
    assert problems_of(converted) == []
