"""Which detectors look for heads and bodies: those that `crops.detector` names, by default those on this machine.

Nothing is fetched: `prep models get anime-head` does that.
"""

from importlib.util import find_spec

from prep.errors import SettingsError, StoppedError, WeightsError
from prep.models.choose_models import ref_of
from prep.models.known import all_known
from prep.models.locate import find, locate
from prep.models.ref import ModelRef
from prep.options import Options
from prep.registry import ModelSpec, family, load
from prep.sections import Settings

SETTING = "crops.detector"
FIGURE = "figure"  # no model: the outline of a figure that can be cut out
INSTALL = "pip install onnxruntime"


def detectors_of(settings: Settings) -> list[ModelRef]:
    """None: the outline of figures. Loads and fetches nothing. Raises like check_detectors."""
    return [ref_of(locate(spec.name), _options(spec)) for spec in _chosen(settings)]


def check_detectors(settings: Settings) -> None:
    """Raises SettingsError for an unknown name, WeightsError for a file of another kind, and StoppedError if a detector
    was asked for by name and it or onnxruntime is not on this machine.
    """
    for spec in _chosen(settings):
        if spec.check:
            try:
                load(spec.check)(spec.name, find(spec)[1], _options(spec))
            except WeightsError as error:
                again = f"`prep models get {spec.name} --again` fetches it again"
                raise WeightsError(f"{SETTING}: {error.message}", hint=again) from None


def detectors_told(settings: Settings) -> tuple[str, str]:
    """(what finds heads, the next step or empty): for `prep doctor`. Raises like check_detectors."""
    if chosen := _chosen(settings):
        return f"{', '.join(spec.name for spec in chosen)}: heads and bodies are found in any picture", ""
    told = "heads are found only on figures with alpha or a plain background"
    here = [name for name in family("detector").automatic if locate(name)]
    if settings.crops.detector == "auto" and here and not find_spec("onnxruntime"):
        return f"{here[0]} is on this machine, but onnxruntime is not installed: {told}", INSTALL
    first = family("detector").spec(family("detector").automatic[0])
    return told, f"`prep models get {first.name}` ({first.size}; licence: {first.licence}, {first.licence_url})"


def _chosen(settings: Settings) -> list[ModelSpec]:
    asked, members = settings.crops.detector, family("detector")
    if asked == FIGURE:
        return []
    if asked == "auto":
        here = [spec for name in members.automatic if find(spec := members.spec(name))]
        return here if settings.crops.kinds and find_spec("onnxruntime") else []
    if asked in {spec.name for spec in all_known() if spec.role != "detector"}:
        raise SettingsError(f"{SETTING}: {asked} is no detector", hint=f"use one such as {members.automatic[0]}")
    spec = members.spec(asked)
    if not settings.crops.kinds:
        return []
    if not find(spec):
        raise StoppedError(f"{SETTING}: {spec.name} is not on this machine", hint=f"`prep models get {spec.name}`")
    if spec.needs and not find_spec(spec.needs):
        raise StoppedError(f"{SETTING}: {spec.name} needs {spec.needs}, which is not installed",
                           hint=f"pip install {spec.needs}")  # fmt: skip
    return [spec]


def _options(spec: ModelSpec) -> Options:
    """They have no section in the settings."""
    return load(spec.options)() if spec.options else Options()
