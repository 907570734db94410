"""The shipped dialplan by its text: what callers and agents bring reaches no application raw, and
none that runs a program (AST-2010-002; `Filtering Data` in Asterisk's best practices)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ami_bridge import pbx_config
from config.settings import AgiSettings, Settings, WebSettings

pytestmark = pytest.mark.unit

_STEP = re.compile(r"(?:exten\s*=>\s*([^,]+),\w+|same\s*=>\s*n)(?:\(\w+\))?,(.*)")
#: Run programs, evaluate what they are given, or write files named by their argument.
_RUNS = re.compile(
    r"\b(System|TrySystem|Exec|Macro|ExternalIVR|MixMonitor|Monitor|Record|AgentLogin|Originate|"
    r"JACK|EAGI|DeadAGI|SHELL|EVAL|FILE|REALTIME|ODBC_\w+|CURL|SYSINFO|ENV|STAT)\("
)
#: What whoever calls or dials brings.
_FOREIGN = ("EXTEN", "CALLERID(", "PJSIP_HEADER(")
#: Set by nobody but the dialplan, the server (which checked them) or Asterisk.
_OURS = re.compile(r"\$\{(SWB_(DONE|ROUTE|SCRIPT|PREFER|DIALLED|TRACE|END|QUEUE)|AGISTATUS)\}")


@dataclass(frozen=True, slots=True)
class Step:
    context: str
    extension: str
    does: str


def steps(text: str) -> Iterator[Step]:
    context = extension = ""
    for line in text.splitlines():
        code = re.split(r"(?<!\\);", line, maxsplit=1)[0].strip()
        if code.startswith("["):
            context = code.strip("[]")
        elif code:
            found = _STEP.fullmatch(code)
            assert found is not None, f"not read: {line}"
            extension = found[1] or extension
            yield Step(context, extension, found[2])


def unfiltered(text: str) -> str:
    """`text` without what stands in FILTER()."""
    before, found, after = text.partition("${FILTER(")
    if not found:
        return text
    depth = 1
    for at, letter in enumerate(after):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return before + unfiltered(after[at + 1 :])
    raise AssertionError(f"FILTER without an end: {text}")


def faults(step: Step) -> Iterator[str]:
    if _RUNS.search(step.does):
        yield "runs a program or writes a file"
    raw = unfiltered(step.does)
    # Its length, compared with that of what was filtered, is no text.
    raw = re.sub(r"\$\{LEN\([^}]*\}\)\}", "", raw)
    if any("${" + foreign in raw for foreign in _FOREIGN):
        yield "takes what a stranger brings"
    application = step.does.partition("(")[0]
    left = _OURS.sub("", raw)
    if application in ("Dial", "VoiceMail", "Page") and "${" in left:
        yield "calls whom a variable says"
    if application in ("Dial", "Queue") and re.search(r"\$\{SWB_(PREFER|COLLEAGUE|EXT)", raw):
        yield "calls whom a variable says"
    if step.extension.startswith("_") and step.extension.endswith(".") and "EXTEN" in step.does:
        yield "takes anything as an extension"


def found_in(text: str) -> set[tuple[str, str]]:
    return {(step.does, fault) for step in steps(text) for fault in faults(step)}


def shipped() -> str:
    settings = Settings(
        agi=AgiSettings(port=4573, more=("192.0.2.7:4573",)), web=WebSettings(port=8080)
    )
    return pbx_config.render(settings)["switchboard_extensions.conf"]


def test_the_shipped_dialplan_is_clean() -> None:
    read = list(steps(shipped()))
    assert len(read) > 60
    assert len({step.context for step in read}) == 10
    assert found_in(shipped()) == set()


@pytest.mark.parametrize(
    "line",
    [
        "exten => _X.,1,Dial(PJSIP/${EXTEN}@trunk)",
        "exten => _X!,1,Dial(PJSIP/${EXTEN:1}@trunk,30)",
        "exten => s,1,Dial(${SWB_COLLEAGUE},30)",
        "exten => s,1,Dial(PJSIP/${FILTER(0-9,${A})}@${TRUNK})",
        "exten => s,1,System(echo ${FILTER(0-9,${CALLERID(num)})})",
        "exten => s,1,TrySystem(x)",
        "exten => s,1,Exec(Dial,x)",
        "exten => s,1,MixMonitor(${CALLERID(name)}.wav)",
        "exten => s,1,Set(X=${EVAL(${CALLERID(name)})})",
        "exten => s,1,Set(X=${SHELL(id)})",
        "exten => s,1,Set(X=${CALLERID(name)})",
        "exten => s,1,NoOp(${CALLERID(all)})",
        "exten => s,1,Queue(x,${PJSIP_HEADER(read,Subject)})",
        "exten => s,1,Queue(${SWB_QUEUE}~${SWB_PREFER})",
        "exten => s,1,VoiceMail(${SWB_MAILBOX},u)",
        "exten => _X.,1,Goto(out,${FILTER(0-9,${EXTEN})},1)",
    ],
)
def test_what_it_must_not_hold_is_found(line: str) -> None:
    assert found_in(f"[context]\n{line}\n"), line


@pytest.mark.parametrize(
    "line",
    [
        "exten => _X!,1,Dial(PJSIP/${FILTER(0-9,${EXTEN})}@trunk,30)",
        "exten => s,1,Set(X=${FILTER(0-9+,${CALLERID(num)})}|${EPOCH})",
        "exten => s,1,Queue(${SWB_QUEUE}~${FILTER(A-Za-z0-9,${SWB_PREFER})},t)",
    ],
)
def test_what_it_may_hold_is_let_be(line: str) -> None:
    assert found_in(f"[context]\n{line}\n") == set()
