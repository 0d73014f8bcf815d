"""imagefolder: images and a metadata.jsonl, for `load_dataset("imagefolder", ...)` and diffusers' LoRA scripts.

datasets reads words such as `test` or `valid` in a path as the name of a split, and a character may have such a name.
So images are named by hex digits only.
"""

import json
import shlex

from prep.dataset.finished import FinishedSet
from prep.formats._view import View

# Base model -> its script in diffusers' examples/dreambooth, and a model for it.
SD3 = ("train_dreambooth_lora_sd3.py", "stabilityai/stable-diffusion-3.5-medium")
SCRIPTS = {
    "": SD3,
    "sd35": SD3,
    "sdxl": ("train_dreambooth_lora_sdxl.py", "stabilityai/stable-diffusion-xl-base-1.0"),
    "flux": ("train_dreambooth_lora_flux.py", "black-forest-labs/FLUX.1-dev"),
    "lumina": ("train_dreambooth_lora_lumina2.py", "Alpha-VLLM/Lumina-Image-2.0"),
    "z-image": ("train_dreambooth_lora_z_image.py", "Tongyi-MAI/Z-Image"),
    "qwen": ("train_dreambooth_lora_qwen_image.py", "Qwen/Qwen-Image"),
}


def lay(found: FinishedSet, view: View) -> list[str]:
    lines = []
    for picture in found.pictures:
        name = view.link(f"images/{picture.key}{picture.path.suffix}", picture.path)
        lines.append(json.dumps({"file_name": name, "text": picture.caption}, ensure_ascii=False))
    view.index("metadata.jsonl", "".join(f"{line}\n" for line in lines).encode())
    trigger = next((group.trigger for group in found.groups), "")
    script, model = SCRIPTS.get(found.base, ("", ""))
    folder = shlex.quote(str(view.folder.resolve()))
    if not script:
        return [f"prep knows no script of diffusers for these captions; datasets reads the folder {folder}"]
    return [
        "in diffusers' examples/dreambooth:",
        f"accelerate launch {script} --dataset_name={folder} --image_column=image --caption_column=text "
        f"--instance_prompt={shlex.quote(trigger)} --pretrained_model_name_or_path={model} "
        f"--resolution={found.resolution} --output_dir=lora",
    ]
