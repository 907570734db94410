"""A value stays a value wherever it is put."""

from __future__ import annotations

import base64
import json

import pytest

from crm_adapter.adapter import Invalid
from crm_adapter.rest.templates import Parameter, Template, Tree

pytestmark = pytest.mark.unit

HOSTILE = '"}, {"admin": true, "x": "\\'


def test_a_value_in_json_cannot_end_its_text() -> None:
    tree = Tree({"name": "Caller {display}", "list": ["{display}"]})
    filled = json.loads(json.dumps(tree.value({"display": HOSTILE})))
    assert filled == {"name": f"Caller {HOSTILE}", "list": [HOSTILE]}


def test_a_lone_name_keeps_its_type_in_json_and_may_be_left_out() -> None:
    tree = Tree({"s": "{talk_s}", "t": "{talk_s} s", "who": "{contact_id}", "q": "{queue?}"})
    assert tree.value({"talk_s": 63}) == {"s": 63, "t": "63 s", "who": None}


def test_items_and_objects_lose_only_what_is_optional() -> None:
    tree = Tree(["{a?}", "{b}", {"c": "x{c?}", "d": 1.5}, None, True])
    assert tree.value({"b": [1, {"x": 2}]}) == [[1, {"x": 2}], {"d": 1.5}, None, True]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("12", "/c/12/x"),
        ("a/b?c#d", "/c/a%2Fb%3Fc%23d/x"),
        ("%2e%2e", "/c/%252e%252e/x"),
        ("ü +", "/c/%C3%BC%20%2B/x"),
    ],
)
def test_a_value_is_one_segment_of_a_path(value: str, path: str) -> None:
    assert Template("/c/{id}/x").path({"id": value}) == path


@pytest.mark.parametrize("value", ["", ".", "..", None])
def test_a_value_that_would_lead_elsewhere_is_refused(value: str | None) -> None:
    with pytest.raises(Invalid):
        Template("/c/{id}/x").path({"id": value})


@pytest.mark.parametrize("value", ["a\r\nX-Admin: 1", "a\nb", "a\0", "\x7f"])
def test_a_header_takes_no_line_break(value: str) -> None:
    with pytest.raises(Invalid):
        Template("key {v}").header({"v": value})


def test_parameters_repeat_or_are_json_or_base64() -> None:
    values = {"e164": "+442079460018", "limit": 5}
    assert Parameter("{e164}").texts(values) == ["+442079460018"]
    assert Parameter(["a", "{limit}"]).texts(values) == ["a", "5"]
    assert Parameter({"json": [["p", "=", "{e164}"]]}).texts(values) == [
        '[["p","=","+442079460018"]]'
    ]
    [coded] = Parameter({"base64_json": ["{limit}"]}).texts(values)
    assert json.loads(base64.urlsafe_b64decode(coded)) == [5]
    assert Parameter("{gone?}").texts(values) == []
    assert Parameter("{gone}").texts(values) == [""]


def test_doubled_braces_are_braces() -> None:
    assert Template("{{id}} {id} }}").text({"id": 7}) == "{id} 7 }"


def test_no_expression_is_one() -> None:
    for source in ("{a.b}", "{a+1}", "{", "}", "{a", "{ a }", "{a!r}", "{0}", "${env:X}"):
        with pytest.raises(ValueError, match="is no"):
            Template(source)


@pytest.mark.parametrize("source", [{"xml": 1}, {"json": 1, "x": 2}, [["a"]], {}])
def test_a_parameter_has_one_of_four_shapes(source: object) -> None:
    with pytest.raises(ValueError, match="param"):
        Parameter(source)
