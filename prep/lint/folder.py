"""A folder of images as sd-scripts' scan sees it: by names alone. Nothing here opens a file."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from prep.lint import fix
from prep.lint.findings import Found, Rules
from prep.lint.use import Use
from prep.walk import printable

RULES = Rules()
SEEN = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".avif", ".jxl"}
PLUGINS = {".avif", ".jxl"}
NEVER = {".gif", ".tif", ".tiff"}
CAPTIONS = fix.CAPTIONS


@dataclass(frozen=True)
class Folder:
    path: Path
    shown: str
    use: Use
    names: tuple[str, ...]  # of everything in it that is not hidden, sorted
    folders: frozenset[str]  # those of them that are folders

    @cached_property
    def images(self) -> list[str]:
        """What sd-scripts opens: a glob for each extension in lower and in upper case, so not `.Png`."""
        return [name for name in self.names if suffix(name).lower() in SEEN and not _mixed_case(suffix(name))]

    @cached_property
    def present(self) -> frozenset[str]:
        return frozenset(self.names)

    def caption(self, image: str) -> str | None:
        """The name of the caption that is meant for an image: the one that is read, else one of another ending."""
        names = [stem(image) + ending for ending in (self.use.extension, *CAPTIONS)]
        return next((name for name in names if name in self.present), None)


def read_folder(path: Path, shown: str, use: Use) -> Folder:
    """Raises OSError when it cannot be listed."""
    with os.scandir(path) as entries:
        kinds = {entry.name: entry.is_dir() for entry in entries if not entry.name.startswith(".")}
    names = tuple(sorted(kinds, key=os.fsencode))
    return Folder(path, shown, use, names, frozenset(name for name in names if kinds[name]))


def suffix(name: str) -> str:
    return os.path.splitext(name)[1]  # noqa: PTH122 - as sd-scripts does; Path differs on names such as `a.`


def stem(name: str) -> str:
    return os.path.splitext(name)[0]  # noqa: PTH122


def looks_like_image(name: str) -> bool:
    return not name.startswith(".") and suffix(name).lower() in SEEN | NEVER


def _mixed_case(ending: str) -> bool:
    return ending not in (ending.lower(), ending.upper())


@RULES.rule(
    "folder-empty",
    "warning",
    "a folder without an image",
    "sd-scripts ignores it with a warning",
    "put images there, or take the folder out",
)
def empty(folder: Folder) -> Iterator[Found]:
    if not folder.images:
        yield Found("holds no image that sd-scripts would open")


@RULES.rule(
    "glob-bracket",
    "error",
    "`[` in a folder's or an image's name",
    "latent caches are found by an unescaped glob, to which [ab] is one letter",
    "rename it without brackets",
)
def bracket(folder: Folder) -> Iterator[Found]:
    if "[" in str(folder.path.absolute()):
        yield Found("its path holds `[`")
    for name in folder.images:
        if "[" in name:
            yield Found("the name holds `[`", printable(name))


@RULES.rule(
    "stem-twice",
    "error",
    "two images of one stem",
    "both read one caption, and each takes the other's latent cache",
    "rename one, its caption with it",
)
def stem_twice(folder: Folder) -> Iterator[Found]:
    count = Counter(map(stem, folder.images))
    for name, times in count.items():
        if times > 1:
            images = [printable(image) for image in folder.images if stem(image) == name]
            yield Found(f"want one {printable(name)}{folder.use.extension}", " and ".join(images))


@RULES.rule(
    "stem-prefix",
    "warning",
    "one image's stem, followed by `_`, begins another's",
    "the glob for its latent cache finds the other's too, and with it a wrong size",
    "rename so that stems are of one width, such as a hash",
)
def stem_prefix(folder: Folder) -> Iterator[Found]:
    stems = {stem(name): name for name in folder.images}
    for other in stems:
        cuts = [index for index, char in enumerate(other) if char == "_"]
        for shorter in {other[:cut] for cut in cuts} & stems.keys():
            yield Found(f"begins the name of {printable(stems[other])}", printable(stems[shorter]))


@RULES.rule(
    "suffix-case",
    "error",
    "an extension in mixed case, such as .Png",
    "the scan looks for .png and .PNG alone, so the image is never seen",
    "write the extension in lower case",
    fixable=True,
)
def suffix_case(folder: Folder) -> Iterator[Found]:
    for name in folder.names:
        ending = suffix(name)
        if ending.lower() in SEEN and _mixed_case(ending):
            old, new = folder.path / name, folder.path / (stem(name) + ending.lower())
            yield Found(f"ends in {ending}", printable(name), partial(fix.rename, old, new))


@RULES.rule(
    "image-ignored",
    "warning",
    "a gif or tif",
    "sd-scripts never opens these",
    "save it as PNG",
)
def ignored(folder: Folder) -> Iterator[Found]:
    for name in folder.names:
        if suffix(name).lower() in NEVER:
            yield Found(f"{suffix(name)} is never read", printable(name))


@RULES.rule(
    "image-plugin",
    "note",
    "an avif or jxl",
    "sd-scripts opens these only where their plugin is installed",
    "save it as PNG or WebP",
)
def plugin(folder: Folder) -> Iterator[Found]:
    for name in folder.images:
        if suffix(name).lower() in PLUGINS:
            yield Found(f"{suffix(name)} needs a plugin", printable(name))


@RULES.rule(
    "image-nested",
    "warning",
    "images in a folder below",
    "the scan is not recursive",
    "move them up, or make that folder a subset of its own",
)
def nested(folder: Folder) -> Iterator[Found]:
    for name in folder.names:
        if name in folder.folders:
            # Links are not followed: a loop of them would not end.
            count = sum(sum(map(looks_like_image, files)) for _, _, files in os.walk(folder.path / name))
            if count:
                yield Found(f"{count} {'image is' if count == 1 else 'images are'} not scanned", printable(name) + "/")


@RULES.rule(
    "caption-extension",
    "error",
    "captions that end otherwise than caption_extension says (its default is .caption)",
    "they are not read: the images train on class_tokens, or on nothing",
    "write caption_extension = \".txt\"; --fix does where none is written",
    fixable=True,
)
def caption_extension(folder: Folder) -> Iterator[Found]:
    use = folder.use
    unread = [name for image, name in _captions(folder) if suffix(name) != use.extension]
    if use.extension == ".txt" or not unread:
        return
    safe = use.toml and not any(name.endswith(use.extension) for name in folder.names)
    mend = partial(fix.set_key, use.toml, ("general", "caption_extension"), ".txt") if safe else None
    yield Found(f"{len(unread)} of its captions end in {suffix(unread[0])}, read is {printable(use.extension)}", fix=mend)


@RULES.rule(
    "caption-suffix",
    "warning",
    "a .caption file where .txt is read",
    "sd-scripts reads one extension, and other trainers know .txt alone",
    "rename it to .txt",
    fixable=True,
)
def caption_suffix(folder: Folder) -> Iterator[Found]:
    for _, name in _captions(folder):
        if folder.use.extension == ".txt" and suffix(name) == ".caption":
            old, new = folder.path / name, folder.path / (stem(name) + ".txt")
            yield Found("is not read", printable(name), partial(fix.rename, old, new))


@RULES.rule(
    "caption-two",
    "warning",
    "both a .txt and a .caption for one image",
    "one is read, the other never, and nothing says which is right",
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
    "write a caption (a lone newline, if empty is meant), or class_tokens",
)
def caption_none(folder: Folder) -> Iterator[Found]:
    for name in folder.images:
        if folder.caption(name) is None and not folder.use.class_tokens:
            yield Found("has no caption", printable(name))


@RULES.rule(
    "caption-orphan",
    "warning",
    "a caption without an image",
    "its image is missing, or named otherwise",
    "bring the image back, or remove the caption",
)
def caption_orphan(folder: Folder) -> Iterator[Found]:
    stems = {stem(name) for name in folder.names if looks_like_image(name)}
    for name in folder.names:
        if suffix(name) in CAPTIONS and stem(name) not in stems and name not in folder.folders:
            yield Found("has no image", printable(name))


def _captions(folder: Folder) -> Iterator[tuple[str, str]]:
    """(image, caption), each caption once."""
    done = set()
    for image in folder.images:
        name = folder.caption(image)
        if name is not None and name not in done:
            done.add(name)
            yield image, name
