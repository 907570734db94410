"""The command line as its users have it: what it prints, and how it exits.

Commands run in this process, since Python takes longer to start than they take to run; one of each
exit code runs as a process of its own too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
import typer
import yaml
from typer.core import TyperGroup
from typer.testing import CliRunner

from calls.call import Call, CallId
from crm_adapter.call_tables import calls
from crm_adapter.journal import arrived
from storage.database import Database
from switchboard import cli

pytestmark = pytest.mark.integration

LIMIT_S = 60
ENVIRONMENT = {"COLUMNS": "100", "NO_COLOR": "1"}
PASSWORD = "correct horse"
CONTACTS = """id,phone,first_name,last_name,language
C1,+12025550111;+12025550112,Maria,Garcia,en
C2,+12025550113,Ann,Lee,en
C3,+12025550113,Bob,Lee,en
"""
PURCHASES = "id,contact_id,at,amount\nP1,C1,2026-01-05,19.90\n"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    def refuses(self, *words: str) -> None:
        """Exit 1, with sentences that hold `words`, and nothing a programmer would read."""
        assert self.code == 1, self
        assert "Traceback" not in self.out + self.err
        for word in words:
            assert word in self.err, self


class Shell:
    """`switchboard ...` in a folder of its own, with a database of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings = self.write_settings("switchboard.yaml")

    def write_settings(self, name: str, **sections: object) -> Path:
        own = {
            "storage": {"url": f"sqlite:///{self.home}/db/switchboard.db"},
            "rulebook": {"state_dir": f"{self.home}/rulebooks"},
            "speech": {"cache_dir": f"{self.home}/prompts"},
        }
        return self.write(name, yaml.safe_dump(own | sections))

    def write(self, name: str, text: str) -> Path:
        path = self.home / name
        path.write_text(text, encoding="utf-8")
        return path

    def __call__(self, *words: str | Path, **variables: str) -> Said:
        """In this process: whatever is not a sentence comes up here as it is."""
        root = logging.getLogger()
        before = root.handlers[:], root.level
        try:
            with contextlib.chdir(self.home):
                done = CliRunner().invoke(
                    cli.app,
                    [str(word) for word in words],
                    env=ENVIRONMENT | variables,
                    prog_name="switchboard",
                )
        finally:
            root.handlers[:], root.level = before
            structlog.reset_defaults()
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    def process(self, *words: str | Path) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "switchboard", *map(str, words)],
            cwd=self.home,
            env=os.environ | ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """With three contacts, scored, and one agent."""
    shell = Shell(tmp_path_factory.mktemp("cli"))
    files = (shell.write("people.csv", CONTACTS), shell.write("bought.csv", PURCHASES))
    assert shell("import", *files).out.splitlines()[:2] == ["3 contacts", "1 purchases"]
    assert shell("score").out == "3 contacts scored\n"
    added = shell(
        *("agents", "add", "anna", "--name", "Anna Berg", "--interface", "PJSIP/201"),
        *("--queue", "support"),
        SWITCHBOARD_AGENT_PASSWORD=PASSWORD,
    )
    assert added.code == 0, added
    return shell


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def helps(group: TyperGroup, above: str = "switchboard") -> Iterator[tuple[str, str]]:
    for name, command in group.commands.items():
        yield f"{above} {name}", command.help or ""
        if isinstance(command, TyperGroup):
            yield from helps(command, f"{above} {name}")


def test_every_command_explains_itself_with_an_example() -> None:
    told = dict(helps(typer.main.get_group(cli.app)))
    assert {"switchboard run", "switchboard agents second-factor"} < set(told)
    for command, text in told.items():
        assert f"Example: [bold]{command}" in text, command


def test_help_is_printed_with_its_example(shell: Shell) -> None:
    said = shell("agents", "list", "--help")
    assert said.code == 0, said
    assert "Example: switchboard agents list" in said.out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("explain",),
        ("explain-pop",),
        ("import",),
        ("agents",),
        ("agents", "add", "anna"),
        ("agents", "add", "anna", "--name", "Anna", "--password", PASSWORD),
        ("agents", "reset"),
        ("agents", "import"),
        ("agents", "remove"),
        ("agents", "change", "anna"),
        ("agents", "change", "anna", "--queue", "x", "--no-queues"),
        ("agents", "change", "anna", "--skill", "french:very"),
        ("agents", "token"),
        ("agents", "token", "anna", "--list", "--revoke"),
        ("demo", "--seconds", "1"),
        ("demo", "--seconds", "soon"),
        ("check", "--no-such-option"),
    ],
)
def test_wrong_usage_is_2(shell: Shell, words: tuple[str, ...]) -> None:
    said = shell(*words)
    assert said.code == 2
    assert "Traceback" not in said.err


