"""kohya's sd-scripts: the set as it is in kohya/, for another base model: captions, dataset.toml, the training options.

musubi-tuner, which trains some of the base models, reads the same folders.
"""

from collections.abc import Iterator
from math import isqrt

from prep.captions.forms import form_of
from prep.dataset.finished import FinishedSet
from prep.dataset.musubi import DATASET, musubi_toml
from prep.dataset.toml import MINE, by_resolution, dataset_toml
from prep.dataset.trainers import MUSUBI
from prep.dataset.training import TRAINERS, Start, training_command, training_toml
from prep.formats._view import View
from prep.names import is_made_group

READABLE = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def lay(found: FinishedSet, view: View) -> list[str]:
    for group in found.groups:
        folder = f"{group.repeats}_{group.name}"
        for picture in group.pictures:
            name = view.picture(picture, folder, READABLE)
            view.caption(f"{folder}/{name.rpartition('.')[0]}.txt", picture.caption)
    subsets = {group.name: (f"{group.repeats}_{group.name}", group.repeats, group.trigger) for group in found.groups}
    trained = by_resolution(subsets, found.resolution, dict(_sides(found)))
    trainer = TRAINERS[found.base]
    view.config(MINE, dataset_toml(*trained, form_of(found.base)))
    if trainer.home == MUSUBI:
        view.config(DATASET, musubi_toml(*trained))
    start = Start(found.images, found.characters, found.steps_an_epoch)
    view.config(trainer.file, training_toml(found.base, start, found.resolution))
    return [training_command(view.folder.resolve(), found.base)]


def _sides(found: FinishedSet) -> Iterator[tuple[str, int]]:
    """Group -> the square root of its largest picture's area, of those that prep made."""
    for group in found.groups:
        if is_made_group(group.name):
            yield group.name, max(isqrt(picture.width * picture.height) for picture in group.pictures)
