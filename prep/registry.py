"""Families and their members by name: those that ship with prep, and those that other packages add by entry points.

A member is one file in its room and one line in the room's __init__. The `module:attribute` in that line is imported
only when it is needed. Nothing here knows what a member does.
"""

import contextlib
import difflib
import importlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from prep.errors import SettingsError, UsageError

Role = Literal["tagger", "generator", "matting", "witness", "captioner", "detector"]
HUB = "https://huggingface.co"
ONNX = "model.onnx"  # what makes a folder that of a model in ONNX

# Where the families of models are declared; config.py gets their sections from there.
FAMILIES: dict[Role, str] = {
    "tagger": "prep.taggers:TAGGERS",
    "generator": "prep.generators:GENERATORS",
    "matting": "prep.composites:MATTINGS",
    "witness": "prep.witnesses:WITNESSES",
    "captioner": "prep.captioners:CAPTIONERS",
    "detector": "prep.detectors:DETECTORS",
}


@dataclass(frozen=True)
class ModelFile:
    """One file of a model. One of url, repo and packaged says where it comes from; none: the user names it."""

    name: str  # on disk; for a hub repo, its path in the repo
    megabytes: int = 0  # 10**6 bytes, as published, rounded
    part: str = "model"  # its role in the model: model, tags, vae, ...
    url: str | None = None  # a release page's file
    repo: str | None = None  # a Hugging Face repo
    packaged: bool = False  # ships with prep
    optional: bool = False  # among those beside a path: not every model has it
    sha256: str = ""  # as published
    confirmed: bool = False  # two independent places publish this sha256: any other download is refused

    @property
    def basename(self) -> str:
        return self.name.rsplit("/", 1)[-1]

    @property
    def page(self) -> str:
        """The page to download the file from by hand."""
        return self.url or f"{HUB}/{self.repo}"


@dataclass(frozen=True)
class ModelSpec:
    """A model that its family knows by name: its maker, its files and its own settings.

    Plain data, so that a job can carry it to processes without this registry.
    """

    name: str
    role: Role
    maker: str  # module:attribute, called with (name, files by part, options)
    files: tuple[ModelFile, ...] = ()  # the first is the weights; none: the user names the path
    beside: tuple[ModelFile, ...] = ()  # the files around a path that the user names, the weights first
    options: str = ""  # module:attribute of a pydantic model; empty: only the family's own
    section: str = ""  # the options' section in the settings: [role.section]; empty: the model's name
    parts: tuple[str, ...] = ()  # the options that name a file of the model
    samplers: tuple[str, ...] = ()  # its card's, if they are known before it is made
    absent: str = ""  # module:attribute, (name, options) -> its card before its files are fetched
    check: str = ""  # module:attribute, (name, files by part, options): WeightsError for unusable files
    what: str = ""
    licence: str = ""
    licence_url: str = ""  # a page, or the card in the package
    runs_on: str = ""
    gated: bool = False  # a licence to accept and a token to send
    needs: str = ""  # a module that prep does not bring along
    openvino: bool = False  # its maker heeds options.backend: OpenVINO can run it, too
    remote: bool = False  # no files: the user names another machine's address, and the maker gets it as files["url"]

    def __post_init__(self) -> None:
        if self.options and not self.section:
            object.__setattr__(self, "section", self.name)  # otherwise it could not be configured

    @property
    def packaged(self) -> bool:
        return any(file.packaged for file in self.files)

    @property
    def megabytes(self) -> int:
        return sum(file.megabytes for file in self.files)

    @property
    def size(self) -> str:
        return f"{self.megabytes / 1000:.1f} GB" if self.megabytes >= 1000 else f"{self.megabytes} MB"

    @property
    def page(self) -> str:
        return self.files[0].page