# -- settings that cannot be used


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("storage: {url: [}\n", "bad.yaml:1: "),
        ("a: 1\nweb: {prt: 1}\n", "bad.yaml:2: "),
        ("web: {port: many}\n", "bad.yaml:1: "),
        ("- a list\n", "the settings must be sections"),
        ("storage: {url: nonsense}\n", "storage.url: not an address"),
        ("storage: {url: 'mysql://u:hush@h/n'}\n", "'mysql' is not supported"),
        ("storage: {url: 'sqlite:////proc/nope/s.db'}\n", "the folder /proc/nope cannot be made"),
        ("storage: {url: 'sqlite:///bad.yaml'}\n", "file is not a database"),
        ("storage: {url: 'postgresql://u:hush@127.0.0.1:1/n'}\n", "the database cannot be used"),
    ],
)
def test_settings_that_cannot_be_used_are_a_sentence(
    shell: Shell, text: str, sentence: str
) -> None:
    said = shell("agents", "list", "--config", shell.write("bad.yaml", text))
    said.refuses(sentence)
    assert "hush" not in said.err


@pytest.mark.parametrize("command", ["check", "run"])
def test_an_address_with_an_unknown_field_is_named_by_check_and_at_the_start(
    shell: Shell, command: str
) -> None:
    url = "https://crm.example.com/{nmae}"
    config = shell.write(
        "pops.yaml", f"pops:\n  hosts: [crm.example.com]\n  addresses:\n    - url: '{url}'\n"
    )
    shell(command, "--config", config).refuses(
        "pops.yaml:4: 'url' has an unknown field 'nmae'; did you mean 'name'?"
    )


def test_a_settings_file_that_is_not_there(shell: Shell) -> None:
    shell("score", "--config", "nowhere.yaml").refuses(
        "nowhere.yaml: there is no such settings file"
    )


def test_a_database_that_is_not_there_or_lets_nobody_in(
    shell: Shell, postgres_cluster: str
) -> None:
    for url in (f"{postgres_cluster}/nowhere", "postgresql://u@no.such.host.invalid/n"):
        config = shell.write_settings("away.yaml", storage={"url": url})
        shell("score", "--config", config).refuses("storage.url: the database cannot be used: ")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("agents", "list", "--json"), 0),
        (("explain", "+12025550111", "--json"), 0),
        (("check",), 0),
        (("check", "nowhere"), 1),
        (("score", "--config", "nowhere.yaml"), 1),
        (("import", "nowhere.csv"), 1),
        (("agents", "import", "nowhere.csv"), 1),
        (("agents", "import", "."), 1),
        (("explain-pop", "pbx/1.1"), 1),
        (("doctor", "--asterisk", "nowhere"), 1),
        (("pbx-config", "--agi-host", "a b"), 1),
        (("nonsense",), 2),
    ],
)
def test_each_exits_with_its_code_and_for_programs_prints_json(
    shell: Shell, words: tuple[str, ...], code: int
) -> None:
    said = shell(*words)
    assert said.code == code, said
    if "--json" in words:
        json.loads(said.out)


@pytest.mark.parametrize(
    ("words", "code"),
    [(("agents", "list", "--json"), 0), (("import", "nowhere.csv"), 1), (("nonsense",), 2)],
)
def test_a_process_exits_with_the_same_code_and_no_traceback(
    shell: Shell, words: tuple[str, ...], code: int
) -> None:
    said = shell.process(*words)
    assert (said.code, said.out) == (code, shell(*words).out), said
    assert "Traceback" not in said.err


@pytest.mark.parametrize("part", ["web", pytest.param("agi", marks=pytest.mark.long)])
def test_run_names_the_port_that_is_taken_and_what_to_do(
    shell: Shell, taken_port: int, part: str
) -> None:
    sections: dict[str, object] = {"web": {"port": 0}, "agi": {"port": 0}}
    config = shell.write_settings("taken.yaml", **sections | {part: {"port": taken_port}})
    shell.process("run", "--config", config).refuses(
        f"cannot listen on 127.0.0.1:{taken_port}: address already in use; stop what listens there",
        f"or set {part}.port to a free one",
    )


