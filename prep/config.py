"""Settings: layered TOML files and `--set`, checked as they are read, into frozen pydantic models.

The defaults are here and, with comments, in configs/default.toml; a test keeps the two in sync.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from prep.documents import DocumentError, parse_toml, read_toml
from prep.errors import SettingsError
from prep.files import what_is
from prep.names import MOST_REPEATS
from prep.options import (
    MOVED,
    FilePath,
    ModelName,
    ModelSection,
    NamedFile,
    Resolution,
    Section,
    Share,
    Tag,
    Text,
    explained,
    number,
    whole,
)
from prep.registry import Role

TOML_BYTES = 1_000_000  # for a settings file
NAME = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^.]*?))\s*(?:\.|$)""")  # of a key
OF_A_CHARACTER = 3  # names in characters.NAME.trigger
OF_A_VARIANT = 5  # in characters.NAME.variants.NAME.trigger
DEEPEST = 4  # names in any other key: generator.options.sd35.vae
TOML_HINT = 'correct that line; texts, and names with spaces or dots, need quotes: mode = "fixed"'
EXAMPLE = "write it as --set thresholds.fixed=0.4"
LONGEST_SHOWN = 100  # letters of typed text
MOST_SIDE_PX = 65_535  # of a JPEG; other pictures of that length have too many pixels anyway
MOST_DRAWN = 10_000  # pictures per character


class Scan(Section):
    max_pixels: whole(1, 1_000_000_000) = 100_000_000
    min_side_px: whole(0, MOST_SIDE_PX) = 256
    max_aspect: number(1, MOST_SIDE_PX) = 4.0
    min_sharpness: number(0, 1_040_400) = 15.0  # the most that a Laplacian of 8 bits can vary
    blurred: Literal["flag", "drop"] = "flag"
    near_copies: Literal["flag", "drop"] = "flag"
    max_images: whole(0, 1_000_000) = 0


class TaggerSettings(ModelSection):
    model: ModelName = "auto"
    batch: whole(1, 256) = 8
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"

    @classmethod
    def role(cls) -> Role:
        return "tagger"


class Thresholds(Section):
    mode: Literal["complexity", "fixed", "mcut"] = "complexity"
    simple: Share = 0.55
    medium: Share = 0.45
    complex: Share = 0.38
    simple_below: Share = 0.08
    medium_below: Share = 0.15
    fixed: Share = 0.45
    measure_px: whole(0, MOST_SIDE_PX) = 1024
    overrides: FilePath = ""


class Filter(Section):
    file: FilePath = "filter.txt"


class ProfileSettings(Section):
    core_share: Share = 0.45
    trait_bound: Share = 0.5
    intrinsic: FilePath = "intrinsic.txt"


class Captions(Section):
    style: Literal["tags"] = "tags"
    sidecars: Literal["kohya", "source"] = "kohya"
    max_tags: whole(1, 10_000) = 40
    order: Literal["confidence", "alphabetical"] = "confidence"
    traits: Literal["drop", "keep"] = "drop"
    overlap: bool = True
    spaces: bool = True
    kaomoji: bool = True
    escape_parentheses: bool = True


class GeneratorSettings(ModelSection):
    model: ModelName = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resolution: Resolution = 0
    sampler: Text = "euler"  # one of the generator's own
    steps: whole(0, 200) = 0
    guidance: number(0, 30) = 0.0
    quality: Text = "auto"
    negative: Text = "auto"
    batch: whole(1, 4) = 4

    @classmethod
    def role(cls) -> Role:
        return "generator"


class Reconstruct(Section):
    per_character: whole(0, MOST_DRAWN) = 2


class Consistency(Section):
    per_character: whole(0, MOST_DRAWN) = 4
    situations: NamedFile = "words/situations.toml"


