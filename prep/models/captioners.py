"""Which captioner writes the sentences: the grammar, or a language model at an address or in a folder."""

from dataclasses import replace
from pathlib import Path

from prep.errors import SettingsError, UsageError
from prep.files import what_is
from prep.models.choose_models import options_of
from prep.models.elsewhere import check_elsewhere, ref_elsewhere
from prep.models.hashes import digest_of
from prep.models.ref import ModelRef
from prep.registry import ModelSpec, family
from prep.remote import AddressError, address_of
from prep.sections import Settings

SETTING = "captioner.model"
EXAMPLE = "write it as llm:http://HOST:11434/v1, or name a folder with an instruct model"
CONFIG = "config.json"  # every transformers model has one


def captioner_of(settings: Settings, may_ask: bool = True) -> ModelRef:
    """The captioner of these settings. may_ask False: nobody is asked; a remote one has no digest if it never answered.

    Raises SettingsError for an unknown name or an address that cannot be one, UsageError for a folder without a model,
    WeightsError for files that cannot be read, and StoppedError for a server that does not answer.
    """
    spec, place = _named(settings)
    options = options_of("captioner", spec, settings)
    if spec.remote:
        return ref_elsewhere(spec, place, options, may_ask)
    if not place:
        return ModelRef(spec, spec.name, "", options)
    files = _files(Path(place))
    return ModelRef(
        spec, spec.name, digest_of(files), options, tuple((name, str(path)) for name, path in files.items())
    )


def check_captioner(settings: Settings) -> None:
    """What can be said before anything is touched. Asks nobody, and hashes nothing. Raises like captioner_of."""
    spec, place = _named(settings)
    options_of("captioner", spec, settings)
    if place and not spec.remote:
        _files(Path(place))


def is_grammar(captioner: ModelRef) -> bool:
    return captioner.name == "grammar"


def _named(settings: Settings) -> tuple[ModelSpec, str]:
    """(the captioner, its address, its folder, or nothing). A captioner at an address is `remote`."""
    asked, members = settings.captioner.model, family("captioner")
    name, colon, place = asked.partition(":")
    if colon and len(name) > 1 and name in members.names():  # a single letter is a Windows drive
        spec = members.spec(name)
    elif "/" in asked or "\\" in asked or "://" in asked:
        spec, place = members.spec(members.by_path), asked
    else:
        spec, place = members.spec(asked), ""
    if "://" in place:
        check_elsewhere("captioner", _address(asked, place), settings)
        return replace(spec, remote=True), place
    if not place and (colon or spec.name == members.by_path):
        raise SettingsError(f"{SETTING}: {asked} needs an address or a folder", hint=EXAMPLE)
    return spec, place


def _address(asked: str, place: str) -> str:
    try:
        return address_of(place)
    except AddressError as error:
        shown = f"{asked.partition(':')[0]}:..." if "password" in error.message else asked
        hint = "set PREP_CAPTIONER_KEY to the key" if "password" in error.message else EXAMPLE
        raise SettingsError(f"{SETTING}: {shown} {error.message}", hint=hint) from None


def _files(folder: Path) -> dict[str, Path]:
    """Name -> path: all files of a model's folder, its config first. Raises UsageError."""
    try:
        folder = folder.expanduser().absolute()
    except RuntimeError:
        raise UsageError(f"{SETTING}: {folder} begins with an unknown user", hint="write the path out") from None
    if not folder.is_dir():
        what = what_is(folder) or "is a file"
        raise UsageError(f"{SETTING}: {folder} {what}", hint=EXAMPLE)
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    found = {path.name: path for path in sorted(files, key=lambda path: path.name != CONFIG)}
    if CONFIG not in found or not any(name.endswith(".safetensors") for name in found):
        raise UsageError(
            f"{SETTING}: {folder} has no {CONFIG} beside safetensors files",
            hint="name the folder of a transformers model that answers instructions",
        )
    return found
