"""Weight files bent in their headers: names, types, shapes, places, scales, metadata. Each loads, or is refused in a
sentence that names the file, and nothing in it is run.
"""

import functools
import json
import pickle
import random
import struct
from pathlib import Path

import numpy as np
import torch

from prep.errors import WeightsError
from prep.generators.sd35.header import PARTS, describe
from prep.generators.sd35.load import load_transformer
from prep.options import TaggerOptions
from prep.taggers.deepdanbooru import DeepDanbooru
from prep.taggers.look import SIDES_PX
from prep.tensors.file import DTYPES, WeightFile
from tests.faults.fuzz import several
from tests.support.reference import entry, headed, tiny_file

NUMBERS = (-1, 0, 1, 2, 3, 255, 2**31, 2**53 + 1, 2**63, 10**30, 0.5, 1e308, "1", None, True, [], {})
METADATA = (
    "", "[]", "{}", "0", "-1", "64", "1e9", "100000000000", "NaN", '["a"]', "[1, null]", '{"layers": 1}', "\0",
    "[" * 100_000, "9" * 5000, '{"layers": {"x": {"format": "int8"}}}', '{"layers": {"x": 1}}',
)  # fmt: skip
MARKS = ("scale_weight", "weight_scale", "scale_input", "input_scale", "comfy_quant", "weight", "bias")
SUFFIXES = {"tagger": (".safetensors", ".safetensors", ".safetensors", ".pt"), "generator": (".safetensors",)}


@functools.cache
def seeds(folder: Path, tagger: Path) -> dict[str, list[bytes]]:
    """folder: one that this process alone writes to."""
    folder.mkdir(exist_ok=True)
    parts = [before + name for prefix, name in PARTS.values() for before in (prefix, "")]
    small = [headed({name: entry("F32", (2, 3), (0, 24))}, bytes(24)) for name in parts]
    pickled = folder / "small.pt"
    torch.save({"tags": ["1girl"], "n_Conv_0.weight": torch.zeros(2, 2)}, pickled)
    return {
        "tagger": [tagger.read_bytes()] * 3 + [pickled.read_bytes(), pickle.dumps({"tags": []})],
        "generator": [tiny_file(folder, layout).read_bytes() for layout in ("fp8", "fp8-scaled2")] + small,
    }


def bent_weights(data: bytes, rng: random.Random) -> bytes:
    length = int.from_bytes(data[:8], "little")
    if rng.random() < 0.2 or not 2 <= length < len(data):
        return several(data, rng)
    header = json.loads(data[8 : 8 + length])
    for _ in range(rng.choice((1, 1, 2, 4))):
        _bend(header, rng)
    text = json.dumps(header).encode()
    if rng.random() < 0.1:
        text = several(text, rng)
    if rng.random() < 0.1:
        text = rng.choice((b"[" * 200_000, b'{"a":' * 50_000, b"null", b"[]", b"{}", b'{"x": %s}' % (b"9" * 5000)))
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _bend(header: dict, rng: random.Random) -> None:
    name = rng.choice([key for key in header if key != "__metadata__"] or ["x"])
    found = header.get(name)
    if not isinstance(found, dict):
        header["x"] = entry()
        return
    match rng.randrange(8):
        case 0:
            found["dtype"] = rng.choice([*DTYPES, "F4", "C64", "", "BF16 ", None, 5])
        case 1:
            shape = list(found["shape"]) if isinstance(found.get("shape"), list | tuple) else []
            shape[rng.randrange(len(shape) + 1) :] = [rng.choice(NUMBERS)]
            found["shape"] = shape
        case 2:
            found["shape"] = list(found["shape"])[::-1] if isinstance(found.get("shape"), list | tuple) else 1
        case 3:
            offsets = list(found["data_offsets"]) if isinstance(found.get("data_offsets"), list | tuple) else [0, 0]
            offsets[rng.randrange(2) :][:1] = [rng.choice(NUMBERS)]
            found["data_offsets"] = [rng.choice(NUMBERS), *offsets[1:]] if rng.random() < 0.5 else offsets
        case 4:
            found.pop(rng.choice(["dtype", "shape", "data_offsets"]), None)
        case 5:
            header.pop(name)
        case 6:
            header[f"{name.rpartition('.')[0]}.{rng.choice(MARKS)}"] = header.pop(name)
        case _:
            meta = header.setdefault("__metadata__", {})
            key = rng.choice(("tags", "image_px", "_quantization_metadata", "format"))
            if isinstance(meta, dict):
                meta[key] = rng.choice(METADATA)
            if rng.random() < 0.1:
                header["__metadata__"] = rng.choice(NUMBERS)


def weights_trial(tagger: Path, scratch: Path, number: int) -> str:
    """A trial for `apart.tried`."""
    rng = random.Random(number)
    role = rng.choice(("tagger", "generator"))
    path = scratch / f"{number}{rng.choice(SUFFIXES[role])}"
    path.write_bytes(bent_weights(rng.choice(seeds(scratch / "seeds", tagger)[role]), rng))
    try:
        word = (_tagger if role == "tagger" else _generator)(path)
    except WeightsError as error:
        said = str(error)
        assert path.stem in said and "\n" not in said and len(said) < 1000, said[:1000]
        assert not any(advice in said for advice in ("weights_only", "torch.load", "mmap")), said
        word = "refused"
    path.unlink()
    return word


def _tagger(path: Path) -> str:
    made = DeepDanbooru(path.stem, {"model": path}, TaggerOptions(batch=1, device="cpu"))
    assert made.side_px in SIDES_PX, f"pictures of {made.side_px} px"
    batch = made.prepare(np.full((40, 30, 3), 90, np.uint8))[None]
    scores = made.scores(batch)
    assert scores.shape == (1, len(made.vocabulary.names)) and scores.dtype == np.float32
    return "loaded"


def _generator(path: Path) -> str:
    file = WeightFile(path)
    for name, each in file.entries.items():
        assert tuple(file.read(name).shape) == each.shape
    checkpoint = describe(path)
    assert checkpoint.sentence and "\n" not in checkpoint.sentence
    load_transformer(path, torch.float32)
    return "loaded"
