"""A folder of folders: `N_name` each, as --train_data_dir expects, or the folders that a dataset.toml lists."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prep.lint.findings import Found, Rules
from prep.lint.folder import looks_like_image
from prep.names import printable

RULES = Rules("/")


@dataclass(frozen=True)
class Parent:
    path: Path
    shown: str
    names: tuple[str, ...]  # everything in it that is not hidden
    filled: tuple[str, ...]  # its sub-folders that hold an image
    listed: frozenset[str] | None  # its sub-folders in dataset.toml; None: folder mode
    is_subset: bool  # dataset.toml names the folder itself


def repeats_of(name: str) -> int | None:
    """`10_sylvie` -> 10; None if the name does not begin with an integer as sd-scripts reads it."""
    try:
        return int(name.split("_")[0])
    except ValueError:
        return None


@RULES.rule(
    "set-empty",
    "error",
    "no folder to train on",
    "sd-scripts finds no image and stops",
    "name the folder that holds the `N_name` folders, or create one: 10_name/ with images",
)
def nothing(parent: Parent) -> Iterator[Found]:
    if parent.listed is None and not parent.filled:
        yield Found("no sub-folder holds an image")


@RULES.rule(
    "folder-number",
    "error",
    "a folder of images whose name does not begin with a number",
    "--train_data_dir ignores it with a warning",
    "rename it to REPEATS_NAME, such as 10_sylvie",
)
def number(parent: Parent) -> Iterator[Found]:
    for name in parent.filled:
        if parent.listed is None and repeats_of(name) is None:
            yield Found("does not begin with a number of repeats", printable(name) + "/")


@RULES.rule(
    "folder-repeats",
    "error",
    "a folder whose number of repeats is below 1",
    "sd-scripts leaves it out",
    "rename it to begin with 1 or more",
)
def repeats(parent: Parent) -> Iterator[Found]:
    for name in parent.filled:
        count = repeats_of(name)
        if parent.listed is None and count is not None and count < 1:
            yield Found(f"{count} repeats", printable(name) + "/")


@RULES.rule(
    "folder-unlisted",
    "warning",
    "a folder of images that dataset.toml does not list",
    "with --dataset_config it is not trained on",
    "add a [[datasets.subsets]] with its image_dir, or move it away",
)
def unlisted(parent: Parent) -> Iterator[Found]:
    for name in parent.filled:
        if parent.listed is not None and name not in parent.listed:
            yield Found("is not an image_dir", printable(name) + "/")


@RULES.rule(
    "image-loose",
    "warning",
    "images beside the folders instead of inside one",
    "sd-scripts reads only the sub-folders",
    "move them into a folder",
)
def loose(parent: Parent) -> Iterator[Found]:
    for name in parent.names:
        if looks_like_image(name) and not parent.is_subset:
            yield Found("is beside the folders", printable(name))
