"""Settings: TOML files, one over the other, and `--set`, checked as they are read, into frozen pydantic models.

The defaults are here and, with their comments, in configs/default.toml; a test holds the two together.
"""

import difflib
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prep.errors import SettingsError

Share = Annotated[float, Field(ge=0, le=1)]
FILES = {
    ("filter", "file"), ("thresholds", "overrides"), ("profile", "intrinsic"), ("tagger", "model"),
    ("generator", "model"), ("generator", "vae"), ("generator", "clip_l"), ("generator", "clip_g"), ("generator", "t5"),
    ("augmentation", "vary"), ("check", "exclusive"),
}  # fmt: skip
NAMES_OR_FILES = {"model"}  # a path only where there is a `/` in it


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Scan(Section):
    max_pixels: Annotated[int, Field(gt=0)] = 100_000_000
    min_side_px: Annotated[int, Field(ge=0)] = 256
    max_aspect: Annotated[float, Field(ge=1)] = 4.0
    min_sharpness: Annotated[float, Field(ge=0)] = 15.0
    blurred: Literal["flag", "drop"] = "flag"
    near_copies: Literal["flag", "drop"] = "flag"
    max_images: Annotated[int, Field(ge=0)] = 0


class TaggerSettings(Section):
    model: str = "auto"
    batch: Annotated[int, Field(ge=1, le=256)] = 8
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"


class Thresholds(Section):
    mode: Literal["complexity", "fixed", "mcut"] = "complexity"
    simple: Share = 0.55
    medium: Share = 0.45
    complex: Share = 0.38
    simple_below: Share = 0.08
    medium_below: Share = 0.15
    fixed: Share = 0.45
    measure_px: Annotated[int, Field(ge=0)] = 1024
    overrides: str = ""


class Filter(Section):
    file: str = "filter.txt"


class ProfileSettings(Section):
    core_share: Share = 0.45
    trait_bound: Share = 0.5
    intrinsic: str = "intrinsic.txt"


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


class GeneratorSettings(Section):
    model: str = "auto"
    vae: str = ""
    clip_l: str = ""
    clip_g: str = ""
    t5: str = ""
    with_t5: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resolution: Annotated[int, Field(ge=0, multiple_of=16)] = 0
    sampler: Literal["euler", "euler_a", "heun", "dpmpp_2m"] = "euler"
    steps: Annotated[int, Field(ge=0, le=200)] = 0
    guidance: Annotated[float, Field(ge=0, le=30)] = 0.0
    quality: str = "masterpiece, best quality, official art, extremely detailed CG"
    negative: str = "low quality, worst quality, blurry, cropped, text, watermark, signature"
    batch: Annotated[int, Field(ge=1, le=4)] = 4
    quantise: Literal["stored", "all", "blocks", "none"] = "stored"
    adaln_cache: bool = False
    offload: Literal["none", "model", "group"] = "none"
    compile: bool = False
    fp8_products: bool = False


class Reconstruct(Section):
    per_character: Annotated[int, Field(ge=0)] = 2


class Consistency(Section):
    per_character: Annotated[int, Field(ge=0)] = 4


class Augmentation(Section):
    share: Annotated[float, Field(ge=0, le=4)] = 0.5
    least: Annotated[int, Field(ge=0)] = 2
    tries: Annotated[int, Field(ge=1, le=20)] = 4
    strength: Annotated[float, Field(gt=0, le=1)] = 0.6
    vary: str = "words/vary.toml"


class CheckSettings(Section):
    bound: Share = 0.7
    exclusive: str = "words/exclusive.toml"


class CharacterSettings(Section):
    trigger: str | None = None
    traits: list[str] | None = None
    keep: list[str] = []


class Export(Section):
    link: Literal["copy", "symlink", "hardlink"] = "copy"
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
    own = src / "prep.toml" if src else None
    if own and own.is_file():
        _merge(merged, _layer(own, inside=src))
    if config:
        _merge(merged, _layer(config))
    for assignment in sets:
        _merge(merged, _assignment(assignment))
    settings = _checked(merged, "the settings together")
    return _absolute(settings)


def check_characters(settings: Settings, found: list[str]) -> None:
    """Raises SettingsError when the settings speak of a character that SRC does not have."""
    for name in settings.characters:
        if name not in found:
            raise SettingsError(f"[characters.{name}]: SRC has no such character{_nearest(name, found)}")


def recipe(*parts: Any) -> str:
    """16 hex of a hash over what shapes a stage's result: models, JSON values, other recipes."""
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def _layer(path: Path, inside: Path | None = None) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist", hint="configs/ has examples") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as TOML: {error}") from None
    _checked(values, str(path))
    for section, key in FILES:
        value = values.get(section, {}).get(key)
        if not value or (key in NAMES_OR_FILES and "/" not in value):
            continue
        family, colon, name = value.rpartition(":")  # tagger.model may say whose weights they are
        target = (path.parent / name).resolve() if name else None
        if inside and target and not target.is_relative_to(inside.resolve()):
            raise SettingsError(f"{path}: {section}.{key} names a file outside the image folder", hint="use --config")
        values[section][key] = f"{family}{colon}{target or ''}"
    return values


def _assignment(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    names = [name.strip() for name in key.split(".")]
    if not equals or len(names) < 2 or not all(names):
        raise SettingsError(f"--set {text}: wanted section.key=value", hint="such as --set thresholds.fixed=0.4")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    values: Any = parsed
    for name in reversed(names):
        values = {name: values}
    _checked(values, f"--set {text}")
    return values


def _checked(values: dict[str, Any], where: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{where}: {_told(first)}") from None


def _told(error: dict[str, Any]) -> str:
    place = [str(part) for part in error["loc"]]
    name = ".".join(place)
    if error["type"] == "extra_forbidden":
        return f"`{name}` is unknown{_nearest(place[-1], list(_fields(place[:-1])))}"
    message = error["msg"].removeprefix("Input should be ")
    return f"`{name}` is {error['input']!r}; wanted {message}"


def _fields(place: list[str]) -> dict[str, Any]:
    model: type[BaseModel] = Settings
    for part in place:
        if model is Settings and part == "characters":
            model = CharacterSettings
        elif part in model.model_fields:
            model = model.model_fields[part].annotation
    return model.model_fields


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    return f". Did you mean `{close[0]}`?" if close else f". Known: {', '.join(sorted(known))}"


def _merge(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = value


def _absolute(settings: Settings) -> Settings:
    """Files that are still named as they ship are taken from configs/."""
    home = configs_folder()
    return settings.model_copy(
        update={
            "filter": Filter(file=_placed(home, settings.filter.file)),
            "profile": settings.profile.model_copy(update={"intrinsic": _placed(home, settings.profile.intrinsic)}),
            "augmentation": settings.augmentation.model_copy(
                update={"vary": _placed(home, settings.augmentation.vary)}
            ),
            "check": settings.check.model_copy(update={"exclusive": _placed(home, settings.check.exclusive)}),
        }
    )


def _placed(home: Path, name: str) -> str:
    return str(home / name) if name and not Path(name).is_absolute() else name
