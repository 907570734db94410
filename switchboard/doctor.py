"""`switchboard doctor`: looks at this machine and an Asterisk's files and says what is missing.

Blocking and short; nothing here runs while calls are served.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from asterisk import config as asterisk_config
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from config.settings import Settings

#: Rights with which an AMI user can run programs or change the PBX (manager.c, Asterisk 22).
DANGEROUS_WRITE = frozenset({"command", "config", "system", "all"})
NEEDED_READ = frozenset({"call", "agent", "reporting", "system", "user"})
NEEDED_WRITE = frozenset({"call", "agent", "originate", "reporting"})
_MANAGER = ("manager*.conf", "manager.d/*.conf")
_DIALPLAN = ("extensions*.conf", "switchboard*.conf")
_REALTIME = ("extconfig*.conf",)
_PATTERNS = (*_MANAGER, *_DIALPLAN, *_REALTIME)


@dataclass(frozen=True, slots=True)
class Finding:
    """`level` is ok, warning or error; `remedy` says what to do about it."""

    level: str
    what: str
    remedy: str = ""


class AsteriskFile(asterisk_config.Config):  # type: ignore[misc]
    """pyst2's parser, kept from what it cannot read: `#include` lines, templates such as
    `[agent](phones)`, and files that are not UTF-8."""

    def load(self) -> None:
        text = Path(self.filename).read_text(encoding="utf-8", errors="replace")
        self.raw_lines = [self._readable(line) for line in text.splitlines()]

    @staticmethod
    def _readable(line: str) -> str:
        stripped = line.strip()
        if stripped.startswith("#"):
            return ""
        if stripped.startswith("[") and "]" in stripped:
            return stripped[: stripped.index("]") + 1]
        code = stripped.split(";", 1)[0]
        return stripped if not code or "=" in code else ""

    def values(self, category: str, name: str) -> list[str]:
        return [
            item.value.strip()
            for found in self.categories
            if found.name == category
            for item in found.items
            if item.name == name
        ]

    def has_category(self, name: str) -> bool:
        return any(category.name == name for category in self.categories)


def examine(settings: Settings, asterisk_etc: Path | None) -> list[Finding]:
    """Every finding, in the order a new administrator would mend them."""
    findings = [*_programs(settings), *_storage(settings), *_sockets(settings)]
    if asterisk_etc is not None:
        findings += _asterisk_files(settings, asterisk_etc)
    return findings


def _programs(settings: Settings) -> Iterator[Finding]:
    for program, package in (
        (settings.speech.flite, "flite"),
        (settings.speech.espeak, "espeak-ng"),
    ):
        if shutil.which(program):
            yield Finding("ok", f"{program} is there")
        else:
            yield Finding(
                "error",
                f"{program} is missing: its languages cannot be spoken",
                f"apt-get install {package}, or name the program under speech: in the settings",
            )


def _storage(settings: Settings) -> Iterator[Finding]:
    try:
        url = make_url(settings.storage.url)
    except ArgumentError:
        yield Finding(
            "error",
            "storage: storage.url is not an address",
            "use sqlite:///FILE or postgresql://USER@HOST/NAME",
        )
        return
    if url.get_backend_name() == "sqlite":
        folder = Path(url.database or ".").resolve().parent
        nearest = next(p for p in (folder, *folder.parents) if p.exists())
        free_mb = shutil.disk_usage(nearest).free // 2**20
        level = "ok" if free_mb > 500 else "warning"
        yield Finding(level, f"storage: SQLite in {folder}, {free_mb} MB free")
    elif _answers(url.host or "127.0.0.1", url.port or 5432):
        yield Finding("ok", f"storage: PostgreSQL answers at {url.host}")
    else:
        yield Finding(
            "error",
            f"storage: nothing answers at {url.host}:{url.port or 5432}",
            "start PostgreSQL or mend storage.url",
        )


def _sockets(settings: Settings) -> Iterator[Finding]:
    if _answers(settings.ami.host, settings.ami.port):
        yield Finding("ok", f"AMI answers at {settings.ami.host}:{settings.ami.port}")
    else:
        yield Finding(
            "error",
            f"AMI: nothing answers at {settings.ami.host}:{settings.ami.port}",
            "enable it in manager.conf ([general] enabled=yes) and check ami.host and ami.port",
        )
    for name, host, port in (
        ("FastAGI", settings.agi.host, settings.agi.port),
        ("web", settings.web.host, settings.web.port),
    ):
        if _answers(host, port):
            yield Finding("ok", f"{name} port {port}: something listens (a running Switchboard?)")
        else:
            yield Finding("ok", f"{name} port {port} is free for `switchboard run`")


def _asterisk_files(settings: Settings, etc: Path) -> Iterator[Finding]:
    if not etc.is_dir():
        yield Finding("error", f"{etc} is not a folder", "give Asterisk's configuration folder")
        return
    yield from _unreadable(etc)
    yield from _manager_rights(settings, etc)
    yield from _dialplan(etc)
    yield from _realtime_music(etc)
    yield from _media_cache(etc)


def _media_cache(etc: Path) -> Iterator[Finding]:
    """Asterisk keeps prompts fetched over HTTP there, and without the folder plays none of them
    (res_http_media_cache.c, Asterisk 22)."""
    named = [
        value
        for file in _parsed(etc, "asterisk.conf")
        for value in file.values("directories", "astcachedir")
    ]
    folder = Path(named[-1] if named else "/var/cache/asterisk")
    if folder.is_dir():
        yield Finding("ok", f"{folder}: prompts can be kept there")
    else:
        yield Finding(
            "error",
            f"{folder} (astcachedir) is not there: callers would hear no prompts",
            "make it, owned by Asterisk's user, or name another in asterisk.conf [directories]",
        )


def _manager_rights(settings: Settings, etc: Path) -> Iterator[Finding]:
    user = settings.ami.username
    found = False
    for file in _parsed(etc, *_MANAGER):
        if not file.has_category(user):
            continue
        found = True
        read = _words(file.values(user, "read"))
        write = _words(file.values(user, "write"))
        for lacking, side in ((NEEDED_READ - read, "read"), (NEEDED_WRITE - write, "write")):
            if lacking and "all" not in (read if side == "read" else write):
                yield Finding(
                    "error",
                    f"AMI user {user} lacks {side}={','.join(sorted(lacking))}",
                    "see `switchboard pbx-config`, manager.conf",
                )
        if write & DANGEROUS_WRITE:
            yield Finding(
                "warning",
                f"AMI user {user} may {','.join(sorted(write & DANGEROUS_WRITE))}: "
                "whoever has its secret owns the PBX",
                f"take write={','.join(sorted(NEEDED_WRITE))}",
            )
        else:
            yield Finding("ok", f"AMI user {user} has no dangerous right")
    if not found:
        yield Finding(
            "error", f"no AMI user [{user}] in {etc}", "add the one `switchboard pbx-config` prints"
        )


def _dialplan(etc: Path) -> Iterator[Finding]:
    files = list(_parsed(etc, *_DIALPLAN))
    for context in ("switchboard-in", "switchboard-route", "switchboard-fallback"):
        if any(file.has_category(context) for file in files):
            yield Finding("ok", f"dialplan has [{context}]")
        else:
            yield Finding(
                "error",
                f"dialplan lacks [{context}]: callers would not be served when we are away",
                "#include the extensions file that `switchboard pbx-config` prints",
            )


def _realtime_music(etc: Path) -> Iterator[Finding]:
    values = [
        value
        for file in _parsed(etc, *_REALTIME)
        for value in file.values("settings", "musiconhold")
    ]
    if any(value.startswith("curl,") for value in values):
        yield Finding("ok", "hold programmes reach Asterisk (extconfig.conf: musiconhold)")
    else:
        yield Finding(
            "warning",
            "extconfig.conf does not ask us for music on hold: callers hear the queue's own",
            "add the lines of `switchboard pbx-config`, extconfig.conf",
        )


_UNREADABLE = (asterisk_config.ParseError, OSError, ValueError)


def _unreadable(etc: Path) -> Iterator[Finding]:
    for pattern in _PATTERNS:
        for path in sorted(etc.glob(pattern)):
            try:
                AsteriskFile(str(path))
            except _UNREADABLE as error:
                why = getattr(error, "strerror", None) or str(error)
                yield Finding(
                    "warning",
                    f"{path} is not readable as Asterisk configuration: {why}",
                    "run doctor as a user who may read it, or mend the file",
                )


def _parsed(etc: Path, *patterns: str) -> list[AsteriskFile]:
    found = []
    for pattern in patterns:
        for path in sorted(etc.glob(pattern)):
            with suppress(*_UNREADABLE):
                found.append(AsteriskFile(str(path)))
    return found


def _words(values: list[str]) -> set[str]:
    return {word.strip() for value in values for word in value.split(",") if word.strip()}


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
