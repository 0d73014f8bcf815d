"""The weights that prep knows by name. Sizes are as published, rounded; nothing here is fetched by being listed."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prep.errors import UsageError

PACKAGE = Path(__file__).parent.parent / "starter"
RELEASE = "https://github.com/AUTOMATIC1111/TorchDeepDanbooru/releases/download/v1/model-resnet_custom_v3.pt"
STABILITY = "Stability AI Community License (free below 1 million USD a year)"
STABILITY_URL = "https://stability.ai/community-license-agreement"
HUB = "https://huggingface.co"
COMFY = "Comfy-Org/stable-diffusion-3.5-fp8"


@dataclass(frozen=True)
class Model:
    """A set of weights. file: what it is called on disk. Of url, repo and packaged, one says where it comes from."""

    name: str
    family: Literal["tagger", "generator"]
    what: str
    file: str
    megabytes: int  # 10**6 bytes, as published
    licence: str
    licence_url: str  # a page, or the card in the package
    runs_on: str
    url: str | None = None  # a release page's file
    repo: str | None = None  # a Hugging Face repo; file is its path in there
    gated: bool = False  # a licence to accept and a token to show
    packaged: bool = False  # ships with prep

    @property
    def page(self) -> str:
        """Where a person finds the file, for fetching it by hand."""
        return self.url or f"{HUB}/{self.repo}"

    @property
    def size(self) -> str:
        return f"{self.megabytes / 1000:.1f} GB" if self.megabytes >= 1000 else f"{self.megabytes} MB"


KNOWN = {
    model.name: model
    for model in (
        Model(
            "deepdanbooru-v3",
            "tagger",
            "DeepDanbooru v3: 9,176 Danbooru tags, 161 M parameters",
            "model-resnet_custom_v3.pt",
            644,
            "MIT (of the repository that publishes it; the weights have none of their own)",
            "https://github.com/AUTOMATIC1111/TorchDeepDanbooru/blob/master/LICENSE",
            "CPU or GPU",
            url=RELEASE,
        ),
        Model(
            "starter-tagger",
            "tagger",
            "a small network of the same class, trained on the art in examples/; for trying prep out",
            "tagger.safetensors",
            5,
            "MIT",
            "prep/starter/TAGGER.md",
            "anywhere",
            packaged=True,
        ),
        Model(
            "starter-generator",
            "generator",
            "a small SD3.5 of the same classes, trained on the art in examples/; for trying prep out",
            "generator.safetensors",
            16,
            "MIT",
            "prep/starter/GENERATOR.md",
            "anywhere",
            packaged=True,
        ),
        Model(
            "sd35-large-fp8",
            "generator",
            "Stable Diffusion 3.5 large in scaled FP8, with text encoders and VAE",
            "sd3.5_large_fp8_scaled.safetensors",
            14_900,
            STABILITY,
            STABILITY_URL,
            "GPU from 8 GB; CPU for the patient",
            repo=COMFY,
        ),
        Model(
            "sd35-medium",
            "generator",
            "Stable Diffusion 3.5 medium in 16 bit, with text encoders in FP8",
            "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors",
            11_600,
            STABILITY,
            STABILITY_URL,
            "GPU from 8 GB; CPU for the patient",
            repo=COMFY,
        ),
        Model(
            "sd35-large-turbo-fp8",
            "generator",
            "Stable Diffusion 3.5 large turbo in 16 bit, made FP8 as it loads; no text encoders in it",
            "sd3.5_large_turbo.safetensors",
            16_500,
            STABILITY,
            STABILITY_URL,
            "GPU from 8 GB; CPU for the patient",
            repo="stabilityai/stable-diffusion-3.5-large-turbo",
            gated=True,
        ),
    )
}


def known(name: str) -> Model:
    """Raises UsageError with the nearest name."""
    name = "starter-tagger" if name == "starter" else name
    if name not in KNOWN:
        close = difflib.get_close_matches(name, KNOWN, 1, cutoff=0.4)
        hint = f"did you mean {close[0]}" if close else f"known: {', '.join(KNOWN)}"
        raise UsageError(f"no weights are called {name}", hint=hint)
    return KNOWN[name]