class Augmentation(Section):
    share: number(0, 4) = 0.5
    least: whole(0, MOST_DRAWN) = 2
    tries: whole(1, 20) = 4
    strength: Annotated[number(0, 1), Field(gt=0)] = 0.6
    vary: NamedFile = "words/vary.toml"
    matting: ModelName = "auto"


class CheckSettings(Section):
    bound: Share = 0.7
    exclusive: NamedFile = "words/exclusive.toml"
    identity: ModelName = "auto"
    damage: ModelName = "auto"


def _trigger(text: str) -> str:
    """Raises ValueError for text that would not stay one item of a caption."""
    if not text.isprintable() or not text.strip():
        raise ValueError("a word on one line, without control characters")
    if "," in text:
        first = text.partition(",")[0]
        raise ValueError(f"one word or more without a comma: keep_tokens = 1 would protect only `{first}`")
    return text


class VariantSettings(Section):
    trigger: Annotated[str, AfterValidator(_trigger)] | None = None
    traits: list[Tag] | None = None
    keep: list[Tag] = []
    add: list[Tag] = []
    remove: list[Tag] = []


class CharacterSettings(VariantSettings):
    variants: dict[str, VariantSettings] = {}


class Export(Section):
    link: Literal["copy", "symlink", "hardlink"] = "copy"
    metadata: Literal["auto", "strip", "keep"] = "auto"
    kohya: FilePath = ""
    resolution: whole(64, 8_192) = 1024
    images_per_epoch: whole(0, MOST_REPEATS) = 100
    formats: list[Text] = []


class Models(Section):
    offline: bool = False
    fallback: Literal["starter", "error"] = "starter"


class Serve(Section):
    folder: NamedFile = "outputs/.serve"
    roots: list[FilePath] = []
    hosts: list[Text] = []
    queue: whole(1, 100_000) = 256
    pictures: whole(1, 1_000) = 16
    picture_mb: whole(1, 1_000) = 20
    request_mb: whole(1, 10_000) = 64
    max_pixels: whole(1, 1_000_000_000) = 40_000_000
    connections: whole(1, 10_000) = 256
    job_seconds: whole(1, 1_000_000) = 3600
    keep_days: whole(0, 10_000) = 7


class Settings(Section):
    scan: Scan = Scan()
    tagger: TaggerSettings = TaggerSettings()
    thresholds: Thresholds = Thresholds()
    filter: Filter = Filter()
    profile: ProfileSettings = ProfileSettings()
    captions: Captions = Captions()
    characters: dict[str, CharacterSettings] = {}
    generator: GeneratorSettings = GeneratorSettings()
    reconstruct: Reconstruct = Reconstruct()
    consistency: Consistency = Consistency()
    augmentation: Augmentation = Augmentation()
    check: CheckSettings = CheckSettings()
    export: Export = Export()
    models: Models = Models()
    serve: Serve = Serve()


def configs_folder() -> Path:
    """The folder of the configurations that ship with prep: in the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "configs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "configs"


def load_settings(src: Path | None = None, config: Path | None = None, sets: tuple[str, ...] = ()) -> Settings:
    """The defaults, overridden by SRC's own prep.toml, by --config, and by each --set in turn.

    Raises SettingsError naming the file and the key, with the nearest name for an unknown one.
    """
    merged: dict[str, Any] = {}
    if src and os.path.lexists(own := src / "prep.toml"):
        _merge(merged, _layer(own, inside=src))
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
    """inside: SRC, if this is its own prep.toml. It may come from anybody, so it may not be a link out of SRC."""
    try:
        if inside and not path.resolve(strict=True).is_relative_to(inside.resolve()):
            raise SettingsError(
                f"{path} is a link out of the image folder", hint="copy the file there, or use --config"
            )
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
    keys = {name: [key for key in section.model_fields if key != "options"] for name, section in sections.items()}
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
    shipped["check"] = "exclusive"
    return settings.model_copy(update={name: placed(getattr(settings, name), key) for name, key in shipped.items()})
