"""Whether a DeepDanbooru can be made from a file, by its first bytes and header. No torch, no unpickling."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from prep.documents import parse_json
from prep.errors import WeightsError
from prep.options import TaggerOptions
from prep.registry import ONNX
from prep.taggers._params import ResNetParams, params_of
from prep.tensors.file import WeightFile
from prep.tensors.kind import NO_PICKLES, TORCH_ZIP, first_kind, tensors_kind

FIRST_KEY = "n_Conv_0.weight"
NAMES_BYTES = 10_000_000  # for the pickle in a checkpoint, which names tensors and tags: 0.3 MB in the published one
SIDES_PX = range(16, 4097)  # of the square that a tagger reads; DeepDanbooru's is 512
# What zipfile raises for a zip that is bent: found by the trials of tests/faults/test_fuzz.py.
ZIP_ERRORS = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    zipfile.BadZipFile,
)
READS = "prep reads model-resnet_custom_v3.pt of the TorchDeepDanbooru release, and taggers in its own safetensors form"


def look(name: str, files: Mapping[str, Path], options: TaggerOptions) -> bool:
    """-> True for a published checkpoint, False for one of prep's. Raises WeightsError for anything else."""
    path = files["model"]
    if path.is_dir():
        raise WeightsError(
            f"{path} is a folder without {ONNX}", hint="name a checkpoint file, or the folder of a tagger in ONNX"
        )
    try:
        kind = first_kind(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    if kind and kind.what == TORCH_ZIP:
        _look_inside(path)
        return True
    if kind:
        raise WeightsError(f"{path.name} is {kind.what}", hint=READS if kind.todo in ("", NO_PICKLES) else kind.todo)
    file = WeightFile(path)
    if missing := next((key for key in ("tags", "image_px") if key not in file.metadata), None):
        if other := tensors_kind(file.entries):
            raise WeightsError(f"{path.name} is {other.what}, and not a tagger", hint=READS)
        first = next(iter(file.entries), "nothing")
        raise WeightsError(
            f"{path.name} is not a tagger of prep: `{missing}` is missing from its metadata; it begins with {first}",
            hint=READS,
        )
    try:
        tags = parse_json(file.metadata["tags"])
        image_px = int(file.metadata["image_px"])
        sound = isinstance(tags, list)
    except (ValueError, TypeError):
        sound = False
    if not sound:
        raise WeightsError(f"{path.name}: `tags` or `image_px` in its metadata is not readable", hint=READS)
    check_network({key: entry.shape for key, entry in file.entries.items()}, tags, image_px, path.name)
    return False


def check_network(
    shapes: Mapping[str, tuple[int, ...]], tags: Sequence[object], image_px: int, of: str
) -> ResNetParams:
    """The network of these tensors. tags: the names of its outputs; of: the file. Raises WeightsError when they do not
    fit together.
    """
    params = params_of(shapes, of)
    if not all(isinstance(tag, str) and tag for tag in tags):
        raise WeightsError(f"{of} has a tag without a name")
    step = 4 << (len(params.stages) - 1)  # px that become one number
    if image_px not in SIDES_PX or image_px % step:
        raise WeightsError(
            f"{of} reads pictures of {image_px} px; {SIDES_PX[0]} to {SIDES_PX[-1]} px can be read, in steps of {step}"
        )
    if params.tags != len(tags):
        raise WeightsError(f"{of} has {params.tags} outputs but {len(tags)} tag names")
    return params


def _look_inside(path: Path) -> None:
    """Raises WeightsError for a checkpoint that is truncated, or of another model."""
    try:
        with zipfile.ZipFile(path) as parts:
            place = next((part for part in parts.namelist() if part.endswith("/data.pkl")), "")
            with parts.open(place) as file:
                names = file.read(NAMES_BYTES)
    except ZIP_ERRORS as error:
        size = path.stat().st_size
        raise WeightsError(
            f"{path.name} is cut off or damaged ({size:,} bytes are here)", hint="fetch the file again"
        ) from error
    if FIRST_KEY.encode() not in names:
        raise WeightsError(f"{path.name} is a PyTorch checkpoint of another model: it has no {FIRST_KEY}", hint=READS)
