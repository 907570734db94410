"""`switchboard doctor`: looks at this machine and an Asterisk's files and says what is missing.

Blocking and short; nothing here runs while calls are served.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ami_bridge import self_check
from calls.errors import SwitchboardError
from config.crm_secrets import known_secrets
from config.settings import Settings
from switchboard import ami_doctor, asterisk_files, seal_key, softphone_doctor
from switchboard.findings import Finding

DANGEROUS_WRITE = self_check.DANGEROUS | {"all"}
NEEDED_READ = frozenset({"call", "agent", "reporting", "system", "user", "dtmf"})
NEEDED_WRITE = frozenset({"call", "agent", "reporting"})

#: What Asterisk takes for yes (main/utils.c `ast_true`).
_TRUE = frozenset({"yes", "true", "y", "t", "1", "on"})

_READ = (
    "asterisk.conf",
    "manager.conf",
    "extensions.conf",
    "extconfig.conf",
    "res_curl.conf",
    "res_http_media_cache.conf",
)
#: Files that bound what Asterisk fetches from us: of ours, where it is included, its options, and
#: what happens without them (func_curl.c and res_http_media_cache.c, Asterisk 22).
_TIMEOUTS = (
    (
        "switchboard_curl.conf",
        ("res_curl.conf", "globals"),
        ("conntimeout", "httptimeout"),
        "when our web side hangs, each question for music or a queue holds a caller up to 300 s",
    ),
    (
        "switchboard_media_cache.conf",
        ("res_http_media_cache.conf", "general"),
        ("timeout_secs",),
        "when our web side hangs, each prompt that is fetched holds a caller up to 360 s",
    ),
)


def examine(settings: Settings, asterisk_etc: Path | None) -> list[Finding]:
    """Every finding, in the order a new administrator would mend them."""
    findings = [
        *_programs(settings),
        *_storage(settings),
        *_seals(settings),
        *(Finding("warning", one.told) for one in known_secrets(settings)),
        *_sockets(settings),
    ]
    findings += softphone_doctor.connection(settings)
    if asterisk_etc is not None:
        findings += _asterisk_files(settings, asterisk_etc)
    return findings


def _programs(settings: Settings) -> Iterator[Finding]:
    speech = settings.speech
    known = {
        "flite": (speech.flite, "apt-get install flite"),
        "espeak": (speech.espeak, "apt-get install espeak-ng"),
        "piper": (speech.piper, "pip install piper-tts"),
    }
    for engine in dict.fromkeys(speech.engine_names.values()):
        program, remedy = known.get(engine, ("", ""))
        if program and shutil.which(program):
            yield Finding("ok", f"{program} is there")
        elif program:
            yield Finding(
                "error",
                f"{program} is missing: its languages cannot be spoken",
                f"{remedy}, or name the program under speech: in the settings",
            )
        if engine == "piper":
            yield from _piper_voices(settings)


def _piper_voices(settings: Settings) -> Iterator[Finding]:
    for language, file in settings.speech.piper_voices.items():
        beside = file.with_name(f"{file.name}.json")
        missing = next((one for one in (file, beside) if not one.is_file()), None)
        if missing is not None:
            yield Finding(
                "error",
                f"speech.piper_voices: {language}: there is no file {missing}",
                "download the voice (python -m piper.download_voices) or mend the path",
            )


def _seals(settings: Settings) -> Iterator[Finding]:
    file = settings.privacy.encryption.key_file
    if file is None:
        return
    try:
        seals = seal_key.read(file)
        if seal_key.is_open_to_others(file):
            yield Finding(
                "warning",
                f"encryption: others on this machine may read {file}",
                f"chmod 600 {file}",
            )
    except SwitchboardError as error:
        yield Finding("error", str(error), "the server does not start without it")
        return
    yield Finding("ok", f"encryption: the key {seals.fingerprint}")


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
    for ami in settings.asterisks:
        if _answers(ami.host, ami.port):
            yield Finding("ok", f"AMI answers at {ami.host}:{ami.port}")
            yield from ami_doctor.logged_in(ami)
        else:
            yield Finding(
                "error",
                f"AMI: nothing answers at {ami.host}:{ami.port}",
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
    for name in _READ:
        if wrong := asterisk_files.problem(etc, name):
            yield Finding(
                "warning",
                f"not readable as Asterisk configuration: {wrong}",
                "run doctor as a user who may read it, or mend the file",
            )
    yield from _manager_rights(settings, etc)
    yield from _live_dangerously(etc)
    yield from _dialplan(etc)
    yield from _targets(settings, etc)
    yield from _realtime_music(etc)
    yield from _realtime_queues(etc)
    yield from _fetch_timeouts(etc)
    yield from _media_cache(etc)
    yield from softphone_doctor.files(settings, etc)


def _media_cache(etc: Path) -> Iterator[Finding]:
    """Asterisk keeps prompts fetched over HTTP there, and without the folder plays none of them
    (res_http_media_cache.c, Asterisk 22)."""
    file = asterisk_files.parsed(etc, "asterisk.conf")
    named = file.values("directories", "astcachedir") if file else []
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
    file = asterisk_files.parsed(etc, "manager.conf")
    if file is None or not file.has_category(user):
        yield Finding(
            "error",
            f"no AMI user [{user}] in {etc}/manager.conf or what it includes",
            _include(etc, "switchboard_manager.conf", "manager.conf"),
        )
        return
    read = _words(file.values(user, "read"))
    write = _words(file.values(user, "write"))
    for lacking, side in ((NEEDED_READ - read, "read"), (NEEDED_WRITE - write, "write")):
        if lacking and "all" not in (read if side == "read" else write):
            yield Finding(
                "error",
                f"AMI user {user} lacks {side}={','.join(sorted(lacking))}",
                "see `switchboard pbx-config`, manager.conf",
            )
    if not any(file.values(user, "secret")):
        yield Finding(
            "error",
            f"AMI user {user} has no secret: its log-in is refused",
            "write its line `secret = ...`, or use `switchboard pbx-config --with-secret`",
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


def _live_dangerously(etc: Path) -> Iterator[Finding]:
    """Off as it comes (README-SERIOUSLY.bestpractices.md of Asterisk)."""
    file = asterisk_files.parsed(etc, "asterisk.conf")
    said = file.values("options", "live_dangerously") if file else []
    if said and said[-1].strip().lower() in _TRUE:
        yield Finding(
            "warning",
            "asterisk.conf says live_dangerously: whoever may set a variable by AMI runs programs",
            "take live_dangerously = no, below [options]",
        )


def _dialplan(etc: Path) -> Iterator[Finding]:
    file = asterisk_files.parsed(etc, "extensions.conf")
    for context in (
        "switchboard-in",
        "switchboard-dialog",
        "switchboard-route",
        "switchboard-fallback",
    ):
        if file and file.has_category(context):
            yield Finding("ok", f"dialplan has [{context}]")
        else:
            yield Finding(
                "error",
                f"dialplan lacks [{context}]: callers would not be served when we are away",
                _include(etc, "switchboard_extensions.conf", "extensions.conf"),
            )


def _realtime_music(etc: Path) -> Iterator[Finding]:
    file = asterisk_files.parsed(etc, "extconfig.conf")
    values = file.values("settings", "musiconhold") if file else []
    if any(value.startswith("curl,") for value in values):
        yield Finding("ok", "hold programmes reach Asterisk (extconfig.conf: musiconhold)")
    else:
        yield Finding(
            "warning",
            "extconfig.conf does not ask us for music on hold: callers hear the queue's own",
            _include(etc, "switchboard_extconfig.conf", "extconfig.conf, below [settings]"),
        )


def _targets(settings: Settings, etc: Path) -> Iterator[Finding]:
    """The administrator's own context: whom callers may reach besides queues and mailboxes."""
    ours = settings.rulebook
    named = {"transfer_targets": ours.transfer_targets, "direct_dial": ours.direct_dial}
    used = [f"rulebook.{name}" for name, values in named.items() if values]
    if not used:
        return
    file = asterisk_files.parsed(etc, "extensions.conf")
    if file and file.has_category("switchboard-targets"):
        yield Finding("ok", "dialplan has [switchboard-targets]")
    else:
        yield Finding(
            "warning",
            f"dialplan lacks [switchboard-targets], which {' and '.join(used)} of the settings "
            "lead to: who is sent there goes to the default queue",
            "write the context into extensions.conf, with an extension for each target",
        )


