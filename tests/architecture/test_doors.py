"""Every address of ours has a door: see `calls.doors`."""

from __future__ import annotations

import re

import pytest

from tests.architecture.test_house import ROOT, tracked

pytestmark = pytest.mark.architecture

PACKAGES = ("ami_bridge", "crm_adapter", "ivr", "screenpop", "supervisor", "switchboard")
_PAST = re.compile(
    r"router\.add_|\bweb\.(get|post|put|patch|delete|head|route|view|static)\(|RouteTableDef"
)
_KEPT = re.compile(r"\.keep\(\s*app\b")
_APP = re.compile(r"web\.Application\(")


def test_no_address_is_made_past_the_doors() -> None:
    sources = tracked(*(f"{package}/*.py" for package in PACKAGES))
    assert len(sources) > 300
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sources}
    assert [name for name, text in texts.items() if _PAST.search(text)] == []
    servers = {name: text for name, text in texts.items() if _APP.search(text)}
    assert len(servers) >= 4
    for name, text in servers.items():
        assert len(_APP.findall(text)) == len(_KEPT.findall(text)), name
