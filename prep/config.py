"""Settings: TOML files, one over the other, and `--set`, checked as they are read, into frozen pydantic models.

The defaults are here and, with their comments, in configs/default.toml; a test holds the two together.
"""

import difflib
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from prep.errors import SettingsError
from prep.registry import Role, family

Share = Annotated[float, Field(ge=0, le=1)]
# What SD3.5 alone needs stood beside the generator's own settings in 0.1.0; files that say so go on working.
MOVED = dict.fromkeys(
    ("vae", "clip_l", "clip_g", "t5", "with_t5", "quantise", "adaln_cache", "offload", "compile", "fp8_products"),
    "sd35",
)


def _from_its_file(name: str, info: ValidationInfo) -> str:
    """A relative path is relative to the file of settings that it stands in; SRC's own may not leave SRC."""
    context = info.context or {}
    family, colon, path = name.rpartition(":")  # a model may say whose weights they are
    if not path or "folder" not in context:
        return name
    target = (context["folder"] / path).resolve()
    if (inside := context.get("inside")) and not target.is_relative_to(inside.resolve()):
        where = context.get("where", "the settings")
        raise SettingsError(f"{where}: `{info.field_name}` names a file outside the image folder", hint="use --config")
    return f"{family}{colon}{target}"


def _model_from_its_file(name: str, info: ValidationInfo) -> str:
    """A model is a name, or a path where there is a `/` in it."""
    return _from_its_file(name, info) if "/" in name else name


FilePath = Annotated[str, AfterValidator(_from_its_file)]
ModelName = Annotated[str, AfterValidator(_model_from_its_file)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Options(Section):
    """What a model is made with beside its files. A model's own options are fields of a subclass of its family's."""


class TaggerOptions(Options):
    batch: Annotated[int, Field(ge=1, le=256)] = 8
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"


class GeneratorOptions(Options):
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resolution: Annotated[int, Field(ge=0, multiple_of=16)] = 0
    batch: Annotated[int, Field(ge=1, le=4)] = 4
    offline: bool = False  # models.offline


class ModelSection(Section):
    """[tagger] or [generator]: the family's own settings, and a section for each member that has options."""

    options: dict[str, dict[str, Any]] = {}  # section of a member -> what was set there, checked

    @model_validator(mode="before")
    @classmethod
    def _members(cls, values: Any, info: ValidationInfo) -> Any:
        if not isinstance(values, dict):
            return values
        values, own = dict(values), dict(values.get("options") or {})
        for key, section in MOVED.items() if cls.role() == "generator" else ():
            if key in values:
                own[section] = {key: values.pop(key), **own.get(section, {})}
        for key in [key for key, value in values.items() if isinstance(value, dict) and key != "options"]:
            own[key] = {**own.get(key, {}), **values.pop(key)}
        for section, given in own.items():
            own[section] = _options(cls.role(), section, given, info.context)
        return {**values, "options": own} if own else values

    @classmethod
    def role(cls) -> Role:
        raise NotImplementedError


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
    return _with_files_that_ship(_checked(merged, "the settings together"))


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
    context = {"folder": path.parent, "inside": inside}
    return _checked(values, str(path), context).model_dump(exclude_unset=True)


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
    return _checked(values, f"--set {text}").model_dump(exclude_unset=True)


def _checked(values: dict[str, Any], where: str, context: dict[str, Any] | None = None) -> Settings:
    """context: folder, which relative paths in the values are relative to, and inside, which none may leave."""
    try:
        return Settings.model_validate(values, context={**(context or {}), "where": where})
    except ValidationError as error:
        raise SettingsError(f"{where}: {_explained(error.errors()[0])}") from None


def _options(role: Role, section: str, given: dict[str, Any], context: dict[str, Any] | None) -> dict[str, Any]:
    """The settings of one member of a family, checked by its own model. Raises SettingsError."""
    where = (context or {}).get("where", "the settings")
    try:
        model = family(role).options(section)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error.message}", error.hint) from None
    common = TaggerOptions if role == "tagger" else GeneratorOptions
    if above := sorted(set(given) & set(common.model_fields)):
        raise SettingsError(f"{where}: `{above[0]}` belongs to [{role}], not to [{role}.{section}]")
    try:
        return model.model_validate(given, context=context).model_dump(exclude_unset=True)
    except ValidationError as error:
        known = [name for name in model.model_fields if name not in common.model_fields]
        raise SettingsError(f"{where}: {_explained(error.errors()[0], (role, section), known)}") from None


def _explained(error: dict[str, Any], above: tuple[str, ...] = (), known: list[str] | None = None) -> str:
    place = [*above, *(str(part) for part in error["loc"])]
    name = ".".join(place)
    if error["type"] == "extra_forbidden":
        return f"`{name}` is unknown{_nearest(place[-1], known or list(_fields(place[:-1])))}"
    message = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"`{name}` is {error['input']!r}; wanted {message}"


def _fields(place: list[str]) -> dict[str, Any]:
    model: type[BaseModel] = Settings
    for part in place:
        if model is Settings and part == "characters":
            model = CharacterSettings
        elif part in model.model_fields:
            model = model.model_fields[part].annotation
    known = {name: field for name, field in model.model_fields.items() if name != "options"}
    return known | dict.fromkeys(MOVED) if model is GeneratorSettings else known


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    return f". Did you mean `{close[0]}`?" if close else f". Known: {', '.join(sorted(known))}"


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
