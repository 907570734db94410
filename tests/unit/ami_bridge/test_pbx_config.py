"""The Asterisk files are filled in whole, and no setting can smuggle anything into them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import SecretStr

from ami_bridge import pbx_config
from calls.errors import Misconfigured
from config.settings import (
    AgiSettings,
    AmiSettings,
    NodesSettings,
    RulebookSettings,
    Settings,
    WebSettings,
)

pytestmark = pytest.mark.unit

SECRET = "a-secret-of-ours"


def settings(**sections: Any) -> Settings:
    return Settings(ami=AmiSettings(username="switchboard", secret=SecretStr(SECRET))).model_copy(
        update=sections
    )


def lines(text: str) -> list[str]:
    """Without comments and blank lines."""
    return [line for raw in text.splitlines() if (line := raw.split(";")[0].strip())]


def test_every_placeholder_of_every_file_is_filled() -> None:
    files = pbx_config.render(settings(), secret=SECRET)
    assert list(files) == list(pbx_config.FILES)
    assert not [name for name, text in files.items() if re.search(r"@[A-Z_]+@", text)]


def test_values_land_where_asterisk_reads_them() -> None:
    files = pbx_config.render(
        settings(agi=AgiSettings(port=4600), web=WebSettings(port=8090)), secret=SECRET
    )
    dialplan = files["switchboard_extensions.conf"]
    assert "AGI(agi://127.0.0.1:4600/${SWB_SCRIPT},${CHANNEL(linkedid)}," in dialplan
    assert "Queue(default,tb(switchboard-ringing^s^1),,,600)" in dialplan
    realtime = lines(files["switchboard_extconfig.conf"])
    assert "musiconhold => curl,http://127.0.0.1:8090/pbx/musiconhold" in realtime
    assert "musiconhold_entry => curl,http://127.0.0.1:8090/pbx/musiconhold_entry" in realtime


def test_the_ami_user_gets_the_least_rights() -> None:
    user = lines(pbx_config.render(settings(), secret=SECRET)["switchboard_manager.conf"])
    assert user[0] == "[switchboard]"
    assert f"secret = {SECRET}" in user
    assert "read = call,agent,reporting,system,user,dtmf" in user
    assert "write = call,agent,reporting" in user
    assert user.index("deny = 0.0.0.0/0.0.0.0") < user.index("permit = 127.0.0.1/255.255.255.255")


def test_the_secret_is_left_out_unless_asked_for() -> None:
    files = pbx_config.render(settings())
    assert not [name for name, text in files.items() if SECRET in text]
    assert not [line for line in lines(files["switchboard_manager.conf"]) if "secret" in line]


def test_the_fallback_follows_the_default_queue_of_the_rulebook() -> None:
    files = pbx_config.render(settings(rulebook=RulebookSettings(default_queue="reception")))
    assert (
        "Queue(reception,tb(switchboard-ringing^s^1),,,600)" in files["switchboard_extensions.conf"]
    )
    assert "[reception](switchboard-queue)" in lines(files["switchboard_queues.conf"])


def test_addresses_may_differ_from_where_we_listen() -> None:
    everywhere = settings(agi=AgiSettings(host="0.0.0.0"), web=WebSettings(host="::"))
    reach = pbx_config.Reach(
        agi_host="2001:db8::1", web_url="https://desk.example/sb/", ami_permit="192.0.2.0/24"
    )
    files = pbx_config.render(everywhere, reach=reach)
    assert "AGI(agi://[2001:db8::1]:4573/${SWB_SCRIPT}," in files["switchboard_extensions.conf"]
    assert "curl,https://desk.example/sb/pbx/musiconhold" in files["switchboard_extconfig.conf"]
    assert "permit = 192.0.2.0/255.255.255.0" in files["switchboard_manager.conf"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_address_is_no_address_to_call(host: str) -> None:
    with pytest.raises(pbx_config.PbxConfigError, match=r"agi\.host is .*every address"):
        pbx_config.render(settings(agi=AgiSettings(host=host)))


def test_a_free_port_is_no_port_to_write_down() -> None:
    with pytest.raises(pbx_config.PbxConfigError, match=r"web\.port is 0"):
        pbx_config.render(settings(web=WebSettings(port=0)))


HOSTILE = [
    "x,1)\n same => n,System(id)",
    "x;y",
    "a b",
    "${SHELL(id)}",
    "x&y",
    "x)",
    "[x",
    "",
    "x\r",
    "x\n",
    "@AMI_USER@",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_are_refused_by_name(text: str) -> None:
    def refused(name: str, **sections: Any) -> None:
        with pytest.raises(pbx_config.PbxConfigError, match=re.escape(name)) as refusal:
            pbx_config.render(settings(**sections))
        assert not text or len(text) < 4 or text not in str(refusal.value)

    refused("agi.host", agi=AgiSettings.model_construct(host=text, port=4573))
    refused("ami.username", ami=AmiSettings.model_construct(username=text))
    refused("rulebook.default_queue", rulebook=RulebookSettings.model_construct(default_queue=text))
    refused("web.public_url", web=WebSettings(public_url=f"http://host/{text}/x"))


@pytest.mark.parametrize("secret", ["", "short", "with;comment", "two words x", "line\nbreak-x"])
def test_a_secret_that_asterisk_would_read_otherwise_is_refused(secret: str) -> None:
    with pytest.raises(pbx_config.PbxConfigError, match=r"ami\.secret must be"):
        pbx_config.render(settings(), secret=secret)


def test_a_permit_that_is_no_network_is_refused() -> None:
    with pytest.raises(pbx_config.PbxConfigError, match="AMI permit"):
        pbx_config.render(settings(), reach=pbx_config.Reach(ami_permit="any\nread = all"))


def test_further_servers_are_asked_in_turn_where_the_first_takes_no_call() -> None:
    more = AgiSettings(more=("10.0.0.2:4573", "pbx-b.example:4574"))
    dialplan = pbx_config.render(settings(agi=more))["switchboard_extensions.conf"]
    asked = [line for line in dialplan.splitlines() if "AGI(agi://" in line]
    first, second, third = asked
    assert "AGI(agi://127.0.0.1:4573/" in first
    for line, address in ((second, "10.0.0.2:4573"), (third, "pbx-b.example:4574")):
        called = first.partition("AGI(")[2].replace("127.0.0.1:4573", address)
        assert line == f' same => n,ExecIf($["${{AGISTATUS}}" = "FAILURE"]?AGI({called})'
    # Whose caller it is then, for the watchdog of each.
    told = [line.rpartition("?")[2] for line in dialplan.splitlines() if "Set(SWB_ASKED=" in line]
    assert told == [
        " same => n,Set(SWB_ASKED=127.0.0.1:4573)",
        "Set(SWB_ASKED=10.0.0.2:4573))",
        "Set(SWB_ASKED=pbx-b.example:4574))",
    ]
    assert "SWB_ASKED" not in pbx_config.render(settings())["switchboard_extensions.conf"]


@pytest.mark.parametrize(
    "address", ["pbx", "pbx:", "pbx:0", "pbx:70000", "a b:4573", "0.0.0.0:4573", "x,y:1", "x:1)\n"]
)
def test_a_further_server_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(pbx_config.PbxConfigError, match=r"agi\.more"):
        pbx_config.render(settings(agi=AgiSettings(more=(address,))))


def test_of_several_asterisks_each_says_which_one_asks() -> None:
    both = Settings(
        agi=AgiSettings(more=("192.0.2.2:4573",)),
        ami=AmiSettings(system="hq", username="hq-user"),
        nodes=NodesSettings(asterisks=(AmiSettings(system="branch", username="branch-user"),)),
    )
    for system in ("hq", "branch"):
        files = pbx_config.render(pbx_config.for_asterisk(both, system))
        dialplan = files["switchboard_extensions.conf"]
        asked = [line for line in dialplan.splitlines() if "AGI(agi://" in line]
        assert len(asked) == 2
        assert all(f"/${{SWB_SCRIPT}}?system={system},${{CHANNEL" in line for line in asked)
        assert f"[{system}-user]" in files["switchboard_manager.conf"]
    with pytest.raises(Misconfigured, match="hq, branch"):
        pbx_config.for_asterisk(both, "elsewhere")