def test_the_demo_names_the_port_that_is_taken(shell: Shell, taken_port: int) -> None:
    said = shell.process(
        "demo", "--seconds", "5", "--web-port", str(taken_port), "--folder", "demo"
    )
    said.refuses(f"port {taken_port} for the agent desktop cannot be used", "--web-port")


# -- check and explain


def test_check_is_silent_about_a_good_rulebook(shell: Shell) -> None:
    said = shell("check")
    assert (said.code, said.out) == (0, "the rulebook is good\n")


def test_check_names_every_mistake_with_its_line(shell: Shell) -> None:
    (shell.home / "rules").mkdir(exist_ok=True)
    shell.write("rules/numbers.yaml", "numbers:\n  default: {menu: mian}\n")
    shell.write("rules/menus.yaml", "menus:\n  main:\n    tries: lots\n")
    said = shell("check", "rules")
    assert said.code == 1
    assert re.search(r"^rules/numbers.yaml:2: .*mian", said.out, re.MULTILINE)
    assert re.search(r"^rules/menus.yaml:3: ", said.out, re.MULTILINE)
    nowhere = shell("check", "nowhere")
    assert (nowhere.code, "nowhere: the rulebook folder cannot be read" in nowhere.out) == (1, True)


def test_explain_says_who_what_and_why(shell: Shell) -> None:
    said = shell("explain", "+12025550111")
    assert said.code == 0, said
    assert said.out.startswith("+12025550111 is Maria Garcia\n")
    assert "could be" not in said.out
    shared = shell("explain", "+12025550113").out
    assert "could be Ann Lee" in shared
    assert "could be Bob Lee" in shared


def test_explain_for_programs(shell: Shell) -> None:
    said = shell("explain", "+12025550111", "--dialled", "+18005550100", "--json")
    found = json.loads(said.out)
    assert {"identity", "caller", "rulebook_version", "decision"} <= set(found)
    decision = found["decision"]
    assert {"route", "menu", "options", "hold", "offers", "rules"} <= set(decision)
    assert {"digit", "intent", "say", "reasons"} <= set(decision["options"][0])
    assert all({"name", "matched", "because"} <= set(rule) for rule in decision["rules"])
    assert all({"offer", "chosen", "reasons"} <= set(offer) for offer in decision["offers"])
    assert found["identity"]["outcome"] == "unique"
    assert found["caller"]["name"] == "Maria Garcia"


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        ("+1", "none"),
        ("anonymous", "withheld"),
        ("201", "internal"),
        ("+12025550199", "none"),
        ("(202) 555-0111", "unique"),
    ],
)
def test_explain_takes_whatever_a_network_may_send(shell: Shell, number: str, outcome: str) -> None:
    said = shell("explain", "--json", "--", number)
    assert said.code == 0, said
    assert json.loads(said.out)["identity"]["outcome"] == outcome


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("abc",), "'abc' is not a number; or write 'anonymous'"),
        (("+12025550111", "--at", "soon"), "--at is written like 2026-11-23T10:00, not 'soon'"),
        (("+12025550111", "--fact", "caller.tier=vipp"), "did you mean 'vip'"),
        (("--call", "last", "--at", "2026-12-24T10:00"), "--call tells what was"),
    ],
)
def test_explain_of_what_cannot_be_is_wrong_usage(
    shell: Shell, words: tuple[str, ...], sentence: str
) -> None:
    said = shell("explain", *words)
    assert said.code == 2
    assert sentence in " ".join(re.sub("[│╭╮╰╯─]", " ", said.err).split())


def test_explain_of_another_moment_and_another_caller(shell: Shell) -> None:
    words = ("--dialled", "+18005550166", "--at", "2026-12-24T10:00", "--fact", "caller.tier=vip")
    said = shell("explain", "+12025550111", *words)
    assert said.code == 0, said
    assert "tried at 2026-12-24T10:00:00-05:00\ntried with caller.tier=vip\n" in said.out
    assert "hears the menu workshop_closed in en" in said.out


