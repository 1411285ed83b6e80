"""Where settings come from: defaults, a TOML file, the environment, flags; the later wins.

Every value is checked where it was given, so that the message can say which key, which value,
where it stands and, for a misspelt key, which one was meant.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeGuard, get_args

import msgspec
from msgspec import inspect
from msgspec.structs import FieldInfo, fields

from bus.errors import SettingsError
from bus.settings import Section, Settings, problems

PREFIX: Final = "OFFHOOK__"


class Row(msgspec.Struct, frozen=True):
    """One setting, for ``--help`` and the README."""

    key: str
    """``media.workers``; in TOML the section ``[media]``, key ``workers``."""
    variable: str
    """``OFFHOOK__MEDIA__WORKERS``."""
    kind: str
    default: str
    """As TOML."""
    meaning: str


class _Given(msgspec.Struct, frozen=True):
    """A value, and where a person would look for it."""

    key: str
    value: object
    origin: str
    typed: bool = False
    """TOML has types: a number in quotes is not a number there."""


def load_settings(
    config: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]
) -> Settings:
    """Put the settings together.  ``overrides`` are the flags: dotted key -> value.

    Raises SettingsError, which names the key, the value and where it came from.
    """
    given = {
        each.key: each
        for layer in (_from_file(config), _from_environ(environ), _from_flags(overrides))
        for each in layer
    }
    tree: dict[str, dict[str, object]] = {}
    for key, each in given.items():
        section, name = key.split(".")
        tree.setdefault(section, {})[name] = _checked(each)
    settings = msgspec.convert(tree, Settings)
    for key, problem in problems(settings):
        raise SettingsError(_complaint(given.get(key) or _default(settings, key), problem))
    return settings


def read_settings(path: Path) -> Settings:
    """Read what ``write_settings`` wrote; SettingsError if it is not that."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{path}: {error}") from None


def write_settings(path: Path, settings: Settings) -> None:
    """Write the complete tree as JSON, readable by us only, whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(settings)))
    draft.replace(path)


def describe(kind: type[Settings] = Settings) -> list[Row]:
    """Return a row for every setting, in the order of the tree."""
    return [
        Row(key, _variable(key), _kind(field), _default_text(field), _meaning(field))
        for key, field in _leaves(kind).items()
    ]


# --------------------------------------------------------------------------------- the layers


def _from_file(config: Path | None) -> Iterator[_Given]:
    if config is None:
        return
    try:
        text = config.read_bytes().decode()
        tree: dict[str, object] = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{config}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{config} is not TOML: {error}") from None
    sections = _sections()
    for section, entries in tree.items():
        origin = f"{config}:{_line(text, section, None)}"
        if section not in sections:
            raise SettingsError(
                f"unknown section [{section}] in {origin}{_meant(section, sections)}"
            )
        if not _is_table(entries):
            problem = f"is a section; write [{section}] and its keys below it"
            raise SettingsError(_complaint(_Given(section, entries, origin), problem))
        for name, value in entries.items():
            origin = f"{config}:{_line(text, section, name)}"
            yield _Given(_known(section, name, value, origin), value, origin, typed=True)


def _from_environ(environ: Mapping[str, str]) -> Iterator[_Given]:
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        section, _, name = variable.removeprefix(PREFIX).lower().partition("__")
        key = f"{section}.{name}"
        if key not in _leaves():
            near = _meant(variable, [_variable(each) for each in _leaves()])
            raise SettingsError(f"unknown environment variable {variable}{near}")
        yield _Given(key, environ[variable], f"environment variable {variable}")


def _from_flags(overrides: Mapping[str, object]) -> Iterator[_Given]:
    for key, value in overrides.items():
        section, _, name = key.partition(".")
        yield _Given(_known(section, name, value, "a flag"), value, "a flag")


def _known(section: str, name: str, value: object, origin: str) -> str:
    key = f"{section}.{name}"
    leaves = _leaves()
    if key not in leaves:
        siblings = [each.partition(".")[2] for each in leaves if each.startswith(f"{section}.")]
        near = _meant(name, siblings) or _elsewhere(name) or _meant(key, leaves)
        raise SettingsError(f"unknown setting {key} = {_shown(value)} in {origin}{near}")
    return key


# --------------------------------------------------------------------------------- one value


def _checked(given: _Given) -> object:
    field = _leaves()[given.key]
    value = given.value
    if isinstance(value, str) and isinstance(_inner(field), inspect.VarTupleType):
        value = [item.strip() for item in value.split(",") if item.strip()]
    try:
        checked: object = msgspec.convert(value, field.type, strict=given.typed)
    except msgspec.ValidationError as error:
        raise SettingsError(_complaint(given, _plain(str(error)))) from None
    return checked


def _complaint(given: _Given, problem: str) -> str:
    return f"{given.key} = {_shown(given.value)} in {given.origin}: {problem}"


def _shown(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _plain(text: str) -> str:
    """Msgspec's words, without the backquotes and the path within the value."""
    text = re.sub(r" - at `\$(.*?)`$", lambda at: f" (item {at[1]})" if at[1] else "", text)
    choice = re.fullmatch(r"Expected `str` matching regex '\^\((.*)\)\$'", text)
    if choice:
        return f"is none of {choice[1].replace('|', ', ')}"
    return text.replace("`", "")


def _default(settings: Settings, key: str) -> _Given:
    section, name = key.split(".")
    return _Given(key, getattr(getattr(settings, section), name), "the defaults")


# ---------------------------------------------------------------------------------- the tree


def _sections(kind: type[Settings] = Settings) -> dict[str, type[Section]]:
    return {field.name: field.type for field in fields(kind)}


def _leaves(kind: type[Settings] = Settings) -> dict[str, FieldInfo]:
    return {
        f"{section}.{field.name}": field
        for section, part in _sections(kind).items()
        for field in fields(part)
    }


def _is_table(entries: object) -> TypeGuard[dict[str, object]]:
    return isinstance(entries, dict)


def _variable(key: str) -> str:
    return PREFIX + key.replace(".", "__").upper()


def _meant(word: str, known: Mapping[str, object] | list[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _elsewhere(name: str) -> str:
    homes = [key for key in _leaves() if key.endswith(f".{name}")]
    return f"; did you mean {homes[0]}?" if homes else ""


def _line(text: str, section: str, name: str | None) -> int:
    """Line of a key (of the section's header if None), as far as a simple look can tell."""
    header = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]|\s*{re.escape(section)}\s*[.=]")
    entry = re.compile(rf"(\s*{re.escape(section)}\s*\.)?\s*{re.escape(name or '')}\s*=")
    found = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not found and header.match(line):
            found = number
        if found and name is not None and entry.match(line):
            return number
    return found or 1


def _inner(field: FieldInfo) -> inspect.Type:
    described = inspect.type_info(field.type)
    return described.type if isinstance(described, inspect.Metadata) else described


def _meaning(field: FieldInfo) -> str:
    notes = [each for each in get_args(field.type) if isinstance(each, msgspec.Meta)]
    return next((each.description for each in notes if each.description), "")


def _kind(field: FieldInfo) -> str:
    names: dict[type[inspect.Type], str] = {
        inspect.BoolType: "true or false",
        inspect.IntType: "whole number",
        inspect.FloatType: "number",
        inspect.StrType: "text",
        inspect.VarTupleType: "list",
    }
    return names[type(_inner(field))]


def _default_text(field: FieldInfo) -> str:
    return msgspec.json.encode(field.default).decode()
