"""Which witnesses judge what is drawn: those that the settings name or, by default, those that are on this machine."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from prep.errors import SettingsError, UsageError, WeightsError
from prep.models.choose import WEIGHTS
from prep.models.choose_models import ref_of
from prep.models.known import all_known, known
from prep.models.locate import Weights, files_at, find, locate, weights_of
from prep.models.ref import ModelRef
from prep.options import Options
from prep.registry import ModelSpec, family, load
from prep.sections import Settings
from prep.witnesses import AUTOMATIC, WITNESSES

About = Literal["identity", "damage"]
ABOUT: tuple[About, ...] = ("identity", "damage")
NONE = "none"
OWN = ".safetensors"  # the ending of a witness of prep's own; the published ones are ONNX
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """What judges one of the two. No spec: nothing, and `why` says it in one sentence. No path: by its name."""

    about: About
    spec: ModelSpec | None
    path: Path | None = None
    why: str = ""
    todo: str = ""


def witnesses_of(settings: Settings, drawn_by_starter: bool) -> list[ModelRef]:
    """The witnesses of a run, identity first; what is not among them is not measured. Fetches and loads nothing; says
    once per call what a witness on this machine lacks.

    drawn_by_starter: whether the starter generator draws. Its own witness judges nothing else.
    Raises UsageError, WeightsError like check_witnesses.
    """
    found = []
    for about in ABOUT:
        choice = chosen(about, settings, drawn_by_starter)
        if choice.spec and (lack := lacks(choice.spec)):
            log.info(f"check: {lack} (`pip install {choice.spec.needs}`): {about} is not measured")
        elif choice.spec:
            found.append(ref_of(_weights(choice), _options(choice.spec)))
    return found


def chosen(about: About, settings: Settings, drawn_by_starter: bool) -> Choice:
    """Raises SettingsError for an unknown name or a missing path, UsageError for a name that is not on this machine."""
    asked = getattr(settings.check, about)
    if asked == NONE:
        return Choice(about, None, why=f"check.{about} is none: it is not measured")
    if asked == "auto":
        if about == "damage" and drawn_by_starter:
            return Choice(about, known(WITNESSES.trial))
        spec = known(AUTOMATIC[about])
        if find(spec):
            return Choice(about, spec)
        get = f"`prep models get {spec.name}` ({spec.size}; licence: {spec.licence}, {spec.licence_url})"
        return Choice(about, None, why=f"{spec.name} is not on this machine: {about} is not measured", todo=get)
    spec, path = _named(about, asked)
    if spec.name == WITNESSES.trial and not drawn_by_starter:
        why = f"{spec.name} judges only what the starter generator drew: {about} is not measured"
        return Choice(about, None, why=why)
    if path is None and not spec.files:
        raise SettingsError(f"check.{about}: {asked} needs a path", hint=f"write it as {asked}:/path/to/its/file")
    if path is None and not spec.packaged and not find(spec):
        todo = f"`prep models get {spec.name}` fetches it; with check.{about}=auto it is used if it is here"
        raise UsageError(f"check.{about}: {spec.name} is not on this machine", hint=todo)
    return Choice(about, spec, path)


def lacks(spec: ModelSpec) -> str:
    """What has to be installed before it can look at a picture, as a sentence; empty: nothing."""
    if not spec.needs or find_spec(spec.needs):
        return ""
    return f"{spec.name} is on this machine, but {spec.needs} is not installed"


def check_witnesses(settings: Settings) -> None:
    """Check what the settings name, and the files of what is on this machine. Loads, fetches and hashes nothing.

    Raises SettingsError for an unknown name, UsageError for a missing one, WeightsError for a file of the wrong kind.
    """
    for about in ABOUT:
        for choice in _possible(about, settings):
            _check(choice)


def _possible(about: About, settings: Settings) -> Iterator[Choice]:
    """A run knows its generator later: of both kinds of pictures, each choice once."""
    found = {chosen(about, settings, starter) for starter in (False, True)}
    yield from sorted((choice for choice in found if choice.spec), key=lambda choice: choice.spec.name)


def _check(choice: Choice) -> None:
    setting = f"check.{choice.about}"
    if choice.path:
        files = files_at(choice.spec, choice.path, setting)
    else:
        found = find(choice.spec)
        if found is None:  # a broken installation; it is said when it is needed
            return
        files = found[1]
    try:
        if choice.spec.check:
            load(choice.spec.check)(choice.spec.name, files, _options(choice.spec))
    except WeightsError as error:
        again = f"`prep models get {choice.spec.name} --again` fetches it again"
        hint = error.hint if choice.path or choice.spec.packaged else again
        raise WeightsError(f"{setting}: {error.message}", hint) from None


def _named(about: About, asked: str) -> tuple[ModelSpec, Path | None]:
    """(the witness, the path if one was given): a name, a path, or NAME:PATH."""
    name, colon, path = asked.partition(":")
    if colon and len(name) > 1:  # a single letter is a Windows drive
        if not path:
            raise SettingsError(f"check.{about}: {asked} has no path", hint=f"write it as {name}:/path/to/it")
        return _spec(about, name), Path(path).expanduser()
    if "/" in asked or os.sep in asked or Path(asked).suffix in WEIGHTS:
        own = about == "damage" and Path(asked).suffix == OWN
        return known(WITNESSES.trial if own else AUTOMATIC[about]), Path(asked).expanduser()
    return _spec(about, asked), None


def _spec(about: About, name: str) -> ModelSpec:
    """Raises SettingsError for an unknown name, or one that is about something else."""
    if name in {spec.name for spec in all_known() if spec.role != "witness"}:
        raise SettingsError(f"check.{about}: {name} is no witness", hint=f"use one such as {AUTOMATIC[about]}")
    try:
        spec = family("witness").spec(name)
    except SettingsError as error:
        raise SettingsError(error.message.replace("check:", f"check.{about}:"), error.hint) from None
    is_about = getattr(load(spec.maker, spec.name), "about", about)
    if is_about != about:
        raise SettingsError(
            f"check.{about}: {name} measures {is_about}", hint=f"set check.{is_about}={name}, or use {AUTOMATIC[about]}"
        )
    return spec


def _options(spec: ModelSpec) -> Options:
    """They have no section in the settings."""
    return load(spec.options)() if spec.options else Options()


def _weights(choice: Choice) -> Weights:
    if choice.path is None:
        if here := locate(choice.spec.name):
            return here
        raise UsageError(f"{choice.spec.name} should have come with prep", hint="install prep again")
    files = files_at(choice.spec, choice.path, f"check.{choice.about}")
    return weights_of(choice.spec, files, "file")