def test_explain_finds_the_newest_call(shell: Shell) -> None:
    shell("explain", "--call", "last").refuses("there is no call; none is kept yet")
    asyncio.run(keep_calls(shell.home))
    newest = shell("explain", "--call", "last")
    assert newest.out.startswith("the newest call: pbx/7.0\n")
    hers = shell("explain", "--call", "(202) 555-0111")
    assert hers.out.startswith("the newest call from +12025550111: pbx/6.0\n")
    assert "Maria Garcia" not in shell("explain", "--call", "pbx/1.0").out
    assert json.loads(shell("explain", "--call", "last", "--json").out)["call"]["id"] == "pbx/7.0"
    lost = shell("explain", "--call", "pbx/9.9")
    lost.refuses("there is no call pbx/9.9; the newest are:")
    listed = lost.err.splitlines()[1:]
    assert [line.split()[0] for line in listed] == [f"pbx/{n}.0" for n in (7, 6, 5, 4, 3)]
    assert listed[1].endswith("…11  goes on")
    assert "+1202" not in lost.err
    shell("explain", "--call", "7").refuses("not a call id: '7'", "a caller's number or last")
    shell("explain", "--call", "+12025550177").refuses("there is no call from +12025550177;")
    plain = shell.write_settings("plain.yaml", privacy={"mask_numbers": False})
    shell("explain", "--call", "pbx/9.9", "--config", plain).refuses("  +12025550111  goes on")


async def keep_calls(home: Path) -> None:
    """Seven, the sixth and before of one number."""
    async with Database(f"sqlite:///{home}/db/switchboard.db") as database:
        for n in range(1, 8):
            at = datetime(2026, 11, 23, 10, n, tzinfo=UTC)
            number = "+12025550111" if n < 7 else "+12025550199"
            call = Call(
                CallId("pbx", f"{n}.0"), "PJSIP/t", number, "", False, "18005550100", "en", at
            )
            row = arrived(call, fallback=False) | {"number": number}
            await database.writer.write(lambda link, row=row: link.execute(calls.insert(), [row]))


def test_explain_with_a_rulebook_that_is_not_there(shell: Shell) -> None:
    shell("explain", "+12025550111", "--rulebook", "nowhere").refuses("nowhere: the rulebook")


def test_explain_pop_of_a_call_nobody_knows(shell: Shell) -> None:
    shell("explain-pop", "7").refuses("not a call id: '7' (expected SYSTEM/LINKEDID)")
    shell("explain-pop", "pbx/1.1").refuses("there is no call pbx/1.1")
    shell("explain-pop", "pbx/1.1", "--json").refuses("there is no call pbx/1.1")


# -- import


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("empty.csv", "", "empty.csv:1: the file has no header"),
        ("odd.csv", "a,b\n1,2\n", "odd.csv:1: the header fits no kind of file"),
        ("twice.csv", "id,phone\nX,\nX,\n", "twice.csv:3: the id stands in an earlier line"),
        ("number.csv", "id,phone\nX,\nY,call me\n", "number.csv:3: phone: number 1 cannot be"),
        ("when.csv", "id,contact_id,at,amount\nP,C1,soon,1\n", "when.csv:2: at: not a date"),
        (
            "year.csv",
            "id,contact_id,at,amount\nP,C1,9999-12-31T23:59-12:00,1\n",
            "year.csv:2: at: lies outside the years",
        ),
        ("who.csv", "id,contact_id,at,amount\nP,C9,2026-01-05,1\n", "who.csv:2: contact_id: there"),
        ("much.csv", "id,contact_id,at,amount\nP,C1,2026-01-05,NaN\n", "much.csv:2: amount: "),
    ],
)
def test_an_import_says_what_is_wrong_and_where(
    shell: Shell, name: str, text: str, sentence: str
) -> None:
    shell("import", shell.write(name, text)).refuses(sentence)


def test_an_import_takes_all_files_or_none(shell: Shell) -> None:
    good = shell.write("good.csv", "id,phone\nN1,+12025550120\n")
    bad = shell.write("bad.csv", "id,contact_id,at,amount\nP9,C1,2026-01-05,lots\n")
    shell("import", good, bad).refuses("bad.csv:2: amount: ")
    identity = json.loads(shell("explain", "+12025550120", "--json").out)["identity"]
    assert identity["outcome"] == "none"


def test_an_import_of_what_is_no_file(shell: Shell) -> None:
    shell("import", "nowhere.csv").refuses("nowhere.csv:1: cannot be read: No such file")
    shell("import", shell.home).refuses("cannot be read: Is a directory")
    people = shell.home / "people.csv"
    shell("import", people, people).refuses(
        "people.csv:2: the id stands in an earlier line or file"
    )
    shell("import", people, "--currency", "dollars").refuses("currency 'dollars'")


def test_an_import_without_rows_says_so(shell: Shell) -> None:
    said = shell("import", shell.write("header.csv", "id,phone\n"))
    assert (said.code, said.out) == (0, "the files hold no rows\n")


# -- agents, doctor, pbx-config


