"""Every member of every family, ready to be tried: those that ship, with tiny weights, the fakes, the strangers."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from prep.detectors import DETECTORS
from prep.generators import GENERATORS
from prep.models.known import PACKAGE
from prep.models.ref import COMMON
from prep.registry import ModelSpec, load
from prep.runners import RUNNERS, load_runner
from prep.taggers import TAGGERS
from prep.witnesses import WITNESSES
from tests.fakes import FakeDetector, FakeRunner, FakeTagger, FakeWitness
from tests.strangers import onnx_tagger, palette_generator
from tests.strangers.subprocess_runner import SubprocessRunner
from tests.support.counting import CountingGenerator
from tests.support.detector_files import tiny_yolo
from tests.support.onnx_files import tiny_onnx
from tests.support.onnx_taggers import make_pixai, make_wd
from tests.support.pictures import tiny_checkpoint
from tests.support.tiny import tiny_model
from tests.support.web_ui import lasting_web_ui
from tests.support.witness_files import tiny_ccip, tiny_corrupted


def made(spec: ModelSpec, files: dict[str, Any], **options: Any) -> Any:
    """As a job makes it, without looking for its files."""
    return load(spec.maker)(spec.name, files, (load(spec.options) if spec.options else COMMON[spec.role])(**options))


def _tagger(spec: ModelSpec, folder: Path, batch: int, **options: str) -> Any:
    if spec.remote:
        return made(spec, {"url": lasting_web_ui().url}, batch=batch)
    if spec.needs == "onnxruntime":
        path = make_pixai(folder) if spec.name.startswith("pixai") else make_wd(folder)
        files = {file.part: folder / file.basename for file in spec.beside or spec.files}
        assert files["model"] == path
        return made(spec, {part: file for part, file in files.items() if file.exists()}, batch=batch, **options)
    (weights,) = [PACKAGE / file.name for file in spec.files if file.packaged] or [
        tiny_checkpoint(folder / "t.safetensors")
    ]
    return made(spec, {"model": weights}, batch=batch, device="cpu", **options)


def _onnx(folder: Path, batch: int) -> Any:
    path = tiny_onnx(folder)
    return made(onnx_tagger.SPEC, {"model": path, "tags": path.with_name("selected_tags.csv")}, batch=batch)


def _wd_fixed(folder: Path, batch: int, **options: str) -> Any:
    path = make_wd(folder, batch=3)
    files = {"model": path, "tags": path.with_name("selected_tags.csv")}
    return made(TAGGERS.spec("wd"), files, batch=batch, **options)


def _generator(spec: ModelSpec, folder: Path) -> Any:
    if spec.remote:
        return made(spec, {"url": lasting_web_ui().url}, resolution=128)
    if spec.packaged:
        return made(spec, {"model": PACKAGE / spec.files[0].name}, device="cpu", resolution=64)
    return made(spec, {"model": tiny_model(folder)}, device="cpu")


def _palette(folder: Path) -> Any:
    path = folder / "palette.txt"
    path.write_text("#102030\n#f0e0d0\n#80a0c0\n")
    return made(palette_generator.SPEC, {"model": path}, more=["#00ff00"])


def _witness(spec: ModelSpec, folder: Path) -> Any:
    if spec.packaged:
        return made(spec, {"model": PACKAGE / spec.files[0].name})
    {"ccip": tiny_ccip, "ai-corrupted": tiny_corrupted}[spec.name](folder)
    return made(spec, {file.part: folder / file.basename for file in spec.files})


def _detector(spec: ModelSpec, folder: Path) -> Any:
    tiny_yolo(folder, spec.name.removeprefix("anime-"))
    return made(spec, {file.part: folder / file.basename for file in spec.files})


# Only where openvino is installed, which is too large for the extra `test`.
IN_OPENVINO = {
    **{
        f"{name} in openvino": partial(_tagger, TAGGERS.spec(name), backend="openvino")
        for name in ("deepdanbooru-v3", "starter-tagger", "wd", "pixai-v0.9")
    },
    "wd with a fixed batch in openvino": partial(_wd_fixed, backend="openvino"),
}
# name -> (folder for its weights, batch) -> the tagger
TAGGERS_AT_HAND: dict[str, Callable[[Path, int], Any]] = {
    **{name: partial(_tagger, spec) for name, spec in TAGGERS.members.items()},
    "fake": lambda folder, batch: FakeTagger(batch),
    "wd-onnx": _onnx,
    "wd with a fixed batch": _wd_fixed,
    **(IN_OPENVINO if find_spec("openvino") else {}),
}
# name -> (folder for its weights) -> the generator
GENERATORS_AT_HAND: dict[str, Callable[[Path], Any]] = {
    **{name: partial(_generator, spec) for name, spec in GENERATORS.members.items()},
    "counting": lambda folder: CountingGenerator(),
    "palette": _palette,
}
RUNNERS_AT_HAND: dict[str, Callable[[], Any]] = {
    # A Ray takes seconds to start: tests/runners/test_ray.py keeps one for all.
    **{name: partial(load_runner, name) for name in RUNNERS.members if name != "ray"},
    "fake": FakeRunner,
    "subprocess": SubprocessRunner,
}
WITNESSES_AT_HAND: dict[str, Callable[[Path], Any]] = {
    **{name: partial(_witness, spec) for name, spec in WITNESSES.members.items()},
    "fake": lambda folder: FakeWitness("identity"),
}
DETECTORS_AT_HAND: dict[str, Callable[[Path], Any]] = {
    **{name: partial(_detector, spec) for name, spec in DETECTORS.members.items()},
    "fake": lambda folder: FakeDetector(),
}
