"""The building blocks of settings: paths relative to their file, a model's own options, and messages for wrong values.
prep/config.py has the sections themselves.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from prep.errors import SettingsError, UsageError
from prep.meant import meant
from prep.registry import Role, family
from prep.typed import typed_path

Share = Annotated[float, Field(ge=0, le=1)]
# In 0.1.0 these SD3.5 options were among the generator's own settings; such files still work.
MOVED = dict.fromkeys(
    ("vae", "clip_l", "clip_g", "t5", "with_t5", "quantise", "adaln_cache", "offload", "compile", "fp8_products"),
    "sd35",
)
MOST_SHOWN = 60  # letters of a wrong value


def _from_its_file(name: str, info: ValidationInfo) -> str:
    """A relative path is relative to the settings file that contains it; paths in SRC's own file may not leave SRC."""
    context = info.context or {}
    family, colon, path = name.rpartition(":")  # a model name may precede the path
    if not path:
        return name
    where = context.get("where", "the settings")
    try:
        target = typed_path(path, context.get("folder", Path()))
    except UsageError as error:
        raise SettingsError(f"{where}: `{info.field_name}`: {error.message}", error.hint) from None
    if "folder" not in context:
        return f"{family}{colon}{target}" if path.startswith("~") else name
    target = (context["folder"] / target).resolve()
    if (inside := context.get("inside")) and not target.is_relative_to(inside.resolve()):
        raise SettingsError(f"{where}: `{info.field_name}` names a file outside the image folder", hint="use --config")
    return f"{family}{colon}{target}"


def _model_from_its_file(name: str, info: ValidationInfo) -> str:
    """A model is a name, or a path if it contains a `/`."""
    return _from_its_file(name, info) if "/" in name else name


FilePath = Annotated[str, AfterValidator(_from_its_file)]
ModelName = Annotated[str, AfterValidator(_model_from_its_file)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Options(Section):
    """What a model is made with besides its files. A model's own options are fields of a subclass of its family's."""


class TaggerOptions(Options):
    batch: Annotated[int, Field(ge=1, le=256)] = 8
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"


class GeneratorOptions(Options):
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resolution: Annotated[int, Field(ge=0, multiple_of=16)] = 0
    batch: Annotated[int, Field(ge=1, le=4)] = 4
    offline: bool = False  # models.offline


class ModelSection(Section):
    """[tagger] or [generator]: the family's own settings, and a section for each member with options."""

    options: dict[str, dict[str, Any]] = {}  # section of a member -> its settings, checked

    @model_validator(mode="before")
    @classmethod
    def _members(cls, values: Any, info: ValidationInfo) -> Any:
        if not isinstance(values, dict):
            return values
        values = dict(values)
        own = values.get("options") or {}
        if not isinstance(own, dict) or not all(isinstance(each, dict) for each in own.values()):
            where = (info.context or {}).get("where", "the settings")
            raise SettingsError(
                f"{where}: `{cls.role()}.options` is not a table of tables", hint="write [generator.sd35]"
            )
        own = dict(own)
        for key, section in MOVED.items() if cls.role() == "generator" else ():
            if key in values:
                own[section] = {key: values.pop(key), **own.get(section, {})}
        for key in [key for key, value in values.items() if isinstance(value, dict) and key not in cls.model_fields]:
            own[key] = {**own.get(key, {}), **values.pop(key)}
        for section, given in own.items():
            own[section] = _options(cls, section, given, info.context)
        return {**values, "options": own} if own else values

    @classmethod
    def role(cls) -> Role:
        raise NotImplementedError


def _options(
    above: type[ModelSection], section: str, given: dict[str, Any], context: dict[str, Any] | None
) -> dict[str, Any]:
    """The settings of one member of a family, checked by its own model. Raises SettingsError."""
    where, role = (context or {}).get("where", "the settings"), above.role()
    try:
        model = family(role).options(section)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error.message}", error.hint) from None
    common = set((TaggerOptions if role == "tagger" else GeneratorOptions).model_fields)
    shared = common | above.model_fields.keys() - model.model_fields.keys() - {"options"}
    if higher := sorted(shared & set(given)):
        home = "models" if higher[0] == "offline" else role
        raise SettingsError(f"{where}: `{higher[0]}` belongs to [{home}], not to [{role}.{section}]")
    try:
        return model.model_validate(given, context=context).model_dump(exclude_unset=True)
    except ValidationError as error:
        known = {f"{role}.{section}": [name for name in model.model_fields if name not in common]}
        raise SettingsError(f"{where}: {explain(error.errors()[0], known, (role, section))}") from None


def explain(error: dict[str, Any], keys: Mapping[str, Sequence[str]], above: tuple[str, ...] = ()) -> str:
    """A pydantic error as a sentence: what was found and what was expected. keys: as for `meant`."""
    place = [*above, *(str(part) for part in error["loc"])]
    name, value = ".".join(place), error["input"]
    if error["type"] == "extra_forbidden":
        return f"`{name}` is unknown{meant(place, isinstance(value, dict), keys)}"
    found = repr(value) if len(repr(value)) <= MOST_SHOWN else f"{repr(value)[:MOST_SHOWN]}..."
    if error["type"] == "model_type":
        return f"`{name}` is {found}; expected a table, such as [{name}]"
    message = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    if error["type"] == "multiple_of":
        step = error["ctx"]["multiple_of"]
        message += f", such as {max(step, value // step * step)} or {max(step, value // step * step) + step}"
    return f"`{name}` is {found}; expected {message}"


def nearest_key(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    return f". Did you mean `{close[0]}`?" if close else f". Known: {', '.join(sorted(known))}"
