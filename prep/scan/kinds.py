"""What a file or folder of SRC is: a picture to read, a caption, or a kind that is left out, with the reason.

The one rule for what is a training picture. It uses names, and a file's first bytes if the name does not decide.
Nothing here opens a file.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from prep.images import SUFFIXES
from prep.types import Problem


@dataclass(frozen=True, slots=True)
class Kind:
    """Why a file or folder is not read as a picture."""

    name: str  # the name in counts and in problems.txt
    message: str = ""  # what it is. Empty: it is only counted
    hint: str = ""
    fails: bool = False  # a run that finds one exits with 1
    art: bool = False  # the user may expect it in the set: its folder is a character's

    @property
    def problem(self) -> Problem:
        return Problem("scan", self.name, self.message, self.hint)


PICTURE = Kind("picture", art=True)
CAPTION = Kind("caption")
SETTINGS = Kind("settings file")
SYSTEM = Kind("system file")

TEXT = Kind("text", "is not the caption of any picture", "if it is one, give it the name of its picture")
OTHER = Kind("other", "is not a picture, caption or setting, and is not read")
METADATA = Kind("other", "is not read: captions come from .txt and .caption files", "convert it if you need it")
HIDDEN_PICTURE = Kind("hidden", "has a name that begins with a dot", "rename it if it belongs in the set", art=True)
BACKUP = Kind("backup", "is a backup by another program", "rename it if it belongs in the set", art=True)
UNFINISHED = Kind("unfinished", "is an unfinished download", "download it again", art=True)
MASK = Kind("mask", "is a mask of the picture with the same name", "prep does not use masks")
LOOSE = Kind(
    "loose",
    "is beside the characters' folders, not in one of them",
    "move it into its character's folder, or into a new one",
    art=True,
)
VIDEO = Kind("video", "is a video", "extract the frames that you want, for example with ffmpeg", art=True)
ARCHIVE = Kind("archive", "is an archive, and is not opened", "unpack it if it contains pictures", art=True)
LINK = Kind("link", "is a link out of SRC", "copy its target into SRC", fails=True, art=True)
NOT_A_FILE = Kind("not_a_file", "is not a regular file", "remove it", fails=True)
UNREADABLE = Kind("unreadable", "cannot be read", "check disk and permissions", fails=True, art=True)

HIDDEN = Kind("hidden", "is a hidden folder", "rename it if it is a character's")
THUMBNAILS = Kind("thumbnails", "contains another program's thumbnails")
TRASH = Kind("trash", "contains deleted files")
SYSTEM_FOLDER = Kind("system", "belongs to the operating system")
MADE = Kind("set", "is a set that prep made, since it contains .prep/", "nothing in it is read")
TRAINING = Kind(
    "training set",
    "is a training set, since it contains dataset.toml and kohya's numbered folders",
    "to read its images, name it as SRC",
)
AGAIN = Kind("again", "is a link to a folder that is read under another name")
KOHYA = Kind(
    "kohya", "is a folder of a kohya project beside its images", "move it out of SRC if it contains a character"
)

CAPTIONS = (".txt", ".caption")  # the first one that a picture has counts
BACKUPS = ("~", ".bak", ".backup", ".orig", ".old", ".tmp", ".swp", "-autosave", ".autosave")
DOWNLOADS = (".part", ".partial", ".crdownload", ".download", ".aria2")
SYSTEM_NAMES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
NO_PICTURES = frozenset(
    {".json", ".jsonl", ".csv", ".parquet", ".tags", ".cap", ".md", ".html", ".htm", ".xml", ".xmp", ".yaml", ".yml"}
    | {".py", ".sh", ".bat", ".log", ".npz", ".npy", ".safetensors", ".ckpt", ".pt"}
)
BESIDE_PICTURES = frozenset(
    {".json", ".jsonl", ".csv", ".parquet", ".tags", ".cap"}
)  # used for captions by other programs
VIDEOS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".flv", ".mpg", ".mpeg"})
ARCHIVES = frozenset({".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".cbz", ".cbr", ".pdf"})
FOLDERS = {
    "@eadir": THUMBNAILS,
    "__macosx": SYSTEM_FOLDER,
    "#recycle": TRASH,
    "$recycle.bin": TRASH,
    "system volume information": SYSTEM_FOLDER,
}
MASK_ENDINGS = ("-masklabel", "_mask", "-mask", ".mask")  # the first is OneTrainer's
MASK_FOLDERS = frozenset({"mask", "masks"})


def _format(name: str, hint: str) -> Kind:
    return Kind(name, "is in a format that prep does not read", hint, fails=True, art=True)


def _working(name: str, program: str) -> Kind:
    return Kind(name, f"is a working file of {program}", "export it as PNG or JPEG", art=True)


AS_PNG = "save it as PNG or JPEG"
HEIF = _format("HEIF", f"{AS_PNG}, for example with heif-convert")
JXL = _format("JPEG XL", "decode it with djxl, or save it as PNG or JPEG")
JP2 = _format("JPEG 2000", AS_PNG)
RAW = _format("RAW", "develop it, and save it as PNG or JPEG")
AVIF = _format("AVIF", "install a Pillow with AVIF support, or save it as PNG or JPEG")  # most have it
PSD, KRA, XCF, CLIP, SAI = (
    _working("PSD", "Photoshop"),
    _working("KRA", "Krita"),
    _working("XCF", "GIMP"),
    _working("CLIP", "Clip Studio Paint"),
    _working("SAI", "PaintTool SAI"),
)
ENDINGS: dict[str, Kind] = {
    **dict.fromkeys((".heic", ".heif", ".hif"), HEIF),
    ".jxl": JXL,
    **dict.fromkeys((".jp2", ".j2k", ".jpx", ".jpf"), JP2),
    # Some begin like a TIFF: only their thumbnail would be read.
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf"), RAW),
    **{f".{name.lower()}": _format(name, AS_PNG) for name in ("TGA", "DDS", "EXR", "HDR", "QOI", "PPM", "PGM", "JXR")},
    **dict.fromkeys((".psd", ".psb"), PSD),
    **dict.fromkeys((".kra", ".krz"), KRA),
    ".xcf": XCF,
    ".clip": CLIP,
    **dict.fromkeys((".sai", ".sai2"), SAI),
    ".mdp": _working("MDP", "MediBang or FireAlpaca"),
    ".procreate": _working("PROCREATE", "Procreate"),
    ".pdn": _working("PDN", "Paint.NET"),
    ".ora": _working("ORA", "a paint program (OpenRaster)"),
    **dict.fromkeys((".afphoto", ".afdesign"), _working("AFFINITY", "Affinity")),
    **dict.fromkeys((".svg", ".ai", ".eps"), _working("vector", "a vector program")),
    **dict.fromkeys(VIDEOS, VIDEO),
    **dict.fromkeys(ARCHIVES, ARCHIVE),
    **dict.fromkeys(SUFFIXES, PICTURE),
    **dict.fromkeys(CAPTIONS, TEXT),
    ".toml": SETTINGS,
    **dict.fromkeys(NO_PICTURES, OTHER),
    **dict.fromkeys(BESIDE_PICTURES, METADATA),
}
START_BYTES = 16
STARTS: tuple[tuple[bytes, Kind], ...] = (
    *((start, PICTURE) for start in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM")),
    *((start, PICTURE) for start in (b"II*\0", b"MM\0*")),
    (b"\xff\x0a", JXL),
    (b"\0\0\0\x0cJXL ", JXL),
    (b"\0\0\0\x0cjP  ", JP2),
    (b"8BPS", PSD),
    (b"gimp xcf", XCF),
    (b"CSFCHUNK", CLIP),
    (b"PK\x03\x04", ARCHIVE),
    (b"Rar!", ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (b"\x1a\x45\xdf\xa3", VIDEO),
)
BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), PICTURE),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), HEIF),
    **dict.fromkeys((b"isom", b"iso2", b"mp41", b"mp42", b"M4V ", b"qt  ", b"avc1"), VIDEO),
}


def kind_of_name(name: str) -> Kind | None:
    """What a file is by its name; None if its first bytes have to decide.

    A TEXT may be a caption, depending on the files beside it. An unread format may be a wrong ending: the first bytes
    decide.
    """
    lower = name.lower()
    ending = os.path.splitext(lower)[1]  # noqa: PTH122 - Path refuses some of these names
    if name.startswith("."):
        return HIDDEN_PICTURE if ending in SUFFIXES and not name.startswith("._") else SYSTEM
    if ending in ENDINGS:  # most files; none of these ends like those below
        return ENDINGS[ending]
    if lower in SYSTEM_NAMES:
        return SYSTEM
    if lower.endswith(BACKUPS):
        return BACKUP
    return UNFINISHED if lower.endswith(DOWNLOADS) else None


def captions_first(names: Iterable[str]) -> dict[str, str]:
    """Stem -> the caption that counts for a picture with that stem, from names or paths: .txt before .caption, in any
    case.
    """
    found: dict[str, tuple] = {}
    for name in names:
        if name.lower().endswith(CAPTIONS):
            stem, ending = os.path.splitext(name)  # noqa: PTH122
            rank = (CAPTIONS.index(ending.lower()), not ending.islower(), name)
            found[stem] = min(found.get(stem, rank), rank)
    return {stem: name for stem, (_, _, name) in found.items()}


def kind_of_start(start: bytes) -> Kind | None:
    """What a file is by its first 16 bytes; None if they are unknown. AVIF counts as a picture."""
    if start[:4] == b"RIFF":
        return {b"WEBP": PICTURE, b"AVI ": VIDEO}.get(start[8:12])
    if start[4:8] == b"ftyp":
        return BRANDS.get(start[8:12])
    return next((kind for begin, kind in STARTS if start.startswith(begin)), None)


def unread_format(start: bytes) -> Kind | None:
    """The format of a file that should have been a picture and could not be opened; None if it is unknown."""
    kind = kind_of_start(start)
    if kind is PICTURE and start[4:8] == b"ftyp":
        return AVIF
    return None if kind is PICTURE else kind


def kind_of_folder(name: str) -> Kind | None:
    """Why a folder is skipped, by its name; None if it is read."""
    if name.startswith("."):
        return THUMBNAILS if name == ".thumbnails" else HIDDEN
    return FOLDERS.get(name.lower())


def mask_of(path: str) -> list[str]:
    """The pictures (paths in SRC without endings) that a picture may be a mask of, by its name and folders."""
    *folders, name = path.split("/")
    stem = os.path.splitext(name)[0]  # noqa: PTH122
    found = ["/".join((*folders, stem.removesuffix(end))) for end in MASK_ENDINGS if stem.endswith(end)]
    for at, folder in enumerate(folders):
        if folder.lower() in MASK_FOLDERS:
            found.append("/".join((*folders[:at], *folders[at + 1 :], stem)))
    return found
