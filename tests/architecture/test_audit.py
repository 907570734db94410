"""`make audit` takes no silence for health."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.architecture import audit
from tests.architecture.audit import Unasked, of_npm, of_pip_audit

pytestmark = pytest.mark.architecture


def test_holes_are_named_with_what_mends_them() -> None:
    told = {
        "dependencies": [
            {"name": "aiohttp", "version": "3.14.5", "vulns": []},
            {
                "name": "jinja2",
                "version": "3.1.4",
                "vulns": [{"id": "GHSA-1", "aliases": ["CVE-2"], "fix_versions": ["3.1.5"]}],
            },
        ]
    }
    [hole] = of_pip_audit(json.dumps(told), "")
    assert str(hole) == "jinja2 3.1.4: GHSA-1, CVE-2; mended in 3.1.5"
    npm = {
        "vulnerabilities": {
            "jssip": {"range": "<3.13", "via": [{"url": "https://x/GHSA-3"}], "fixAvailable": True},
            "sdp": {"range": "*", "via": ["jssip"], "fixAvailable": False},
        }
    }
    assert [str(hole) for hole in of_npm(json.dumps(npm))] == [
        "jssip <3.13: https://x/GHSA-3; mended in a later release",
        "sdp *: by what it needs; mended in no release",
    ]


@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", "<html>", '{"dependencies": null}'])
def test_no_answer_is_no_health(answer: str) -> None:
    with pytest.raises(Unasked, match="ProxyError"):
        of_pip_audit(answer, "Traceback\n  x\nProxyError: refused\n\n")


@pytest.mark.parametrize(
    "answer", ["", "<html>", '{"message": "request failed", "error": {}}', "{}", "null", "[]"]
)
def test_no_answer_of_npm_is_no_health(answer: str) -> None:
    with pytest.raises(Unasked):
        of_npm(answer)


def test_a_package_that_was_left_out_is_no_health() -> None:
    told = {"dependencies": [{"name": "x", "skip_reason": "not found"}]}
    with pytest.raises(Unasked, match="nothing is known of x"):
        of_pip_audit(json.dumps(told), "")


def test_without_its_tools_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(audit, "TOOLS", tmp_path)
    monkeypatch.setattr(audit, "BILLS", tmp_path / "sbom")
    monkeypatch.setattr(audit, "DESKTOP", tmp_path / "nowhere")
    assert audit.main([]) == 2
    told = capsys.readouterr().out
    assert told.count("NOT ASKED") == 4
    assert "no bill of materials" in told
