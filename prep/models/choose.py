"""Which tagger to use: the requested one; by default DeepDanbooru if it is on this machine or can be fetched, else the
starter. And which generator: by default SD3.5 if it is on this machine and there is a GPU, else none.
"""

import os
from collections.abc import Callable
from pathlib import Path

from prep.errors import SettingsError, StoppedError
from prep.models.fetch import answers, fetch, source_of
from prep.models.hub import hub_offline
from prep.models.known import all_known, known
from prep.models.locate import Weights, files_at, locate, weights_of
from prep.registry import ONNX, ModelSpec, Role, family
from prep.remote import AddressError, address_of

ANSWER_SECONDS = 5
WEIGHTS = (".pt", ".safetensors", ".onnx")  # a name with one of these endings is a path


def choose_tagger(
    asked: str,
    offline: bool,
    fallback: str,
    say: Callable[[str], None],
    may_fetch: bool = True,
    reach: Callable[[str, float], bool] | None = None,
) -> Weights | None:
    """asked: `auto`, a name, the path of a checkpoint, or NAME:PATH.

    say: called with the reason, in one sentence.

    may_fetch False only says what would happen; it returns None if something would be fetched, and asks no address
    whether it answers.
    reach: (address, seconds) -> whether it answers; for callers that already know.
    Raises UsageError for a tagger that does not exist or cannot tag, StoppedError when none is available.
    """
    taggers = family("tagger")
    if asked != "auto" and (path := named("tagger", asked))[1]:
        return by_path("tagger", *path)
    spec = known(taggers.automatic[0]) if asked == "auto" else named("tagger", asked)[0]
    here = locate(spec.name)
    if here:
        say(f"{spec.name} is on this machine ({here.source})" + (f"; {here.note}" if here.note else ""))
        return here
    why = why_not(spec, offline, reach or (answers if may_fetch else unasked))
    if not why:
        say(f"{spec.name} is not on this machine and will be fetched: {spec.size}, licence: {spec.licence}")
        return fetch(spec.name) if may_fetch else None
    starter = locate(taggers.trial) if asked == "auto" and fallback == "starter" else None
    if starter:
        say(f"{spec.name} is not on this machine and {why}; using the starter tagger, which knows only 90 tags")
        return starter
    raise not_to_be_had(spec, why)


def choose_generator(
    asked: str, gpu: bool, say: Callable[[str], None], may_fetch: bool = True, offline: bool = False
) -> Weights | None:
    """asked: `auto`, `none`, a name, a path, or NAME:PATH. None: draw nothing.

    `auto` draws only with what is on this machine, and only on a GPU: fetching 15 GB and spending minutes per picture
    must be requested. say: called with the reason, in one sentence. Raises UsageError, WeightsError, StoppedError.
    """
    if asked == "none":
        return None
    if asked == "auto":
        automatic = family("generator").automatic
        here = next((found for name in automatic if (found := locate(name))), None)
        if here is None:
            say(f"nothing is drawn: SD3.5 is not on this machine. `prep models get {automatic[0]}` fetches it")
        elif not gpu:
            say(
                f"nothing is drawn: {here.name} is on this machine, but there is no GPU; "
                f"generator.model={here.name} draws on the CPU"
            )
            return None
        elif here.note:
            say(f"{here.name}: {here.note}")
        return here
    spec, path = named("generator", asked)
    if path:
        return by_path("generator", spec, path)
    here = locate(spec.name)
    if here and here.note:
        say(f"{here.name}: {here.note}")
    if here or not (may_fetch or spec.packaged):
        return here
    if why := why_not(spec, offline, unasked):  # fetching will show whether the hub answers
        raise not_to_be_had(spec, why)
    say(f"{spec.name} is not on this machine and will be fetched: {spec.size}, licence: {spec.licence}")
    return fetch(spec.name)


def elsewhere(role: Role, asked: str) -> tuple[ModelSpec, str] | None:
    """(the model, its address) for NAME:ADDRESS of one that works on another machine; None for any other.

    Raises SettingsError for an unknown name, or without an address that can be one.
    """
    name, colon, address = asked.partition(":")
    members = family(role)
    if not colon or len(name) < 2 or members.aliases.get(name, name) not in members.names():
        return None
    spec = members.spec(name)
    if not spec.remote:
        return None
    try:
        address_of(address)
    except AddressError as error:
        shown = f"{name}:..." if "password" in error.message else asked  # a password is shown to nobody
        raise SettingsError(
            f"{role}.model: {shown} {error.message}", hint=f"write it as {name}:http://HOST:7860"
        ) from None
    return spec, address


def named(role: Role, asked: str) -> tuple[ModelSpec, Path | None]:
    """(the model, the path if one was given): a name, a path, or NAME:PATH.

    Raises SettingsError for an unknown name, a name of another family, or a missing path.
    """
    members = family(role)
    name, colon, path = asked.partition(":")
    if colon and len(name) > 1:  # a single letter is a Windows drive
        if not path:
            raise SettingsError(f"{role}.model: {asked} has no path", hint=f"write it as {name}:/path/to/weights")
        return members.spec(name), _at_home(path, role)
    if "/" in asked or os.sep in asked or Path(asked).suffix in WEIGHTS:
        path = _at_home(asked, role)
        return members.at_path(path), path
    others = {spec.name for spec in all_known() if spec.role != role}
    if members.aliases.get(asked, asked) not in members.names() and asked in others:
        does = "is a tagger, not a generator" if role == "generator" else "is a generator, not a tagger"
        raise SettingsError(f"{role}.model: {asked} {does}", hint=f"use one such as {members.automatic[0]}")
    spec = members.spec(asked)
    if spec.remote:
        raise SettingsError(f"{role}.model: {asked} needs an address", hint=f"write it as {asked}:http://HOST:7860")
    if not spec.files:
        raise SettingsError(f"{role}.model: {asked} needs a path", hint=f"write it as {asked}:/path/to/weights")
    return spec, None


def _at_home(path: str, role: Role) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise SettingsError(f"{role}.model: {path} begins with an unknown user", hint="write the path out") from None


def by_path(role: Role, spec: ModelSpec, path: Path) -> Weights:
    """Raises UsageError when it is not there, WeightsError when it cannot be read."""
    files = files_at(spec, path, f"{role}.model")
    if role == "tagger" and len(files) == 1 and path.is_dir():
        raise SettingsError(
            f"tagger.model: {path} is a folder without {ONNX}",
            hint="set tagger.model to a name, a checkpoint file, or the folder of a tagger in ONNX",
        )
    bare = spec.name == family(role).by_path
    return weights_of(spec, files, "file", path.stem if bare and role == "generator" else spec.name)


def why_not(spec: ModelSpec, offline: bool, reach: Callable[[str, float], bool]) -> str:
    """Why these weights cannot be fetched; empty if they can."""
    if spec.packaged:
        return "should have come with prep"
    if offline or hub_offline():
        return "fetching is switched off"
    return "" if reach(source_of(spec), ANSWER_SECONDS) else "the release page does not answer"


def unasked(address: str, seconds: float) -> bool:
    """For why_not, where nobody is to be asked: the address may answer."""
    return True


def not_to_be_had(spec: ModelSpec, why: str) -> StoppedError:
    again = "install prep again: `pip install -e .` in a fresh clone"
    hint = again if spec.packaged else f"run `prep models get {spec.name}` with a network"
    return StoppedError(f"{spec.name} is not on this machine and {why}", hint=hint)
