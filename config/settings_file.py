"""Settings from `switchboard.yaml` and the environment, with every problem at once.

SWITCHBOARD_<SECTION>__<KEY> wins over the file. Variables of sections that do not exist belong to
somebody else and are ignored. A key that ends in `_file` names a file with the value of the key
without it: secrets stay out of settings and environment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, SecretStr

from config.crm_secrets import known_secrets
from config.known_secrets import is_known
from config.located_yaml import MAX_BYTES, Document, read_yaml
from config.problems import Problem, ProblemsFound
from config.settings import Settings
from config.shape import check_shape

DEFAULT_FILE = Path("switchboard.yaml")
PREFIX = "SWITCHBOARD_"
#: Sections whose secrets are shared with Asterisk, or made for us.
_OURS = ("ami", "nodes", "rulebook", "crm", "pops")
MAX_SECRET = 10_000
_KNOWN_SECRET = (
    "'{key}' is one that everybody knows: make another, like `openssl rand -hex 24` does, also "
    "where it is set on the other side"
)
_KNOWN_TO_CRM = (
    "'{key}' is one that everybody knows, and leads to another machine: have the CRM take another"
)

Path_ = tuple[str | int, ...]


def load_settings(config: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """`config` None: `switchboard.yaml` of the working directory where there is one. Raises
    ProblemsFound (a Misconfigured)."""
    document = _document(config)
    raw = _sections(document)
    variables = _overlay(raw, os.environ if environ is None else environ)

    def report(path: Path_, sentence: str) -> None:
        variable = variables.get(path[:2])
        if variable is not None:
            document.problems.append(Problem(variable, 0, sentence))
        else:
            document.problems.append(Problem.at(document.place(path), sentence))

    settings = check_shape(Settings, raw, (), report)
    if settings is not None and _read_secrets(settings, raw, report):
        settings = check_shape(Settings, raw, (), report)
    if settings is not None:
        _refuse_known(settings, report)
    if document.problems or settings is None:
        raise ProblemsFound(sorted(set(document.problems)))
    return settings


def _document(config: Path | None) -> Document:
    path = config or DEFAULT_FILE
    try:
        with path.open("rb") as file:
            return read_yaml(str(path), file.read(MAX_BYTES + 1))
    except FileNotFoundError:
        if config is None:
            return Document(str(path))
        raise ProblemsFound([Problem(str(path), 0, "there is no such settings file")]) from None
    except OSError as error:
        what = f"the settings file cannot be read: {error.strerror}"
        raise ProblemsFound([Problem(str(path), 0, what)]) from error


def _sections(document: Document) -> dict[str, Any]:
    """A section with nothing under it is as good as none."""
    data = document.data
    if data is None:
        return {}
    if not isinstance(data, dict):
        listed = ", ".join(Settings.model_fields)
        sentence = f"the settings must be sections: {listed}"
        document.problems.append(Problem.at(document.place(()), sentence))
        return {}
    return {
        name: dict(section) if isinstance(section, dict) else section
        for name, section in data.items()
        if section is not None
    }


def _overlay(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[Path_, str]:
    """Puts the environment over `raw`; says which variable each path came from."""
    variables: dict[Path_, str] = {}
    for variable, text in sorted(environ.items()):
        section, two, key = variable.removeprefix(PREFIX).lower().partition("__")
        if not (variable.startswith(PREFIX) and two and section in Settings.model_fields):
            continue
        values = raw.setdefault(section, {})
        if isinstance(values, dict):
            values[key] = _from_text(section, key, text)
            variables[section, key] = variable
    return variables


def _from_text(section: str, key: str, text: str) -> Any:
    """Lists are written as JSON or with commas, mappings as JSON; nothing at all means: not
    set."""
    field = _model(section).model_fields.get(key)
    kind = None if field is None else get_origin(field.annotation)
    if kind not in (tuple, dict):
        optional = field is not None and field.default is None
        return None if optional and not text else text
    if kind is dict or text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return [item.strip() for item in text.split(",") if item.strip()]


def _model(section: str) -> type[BaseModel]:
    model = Settings.model_fields[section].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model


def _refuse_known(settings: Settings, report: Any) -> None:
    """Of our own secrets, and of those of CRMs on other machines."""

    def look(values: BaseModel, path: Path_) -> None:
        for key, value in values:
            # Of a section itself the file was read into the key without `_file`.
            if _is_known(value) or (len(path) > 1 and key.endswith("_file") and _holds(value)):
                report((*path, key), _KNOWN_SECRET.format(key=key))
            for number, one in enumerate(value if isinstance(value, tuple) else ()):
                if isinstance(one, BaseModel):
                    look(one, (*path, key, number))

    for section in _OURS:
        look(getattr(settings, section), (section,))
    for section in Settings.model_fields:
        for key, value in getattr(settings, section):
            # What a CRM's webhooks are believed by was made for us.
            if section not in _OURS and key.startswith("webhook_") and _is_known(value):
                report((section, key), _KNOWN_SECRET.format(key=key))
    for one in known_secrets(settings):
        if not one.is_here:
            report((one.section, one.key), _KNOWN_TO_CRM.format(key=one.key))


def _is_known(value: Any) -> bool:
    return isinstance(value, SecretStr) and is_known(value.get_secret_value())


def _holds(file: Path | None) -> bool:
    """One that everybody knows. What cannot be read is told by whoever uses it."""
    try:
        with Path(file or os.devnull).open(encoding="utf-8") as opened:
            return is_known(opened.read(MAX_SECRET))
    except (OSError, UnicodeDecodeError):
        return False


def _read_secrets(settings: Settings, raw: dict[str, Any], report: Any) -> bool:
    """Fills `x` from the file named by `x_file`; True where there was any."""
    found = False
    for section in Settings.model_fields:
        values = getattr(settings, section)
        for key in type(values).model_fields:
            path = getattr(values, key)
            target = key.removesuffix("_file")
            if target == key or path is None or target not in type(values).model_fields:
                continue
            try:
                with Path(path).open(encoding="utf-8") as file:
                    raw[section][target] = file.read(MAX_SECRET).rstrip("\r\n")
                found = True
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "it is not UTF-8 text"
                report((section, key), f"'{key}' cannot be read: {why}")
    return found
