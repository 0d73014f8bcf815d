"""The sections of the settings with their defaults, as frozen pydantic models. prep/config.py reads them from files.

configs/default.toml has the same defaults, with comments; a test keeps the two in sync.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from prep.names import MOST_REPEATS
from prep.options import (
    CaptionerName,
    FilePath,
    GrownSection,
    ModelName,
    ModelOrNone,
    ModelSection,
    NamedFile,
    Resolution,
    Section,
    Share,
    Tag,
    TagThresholds,
    Text,
    number,
    whole,
)
from prep.registry import Role
from prep.types import Part

MOST_SIDE_PX = 65_535  # of a JPEG; other pictures of that length have too many pixels anyway
MOST_DRAWN = 10_000  # pictures per character


class Scan(Section):
    max_pixels: whole(1, 1_000_000_000) = 100_000_000
    min_side_px: whole(0, MOST_SIDE_PX) = 256
    max_aspect: number(1, MOST_SIDE_PX) = 4.0
    min_sharpness: number(0, 1_040_400) = 15.0  # the most that a Laplacian of 8 bits can vary
    blurred: Literal["flag", "drop"] = "flag"
    near_copies: Literal["flag", "drop"] = "flag"
    max_images: whole(0, 1_000_000) = 0


class TaggerSettings(ModelSection, GrownSection):
    later = ("backend",)
    model: ModelName = "auto"
    second: ModelOrNone = ""
    batch: whole(1, 256) = 8
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    backend: Literal["auto", "torch", "openvino"] = "auto"

    @classmethod
    def role(cls) -> Role:
        return "tagger"


class Thresholds(GrownSection):
    later = ("tags", "character")
    mode: Literal["complexity", "fixed", "mcut"] = "complexity"
    simple: Share = 0.55
    medium: Share = 0.45
    complex: Share = 0.38
    simple_below: Share = 0.08
    medium_below: Share = 0.15
    fixed: Share = 0.45
    measure_px: whole(0, MOST_SIDE_PX) = 1024
    overrides: FilePath = ""
    character: Share = 0.0
    tags: TagThresholds = {}


class Filter(Section):
    file: FilePath = "filter.txt"


class ProfileSettings(Section):
    core_share: Share = 0.45
    trait_bound: Share = 0.5
    intrinsic: FilePath = "intrinsic.txt"


# The base models whose form captions may have, by captions/forms.py. Empty: tags as they are.
BaseModelName = Literal["", "sd15", "sdxl", "sd35", "flux", "anima", "lumina", "z-image", "qwen"]
# Models that people name instead, which read the same.
KIN = {
    **dict.fromkeys(("illustrious", "noobai", "pony", "animagine"), "sdxl"),
    **dict.fromkeys(("chroma", "krea", "hunyuanimage"), "flux"),
    **dict.fromkeys(("neta", "netayume", "lumina2"), "lumina"),
    **{"sd3.5": "sd35", "sd3": "sd35", "sd1.5": "sd15", "zimage": "z-image", "qwen-image": "qwen"},
}


def base_model(name: object) -> object:
    """The name of the form for a base model or one of its kin, in any case."""
    return KIN.get(name.lower(), name.lower()) if isinstance(name, str) else name


class Captions(GrownSection):
    later = ("also", "for_", "readers")
    style: Literal["tags"] = "tags"
    for_: Annotated[BaseModelName, BeforeValidator(base_model)] = Field("", alias="for")
    sidecars: Literal["kohya", "source"] = "kohya"
    max_tags: whole(1, 10_000) = 40
    order: Literal["confidence", "alphabetical"] = "confidence"
    traits: Literal["drop", "keep"] = "drop"
    overlap: bool = True
    spaces: bool = True
    kaomoji: bool = True
    escape_parentheses: bool = True
    also: list[Literal["artist", "series", "meta"]] = []
    readers: Literal["first", "agreement", "union"] = "first"


class Crops(Section):
    kinds: list[Part] = []
    detector: ModelName = "auto"
    most: whole(1, 3) = 2


class GeneratorSettings(ModelSection):
    model: ModelName = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resolution: Resolution = 0
    sampler: Text = "euler"  # one of the generator's own
    steps: whole(0, 200) = 0
    guidance: number(0, 30) = 0.0
    quality: Text = "auto"
    negative: Text = "auto"
    batch: whole(1, 4) = 4

    @classmethod
    def role(cls) -> Role:
        return "generator"


class CaptionerSettings(ModelSection):
    model: CaptionerName = "grammar"

    @classmethod
    def role(cls) -> Role:
        return "captioner"


class Reconstruct(Section):
    per_character: whole(0, MOST_DRAWN) = 2


class Consistency(Section):
    per_character: whole(0, MOST_DRAWN) = 4
    situations: NamedFile = "words/situations.toml"


class Augmentation(Section):
    share: number(0, 4) = 0.5
    least: whole(0, MOST_DRAWN) = 2
    tries: whole(1, 20) = 4
    strength: Annotated[number(0, 1), Field(gt=0)] = 0.6
    vary: NamedFile = "words/vary.toml"
    matting: ModelName = "auto"


class CheckSettings(Section):
    bound: Share = 0.7
    exclusive: NamedFile = "words/exclusive.toml"
    identity: ModelName = "auto"
    damage: ModelName = "auto"


def _trigger(text: str) -> str:
    """Raises ValueError for text that would not stay one item of a caption."""
    if not text.isprintable() or not text.strip():
        raise ValueError("a word on one line, without control characters")
    if "," in text:
        first = text.partition(",")[0]
        raise ValueError(f"one word or more without a comma: keep_tokens = 1 would protect only `{first}`")
    return text


class VariantSettings(Section):
    trigger: Annotated[str, AfterValidator(_trigger)] | None = None
    traits: list[Tag] | None = None
    keep: list[Tag] = []
    drop: list[Tag] = []
    add: list[Tag] = []
    remove: list[Tag] = []


class CharacterSettings(VariantSettings):
    variants: dict[str, VariantSettings] = {}


class Export(Section):
    link: Literal["copy", "symlink", "hardlink"] = "copy"
    metadata: Literal["auto", "strip", "keep"] = "auto"
    kohya: FilePath = ""
    resolution: whole(64, 8_192) = 1024
    images_per_epoch: whole(0, MOST_REPEATS) = 100
    formats: list[Text] = []


class Models(Section):
    offline: bool = False
    fallback: Literal["starter", "error"] = "starter"


class Serve(Section):
    folder: NamedFile = "outputs/.serve"
    roots: list[FilePath] = []
    hosts: list[Text] = []
    queue: whole(1, 100_000) = 256
    pictures: whole(1, 1_000) = 16
    picture_mb: whole(1, 1_000) = 20
    request_mb: whole(1, 10_000) = 64
    max_pixels: whole(1, 1_000_000_000) = 40_000_000
    connections: whole(1, 10_000) = 256
    job_seconds: whole(1, 1_000_000) = 3600
    keep_days: whole(0, 10_000) = 7


class Review(Section):
    keys: NamedFile = "words/keys.toml"
    tags: FilePath = ""


class Settings(Section):
    scan: Scan = Scan()
    tagger: TaggerSettings = TaggerSettings()
    thresholds: Thresholds = Thresholds()
    filter: Filter = Filter()
    profile: ProfileSettings = ProfileSettings()
    captions: Captions = Captions()
    characters: dict[str, CharacterSettings] = {}
    captioner: CaptionerSettings = CaptionerSettings()
    crops: Crops = Crops()
    generator: GeneratorSettings = GeneratorSettings()
    reconstruct: Reconstruct = Reconstruct()
    consistency: Consistency = Consistency()
    augmentation: Augmentation = Augmentation()
    check: CheckSettings = CheckSettings()
    export: Export = Export()
    models: Models = Models()
    serve: Serve = Serve()
    review: Review = Review()
