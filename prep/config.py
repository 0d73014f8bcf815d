"""Settings: TOML files, one over the other, and `--set`, checked as they are read, into frozen pydantic models.

The defaults are here and, with their comments, in configs/default.toml; a test holds the two together.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from prep.documents import DocumentError, parse_toml, read_toml
from prep.errors import SettingsError
from prep.options import MOVED, FilePath, ModelName, ModelSection, Section, Share, explain, nearest_key
from prep.registry import Role

TOML_BYTES = 1_000_000  # of settings


class Scan(Section):
    max_pixels: Annotated[int, Field(gt=0)] = 100_000_000
    min_side_px: Annotated[int, Field(ge=0)] = 256
    max_aspect: Annotated[float, Field(ge=1)] = 4.0
    min_sharpness: Annotated[float, Field(ge=0)] = 15.0
    blurred: Literal["flag", "drop"] = "flag"
    near_copies: Literal["flag", "drop"] = "flag"
    max_images: Annotated[int, Field(ge=0)] = 0


class TaggerSettings(ModelSection):
    model: ModelName = "auto"
    batch: Annotated[int, Field(ge=1, le=256)] = 8
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
    measure_px: Annotated[int, Field(ge=0)] = 1024
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
    max_tags: Annotated[int, Field(ge=1)] = 40
    order: Literal["confidence", "alphabetical"] = "confidence"
    traits: Literal["drop", "keep"] = "drop"
    overlap: bool = True
    spaces: bool = True
    kaomoji: bool = True
    escape_parentheses: bool = True


class GeneratorSettings(ModelSection):
    model: ModelName = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resolution: Annotated[int, Field(ge=0, multiple_of=16)] = 0
    sampler: str = "euler"  # one of the generator's own
    steps: Annotated[int, Field(ge=0, le=200)] = 0
    guidance: Annotated[float, Field(ge=0, le=30)] = 0.0
    quality: str = "masterpiece, best quality, official art, extremely detailed CG"
    negative: str = "low quality, worst quality, blurry, cropped, text, watermark, signature"
    batch: Annotated[int, Field(ge=1, le=4)] = 4

    @classmethod
    def role(cls) -> Role:
        return "generator"


class Reconstruct(Section):
    per_character: Annotated[int, Field(ge=0)] = 2


class Consistency(Section):
    per_character: Annotated[int, Field(ge=0)] = 4


class Augmentation(Section):
    share: Annotated[float, Field(ge=0, le=4)] = 0.5
    least: Annotated[int, Field(ge=0)] = 2
    tries: Annotated[int, Field(ge=1, le=20)] = 4
    strength: Annotated[float, Field(gt=0, le=1)] = 0.6
    vary: FilePath = "words/vary.toml"


class CheckSettings(Section):
    bound: Share = 0.7
    exclusive: FilePath = "words/exclusive.toml"


def _word(text: str) -> str:
    """Raises ValueError for what would not stay one word of a caption's line."""
    if not text.isprintable():
        raise ValueError("a word without control characters")
    return text


class CharacterSettings(Section):
    trigger: Annotated[str, AfterValidator(_word)] | None = None
    traits: list[str] | None = None
    keep: list[str] = []
    add: list[str] = []
    remove: list[str] = []


class Export(Section):
    link: Literal["copy", "symlink", "hardlink"] = "copy"
    metadata: Literal["auto", "strip", "keep"] = "auto"
    kohya: FilePath = ""
    resolution: Annotated[int, Field(ge=64)] = 1024
    images_per_epoch: Annotated[int, Field(ge=0)] = 100
    formats: list[str] = []


class Models(Section):
    offline: bool = False
    fallback: Literal["starter", "error"] = "starter"


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


def configs_folder() -> Path:
    """Where the configurations that ship are: in the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "configs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "configs"


def load_settings(src: Path | None = None, config: Path | None = None, sets: tuple[str, ...] = ()) -> Settings:
    """The defaults, under SRC's own prep.toml, under --config, under each --set.

    Raises SettingsError naming the file and the key, with the nearest name for an unknown one.
    """
    merged: dict[str, Any] = {}
    if src and os.path.lexists(own := src / "prep.toml"):
        _merge(merged, _layer(own, inside=src))
    if config:
        _merge(merged, _layer(config))
    for assignment in sets:
        _merge(merged, _assignment(assignment))
    return _with_files_that_ship(_checked(merged, "the settings together"))


def check_characters(settings: Settings, found: list[str]) -> None:
    """Raises SettingsError when the settings speak of a character that SRC does not have."""
    for name in settings.characters:
        if name not in found:
            raise SettingsError(f"[characters.{name}]: SRC has no such character{nearest_key(name, found)}")


def recipe(*parts: Any) -> str:
    """16 hex of a hash over what shapes a stage's result: models, JSON values, other recipes."""
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def _layer(path: Path, inside: Path | None = None) -> dict[str, Any]:
    """inside: SRC, whose own file this is. It may be anybody's, so that it is read as no other file than it says."""
    try:
        if inside and not path.resolve(strict=True).is_relative_to(inside.resolve()):
            raise SettingsError(
                f"{path} is a link out of the image folder", hint="copy the file there, or use --config"
            )
        values = read_toml(path, TOML_BYTES, follow=True)
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist", hint="configs/ has examples") from None
    except DocumentError as error:
        raise SettingsError(f"{path} {error}", hint="mend it, or take it away") from None
    except (OSError, RuntimeError):  # of resolve: a loop of links
        raise SettingsError(f"{path} is a link to itself", hint="mend it, or take it away") from None
    context = {"folder": path.parent, "inside": inside}
    return _checked(values, str(path), context).model_dump(exclude_unset=True)


def _assignment(text: str) -> dict[str, Any]:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SettingsError(f"--set {text!r} is not UTF-8", hint="type it anew") from None
    key, equals, value = text.partition("=")
    names = [name.strip() for name in key.split(".")]
    if not equals or len(names) < 2 or not all(names):
        raise SettingsError(f"--set {text}: wanted section.key=value", hint="such as --set thresholds.fixed=0.4")
    try:
        parsed = parse_toml(f"value = {value}")["value"]
    except DocumentError:
        parsed = value.strip()
    values: Any = parsed
    for name in reversed(names):
        values = {name: values}
    return _checked(values, f"--set {text}").model_dump(exclude_unset=True)


def _checked(values: dict[str, Any], where: str, context: dict[str, Any] | None = None) -> Settings:
    """context: folder, which relative paths in the values are relative to, and inside, which none may leave."""
    try:
        return Settings.model_validate(values, context={**(context or {}), "where": where})
    except ValidationError as error:
        raise SettingsError(f"{where}: {explain(error.errors()[0], _keys)}") from None


def _keys(place: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in place:
        if model is Settings and part == "characters":
            model = CharacterSettings
        elif part in model.model_fields:
            model = model.model_fields[part].annotation
    own = [name for name in model.model_fields if name != "options"]
    return [*own, *MOVED] if model is GeneratorSettings else own


def _merge(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = value


def _with_files_that_ship(settings: Settings) -> Settings:
    """Files that are still named as they ship are taken from configs/."""
    home = configs_folder()

    def placed(section: Section, key: str) -> Section:
        name = getattr(section, key)
        return section.model_copy(update={key: str(home / name)}) if name else section

    shipped = {"filter": "file", "profile": "intrinsic", "augmentation": "vary", "check": "exclusive"}
    return settings.model_copy(update={name: placed(getattr(settings, name), key) for name, key in shipped.items()})
