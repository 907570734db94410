"""Loads a REST CRM's mapping: shape, names, secrets and addresses, every problem at once."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from config.problems import Problem
from crm_adapter.adapter import HitKind
from crm_adapter.mapped.files import MappingFile, Way, put_in_outside_values, read_mapping
from crm_adapter.mapped.phone_forms import FORMS
from crm_adapter.rest.known import check_known_secrets
from crm_adapter.rest.names import check_names, names_of
from crm_adapter.rest.shapes import ContactMap, RestMapping

_OUTSIDE = ("base_url", "auth", "headers", "parameters", "webhook")
_SECRETS = ("password", "token", "value", "client_secret", "refresh_token")


@dataclass(frozen=True, slots=True)
class LoadedRest:
    """`secrets` came from outside the file and are shown to nobody."""

    mapping: RestMapping
    warnings: tuple[Problem, ...]
    secrets: tuple[str, ...]


def load_rest_mapping(where: Path | str, *, environ: Mapping[str, str]) -> LoadedRest:
    """Raises ProblemsFound (a Misconfigured) with file and line of all that is wrong."""
    file = read_mapping(where, kind="rest")
    literal = _written_secrets(file)
    put_in_outside_values(
        file,
        _OUTSIDE,
        environ,
        escaped=(("auth", "login", "request"), ("auth", "login", "value")),
    )
    mapping = file.shaped(RestMapping)
    if mapping is not None:
        check_names(mapping, file)
        _check_addresses(mapping, file)
        check_known_secrets(mapping, file)
        _check_whole(mapping, file)
        for way in literal:
            file.warn(way, "a secret stands in the file; ${env:NAME} or ${file:/path} keep it out")
    warnings = file.raise_errors()
    assert mapping is not None
    return LoadedRest(mapping, warnings, tuple(dict.fromkeys(file.secrets)))


def _written_secrets(file: MappingFile) -> list[Way]:
    data = file.document.data
    auth = data.get("auth") if isinstance(data, dict) else None
    if not isinstance(auth, dict):
        return []
    return [
        ("auth", key)
        for key in _SECRETS
        if isinstance(auth.get(key), str) and "${" not in auth[key]
    ]


def _check_addresses(mapping: RestMapping, file: MappingFile) -> None:
    addresses: list[tuple[Way, str]] = [(("base_url",), mapping.base_url)]
    if mapping.auth.token_url is not None:
        addresses.append((("auth", "token_url"), mapping.auth.token_url))
    for way, address in addresses:
        what = _wrong_with(address)
        if what:
            file.report(way, f"'{way[-1]}' {what}")
        elif URL(address).scheme == "http" and not _is_near(URL(address).host or ""):
            file.warn(way, "without https, names, numbers and passwords can be read on the way")


def _wrong_with(address: str) -> str | None:
    """Never repeats it: what came from the environment may hold more than an address."""
    try:
        url = URL(address)
        port = url.port
    except ValueError:
        return "is no address; write it like https://crm.example/api"
    if url.scheme not in ("http", "https") or not url.host or port is None:
        return "is no address; write it like https://crm.example/api"
    if url.user is not None or url.password is not None:
        return "holds a user or a password; say them under 'auth'"
    if "?" in address or "#" in address or any(sign <= " " for sign in address):
        return "holds a query, a # or a blank; parameters go under 'query' of the requests"
    return None


def _is_near(host: str) -> bool:
    """This machine, or an address that no router of the internet knows."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _check_whole(mapping: RestMapping, file: MappingFile) -> None:
    """What hangs together across parts."""
    kinds = {lookup.kind for lookup in mapping.lookup}
    for index, lookup in enumerate(mapping.lookup):
        way = ("lookup", index)
        if not names_of(lookup) & {"phone", "phones", *FORMS}:
            file.report(way, "the look-up does not say the number: use {phone}, {phones} or {e164}")
        _check_name(lookup.map, (*way, "map"), file)
        if lookup.map.phones is None:
            file.report((*way, "map"), "'phones' is missing: numbers found are compared again")
    for index, got in enumerate(mapping.get):
        if got.map is None and got.kind not in kinds:
            file.report(("get", index), f"'map' is missing: no look-up finds a {got.kind}")
    if HitKind.CONTACT not in kinds and (mapping.keys or mapping.changes):
        missing = [key.value for key, asked in mapping.keys.items() if asked.map is None]
        for key in missing:
            file.report(("keys", key), "'map' is missing: no look-up finds a contact")
        if mapping.changes is not None and mapping.changes.map is None:
            file.report(("changes",), "'map' is missing: no look-up finds a contact")
    _check_changes(mapping, file)
    _check_writes(mapping, file)


def _check_name(read: ContactMap, way: Way, file: MappingFile) -> None:
    if read.name is None and read.first_name is None and read.last_name is None:
        file.report(way, "'name' is missing, or 'first_name' and 'last_name'")


def _check_changes(mapping: RestMapping, file: MappingFile) -> None:
    if mapping.changes is None:
        return
    names = names_of(mapping.changes)
    if not any(name.startswith("since") for name in names):
        file.report(("changes",), "the request does not say since when: use {since}")
    if not names & {"after_id", "offset"}:
        file.report(("changes",), "the request cannot turn pages: use {after_id} or {offset}")
    if "limit" not in names:
        file.report(("changes",), "the request does not say how many: use {limit}")


def _check_writes(mapping: RestMapping, file: MappingFile) -> None:
    for written in mapping.check_write:
        if getattr(mapping, written) is None:
            file.report(("check_write", written), f"'{written}' itself is missing")
    writes = ("create_lead", "log_call", "log_stranger", "create_task", "create_stranger_task")
    for name in writes:
        write = getattr(mapping, name)
        if write is not None and write.find_by_key is None and not write.idempotent:
            file.warn(
                (name,),
                "what is sent twice is written twice: say how a record is found again "
                "(find_by_key), or that the API keeps one for each key (idempotent: true)",
            )
        if write is not None and write.look_again and not (write.find_by_key and write.remove):
            file.report((name,), "'look_again' needs 'find_by_key' and 'remove'")
    for name in ("log_stranger", "create_stranger_task"):
        usual = "log_call" if name == "log_stranger" else "create_task"
        if getattr(mapping, name) is not None and getattr(mapping, usual) is None:
            file.report((name,), f"'{name}' goes with '{usual}', which is missing")
