"""A folder of images as sd-scripts' scan sees it: by names only. Nothing here opens a file."""

import os
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
    names: tuple[str, ...]  # everything in it that is not hidden, sorted
    folders: frozenset[str]  # the names that are folders

    @cached_property
    def images(self) -> list[str]:
        """What sd-scripts opens: a glob for each extension in lower and in upper case, so not `.Png`."""
        return [name for name in self.names if suffix(name).lower() in SEEN and not _mixed_case(suffix(name))]

    @cached_property
    def present(self) -> frozenset[str]:
        return frozenset(self.names)

    @cached_property
    def captions(self) -> list[str]:
        """The captions of its images, each once."""
        return list(dict.fromkeys(filter(None, map(self.caption, self.images))))

    def caption(self, image: str) -> str | None:
        """The name of an image's caption: the one that sd-scripts reads, else one with another ending."""
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
    "a folder without images",
    "sd-scripts ignores it with a warning",
    "add images, or remove the folder",
)
def empty(folder: Folder) -> Iterator[Found]:
    if not folder.images:
        yield Found("holds no image that sd-scripts would open")


@RULES.rule(
    "glob-bracket",
    "error",
    "`[` in the name of a folder or an image",
    "sd-scripts finds latent caches by an unescaped glob, where [ab] matches one letter",
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
    "two images with the same stem",
    "both read the same caption, and each may take the other's latent cache",
    "rename one of them, with its caption",
)
def stem_twice(folder: Folder) -> Iterator[Found]:
    by_stem: dict[str, list[str]] = {}
    for image in folder.images:
        by_stem.setdefault(stem(image), []).append(image)
    for name, images in by_stem.items():
        if len(images) > 1:
            yield Found(f"share {printable(name)}{folder.use.extension}", " and ".join(map(printable, images)))


@RULES.rule(
    "stem-prefix",
    "warning",
    "an image's stem plus `_` is the beginning of another's",
    "the glob for its latent cache also finds the other's, which has a wrong size",
    "rename them so that all stems have the same length, such as a hash",
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
    "sd-scripts looks only for .png and .PNG, so it never sees the image",
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
    "sd-scripts opens these only if their plugin is installed",
    "save it as PNG or WebP",
)
def plugin(folder: Folder) -> Iterator[Found]:
    for name in folder.images:
        if suffix(name).lower() in PLUGINS:
            yield Found(f"{suffix(name)} needs a plugin", printable(name))


@RULES.rule(
    "image-nested",
    "warning",
    "images in a sub-folder",
    "sd-scripts does not look into sub-folders",
    "move them up, or make that folder a subset of its own",
)
def nested(folder: Folder) -> Iterator[Found]:
    for name in folder.names:
        below = folder.path / name
        if name not in folder.folders or below.is_symlink():  # links may form a loop
            continue
        if any(looks_like_image(file) for _, _, files in os.walk(below) for file in files):
            yield Found("its images are not scanned", printable(name) + "/")
