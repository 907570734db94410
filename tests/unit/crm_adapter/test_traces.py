"""What a trace of a CRM's wire shows an administrator, and what it does not."""

from __future__ import annotations

import json

import pytest

from crm_adapter.http.traces import LONGEST, MASKED, masked

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("text", ["k=a+b/c d", "k=a%2Bb%2Fc%20d", "k=a%2Bb%2Fc+d"])
def test_a_secret_is_masked_however_it_is_encoded(text: str) -> None:
    assert masked(text, ["a+b/c d", ""]) == f"k={MASKED}"


def test_a_token_that_was_just_given_is_masked() -> None:
    answer = '{"access_token" : "abc", "refresh_token":"def", "expires_in": 3600}'
    assert masked(answer, []) == (
        f'{{"access_token" : "{MASKED}", "refresh_token":"{MASKED}", "expires_in": 3600}}'
    )


def test_a_long_answer_is_cut() -> None:
    assert len(masked("x" * 2 * LONGEST, [])) == LONGEST


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_secret_is_masked_inside_json(ascii_only: bool) -> None:
    secret = 'pass"wörd\\'
    text = json.dumps({"key": secret}, ensure_ascii=ascii_only)
    assert masked(text, [secret]) == f'{{"key": "{MASKED}"}}'