@dataclass(frozen=True)
class Family:
    """Members of one kind by name. `what` begins the message about an unknown name."""

    what: str  # such as `tagger.model: no tagger`
    group: str  # of entry points
    members: dict[str, Any]  # name -> ModelSpec, or `module:attribute`
    unknown: type[UsageError] = SettingsError
    aliases: Mapping[str, str] = field(default_factory=dict)
    automatic: tuple[str, ...] = ()  # the choices of `auto`: the first one on this machine
    trial: str = ""  # the starter: ships with prep, for trying it out
    by_path: str = ""  # the member that loads a bare path
    by_onnx: str = ""  # the one that loads the bare path of an ONNX file, or of a folder that contains ONNX

    def __iter__(self) -> Iterator[str]:
        """The names of the members that ship with prep."""
        return iter(self.members)

    def at_path(self, path: Path) -> ModelSpec:
        """The member that loads a bare path."""
        onnx = path.suffix == Path(ONNX).suffix
        with contextlib.suppress(OSError):  # a path that no file can have
            onnx = onnx or (path / ONNX).is_file()
        return self.spec(self.by_onnx if onnx and self.by_onnx else self.by_path)

    def names(self) -> list[str]:
        """The members that ship with prep, then those of other packages."""
        return [*self.members, *sorted({point.name for point in entry_points(group=self.group)} - set(self.members))]

    def get(self, name: str) -> Any:
        """The member of this name. Raises `unknown` with the nearest name, or if two members have the name."""
        name = self.aliases.get(name, name)
        points = {point.value: point for point in entry_points(group=self.group) if point.name == name}
        owners = [f"{point.dist.name if point.dist else 'a package'} ({value})" for value, point in points.items()]
        if len(owners) + (name in self.members) > 1:
            who = " and ".join([*(["prep itself"] if name in self.members else []), *sorted(owners)])
            raise self.unknown(f"{self.group}: {who} both have a member called {name}", hint="uninstall one of them")
        if name in self.members:
            return self.members[name]
        if not points:
            close = nearest(name, [*self.names(), *self.aliases])
            raise self.unknown(f"{self.what} is called {name}", hint=close)
        return next(iter(points))

    def load(self, name: str) -> Any:
        """The imported object of this member. Raises `unknown`."""
        return load(self.get(name), f"{self.what.partition(':')[0]} {name}", self.unknown)

    def spec(self, name: str) -> ModelSpec:
        """The model of this name. An entry point names a ModelSpec, or just a maker, which needs a path."""
        member = self.get(name)
        if isinstance(member, ModelSpec):
            return member
        found = self.load(name)
        if isinstance(found, ModelSpec):
            return found
        options = f"{member}.Options" if hasattr(found, "Options") else ""
        role = self.members[self.by_path].role
        return ModelSpec(name, role, maker=member, options=options)

    def specs(self) -> list[ModelSpec]:
        """The members that ship with prep and have files of their own."""
        return [spec for spec in self.members.values() if spec.files]

    def options(self, section: str) -> type:
        """The pydantic model of [role.section] in the settings. Raises `unknown` with the nearest section."""
        own = {spec.section: spec.options for spec in self.members.values() if spec.section}
        if section in own:
            return load(own[section])
        # A member of another package has a section of its own name; those that ship may share one.
        theirs = section not in self.members or not self.members[section].section
        if section in self.names() and theirs and (spec := self.spec(section)).options:
            return load(spec.options)
        role = self.members[self.by_path].role
        known = [*own, *(name for name in self.names() if name not in self.members)]
        hint = nearest(section, known) if known else f"no {role} has settings of its own"
        raise self.unknown(f"`{role}.{section}` is unknown", hint=hint)


def entry_points(group: str) -> metadata.EntryPoints:
    """What other packages add to a group."""
    return _all_entry_points(tuple(sys.path)).select(group=group)


@cache
def _all_entry_points(path: tuple[str, ...]) -> metadata.EntryPoints:
    """Reads a file of each package: too long for each of the dozens of times that a run asks. path: sys.path."""
    return metadata.entry_points()


def load(place: str, who: str = "", error: type[UsageError] = SettingsError) -> Any:
    """The object that `module:attribute` names, imported; the attribute may have dots. Raises `error`."""
    module, _, attribute = place.partition(":")
    try:
        return attrgetter(attribute)(importlib.import_module(module))
    except Exception as problem:  # a package outside the project may raise anything on import
        reason = str(problem).strip().split("\n")[0] or type(problem).__name__
        name = f"{who} ({place})" if who else place
        raise error(f"{name} cannot be imported: {reason}", hint="install what it needs") from problem


def family(role: Role) -> Family:
    return load(FAMILIES[role])


def is_remote(name: str) -> bool:
    """Whether a member that ships with prep has this name and works on another machine."""
    found = (family(role).members.get(name) for role in FAMILIES)
    return any(isinstance(spec, ModelSpec) and spec.remote for spec in found)


def nearest(name: str, known: list[str]) -> str:
    """'did you mean X?', or all known names."""
    close = difflib.get_close_matches(name, known, 1, cutoff=0.4)
    return f"did you mean `{close[0]}`?" if close else f"known: {', '.join(known)}"
