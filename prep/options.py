"""The building blocks of settings: paths relative to their file, a model's own options, and messages for wrong values.
prep/sections.py has the sections themselves.
"""

import difflib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from prep.errors import SettingsError, UsageError
from prep.meant import meant
from prep.names import underscored
from prep.registry import Role, family, is_remote
from prep.remote import OWN_KEY, AddressError, address_of, is_here
from prep.typed import typed_path

# In 0.1.0 these SD3.5 options were among the generator's own settings; such files still work.
MOVED = dict.fromkeys(
    ("vae", "clip_l", "clip_g", "t5", "with_t5", "quantise", "adaln_cache", "offload", "compile", "fp8_products"),
    "sd35",
)
LEVELS = ("simple", "medium", "complex")  # how busy a picture is
MOST_SHOWN = 60  # letters of a wrong value, or of a key
CORRECT = "correct it, or name another file"
# What pydantic's kinds of errors mean to somebody who writes TOML.
EXPECTED = {
    "string_type": 'text in quotes, such as "text"',
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": 'a list, such as ["smile", "hat"]',
    "finite_number": "a number",
}


class RefusedError(ValueError):
    """A setting's value that no file can have: what is wrong, as the end of a sentence, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def whole(least: int, most: int) -> Any:
    """The type of a setting that is a whole number between these two."""
    return Annotated[int, AfterValidator(_between(least, most, "a whole number"))]


def number(least: float, most: float) -> Any:
    return Annotated[float, AfterValidator(_between(least, most, "a number"))]


def _between(least: float, most: float, what: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not least <= value <= most:  # NaN is neither
            raise ValueError(f"{what} from {least:,} to {most:,}")
        return value

    return check


def on_one_line(text: str) -> str:
    """Raises ValueError for a control character or another that cannot be seen."""
    if found := next((letter for letter in text if not letter.isprintable()), None):
        raise ValueError(f"text on one line, without control characters such as {found!r}")
    return text


def tag(text: str) -> str:
    """One tag of a list. Raises ValueError for text that would not stay one item of a caption."""
    if not text.strip():
        raise ValueError('a tag, such as "smile", which is not blank')
    if "," in text or not text.isprintable():
        raise ValueError(
            'one tag without a comma or control characters; for several tags a list, such as ["smile", "hat"]'
        )
    return text


def _by_level(value: Any) -> dict[str, float]:
    """A tag's threshold, or a table of some by level -> level -> threshold, 0-1. Raises ValueError."""
    levels = value if isinstance(value, dict) else dict.fromkeys(LEVELS, value)
    scores = (each for each in levels.values() if isinstance(each, int | float) and not isinstance(each, bool))
    if not levels.keys() <= set(LEVELS) or sum(0 <= score <= 1 for score in scores) < len(levels):
        raise ValueError("a number from 0 to 1, or a table by level, such as { simple = 0.6, medium = 0.5 }")
    return {level: float(levels[level]) for level in LEVELS if level in levels}


