"""Which caption belongs to which image of a folder, by their names only. Nothing here opens a file."""

from collections.abc import Iterator
from functools import partial

from prep.lint import fix
from prep.lint.findings import Found, Rules
from prep.lint.fix import CAPTIONS
from prep.lint.folder import Folder, looks_like_image, stem, suffix
from prep.names import printable

RULES = Rules("/")


@RULES.rule(
    "caption-extension",
    "error",
    "captions whose extension is not caption_extension (its default is .caption)",
    "they are not read: the images train on class_tokens, or on nothing",
    'set caption_extension = ".txt"',
    fixable=True,
)
def caption_extension(folder: Folder) -> Iterator[Found]:
    use = folder.use
    unread = [name for name in folder.captions if suffix(name) != use.extension]
    if use.extension == ".txt" or not unread:
        return
    safe = use.toml and not any(name.endswith(use.extension) for name in folder.names)
    repair = partial(fix.set_key, use.toml, ("general", "caption_extension"), ".txt") if safe else None
    what = f"has captions in {suffix(unread[0])} ({len(unread)}), but sd-scripts reads {printable(use.extension)}"
    yield Found(what, fix=repair)


@RULES.rule(
    "caption-suffix",
    "warning",
    "a .caption file where .txt is read",
    "sd-scripts reads only one extension, and other trainers know only .txt",
    "rename it to .txt",
    fixable=True,
)
def caption_suffix(folder: Folder) -> Iterator[Found]:
    for name in folder.captions:
        if folder.use.extension == ".txt" and suffix(name) == ".caption":
            old, new = folder.path / name, folder.path / (stem(name) + ".txt")
            yield Found("is not read", printable(name), partial(fix.rename, old, new))


@RULES.rule(
    "caption-two",
    "warning",
    "both a .txt and a .caption for one image",
    "only one is read, and nothing says which is right",
    "keep one",
)
def caption_two(folder: Folder) -> Iterator[Found]:
    for name in dict.fromkeys(map(stem, folder.images)):
        if all(name + ending in folder.present for ending in CAPTIONS):
            yield Found("has both a .txt and a .caption", printable(name))


@RULES.rule(
    "caption-none",
    "warning",
    "an image with neither caption nor class tokens",
    "it trains on an empty caption",
    "write a caption (a lone newline for an empty one), or set class_tokens",
)
def caption_none(folder: Folder) -> Iterator[Found]:
    for name in folder.images:
        if folder.caption(name) is None and not folder.use.class_tokens:
            yield Found("has no caption", printable(name))


@RULES.rule(
    "caption-orphan",
    "warning",
    "a caption without an image",
    "its image is missing, or has another name",
    "bring the image back, or remove the caption",
)
def caption_orphan(folder: Folder) -> Iterator[Found]:
    stems = {stem(name) for name in folder.names if looks_like_image(name)}
    for name in folder.names:
        if suffix(name) in CAPTIONS and stem(name) not in stems and name not in folder.folders:
            yield Found("has no image", printable(name))