def test_agents_are_listed_for_people_and_programs(shell: Shell) -> None:
    assert "Anna Berg" in shell("agents", "list").out
    [anna] = json.loads(shell("agents", "list", "--json").out)
    assert anna == {
        "login": "anna",
        "name": "Anna Berg",
        "interfaces": ["PJSIP/201"],
        "queues": ["support"],
        "language": "en",
        "role": "agent",
        "softphone": False,
        "skills": {},
        "state": "offline",
        "reason": None,
        "since": None,
        "logged_in": False,
        "second_factor": False,
    }


def test_agents_come_from_a_file_are_changed_and_removed(shell: Shell) -> None:
    own = ("--config", shell.write_settings("many.yaml", storage={"url": "sqlite:///many.db"}))
    file = shell.write(
        "many.csv", "login,name,interfaces,softphone\nben,Ben,,yes\ncleo,Cleo,PJSIP/9,\n"
    )
    made_at = shell.home / "many-passwords.csv"
    tried = shell("agents", "import", file, "--dry-run", *own)
    assert (tried.code, made_at.exists()) == (0, False)
    assert "2 new, 0 changed, 0 as before (nothing was written)" in tried.out
    assert json.loads(shell("agents", "list", "--json", *own).out) == []
    done = shell("agents", "import", file, *own)
    assert (done.code, "ben: new\ncleo: new\n" in done.out) == (0, True)
    assert "switchboard softphone-config" in done.out
    assert made_at.stat().st_mode & 0o777 == 0o600
    made = dict(line.split(",") for line in made_at.read_text().splitlines())
    assert list(made) == ["login", "ben", "cleo"]
    assert made["ben"] not in done.out
    again = json.loads(shell("agents", "import", file, "--json", *own).out)
    assert (again["added"], again["changed"], again["unchanged"]) == ([], {}, 2)
    # Passwords that may not be handed out yet are written over by nothing.
    more = shell.write("many.csv", "login,name,role\nines,Ines,supervisor\n")
    shell("agents", "import", more, *own).refuses("many-passwords.csv is there already")
    bad = shell.write("bad.csv", "login,name\nBen X,Ben\ndora,Dora\n")
    shell("agents", "import", bad, *own).refuses("bad.csv:2: login 'Ben X'", "bad.csv:3: name what")

    change = (
        "--skill",
        "french:8",
        "--role",
        "auditor",
        "--no-softphone",
        "--interface",
        "PJSIP/8",
    )
    assert shell("agents", "change", "ben", "--queue", "support", *change, *own).code == 0
    ben = json.loads(shell("agents", "list", "--json", *own).out)[0]
    assert (ben["queues"], ben["skills"], ben["role"]) == (["support"], {"french": 8}, "auditor")
    assert (ben["interfaces"], ben["softphone"]) == (["PJSIP/8"], False)
    assert "french:8" in shell("agents", "list", *own).out
    shell("agents", "change", "nobody", "--no-queues", *own).refuses("no agent logs in as 'nobody'")
    shell("agents", "remove", "ben", *own).refuses("Remove ben?")
    shell("agents", "remove", "ben", "nobody", "--yes", *own).refuses("nobody was removed")
    assert shell("agents", "remove", "ben", "cleo", "--yes", *own).code == 0
    assert json.loads(shell("agents", "list", "--json", *own).out) == []
    nobody = shell("agents", "list", *own)
    assert (nobody.code, nobody.out) == (0, "")
    assert "switchboard agents add" in nobody.err


@pytest.mark.parametrize(
    ("login", "options", "sentence"),
    [
        ("Ben X", {}, "login 'Ben X'"),
        ("ben", {"--interface": "phone"}, "interface 'phone'"),
        ("ben", {"--interface": "PJSIP/201"}, "rings 'anna' already"),
        ("ben", {"--language": "klingon"}, "language 'klingon'"),
        ("ben", {"--queue": "a b"}, "queue 'a b'"),
        ("ben", {"--name": ""}, "name: 1 to 120"),
        ("ben", {"--password": "short"}, "password: at least 8"),
    ],
)
def test_an_agent_that_cannot_be(
    shell: Shell, login: str, options: dict[str, str], sentence: str
) -> None:
    given = {"--name": "Ben", "--interface": "PJSIP/202", "--password": PASSWORD} | options
    words = [word for option in given.items() for word in option]
    shell("agents", "add", login, *words).refuses(sentence)


