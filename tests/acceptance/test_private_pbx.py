"""The shipped dialplan on a real Asterisk: whatever becomes of the server, a phone rings."""

from __future__ import annotations

import asyncio
import re

import pytest

from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import CallersResult, ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.fakes.fast_agi import ScriptedAgi, route_to
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

SHOP = "+18005550100"
#: An agent who says goodbye after a moment.
BRISK = {"agent1": PhoneShape(ring_ms=100, talk_ms=300)}


async def trace(pbx: PrivatePbx, family: str, key: str, deadline_s: float = 5.0) -> list[str]:
    """The fields kept in AstDB under family/key, as soon as they are there."""
    async with asyncio.timeout(deadline_s):
        while True:
            shown = await pbx.rx(f"database get {family} {key}")
            if found := re.search(r"Value: (.*?)\s*$", shown):
                return found[1].split("|")


async def traced_call(pbx: PrivatePbx, number: str) -> tuple[list[str], list[str]]:
    """Both traces of the call from `number`: as it reached the fallback, and as it ended."""
    shown = await pbx.rx("database show swb_fallback")
    [key] = re.findall(rf"/swb_fallback/(\S+)\s*: v1\|\d+\|{re.escape(number)}\|", shown)
    return await trace(pbx, "swb_fallback", key), await trace(pbx, "swb_ended", key)


def queues_of(pbx: PrivatePbx, uniqueid: str, event: str) -> list[str]:
    return [row[2] for row in pbx.queue_log() if row[1] == uniqueid and row[4] == event]


def assert_all_good(result: CallersResult, calls: int) -> None:
    assert (result.offered, result.successful, result.failed) == (calls, calls, 0), result.errors