def _by_tag(found: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Names as vocabularies spell them, so that files in which one tag is spelled differently override one another."""
    spelled: dict[str, str] = {}
    for name in found:
        try:
            other = spelled.setdefault(underscored(tag(name)), name)
        except ValueError as error:
            raise RefusedError(f"has the tag {name[:MOST_SHOWN]!r}; expected {error}", CORRECT) from None
        if other != name:
            raise RefusedError(f"has one tag twice: {other!r} and {name!r}", "remove one of them")
    return {name: found[written] for name, written in spelled.items() if found[written]}


def check_tags(tags: Iterable[str], where: str) -> None:
    """The tags in a file that a setting names. where: the setting and the file. Raises SettingsError."""
    for text in tags:
        try:
            tag(text)
        except ValueError as error:
            raise SettingsError(f"{where} has the tag {text[:MOST_SHOWN]!r}; expected {error}", hint=CORRECT) from None


def _from_its_file(name: str, info: ValidationInfo) -> str:
    """A relative path is relative to the settings file that contains it; paths in SRC's own file may not leave SRC."""
    context = info.context or {}
    family, colon, path = name.rpartition(":")  # a model name may precede the path
    if not path:
        return name
    if not path.strip() or any(unicodedata.category(letter) == "Cc" for letter in path):
        raise RefusedError(f"is {name[:MOST_SHOWN]!r}, which no file is called", "name a file")
    try:
        target = typed_path(path, context.get("folder", Path()))
    except UsageError as error:
        raise RefusedError(f": {error.message}", error.hint) from None
    if "folder" not in context:
        return f"{family}{colon}{target}" if path.startswith("~") else name
    try:
        target = (context["folder"] / target).resolve()
    except (OSError, RuntimeError, ValueError):
        raise RefusedError(f": {path} is a link to itself, or no possible name", "name another file") from None
    if (inside := context.get("inside")) and not target.is_relative_to(inside.resolve()):
        raise RefusedError(f"names a file outside its folder: {target}", "copy it there, or use --config")
    return f"{family}{colon}{target}"


def _model_from_its_file(name: str, info: ValidationInfo, secret: str = "") -> str:
    """A model is a name, or a path if it contains a `/`, or NAME:ADDRESS on another machine.

    secret: what to do with a password in an address, where it is not the password of a web UI."""
    if not name.strip():
        raise ValueError("the name of a model, or the path of its file")
    member, _, address = name.partition(":")
    if address and ("://" in address or is_remote(member)):
        return _elsewhere(name, address, info, secret)
    return _from_its_file(name, info) if "/" in name else on_one_line(name)


def _elsewhere(name: str, address: str, info: ValidationInfo, secret: str) -> str:
    """Pictures are sent there: SRC's own file, which may come from anybody, may name only this machine."""
    try:
        found = address_of(address)
    except AddressError as error:
        hint = secret if secret and "password" in error.message else error.hint
        raise RefusedError(error.message, hint) from None
    if (info.context or {}).get("inside") and not is_here(found):
        raise RefusedError(
            f"names another machine, {found}, which this file may not", "name it with --set or in a file for --config"
        )
    return name


def _not_blank(name: str) -> str:
    if not name.strip():
        raise ValueError("the name of a file; without this line, the one that ships with prep is used")
    return name


Text = Annotated[str, AfterValidator(on_one_line)]
Tag = Annotated[str, AfterValidator(tag)]
Share = number(0, 1)
FilePath = Annotated[str, AfterValidator(_from_its_file)]  # empty: none
NamedFile = Annotated[str, AfterValidator(_not_blank), AfterValidator(_from_its_file)]
ModelName = Annotated[str, AfterValidator(_model_from_its_file)]
CaptionerName = Annotated[str, AfterValidator(lambda name, info: _model_from_its_file(name, info, OWN_KEY))]
ModelOrNone = Annotated[
    str, AfterValidator(lambda name, info: name and _model_from_its_file(name, info))
]  # empty: none
# Underscored tag -> level -> score. In a file a tag may have one number, which then counts at each level.
TagThresholds = Annotated[dict[str, Annotated[dict[str, float], PlainValidator(_by_level)]], AfterValidator(_by_tag)]
Resolution = Annotated[whole(0, 16_384), Field(multiple_of=16)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class GrownSection(Section):
    """A section with settings that came after 0.1.0. At their default they are left out of recipes and manifests, so
    that sets which do not use them stay as they were.
    """

    later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_later(self, plainly: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        fields = type(self).model_fields
        found = plainly(self)
        at_default = {name for name in self.later if getattr(self, name) == fields[name].default}
        if info.exclude_unset:  # a layer of settings: a default that was written down overrides a lower layer
            at_default = set()
        return {fields[name].alias or name: value for name, value in found.items() if name not in at_default}


class Options(Section):
    """What a model is made with besides its files. A model's own options are fields of a subclass of its family's."""

    costs: ClassVar[tuple[str, ...]] = ()  # options that never change what comes out
    common_own: ClassVar[tuple[str, ...]] = ()  # of those that a family has in common: what does change it


class TaggerOptions(Options):
    common_own: ClassVar = ("backend",)
    batch: whole(1, 256) = 8  # if it is not set, DeepDanbooru takes what fits a card, and on a CPU up to 4
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    backend: Literal["torch", "openvino"] = "torch"  # torch, or onnxruntime for a network in ONNX


class GeneratorOptions(Options):
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resolution: Resolution = 0
    batch: whole(1, 4) = 4
    offline: bool = False  # models.offline


class CaptionerOptions(Options):
    """All of a captioner's options are its own."""


# What the members of a family have in common.
COMMON: dict[Role, type[Options]] = {
    "tagger": TaggerOptions,
    "generator": GeneratorOptions,
    "matting": Options,
    "witness": Options,
    "detector": Options,
    "captioner": CaptionerOptions,
}


class ModelSection(Section):
    """[tagger], [generator] or [captioner]: the family's own settings, and a section for each member with options."""

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
    common = set(COMMON[role].model_fields)
    shared = common | above.model_fields.keys() - model.model_fields.keys() - {"options"}
    if higher := sorted(shared & set(given)):
        home = "models" if higher[0] == "offline" else role
        raise SettingsError(f"{where}: `{higher[0]}` belongs to [{home}], not to [{role}.{section}]")
    try:
        return model.model_validate(given, context=context).model_dump(exclude_unset=True)
    except ValidationError as error:
        known = {f"{role}.{section}": [name for name in model.model_fields if name not in common]}
        raise explained(error, where, known, (role, section)) from None


def explained(
    error: ValidationError, where: str, keys: Mapping[str, Sequence[str]], above: tuple[str, ...] = ()
) -> SettingsError:
    """The first of pydantic's errors as a sentence. where: the file, or --set; keys: as for `meant`."""
    first = error.errors()[0]
    refused = (first.get("ctx") or {}).get("error")
    if isinstance(refused, RefusedError):
        name = ".".join([*above, *(str(part) for part in first["loc"])])
        joint = "" if refused.message.startswith(":") else " "
        return SettingsError(f"{where}: `{name}`{joint}{refused.message}", refused.hint)
    return SettingsError(f"{where}: {_sentence(first, keys, above)}")


def _sentence(error: dict[str, Any], keys: Mapping[str, Sequence[str]], above: tuple[str, ...]) -> str:
    """What was found and what was expected."""
    place = [*above, *(str(part) for part in error["loc"])]
    shown = (part if len(part) <= MOST_SHOWN else f"{part[:MOST_SHOWN]}..." for part in place)
    name, value = ".".join(shown), error["input"]
    if error["type"] == "extra_forbidden":
        return f"`{name}` is unknown{meant(place, isinstance(value, dict), keys)}"
    found = repr(value) if len(repr(value)) <= MOST_SHOWN else f"{repr(value)[:MOST_SHOWN]}..."
    if error["type"] in ("model_type", "dict_type"):
        return f"`{name}` is {found}; expected a table, such as [{name}]"
    message = EXPECTED.get(error["type"]) or error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    if error["type"] == "multiple_of":
        step = error["ctx"]["multiple_of"]
        message += f", such as {max(step, value // step * step)} or {max(step, value // step * step) + step}"
    return f"`{name}` is {found}; expected {message}"


def nearest_key(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1, cutoff=0.5)
    return f". Did you mean `{close[0]}`?" if close else f". Known: {', '.join(sorted(known))}"
