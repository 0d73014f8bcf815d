"""What other trainers call each base model, and what they are told for it. Data alone.

From ai-toolkit's examples and its page's defaults, OneTrainer's presets, and SimpleTuner's examples. The keys are those
of `captions.for`; the empty one is a set for no model in particular, which they train as SD3.5.
"""

from collections.abc import Mapping
from typing import NamedTuple


class ToolkitModel(NamedTuple):
    """A base model in ai-toolkit's config.yaml."""

    what: str
    place: str  # on the Hub; a path works as well
    model: str  # the other lines of `model`, each indented by 8
    train: str = ""  # lines of `train` of its own
    scheduler: str = "flowmatch"  # of training and of samples
    guidance: int = 4
    more: str = ""  # a comment: what else to know


def _arch(name: str, *lines: str) -> str:
    return "\n".join(f"        {line}" for line in (f'arch: "{name}"', *lines)) + "\n"


SD35 = ToolkitModel(
    "Stable Diffusion 3.5",
    "stabilityai/stable-diffusion-3.5-large",
    "        is_v3: true\n        quantize: true\n",
    more="Its SD3.5 support calls\n# itself experimental.",
)
TOOLKIT: Mapping[str, ToolkitModel] = {
    "": SD35,
    "sd35": SD35,
    "sd15": ToolkitModel("SD 1.5", "stable-diffusion-v1-5/stable-diffusion-v1-5", _arch("sd15"), "", "ddpm", 6),
    "sdxl": ToolkitModel(
        "SDXL",
        "stabilityai/stable-diffusion-xl-base-1.0",
        _arch("sdxl"),
        "",
        "ddpm",
        6,
        "For Illustrious,\n# NoobAI or Pony, set name_or_path to its file, and for v-prediction is_v_pred: true below.",
    ),
    "flux": ToolkitModel("FLUX.1", "black-forest-labs/FLUX.1-dev", _arch("flux", "quantize: true")),
    "anima": ToolkitModel(
        "Anima",
        "circlestone-labs/Anima-Base-v1.0-Diffusers",
        _arch("anima", "quantize: false"),
        '        timestep_type: "weighted"\n',
        more="Anima's licence\n# allows no commercial use.",
    ),
    "lumina": ToolkitModel(
        "Lumina Image 2.0",
        "Alpha-VLLM/Lumina-Image-2.0",
        _arch("lumina2", "quantize: false", "quantize_te: true"),
        '        timestep_type: "lumina2_shift"\n',
    ),
    "z-image": ToolkitModel(
        "Z-Image",
        "Tongyi-MAI/Z-Image",
        _arch("zimage", "quantize: true", "quantize_te: true", "low_vram: true"),
        '        timestep_type: "weighted"\n',
    ),
    "qwen": ToolkitModel(
        "Qwen-Image",
        "Qwen/Qwen-Image",
        _arch("qwen_image", "quantize: true", "quantize_te: true", "low_vram: true"),
        '        timestep_type: "weighted"\n',
    ),
}
# The preset to begin with. What is missing, it does not train.
ONETRAINER: Mapping[str, str] = {
    "sd15": "sd 1.5 LoRA",
    "sdxl": "sdxl 1.0 LoRA",
    "sd35": "sd 3 LoRA",
    "flux": "flux LoRA",
    "anima": "anima LoRA",
    "z-image": "z-image LoRA 16GB",
    "qwen": "qwen LoRA 16GB",
}
# `model_family` in its config.json.
SIMPLETUNER: Mapping[str, str] = {
    "sd15": "sd1x",
    "sdxl": "sdxl",
    "sd35": "sd3",
    "flux": "flux",
    "anima": "anima",
    "lumina": "lumina2",
    "z-image": "z-image",
    "qwen": "qwen_image",
}