async def test_without_a_server_the_caller_reaches_a_phone(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    async with phones(BRISK):
        result = await callers.run([ScriptedCall("+12025550151", SHOP, "Ann Other")])
    assert_all_good(result, 1)
    arrived, ended = await traced_call(pbx, "+12025550151")
    assert (arrived[0], arrived[3]) == ("v1", SHOP)
    assert ended[2] == "ANSWERED"
    assert int(arrived[1]) <= int(ended[1])
    assert queues_of(pbx, arrived[4], "CONNECT") == ["default"]


async def test_a_caller_who_gives_up_waiting_leaves_that_trace(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    shape = CallerShape(hang_up_after_ms=700)
    async with phones({"agent1": PhoneShape(ring_ms=None)}):
        result = await callers.run([ScriptedCall("+12025550152", SHOP, shape=shape)])
    assert_all_good(result, 1)
    arrived, ended = await traced_call(pbx, "+12025550152")
    assert ended[2] == "ABANDONED"
    assert queues_of(pbx, arrived[4], "ABANDON") == ["default"]


async def test_a_server_that_finishes_chooses_the_queue(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    commands = ["ANSWER", *route_to("support")]
    async with phones(BRISK), ScriptedAgi(port=pbx.agi_port, commands=commands) as server:
        result = await callers.run([ScriptedCall("+12025550153", SHOP)])
    assert_all_good(result, 1)
    [(request, replies)] = server.sessions
    assert request["agi_callerid"] == "+12025550153"
    assert request["agi_arg_3"] == SHOP
    assert request["agi_arg_2"] == str(pbx.run / "spool/monitor")
    assert request["agi_arg_1"] == request["agi_uniqueid"]
    assert replies == ["200 result=0", *["200 result=1"] * 4]
    assert queues_of(pbx, request["agi_uniqueid"], "CONNECT") == ["support"]
    assert "+12025550153" not in await pbx.rx("database show swb_fallback")


async def test_a_queue_that_does_not_exist_leads_to_the_default(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    commands = ["ANSWER", *route_to("nowhere")]
    async with phones(BRISK), ScriptedAgi(port=pbx.agi_port, commands=commands) as server:
        result = await callers.run([ScriptedCall("+12025550154", SHOP)])
    assert_all_good(result, 1)
    [(request, _)] = server.sessions
    assert queues_of(pbx, request["agi_uniqueid"], "CONNECT") == ["default"]


async def test_a_server_that_ends_in_the_middle_loses_no_caller(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    commands = ["ANSWER", *route_to("support")[:-1]]
    async with phones(BRISK), ScriptedAgi(port=pbx.agi_port, commands=commands):
        result = await callers.run([ScriptedCall("+12025550155", SHOP)])
    assert_all_good(result, 1)
    arrived, ended = await traced_call(pbx, "+12025550155")
    assert ended[2] == "ANSWERED"
    assert queues_of(pbx, arrived[4], "CONNECT") == ["default"]


async def test_a_frozen_server_loses_no_caller(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    # The dialplan's own backstop is 20 s; the server shortens it before it freezes.
    commands = ["ANSWER", "SET VARIABLE TIMEOUT(absolute) 1"]
    frozen = ScriptedAgi(port=pbx.agi_port, commands=commands, freeze=True)
    async with phones(BRISK), frozen:
        result = await callers.run([ScriptedCall("+12025550156", SHOP)])
    assert_all_good(result, 1)
    _, ended = await traced_call(pbx, "+12025550156")
    assert ended[2] == "ANSWERED"


async def test_keys_and_withheld_numbers_arrive_as_scripted(
    pbx: PrivatePbx, callers: SipCallers
) -> None:
    commands = [
        "ANSWER",
        "WAIT FOR DIGIT 3000",
        "WAIT FOR DIGIT 3000",
        "SET VARIABLE SWB_ROUTE hangup",
        "SET VARIABLE SWB_DONE 1",
    ]
    shape = CallerShape(presses=(Press(200, "7"), Press(200, "#")), withheld=True)
    async with ScriptedAgi(port=pbx.agi_port, commands=commands) as server:
        result = await callers.run([ScriptedCall("+12025550157", SHOP, shape=shape)])
    assert_all_good(result, 1)
    [(request, replies)] = server.sessions
    assert request["agi_callerid"] == "anonymous"
    assert replies[1:3] == [f"200 result={ord('7')}", f"200 result={ord('#')}"]


async def test_a_caller_may_give_up_before_the_answer(pbx: PrivatePbx, callers: SipCallers) -> None:
    shape = CallerShape(patience_ms=300)
    silent = ScriptedAgi(port=pbx.agi_port, commands=[], freeze=True)
    async with silent:
        result = await callers.run([ScriptedCall("+12025550158", SHOP, shape=shape)])
    assert_all_good(result, 1)
    assert result.answered == ()


async def test_many_callers_share_a_few_phones(
    pbx: PrivatePbx, callers: SipCallers, phones: PhonesFor
) -> None:
    quick = PhoneShape(ring_ms=50, talk_ms=100)
    calls = [ScriptedCall(f"+1202555{number:04}", SHOP) for number in range(200, 212)]
    async with phones(dict.fromkeys(("agent1", "agent2", "agent3"), quick)):
        result = await callers.run(calls, rate_per_s=20)
    assert_all_good(result, 12)
    assert sorted(result.answered) == sorted(call.number for call in calls)
    for call in calls:
        _, ended = await traced_call(pbx, call.number)
        assert ended[2] == "ANSWERED"


async def test_it_starts_again_with_its_memory(pbx: PrivatePbx) -> None:
    await pbx.rx("database put swb_test kept yes")
    before = pbx.pid
    await pbx.stop()
    await pbx.start()
    assert pbx.pid != before
    assert await trace(pbx, "swb_test", "kept") == ["yes"]


async def test_it_starts_again_after_a_crash(pbx: PrivatePbx) -> None:
    await pbx.kill()
    await pbx.start()
    assert "default has 0 calls" in await pbx.rx("queue show default")
