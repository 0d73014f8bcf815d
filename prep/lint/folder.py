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
from prep.names import printable

RULES = Rules("/")
SEEN = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".avif", ".jxl"}
PLUGINS = {".avif", ".jxl"}
NEVER = {".gif", ".tif", ".tiff"}


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

    @cached_property
    def captions(self) -> list[str]:
        """Of its images, each once."""
        return list(dict.fromkeys(filter(None, map(self.caption, self.images))))

    def caption(self, image: str) -> str | None:
        """The name of the caption that is meant for an image: the one that is read, else one of another ending."""
        names = [stem(image) + ending for ending in (self.use.extension, *fix.CAPTIONS)]
        return next((name for name in names if name in self.present), None)


def read_folder(path: Path, shown: str, use: Use) -> Folder:
    """Raises OSError when it cannot be listed."""
    with os.scandir(path) as entries:
        kinds = {entry.name: _is_dir(entry) for entry in entries if not entry.name.startswith(".")}
    names = tuple(sorted(kinds, key=os.fsencode))
    return Folder(path, shown, use, names, frozenset(name for name in names if kinds[name]))


def _is_dir(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


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
        below = folder.path / name
        if name not in folder.folders or below.is_symlink():  # links may lead round in a circle
            continue
        if any(looks_like_image(file) for _, _, files in os.walk(below) for file in files):
            yield Found("its images are not scanned", printable(name) + "/")
