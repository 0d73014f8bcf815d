"""Whether the models in the settings can work: names, devices, samplers, and files by their first bytes and headers. A
run checks this before it touches anything; nothing is loaded, fetched or hashed here.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from prep.errors import SettingsError, StoppedError, UsageError, WeightsError
from prep.files import what_is
from prep.models.backend import OPENVINO, check_backend
from prep.models.choose import elsewhere, named
from prep.models.choose_models import (
    card_of,
    generator_of,
    no_sampler,
    of_the_second,
    option_files,
    options_of,
    settings_of_the_second,
    the_same_twice,
)
from prep.models.detectors import check_detectors
from prep.models.elsewhere import check_elsewhere
from prep.models.known import known
from prep.models.locate import files_at, find, models_folder
from prep.models.matting import check_matting
from prep.models.witnesses import check_witnesses
from prep.options import Options
from prep.process.hardware import may_have, nvidia_driver
from prep.registry import ModelSpec, Role, family, load
from prep.sections import Settings
from prep.tensors.kind import first_kind

WITH_SECTION: tuple[Role, ...] = ("tagger", "generator")  # [tagger], [generator]
PATH = "path"  # the source of files that the user named


def check_models(settings: Settings, begun: bool = False) -> None:
    """begun: the set already has a tagger, which `auto` keeps.

    Raises SettingsError for an unknown name, device or sampler; UsageError for a path that does not exist;
    WeightsError for a file of the wrong kind; StoppedError like check_matting.
    """
    if (folder := models_folder()) and not folder.is_dir():
        raise UsageError(f"PREP_MODELS is {folder}, which is not a folder", hint="create it, or unset PREP_MODELS")
    for role in WITH_SECTION:
        device = getattr(settings, role).device
        if not may_have(device):
            raise SettingsError(
                f"{role}.device is {device}, but this machine has no such device",
                hint="`auto` uses what this machine has",
            )
        check_model(role, settings, begun)
    _check_second(settings, begun)
    check_matting(settings)
    check_witnesses(settings)
    check_detectors(settings)


def check_model(role: Role, settings: Settings, begun: bool = False) -> None:
    """As check_models, of one of them, whatever device it is to use."""
    spec, source, files = _asked(role, settings, begun)
    _check_parts(role, settings)
    if spec is None:
        return
    if role == "tagger":
        check_backend(spec, settings)
    if role == "tagger" and spec.needs and settings.tagger.backend != OPENVINO and not find_spec(spec.needs):
        raise StoppedError(
            f"tagger.model: {spec.name} needs {spec.needs}, which is not installed",
            hint=f"`pip install {spec.needs}`, then run again",
        )
    if spec.samplers and settings.generator.sampler not in spec.samplers:
        raise no_sampler(spec.name, settings.generator.sampler, spec.samplers)
    if files:
        _check_files(role, spec, source, files, settings)
    if role == "generator" and files and not spec.samplers:  # only its card lists them
        card = card_of(generator_of(settings, may_fetch=False))
        if settings.generator.sampler not in card.samplers:
            raise no_sampler(card.name, settings.generator.sampler, card.samplers)


def _check_second(settings: Settings, begun: bool) -> None:
    """The second reader, and what needs one."""
    if not settings.tagger.second:
        if settings.captions.readers != "first":
            raise SettingsError(
                f"captions.readers is {settings.captions.readers}, but there is no second reader",
                hint="name one: tagger.second",
            )
        return
    with of_the_second():
        alone = settings_of_the_second(settings)
        check_model("tagger", alone)
        second = _asked("tagger", alone, False)
    first = _asked("tagger", settings, begun)
    files = [{part: path.resolve() for part, path in each[2].items()} for each in (first, second)]
    same_files = bool(files[0]) and files[0] == files[1]  # copies are found by their digest, once a run has it
    if settings.tagger.model == settings.tagger.second or first[0] == second[0] and same_files:
        raise the_same_twice(second[0].name)


def _asked(role: Role, settings: Settings, begun: bool) -> tuple[ModelSpec | None, str, dict[str, Path]]:
    """-> (the model, where its files are, the files by part). No model: none is requested. No files: they are not
    on this machine, or this run does not check them.
    """
    asked = getattr(settings, role).model
    if there := elsewhere(role, asked):
        check_elsewhere(role, there[1], settings)
        return there[0], "", {}
    if (role, asked) == ("generator", "none"):
        return None, "", {}
    if asked == "auto":
        specs = [known(name) for name in family(role).automatic]
        idle = begun if role == "tagger" else not nvidia_driver()
        here = next((spec for spec in specs if not idle and find(spec)), None)
        return here or specs[0], *(find(here) if here else ("", {}))
    spec, path = named(role, asked)
    if path:
        return spec, PATH, files_at(spec, path, f"{role}.model")
    return spec, *(find(spec) or ("", {}))


def _check_parts(role: Role, settings: Settings) -> None:
    """Check the files that options name, even if nothing is drawn with them."""
    for section in getattr(settings, role).options:
        for spec in family(role).members.values():
            if isinstance(spec, ModelSpec) and spec.section == section and spec.parts:
                options = options_of(role, spec, settings)
                files = option_files(spec, options)
                for part, path in files.items():
                    _check_part(f"{role}.{section}.{part}", spec, part, path, options)
                break


def _check_part(setting: str, spec: ModelSpec, part: str, path: Path, options: Options) -> None:
    hint = f"name the file that contains {part}"
    if what := what_is(path):
        raise UsageError(f"{setting}: {path} {what}", hint=hint)
    try:
        _check_arrived(path)
        if spec.check:
            load(spec.check)(spec.name, {part: path}, options)
    except WeightsError as error:
        raise WeightsError(f"{setting}: {error.message}", error.hint or hint) from None


def _check_files(role: Role, spec: ModelSpec, source: str, files: Mapping[str, Path], settings: Settings) -> None:
    options = options_of(role, spec, settings)
    try:
        for path in files.values():
            _check_arrived(path)
        if spec.check:
            load(spec.check)(spec.name, {**files, **option_files(spec, options)}, options)
    except WeightsError as error:
        raise WeightsError(f"{role}.model: {error.message}", "; ".join(_todo(role, spec, source, error.hint))) from None


def _check_arrived(path: Path) -> None:
    """Raises WeightsError for a file that is not a model of any kind."""
    try:
        kind = first_kind(path) if path.is_file() else None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    if kind and kind.not_weights:
        raise WeightsError(f"{path.name} is {kind.what}", hint=kind.todo)


def _todo(role: Role, spec: ModelSpec, source: str, hint: str) -> list[str]:
    """What to do about a wrong file: the hint of its kind, and where to get the right one."""
    if source == PATH:
        automatic = known(family(role).automatic[0])
        own = spec.maker == automatic.maker
        return [text for text in (hint, own and f"`prep models get {automatic.name}` fetches the right file") if text]
    if source == "cache":
        return [f"`prep models get {spec.name} --again` fetches it again"]
    return [text for text in (hint, f"put the complete file into {source}, or remove this one") if text]
