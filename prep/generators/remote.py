"""Another machine's generator, through the HTTP API of AUTOMATIC1111's web UI and its relatives.

What it draws with is the checkpoint that is loaded there, unless the settings name one. Pictures are asked for one by
one, each with its own seed. Knows nothing about the model but its name, its hash and the samplers there.
"""

import base64
import binascii
import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from prep.documents import DocumentError, parse_json
from prep.errors import ImageError, SettingsError, StoppedError
from prep.generators.sd35.family import size_for
from prep.generators.words import ANIME_NEGATIVE, ANIME_QUALITY
from prep.images import encode_png, open_image
from prep.names import printable
from prep.options import GeneratorOptions, Text, whole
from prep.registry import nearest
from prep.remote import AbsentError, Server, other_model
from prep.types import Picture

log = logging.getLogger(__name__)
PRECISION = "a1111"  # what the server computes in is its own affair; this says who drew
SAMPLERS = {"euler": "Euler", "euler_a": "Euler a", "heun": "Heun", "dpmpp_2m": "DPM++ 2M"}  # short name -> A1111's
RESOLUTION_PX = 1024
SMALL_PX = 512  # below it, sizes go in steps of 16 px instead of 64
MOST_PIXELS = 100_000_000
# In a prompt there, brackets are emphasis: those of a tag are escaped, and `(word:1.2)` is left to who wrote it.
WEIGHTED = re.compile(r"(\([^()\[\]\\]*:\d+(?:\.\d+)?\))")
BRACKET = re.compile(r"(?<!\\)[()\[\]]")
OWN = {"steps": int, "guidance": float, "quality": str, "negative": str}  # of a card, as prep serve tells them
SMALLEST_PX, MOST_SIDE_PX, MOST_WORDS = 16, 4096, 1000
SHAPING = ("sd_vae", "CLIP_stop_at_last_layers")  # options of the server that change every picture


class RemoteOptions(GeneratorOptions):
    costs: ClassVar[tuple[str, ...]] = ("timeout",)

    checkpoint: Text = ""
    timeout: whole(1, 86_400) = 600


@dataclass(frozen=True)
class Found:
    """What the server says about itself."""

    model: str  # the checkpoint's name
    hash: str = ""  # as it tells it; empty: it does not, or not yet
    title: str = ""  # by which the checkpoint is switched; empty: it is loaded
    samplers: tuple[str, ...] = tuple(SAMPLERS)
    shaping: tuple[str, ...] = ()  # the values of SHAPING
    own: tuple[tuple[str, Any], ...] = ()  # what a second prep says of its model: fields of the card

    @property
    def digest(self) -> str:
        parts = ["a1111", "txt2img", self.model, self.hash, *self.shaping]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def same(self, other: "Found") -> bool:
        """Whether both are one model: a hash that only one of them knows says nothing."""
        hashes = {self.hash, other.hash} - {""}
        return (self.model, self.shaping) == (other.model, other.shaping) and len(hashes) < 2


@dataclass(frozen=True)
class RemoteCard:
    """A prep.protocols.Card."""

    name: str
    samplers: tuple[str, ...] = tuple(SAMPLERS)
    resolution: int = RESOLUTION_PX
    precision: str = PRECISION
    steps: int = 28
    guidance: float = 7.0
    quality: str = ANIME_QUALITY
    negative: str = ANIME_NEGATIVE
    sentences: bool = False
    editing: None = None

    def size(self, width: int, height: int) -> tuple[int, int]:
        return size_for(width, height, self.resolution, 16 if self.resolution < SMALL_PX else 64)


