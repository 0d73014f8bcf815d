"""How much memory and time SD3.5 takes on a card: the one place with these numbers, for `prep doctor` and
docs/REAL_MODELS.md. No card was available: everything is computed unless marked otherwise.

Work: SD3Transformer2DModel and AutoencoderKL in the published shapes, counted by torch's FlopCounterMode; a picture
of 1024 x 1024 px with guidance has two rows per step. Memory: prep draws on an emulated card, which counts the bytes of
all tensors there (tests/generators/sd35/test_full_size.py); what kernels use besides is not counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from prep.config import configs_folder, load_settings

GIB = 1024**3
WEIGHTS_GB = {("all", True): 5.53, ("all", False): 8.24, ("blocks", True): 5.53, ("blocks", False): 10.95}  # of large
ADALN_GB = 0.124  # the adaLN cache's outputs: 28 steps, two rows
VAE_GB = 0.17  # its weights
DECODE_GB, TILE_GB = 1.61, 0.41  # its activations for a picture of 1024 px, and for a tile of 512
FORWARD_GB = {1: 0.54, 2: 1.08, 4: 2.17}  # pictures at once -> activations of large
DESKTOP_GB = 0.8  # what a desktop and kernels' workspaces take of a card [estimate]
CUDA_GB = 0.5  # what an idle process holds on a card [estimate]
ENCODERS_GB = 6.8  # CLIP-L .25, CLIP-G 1.39, T5 in scaled FP8 5.16; freed before the transformer loads
DECODE_TFLOP = 10.5


@dataclass(frozen=True)
class Preset:
    """A configuration that ships with prep, for cards of `card_gb`, with the values that its file has."""

    config: str  # in configs/
    card_gb: int
    batch: int
    quantise: str
    adaln_cache: bool
    compile: bool
    fp8_products: bool

    @property
    def stored(self) -> str:
        words = ["FP8 with adaLN in bf16" if self.quantise == "blocks" else "FP8"]
        words += ["adaLN cache"] if self.adaln_cache else []
        return ", ".join(words)

    @property
    def how(self) -> str:
        return f"{self.stored}, batch {self.batch}" + (", compiled if the run is long" if self.compile else "")

    @property
    def weights_gb(self) -> float:
        return WEIGHTS_GB[self.quantise, self.adaln_cache]

    @property
    def held_gb(self) -> float:
        """Between pictures."""
        return self._with(0)

    @property
    def peak_gb(self) -> float:
        """While drawing: the larger of the transformer's activations and the VAE's, which come after."""
        return self._with(max(FORWARD_GB[self.batch], DECODE_GB))

    @property
    def tiled_gb(self) -> float:
        """The same with a tiled VAE, which is used when the peak does not fit."""
        return self._with(max(FORWARD_GB[self.batch], TILE_GB))

    @property
    def fits(self) -> bool:
        """Beside a desktop, too."""
        return self.peak_gb + DESKTOP_GB < self.card_gb * GIB / 1e9

    def _with(self, activations_gb: float) -> float:
        cache_gb = ADALN_GB * self.batch if self.adaln_cache else 0
        return self.weights_gb + VAE_GB + cache_gb + activations_gb + CUDA_GB


def _preset(card_gb: int) -> Preset:
    config = f"gpu-{card_gb}gb.toml"
    generator = load_settings(config=configs_folder() / config).generator
    own = {"quantise": "stored", "adaln_cache": False, "compile": False, "fp8_products": False}
    own |= {name: value for name, value in generator.options.get("sd35", {}).items() if name in own}
    return Preset(config, card_gb, generator.batch, **own)


PRESETS = tuple(_preset(card_gb) for card_gb in (24, 16, 12, 8))


@dataclass(frozen=True)
class Work:
    """What a picture of 1024 x 1024 px costs."""

    name: str
    forwards: str
    tflop: float


# 31.1 TFLOP per row of large, 11.2 of medium; skip-layer guidance runs medium once more in 7 of its 40 steps.
WORK = {
    work.name: work
    for work in (
        Work("sd35-large-fp8", "28 steps of 2 rows", 28 * 2 * 31.12 + DECODE_TFLOP),
        Work("sd35-large-turbo-fp8", "4 steps of 1 row", 4 * 31.12 + DECODE_TFLOP),
        Work("sd35-medium", "40 steps of 2 rows, 7 of them with a third", (40 * 2 + 7) * 11.25 + DECODE_TFLOP),
    )
}

# Peak of bfloat16 products with float32 sums, dense: multiprocessors x clock as published x 512 FLOP (A100 2,048, H100
# 4,096). `prep doctor` times a product on the card itself instead.
CARDS = {"RTX 3060": 25.5, "RTX 3090": 71.2, "RTX 4060 Ti": 44.1, "RTX 4070": 58.3, "RTX 4090": 165.2,
         "RTX 5090": 209.5, "A100": 312.0, "H100": 989.0}  # fmt: skip
# An H100 took 11.6 s for 50 steps of large, 7.47 compiled (published); at its peak it would take 3.2.
SLOWER = (2, 4)


def seconds(name: str, tflops: float) -> float:
    """Seconds per picture at that rate."""
    return WORK[name].tflop / tflops


def preset_lines() -> Iterator[str]:
    """A table in Markdown."""
    yield "| card | configuration | stored as | weights GB | held GB | peak GB | pictures at once |"
    yield "|---|---|---|---|---|---|---|"
    for preset in PRESETS[::-1]:
        tiled = "" if preset.fits else f"; {preset.tiled_gb:.1f} with the VAE in tiles"
        yield (
            f"| {preset.card_gb} GB | `configs/{preset.config}` | {preset.stored} "
            f"| {preset.weights_gb:.1f} | {preset.held_gb:.1f} | {preset.peak_gb:.1f}{tiled} | {preset.batch} |"
        )


def card_lines() -> Iterator[str]:
    """A table in Markdown."""
    yield "| card | TFLOPS, published peak | large | large-turbo | medium |"
    yield "|---|---|---|---|---|"
    for card, tflops in CARDS.items():
        spans = " | ".join(_span(seconds(name, tflops)) for name in WORK)
        yield f"| {card} | {tflops} | {spans} |"


def _span(least: float) -> str:
    low, high = (least * times for times in SLOWER)
    return f"{low:.0f} to {high:.0f} s" if high >= 4 else f"{low:.1f} to {high:.1f} s"
