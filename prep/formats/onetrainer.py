"""OneTrainer: one folder per character with a .txt beside each image, and concepts.json, which lists and weights them.

Keys are those of OneTrainer's ConceptConfig; keys that are not written keep its defaults.
"""

import json

from prep.captions.forms import form_of
from prep.dataset.finished import FinishedSet, Group
from prep.formats._bases import ONETRAINER
from prep.formats._view import View

READABLE = (".png", ".jpg", ".webp")


def lay(found: FinishedSet, view: View) -> list[str]:
    for group in found.groups:
        for picture in group.pictures:
            name = view.picture(picture, group.name, READABLE)
            view.caption(f"{group.name}/{name.rpartition('.')[0]}.txt", picture.caption)
    form = form_of(found.base)
    concepts = [_concept(group, view.place(group.name), "sentence" not in form.parts) for group in found.groups]
    view.config("concepts.json", json.dumps(concepts, ensure_ascii=False, indent=4) + "\n")
    if found.base and found.base not in ONETRAINER:
        return [f"OneTrainer does not train {form.what}; concepts.json lists the set for a version that does"]
    preset = [f"in OneTrainer, begin with its preset `{ONETRAINER[found.base]}`;"] if found.base else []
    return [
        *preset,
        f'in OneTrainer\'s configuration: "concept_file_name": {json.dumps(view.place("concepts.json"))}; then',
        "python scripts/train.py --config-path YOUR_CONFIGURATION.json",
    ]


def _concept(group: Group, folder: str, shuffled: bool) -> dict:
    """shuffled: a caption is cut at its commas for it, which would tear a sentence."""
    return {
        "__version": 1,
        "name": group.name,
        "path": folder,
        "seed": 0,  # otherwise a new one each time the file is read
        "enabled": True,
        "include_subdirectories": False,
        "balancing": float(group.repeats),
        "balancing_strategy": "REPEATS",
        "loss_weight": 1.0,
        "image": {
            "enable_crop_jitter": True,
            "enable_random_flip": False,  # on by default; a character is not symmetric
        },
        "text": {
            "prompt_source": "sample",  # the .txt beside the image
            "enable_tag_shuffling": shuffled,
            "tag_delimiter": ",",
            "keep_tags_count": 1,  # the trigger word
        },
    }
