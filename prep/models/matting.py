"""Which matting model cuts figures out: the one that `augmentation.matting` names, by default isnetis if it is here.

Nothing is fetched: `prep models get isnetis` does that.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from prep.errors import SettingsError, StoppedError, WeightsError
from prep.models.choose_models import ref_of
from prep.models.locate import Weights, files_at, locate, weights_of
from prep.models.ref import ModelRef
from prep.options import Options
from prep.registry import family
from prep.sections import Settings
from prep.tensors.onnx_file import check_onnx

SETTING = "augmentation.matting"
INSTALL = "pip install onnxruntime"


def matting_of(settings: Settings) -> ModelRef | None:
    """None: figures are cut out by alpha or a plain background alone. Raises like check_matting."""
    weights = _chosen(settings)
    return ref_of(weights, Options()) if weights else None


def check_matting(settings: Settings) -> None:
    """Raises SettingsError for an unknown name, UsageError for a missing file, WeightsError for one of another kind,
    and StoppedError if the model was asked for by name and it or onnxruntime is not on this machine.
    """
    _chosen(settings)


def matting_told(settings: Settings) -> tuple[str, str]:
    """(what cuts figures out, the next step or empty): for `prep doctor`. Raises like check_matting."""
    asked, automatic = settings.augmentation.matting, family("matting").automatic[0]
    if asked == "none":
        return f"{SETTING} is none: figures with alpha or a plain background get another place", ""
    if chosen := _chosen(settings):
        return f"{chosen.name} cuts figures out of any background", ""
    if locate(automatic):
        return f"{automatic} is on this machine, but onnxruntime is not installed", INSTALL
    size = family("matting").spec(automatic).size
    told = f"{automatic} is not on this machine: only figures with alpha or a plain background get another place"
    return told, f"`prep models get {automatic}` ({size})"


def _chosen(settings: Settings) -> Weights | None:
    asked, members = settings.augmentation.matting, family("matting")
    if asked == "none":
        return None
    if asked == "auto":
        here = (found for name in members.automatic if (found := locate(name)))
        return next(here, None) if find_spec("onnxruntime") else None
    by_path = "/" in asked or os.sep in asked or Path(asked).suffix == ".onnx"
    if by_path:
        path = Path(asked)
        found = weights_of(members.spec(members.by_path), _onnx_file(path), "file", path.stem)
    else:
        spec = members.spec(asked)
        found = locate(spec.name) if spec.files else None
        if not spec.files:
            raise SettingsError(f"{SETTING}: {asked} needs a path", hint="name the ONNX file itself")
        if found is None:
            raise StoppedError(f"{spec.name} is not on this machine", hint=f"run `prep models get {spec.name}`")
    if not find_spec("onnxruntime"):
        raise StoppedError(f"{SETTING}: {found.name} needs onnxruntime, which is not installed", hint=INSTALL)
    return found


def _onnx_file(path: Path) -> dict[str, Path]:
    files = files_at(family("matting").spec("file"), path, SETTING)
    try:
        check_onnx(path, "a matting model")
    except WeightsError as error:
        raise WeightsError(f"{SETTING}: {error.message}", hint="name an ONNX file, such as isnetis.onnx") from None
    return files
