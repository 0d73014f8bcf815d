"""imagefolder: images and a metadata.jsonl, for `load_dataset("imagefolder", ...)` and diffusers' LoRA scripts.

datasets reads words such as `test` or `valid` in a path as the name of a split, and a character may have such a name.
So images are named by hex digits only.
"""

import json
import shlex

from prep.dataset.finished import FinishedSet
from prep.formats._view import View


def lay(found: FinishedSet, view: View) -> list[str]:
    lines = []
    for picture in found.pictures:
        name = view.link(f"images/{picture.key}{picture.path.suffix}", picture.path)
        lines.append(json.dumps({"file_name": name, "text": picture.caption}, ensure_ascii=False))
    view.index("metadata.jsonl", "".join(f"{line}\n" for line in lines).encode())
    trigger = next((group.trigger for group in found.groups), "")
    return [
        "in diffusers' examples/dreambooth:",
        f"accelerate launch train_dreambooth_lora_sd3.py --dataset_name={shlex.quote(str(view.folder.resolve()))} "
        f"--image_column=image --caption_column=text --instance_prompt={shlex.quote(trigger)} "
        "--pretrained_model_name_or_path=stabilityai/stable-diffusion-3.5-medium "
        f"--resolution={found.resolution} --output_dir=lora",
    ]
