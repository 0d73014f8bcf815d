"""One image file as sd-scripts would open it: can it, and would it train on what you see?"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prep.errors import ImageError
from prep.files import PICTURE_BYTES, NotAFileError, read_file
from prep.images import open_image
from prep.lint import fix
from prep.lint.findings import Found, Rules
from prep.png_chunks import SKIPPED

RULES = Rules(": ")
OVERSIZED = "has a colour profile or a text that unpacks to more than Pillow takes"


@dataclass(frozen=True)
class ImageFile:
    path: Path
    shown: str
    flags: tuple[str, ...]  # of: rotated, alpha, ... as prep.images names them
    alpha_mask: bool
    problem: str = ""


def read_image(path: Path, shown: str, alpha_mask: bool) -> ImageFile:
    """Decodes the whole picture, since truncation shows only then. Never raises."""
    try:
        data = read_file(path, PICTURE_BYTES, follow=True)
        flags = open_image(data).flags
        return ImageFile(path, shown, flags, alpha_mask, OVERSIZED if SKIPPED.intersection(flags) else "")
    except NotAFileError:
        return ImageFile(path, shown, (), alpha_mask, "is not a regular file")
    except OSError as error:
        return ImageFile(path, shown, (), alpha_mask, f"cannot be read ({error.strerror or error})")
    except ImageError as error:
        return ImageFile(path, shown, (), alpha_mask, error.message)


@RULES.rule(
    "image-unread",
    "error",
    "an image that cannot be opened",
    "sd-scripts stops there, perhaps hours into a run",
    "save the image again, or remove it",
)
def unread(image: ImageFile) -> Iterator[Found]:
    if image.problem:
        yield Found(image.problem)


@RULES.rule(
    "image-rotated",
    "error",
    "rotated by its EXIF orientation",
    "sd-scripts ignores the orientation and trains on the unrotated pixels",
    "rotate the pixels and rename the file: a latent cache is keyed on size, not on content",
    fixable=True,
)
def rotated(image: ImageFile) -> Iterator[Found]:
    if "rotated" in image.flags:
        yield Found("is rotated by its EXIF orientation", fix=_bake(image))


@RULES.rule(
    "image-alpha",
    "error",
    "transparent pixels without alpha_mask",
    "alpha is dropped: the hidden colour is trained on, often black or noise",
    "put it on white and rename the file: a latent cache is keyed on size, not on content",
    fixable=True,
)
def alpha(image: ImageFile) -> Iterator[Found]:
    if "alpha" in image.flags and not image.alpha_mask:
        yield Found("has transparent pixels", fix=_bake(image))


def _bake(image: ImageFile) -> partial | None:
    """No fix when alpha is a training mask: baking the rotation would lose it."""
    return None if "alpha" in image.flags and image.alpha_mask else partial(fix.bake, image.path)
