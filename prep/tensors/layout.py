"""The layout of a part of a file: which tensor has which scale. A file with a scale that would be ignored is refused.

Layouts (weight = stored · scale):
    fp8           float8 as it is
    fp8-scaled    `X.scale_weight`, optional `X.scale_input`, marker `scaled_fp8`
    fp8-scaled2   `X.weight_scale`, optional `X.input_scale`, and `X.comfy_quant` or `_quantization_metadata`
    bf16, fp16, fp32
Input scales matter only to FP8 products, and are left out. Without its scales a scaled file would still load, with
weights about 1,500 times too large: so everything that is not understood here raises a WeightsError.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prep.documents import parse_json
from prep.errors import WeightsError
from prep.tensors.file import AGAIN, DTYPES, Entry, WeightFile, shown

if TYPE_CHECKING:
    import torch

LINE = "prep reads plain FP8, scaled FP8 (either spelling), 16 bit and 32 bit"
SPELLINGS = {".scale_weight": "fp8-scaled", ".weight_scale": "fp8-scaled2"}
INPUT_SCALES = (".scale_input", ".input_scale")
NOTE, MARKER, METADATA = ".comfy_quant", "scaled_fp8", "_quantization_metadata"
MOST_NOTE_BYTES = 10_000
FORMATS = ("float8_e4m3fn", "float8_e5m2")
FLOATS = {"F64": "fp64", "F32": "fp32", "F16": "fp16", "BF16": "bf16"}
EIGHT = ("F8_E4M3", "F8_E5M2")
# Not part of the model: counters and the tokenizer that some files contain.
NO_WEIGHTS = ("position_ids", "spiece_model", "logit_scale")


@dataclass(frozen=True)
class Stored:
    """A tensor of a file and its scale, if it has one."""

    file: WeightFile
    key: str
    scaled_by: "Stored | None" = None

    @property
    def entry(self) -> Entry:
        return self.file.entries[self.key]

    @property
    def eight_bit(self) -> bool:
        return self.entry.dtype in EIGHT

    def scale(self) -> "torch.Tensor":
        """float32 [1, 1], or [out, 1] by rows. Raises WeightsError when it is not positive and finite."""
        import torch

        if self.scaled_by is None:
            return torch.ones(1, 1)
        scale = self.scaled_by.file.read(self.scaled_by.key).float().reshape(-1, 1)
        if not (scale.isfinite() & (scale > 0)).all():
            raise WeightsError(f"{self.file.path.name}: {self.scaled_by.key} is not a positive number")
        return scale


@dataclass(frozen=True)
class Part:
    name: str  # transformer, vae, clip_l, clip_g, t5; clip if a separate file has the width of neither
    layout: str
    tensors: dict[str, Stored]  # without the prefix, without scales and markers
    bytes: int

    @property
    def file(self) -> str:
        """The name of its file, or of the first of its shards."""
        return next((stored.file.path.name for stored in self.tensors.values()), self.name)

    def shape(self, key: str, rank: int) -> tuple[int, ...]:
        """The shape of a tensor that has this many dimensions. Raises WeightsError when it is missing, has another
        number of them, or one is 0.
        """
        if key not in self.tensors:
            raise WeightsError(f"{self.file}: {key} is missing from its {self.name}", hint=AGAIN)
        shape = self.tensors[key].entry.shape
        if len(shape) != rank or 0 in shape:
            wanted = f"{rank} {'dimension' if rank == 1 else 'dimensions'}, none of them 0"
            raise WeightsError(f"{self.file}: {key} is {shown(shape)}; prep expects {wanted}", hint=AGAIN)
        return shape

    def check_shapes(self, wanted: dict[str, tuple[int, ...]]) -> None:
        """wanted: every tensor that the part must have -> its shape. Raises WeightsError for what is missing, left
        over or of another shape.
        """
        if missing := [key for key in wanted if key not in self.tensors]:
            more = f" and {len(missing) - 1:,} more" if missing[1:] else ""
            raise WeightsError(f"{self.file}: {missing[0]}{more} is missing from its {self.name}", hint=AGAIN)
        for key, stored in self.tensors.items():
            if key not in wanted:
                raise WeightsError(f"{self.file} also holds {key}, which no {self.name} of this size has", hint=AGAIN)
            if stored.entry.shape != wanted[key]:
                found = shown(stored.entry.shape)
                raise WeightsError(f"{self.file}: {key} is {found}; prep expects {list(wanted[key])}", hint=AGAIN)


def part_of(files: list[WeightFile], name: str, prefix: str = "") -> Part:
    """The tensors behind a prefix, each with its scale. files: one, or the shards of one part."""
    own = {key.removeprefix(prefix): file for file in files for key in file.entries if key.startswith(prefix)}
    where = {key: Stored(file, prefix + key) for key, file in own.items()}
    scales: dict[str, Stored] = {}
    tensors: dict[str, Stored] = {}
    marked = False
    for key, stored in where.items():
        layer, _, last = key.rpartition(".")
        if f".{last}" in SPELLINGS:
            _check_scale(stored, where.get(f"{layer}.weight"), key)
            if layer in scales:
                raise WeightsError(f"{stored.file.path.name}: {layer} has a scale in both spellings", hint=LINE)
            scales[layer] = stored
        elif f".{last}" in INPUT_SCALES:
            _need_weight(stored, where.get(f"{layer}.weight"), key)
        elif f".{last}" == NOTE:
            _check_format(stored)
            marked = True
        elif key == MARKER:
            marked = True
        elif last not in NO_WEIGHTS:
            tensors[key] = stored
    noted = {layer.removeprefix(prefix) for file in files for layer in _noted(file)}
    noted &= {key.removesuffix(".weight") for key in tensors}  # the header covers all parts at once
    if lost := sorted(noted - scales.keys()):
        raise WeightsError(f"{files[0].path.name}: {METADATA} names {lost[0]}, which has no scale here", hint=LINE)
    for key, stored in tensors.items():
        scale = scales.get(key.removesuffix(".weight")) if key.endswith(".weight") else None
        _check_tensor(stored, scale, in_scaled=key.endswith(".weight") and bool(scales or marked))
        tensors[key] = Stored(stored.file, stored.key, scale)
    size = sum(stored.entry.bytes for stored in tensors.values())
    return Part(name, _layout(tensors, scales), tensors, size)


def _layout(tensors: dict[str, Stored], scales: dict[str, Stored]) -> str:
    if scales:
        return SPELLINGS["." + next(iter(scales.values())).key.rpartition(".")[2]]
    if any(stored.eight_bit for stored in tensors.values()):
        return "fp8"
    sizes: dict[str, int] = {}
    for stored in tensors.values():
        sizes[stored.entry.dtype] = sizes.get(stored.entry.dtype, 0) + stored.entry.bytes
    return FLOATS[max(sizes, key=sizes.get)] if sizes else "empty"


def _need_weight(scale: Stored, weight: Stored | None, key: str) -> None:
    if weight is None:
        raise WeightsError(f"{scale.file.path.name}: {key} is a scale without a weight in this file", hint=LINE)


def _check_scale(scale: Stored, weight: Stored | None, key: str) -> None:
    _need_weight(scale, weight, key)
    if not weight.eight_bit:
        raise WeightsError(f"{scale.file.path.name}: {key} scales a weight in {weight.entry.dtype}", hint=LINE)
    shape, rows = scale.entry.shape, (weight.entry.shape or (1,))[0]
    if scale.entry.dtype not in FLOATS or shape not in ((), (1,), (1, 1), (rows,), (rows, 1)):
        found = f"{scale.entry.dtype} {shown(shape)}"
        raise WeightsError(
            f"{scale.file.path.name}: {key} is {found}; prep reads one number, or one per row", hint=LINE
        )


def _check_tensor(stored: Stored, scale: Stored | None, in_scaled: bool) -> None:
    if not (stored.eight_bit or stored.entry.dtype in FLOATS):
        kind, _ = DTYPES[stored.entry.dtype]
        raise WeightsError(f"{stored.file.path.name}: {stored.key} is {kind}", hint=LINE)
    if in_scaled and stored.eight_bit and scale is None:
        file = stored.file.path.name
        raise WeightsError(f"{file}: {stored.key} is FP8 and lacks its scale in a scaled file", hint=LINE)


def _check_format(stored: Stored) -> None:
    small = stored.entry.dtype == "U8" and stored.entry.bytes < MOST_NOTE_BYTES
    note = stored.file.read(stored.key).numpy().tobytes() if small else b""
    try:
        found = parse_json(note).get("format")
    except (ValueError, AttributeError):
        found = None
    if found not in FORMATS:
        raise WeightsError(f"{stored.file.path.name}: {stored.key} says {found or note[:40]!r}", hint=LINE)


def _noted(file: WeightFile) -> list[str]:
    """The layers that the header's metadata calls quantised."""
    if METADATA not in file.metadata:
        return []
    try:
        layers = parse_json(file.metadata[METADATA])["layers"]
        formats = {layer: value.get("format") for layer, value in layers.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{file.path.name}: its {METADATA} is not readable", hint=LINE) from error
    for layer, found in formats.items():
        if found not in FORMATS:
            raise WeightsError(f"{file.path.name}: {layer} is in {found}", hint=LINE)
    return list(formats)