def test_an_agent_gets_a_phone_in_the_browser_and_new_secrets(shell: Shell) -> None:
    own = ("--config", shell.write_settings("phones.yaml", storage={"url": "sqlite:///phones.db"}))
    word = ("--password", PASSWORD)
    added = shell("agents", "add", "ben", "--name", "Ben", "--softphone", *word, *own)
    assert (added.code, "switchboard softphone-config" in added.out) == (0, True)
    assert "ben can log in" in added.out
    again = shell("agents", "add", "ben", "--name", "Ben", "--softphone", *word, *own)
    assert (again.code, "was there already" in again.out) == (0, True)
    [ben] = json.loads(shell("agents", "list", "--json", *own).out)
    assert (ben["interfaces"], ben["softphone"]) == (["PJSIP/ben"], True)
    assert "[ben](switchboard-softphone)" in shell("softphone-config", *own).out
    file = shell.home / "asterisk-own" / "switchboard_softphones.conf"
    secrets = []
    for _ in range(2):
        assert shell("softphone-config", "--write-to", file.parent, *own).code == 0
        assert file.stat().st_mode & 0o777 == 0o600
        secrets += re.findall(r"(?m)^password = (\w{48})$", file.read_text())
        assert shell("agents", "reset", "ben", *word, *own).code == 0
    assert len(set(secrets)) == 2
    shell("agents", "reset", "nobody", *word, *own).refuses("no agent logs in as 'nobody'")
    shell("agents", "reset", "ben", "--password", "short", *own).refuses("password: at least 8")
    shell("softphone-config", "--media-address", "x\ny=1", *own).refuses("must be an IP address")


def test_a_program_s_token_is_made_once_listed_by_name_and_revoked(shell: Shell) -> None:
    made = shell("agents", "token", "anna", "--name", "crm")
    assert re.fullmatch(r"swb_[\w-]{43}\n", made.out)
    assert "not shown again" in made.err
    shell("agents", "token", "anna", "--name", "crm").refuses("has a token 'crm' already")
    shell("agents", "token", "nobody").refuses("there is no agent 'nobody'")
    told = json.loads(shell("agents", "token", "anna", "--name", "other", "--json").out)
    assert (told["login"], told["name"]) == ("anna", "other")
    listed = json.loads(shell("agents", "token", "--list", "--json").out)
    assert [one["name"] for one in listed] == ["crm", "other"]
    assert made.out.strip() not in repr(listed)
    for name in ("crm", "other"):
        assert shell("agents", "token", "anna", "--name", name, "--revoke").code == 0
    assert "there are no tokens" in shell("agents", "token", "anna", "--list").out
    shell("agents", "token", "anna", "--revoke").refuses("has no token 'program'")


def test_the_doctor_finds_what_is_missing(shell: Shell, taken_port: int) -> None:
    lab = {"url": "http://127.0.0.1:8000", "password": "admin"}
    config = shell.write_settings("ami.yaml", ami={"port": taken_port}, tryton=lab)
    etc = shell.home / "etc"
    etc.mkdir(exist_ok=True)
    said = shell("doctor", "--config", config, "--asterisk", etc)
    assert said.code == 1
    assert f"AMI answers at 127.0.0.1:{taken_port}" in said.out
    assert "look tryton.password is one that everybody knows: have the CRM take" in said.out
    assert f"bad  no AMI user [switchboard] in {etc}/manager.conf or" in said.out
    assert "bad  nowhere is not a folder" in shell("doctor", "--asterisk", "nowhere").out
    shell.write("url.yaml", "storage: {url: nonsense}\n")
    assert "storage.url is not an address" in shell("doctor", "--config", "url.yaml").out


def test_pbx_config_prints_or_writes_the_files(shell: Shell) -> None:
    printed = shell("pbx-config")
    assert printed.code == 0
    assert "[switchboard-in]" in printed.out
    shell("pbx-config", "--with-secret").refuses("ami.secret must be")
    secret = {"SWITCHBOARD_AMI__SECRET": "correct-horse"}
    written = shell("pbx-config", "--write-to", "asterisk", "--with-secret", **secret)
    assert written.code == 0
    files = list((shell.home / "asterisk").iterdir())
    assert len(files) == written.out.count(": include it from ")
    hidden = [file.name for file in files if file.stat().st_mode & 0o077 == 0]
    assert hidden == ["switchboard_manager.conf"]
    shell("pbx-config", "--agi-host", "a b;c").refuses("agi.host")
    shell("pbx-config", "--write-to", "people.csv").refuses("people.csv: File exists")
