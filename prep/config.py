"""Settings: layered TOML files and `--set`, checked as they are read, into the models of prep/sections.py."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from prep.documents import DocumentError, parse_toml, read_toml
from prep.errors import SettingsError
from prep.files import what_is
from prep.options import MOVED, Section, explained
from prep.sections import CharacterSettings, Settings

OWN = "settings.toml"  # in OUT: a user's file, which `prep review` also writes
TOML_BYTES = 1_000_000  # for a settings file
NAME = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^.]*?))\s*(?:\.|$)""")  # of a key
OF_A_CHARACTER = 3  # names in characters.NAME.trigger
OF_A_VARIANT = 5  # in characters.NAME.variants.NAME.trigger
DEEPEST = 4  # names in any other key: generator.options.sd35.vae
TOML_HINT = 'correct that line; texts, and names with spaces or dots, need quotes: mode = "fixed"'
EXAMPLE = "write it as --set thresholds.fixed=0.4"
LONGEST_SHOWN = 100  # letters of typed text


def configs_folder() -> Path:
    """The folder of the configurations that ship with prep: in the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "configs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "configs"


def load_settings(
    src: Path | None = None,
    config: Path | None = None,
    sets: tuple[str, ...] = (),
    out: Path | None = None,
    own: Mapping[str, Any] | None = None,
) -> Settings:
    """The defaults, overridden by SRC's own prep.toml, by OUT's settings.toml, by --config, and by each --set in turn.

    own: in place of what OUT's settings.toml says. Raises SettingsError naming the file and the key, with the nearest
    name for an unknown one.
    """
    merged: dict[str, Any] = {}
    if src and os.path.lexists(src / "prep.toml"):
        _merge(merged, _layer(src / "prep.toml", inside=src))
    if out and own is not None:
        context = {"folder": out, "inside": out}
        _merge(merged, _checked(dict(own), OWN, context).model_dump(exclude_unset=True))
    elif out and os.path.lexists(out / OWN):
        _merge(merged, _layer(out / OWN, inside=out))
    if config:
        _merge(merged, _layer(config))
    for assignment in sets:
        _merge(merged, _assignment(assignment))
    return with_files_that_ship(_checked(merged, "the settings together"))


def recipe(*parts: Any) -> str:
    """16 hex digits of a hash over what affects a stage's result: models, JSON values, other recipes."""
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def as_toml(sets: tuple[str, ...], src: Path) -> str | None:
    """The `--set` values as lines for SRC's own prep.toml; None if they would mean something else there or are not
    allowed: its paths are relative to SRC, and none may leave it.
    """
    import tomlkit

    values: dict[str, Any] = {}
    for text in sets:
        _merge(values, assigned(text))
    try:
        same = _checked(values, "prep.toml", {"folder": src, "inside": src}) == _checked(values, "--set")
    except SettingsError:
        same = False
    return tomlkit.dumps(values).strip() if same else None


def _layer(path: Path, inside: Path | None = None) -> dict[str, Any]:
    """inside: SRC or OUT, if this is its own file. It may come from anybody, so it may not be a link out of there."""
    try:
        if inside and not path.resolve(strict=True).is_relative_to(inside.resolve()):
            raise SettingsError(f"{path} is a link out of its folder", hint="copy the file there, or use --config")
        values = read_toml(path, TOML_BYTES, follow=True)
    except FileNotFoundError:
        raise SettingsError(f"{path} {what_is(path)}", hint="configs/ has examples") from None
    except DocumentError as error:
        raise SettingsError(f"{path} {error}", hint=TOML_HINT) from None
    except (OSError, RuntimeError):  # from resolve: a loop of links
        raise SettingsError(f"{path} is a link to itself", hint="correct it, or remove it") from None
    context = {"folder": path.parent, "inside": inside}
    return _checked(values, str(path), context).model_dump(exclude_unset=True)


def _assignment(text: str) -> dict[str, Any]:
    return _checked(assigned(text), f"--set {shortened(text)}").model_dump(exclude_unset=True)


def assigned(text: str) -> dict[str, Any]:
    """`section.key=value` as nested tables, not yet checked. Raises SettingsError for other text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SettingsError(f"--set {text!r} is not UTF-8", hint="type it again") from None
    key, equals, value = text.partition("=")
    names = key_names(key)
    of_variant = len(names) in (OF_A_VARIANT - 1, OF_A_VARIANT) and names[0] == "characters" and names[2] == "variants"
    if equals and names[0] == "characters" and len(names) > OF_A_CHARACTER and not of_variant:
        raise SettingsError(
            f"--set {shortened(text)}: a name with dots needs quotes", hint=f"--set '{_with_quotes(key)}=...'"
        )
    if not equals or not all(names) or len(names) > DEEPEST and not of_variant:
        raise SettingsError(f"--set {shortened(text)}: expected section.key=value", hint=EXAMPLE)
    if len(names) == 1 and names[0] in Settings.model_fields:
        raise SettingsError(f"--set {text}: [{names[0]}] is a section; expected section.key=value", hint=EXAMPLE)
    try:
        parsed = parse_toml(f"value = {value}")["value"]
    except DocumentError:  # a plain word
        parsed = value.strip()
    values: Any = parsed
    for name in reversed(names):
        values = {name: values}
    return values


def key_names(key: str) -> list[str]:
    """`characters."Dr. X".trigger` -> its names; a dot inside quotes is part of a name. At most OF_A_VARIANT + 1."""
    names: list[str] = []
    rest = 0
    while len(names) <= OF_A_VARIANT:
        found = NAME.match(key, rest)
        names.append(found[found.lastindex])
        rest = found.end()
        if not found[0].endswith("."):
            break
    return names


def _with_quotes(key: str) -> str:
    """`characters.Dr. X.trigger` -> `characters."Dr. X".trigger`."""
    _, *parts, last = key.split(".")
    at = parts.index("variants", 1) if "variants" in parts[1:] else len(parts)
    names = [json.dumps(".".join(name), ensure_ascii=False) for name in (parts[:at], parts[at + 1 :]) if name]
    return f"characters.{'.variants.'.join(names)}.{last}"


def shortened(text: str) -> str:
    text = re.sub(r"//[^/\s]*@", "//...@", text)  # a password is shown to nobody
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _checked(values: dict[str, Any], where: str, context: dict[str, Any] | None = None) -> Settings:
    """context: `folder`, the base of relative paths, and `inside`, which no path may leave."""
    try:
        return Settings.model_validate(values, context={**(context or {}), "where": where})
    except ValidationError as error:
        raise explained(error, where, _keys()) from None


def _keys() -> dict[str, list[str]]:
    """Section -> its keys; the empty name -> the sections."""
    sections = {name: field.annotation for name, field in Settings.model_fields.items()}
    sections["characters.NAME"] = CharacterSettings
    del sections["characters"]
    keys = {
        name: [field.alias or key for key, field in section.model_fields.items() if key != "options"]
        for name, section in sections.items()
    }
    keys["generator"] += MOVED
    return {"": list(Settings.model_fields), **keys}


def _merge(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = value


def with_files_that_ship(settings: Settings) -> Settings:
    """Take files that still have their default names from configs/: also those of a setting that is newer."""
    home = configs_folder()

    def placed(section: Section, key: str) -> Section:
        name = getattr(section, key)
        return section.model_copy(update={key: str(home / name)}) if name else section

    shipped = {"filter": "file", "profile": "intrinsic", "consistency": "situations", "augmentation": "vary"}
    shipped |= {"check": "exclusive", "review": "keys"}
    return settings.model_copy(update={name: placed(getattr(settings, name), key) for name, key in shipped.items()})