def _realtime_queues(etc: Path) -> Iterator[Finding]:
    file = asterisk_files.parsed(etc, "extconfig.conf")
    lacking = [
        name
        for name in ("queues", "queue_members")
        if not any(v.startswith("curl,") for v in (file.values("settings", name) if file else []))
    ]
    if not lacking:
        yield Finding("ok", "an agent can be tried first (extconfig.conf: queues, queue_members)")
        return
    yield Finding(
        "warning",
        f"extconfig.conf does not ask us for {' and '.join(lacking)}: `prefer_agent` of the "
        "rulebook has no effect, nobody is tried first",
        "only where the rulebook uses prefer_agent: "
        + _include(etc, "switchboard_extconfig.conf", "extconfig.conf, below [settings]"),
    )


def _fetch_timeouts(etc: Path) -> Iterator[Finding]:
    for ours, (name, category), options, otherwise in _TIMEOUTS:
        file = asterisk_files.parsed(etc, name)
        lacking = [one for one in options if not (file and any(file.values(category, one)))]
        if not lacking:
            yield Finding("ok", f"{name} bounds how long Asterisk waits for us")
            continue
        yield Finding(
            "warning",
            f"{name} [{category}] does not set {' and '.join(lacking)}: {otherwise}",
            _include(etc, ours, f"{name}, below [{category}]"),
        )


def _include(etc: Path, name: str, place: str) -> str:
    """The remedy where a file of ours has no effect."""
    if (etc / name).exists():
        return f"{name} is there but not included: #include it in {place}"
    return f"#include the {name} of `switchboard pbx-config` in {place}"


def _words(values: list[str]) -> set[str]:
    return {word.strip() for value in values for word in value.split(",") if word.strip()}


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