class Remote:
    """Implements prep.protocols.Generator."""

    def __init__(self, name: str, files: Mapping[str, str], options: RemoteOptions) -> None:
        """files: `url`, the address; and `found`, what the server said before, if it was asked already.

        Raises StoppedError for a server that cannot draw, SettingsError for a checkpoint that it does not have.
        """
        self.options = options
        self.server = Server(files["url"], options.timeout)
        self.found = read_found(files["found"]) if "found" in files else self._ask()
        if self.found.title and not self.found.hash:  # A1111 hashes a checkpoint when it first loads it
            self.found = self._switched(self.found)
        self.card = card_of(self.found, options)
        self.digest = self.found.digest
        self.size_was_logged = False

    @property
    def notes(self) -> dict[str, Any]:
        return {}

    @property
    def about(self) -> str:
        loads = ", which it loads first" if self.found.title else ""
        return f"{self.server.address} draws with {self.found.model}{loads}, {len(self.found.samplers)} samplers"

    @property
    def kept(self) -> str:
        """What a later Remote gets as `found`, so that it need not ask."""
        return json.dumps(asdict(self.found))

    def is_model(self, digest: str) -> bool:
        """Whether this digest is of the model that it found."""
        return digest == self.digest

    def encode(self, pictures: Sequence[Picture], kept: Path) -> None:
        """The server encodes."""

    def draw(
        self, pictures: Sequence[Picture], parents: Mapping[str, np.ndarray], kept: Path
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Raises StoppedError, also when the server has another model than at the beginning."""
        if pictures:
            self._load()
        for picture in pictures:
            yield picture.key, self._drawn(picture, parents)

    def close(self) -> None:
        self.server.close()

    def _load(self) -> None:
        """Switch to the checkpoint that was asked for, and look whether all is as it was."""
        now = self._ask()
        if now.title:
            now = self._switched(now)
        if now.title or not now.same(self.found):
            raise other_model(self.server.address)

    def _switched(self, found: Found) -> Found:
        log.info(f"generate: {self.server.address} loads {found.title}")
        self.server.post("/sdapi/v1/options", {"sd_model_checkpoint": found.title})
        return self._ask()

    def _drawn(self, picture: Picture, parents: Mapping[str, np.ndarray]) -> np.ndarray:
        sampler = SAMPLERS.get(picture.sampler, picture.sampler)
        asked = {
            "prompt": as_prompt(picture.prompt), "negative_prompt": as_prompt(picture.negative), "seed": picture.seed,
            "steps": picture.steps, "cfg_scale": picture.guidance, "width": picture.width, "height": picture.height,
            "sampler_name": sampler, "sampler_index": sampler, "batch_size": 1, "n_iter": 1,
            "send_images": True, "save_images": False,
        }  # fmt: skip
        path = "/sdapi/v1/txt2img"
        if picture.strength is not None:
            path = "/sdapi/v1/img2img"
            parent = base64.b64encode(encode_png(parents[picture.parent])).decode()
            asked |= {"init_images": [parent], "denoising_strength": picture.strength}
        return self._pixels(picture, path, self.server.post(path, asked))

    def _pixels(self, picture: Picture, path: str, answer: Any) -> np.ndarray:
        """The first picture of an answer: uint8 [H, W, 3], RGB. Raises StoppedError."""
        images = answer.get("images") if isinstance(answer, dict) else None
        try:
            data = base64.b64decode(images[0].partition(",")[2] or images[0], validate=True)
            pixels = open_image(data, MOST_PIXELS).pixels
        except (TypeError, IndexError, KeyError, AttributeError, ValueError, binascii.Error):
            raise StoppedError(f"{self.server.address}{path} answers without a picture", "see what it prints") from None
        except ImageError as error:
            raise StoppedError(f"{self.server.address}{path}: its picture {error.message}", error.hint) from None
        if (name := _drawn_with(answer)) and name != self.found.model:
            raise other_model(self.server.address)
        height, width = pixels.shape[:2]
        if (width, height) != (picture.width, picture.height) and not self.size_was_logged:
            self.size_was_logged = True
            log.info(
                f"generate: {self.server.address} draws {width} x {height} px where {picture.width} x "
                f"{picture.height} px were asked for; its pictures are kept as they come"
            )
        return pixels

    def _ask(self) -> Found:
        options = self.server.get("/sdapi/v1/options")
        options = options if isinstance(options, dict) else {}
        loaded = str(options.get("sd_model_checkpoint") or "")
        shaping = tuple(str(options.get(name, "")) for name in SHAPING)
        models = self._list("/sdapi/v1/sd-models")
        here = next((each for each in models if loaded and loaded in _names(each)), {"title": loaded})
        asked = self.options.checkpoint
        model = next((each for each in models if asked in _names(each)), None) if asked else here
        if model is None:
            known = [_name(each) for each in models]
            hint = nearest(asked, known) if known else "leave it empty: the server draws with what it has loaded"
            raise SettingsError(f"generator.a1111.checkpoint: {self.server.address} has no {asked}", hint=hint)
        there = tuple(str(each["name"]) for each in self._list("/sdapi/v1/samplers") if each.get("name"))
        short = {name.casefold(): key for key, names in SAMPLERS.items() for name in (key, names, f"k_{key}")}
        samplers = tuple(dict.fromkeys(short.get(name.casefold(), name) for name in there)) or tuple(SAMPLERS)
        title = str(model.get("title") or "") if model is not here else ""
        sha256 = str(model.get("sha256") or model.get("hash") or "")
        return Found(_name(model), sha256, title, samplers, shaping, () if asked else self._own(_name(model)))

    def _own(self, model: str) -> tuple[tuple[str, Any], ...]:
        """What a second prep says of the model that it draws with, on its own route; others have none."""
        try:
            told = self.server.get("/v1/models", tries=1)
        except StoppedError:
            return ()
        found = told.get("generator") if isinstance(told, dict) else None
        if not isinstance(found, dict) or found.get("name") != model:
            return ()
        own = {name: found[name] for name, kind in OWN.items() if isinstance(found.get(name), kind)}
        sides = [found.get(name) for name in ("width", "height")]
        if all(type(side) is int and 0 < side <= MOST_SIDE_PX for side in sides):
            own["resolution"] = max(SMALLEST_PX, round((sides[0] * sides[1]) ** 0.5) // SMALLEST_PX * SMALLEST_PX)
        if not all(
            value.isprintable() and len(value) <= MOST_WORDS for value in own.values() if isinstance(value, str)
        ):
            return ()
        in_range = 0 < own.get("steps", 1) <= 200 and 0 <= own.get("guidance", 1) <= 30
        return tuple(sorted(own.items())) if in_range else ()

    def _list(self, path: str) -> list[dict]:
        """Some servers have no such list."""
        try:
            found = self.server.get(path)
        except AbsentError:
            return []
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def as_prompt(text: str) -> str:
    """`smile, a (b), (best:1.2)` -> `smile, a \\(b\\), (best:1.2)`."""
    parts = WEIGHTED.split(text)  # every second one is a weighted word
    return "".join(part if at % 2 else BRACKET.sub(r"\\\g<0>", part) for at, part in enumerate(parts))


def read_found(kept: str) -> Found:
    values = json.loads(kept)
    own = tuple((name, value) for name, value in values.get("own", ()))
    return Found(**values | {name: tuple(values[name]) for name in ("samplers", "shaping")} | {"own": own})


def card_of(found: Found, options: RemoteOptions) -> RemoteCard:
    own = dict(found.own)
    resolution = options.resolution or own.pop("resolution", RESOLUTION_PX)
    return RemoteCard(found.model, found.samplers, resolution, **{name: own[name] for name in own if name in OWN})


def absent(name: str, options: RemoteOptions) -> RemoteCard:
    """The card of a server that was never asked: for `prep run --plan`, which asks nobody."""
    return RemoteCard(options.checkpoint or name, resolution=options.resolution or RESOLUTION_PX)


def _name(model: Mapping[str, Any]) -> str:
    """Its name without folder, hash and ending, on one line."""
    named = str(model.get("model_name") or model.get("title") or "")
    bare = named.partition(" [")[0].replace("\\", "/").rpartition("/")[2].strip()
    for ending in (".safetensors", ".ckpt", ".gguf"):
        bare = bare.removesuffix(ending)
    return printable(bare)[:100] or "unnamed"


def _names(model: Mapping[str, Any]) -> set[str]:
    """All by which a person may call it, and by which the server says that it is loaded."""
    given = {str(model[key]) for key in ("title", "model_name", "hash", "sha256") if model.get(key)}
    return given | {name.partition(" [")[0] for name in given} | {_name(model)}


def _drawn_with(answer: Mapping[str, Any]) -> str:
    """The name of the model in the answer's info; empty: it is not told."""
    try:
        info = parse_json(answer["info"]) if isinstance(answer.get("info"), str) else answer.get("info")
    except DocumentError:
        return ""
    name = info.get("sd_model_name") if isinstance(info, dict) else None
    return _name({"model_name": name}) if isinstance(name, str) and name else ""
