"""Sets broken on purpose: for every rule one that breaks it alone, and one broken in every way at once.

`python -m tests.lint.broken` prints what `prep lint` says of the last, as docs/LINT.md shows it.
"""

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner
from PIL import Image

from prep.captions.forms import FORMS
from prep.dataset.manifest import COLUMNS
from prep.dataset.training import TRAINERS, Start, training_toml

Change = Callable[[Path], object]

MARK = "\ufeff".encode()  # the byte-order mark, in UTF-8
TOML = """\
[general]
caption_extension = ".txt"
enable_bucket = true
bucket_no_upscale = true

[[datasets]]
resolution = 1024

[[datasets.subsets]]
image_dir = "10_sylvie"
num_repeats = 10
class_tokens = "sylvie"
"""
EVERY_FAULT = """\
[general]
enable_bucket = true
validation_split = 0
face_crop_aug_range = [1, 2.0]
image_dir = "10_sylvie"
bucket_reso_step = 64

[[datasets]]
resolution = 1024
bucket_reso_steps = 32
keep_tokens = true

[[datasets.subsets]]
image_dir = "10_sylvie"
shuffle_caption = true

[[datasets.subsets]]
image_dir = "./10_sylvie"
num_repeats = 0

[[datasets.subsets]]
image_dir = "lost"

[[datasets.subsets]]
num_repeats = 4

[[datasets]]
resolution = [1024, 200]

[[datasets.subsets]]
image_dir = "5_eileen"

[[datasets]]
resolution = [1024, 1600]

[[datasets.subsets]]
image_dir = "3_lucy"

[[datasets]]
enable_bucket = false
bucket_reso_steps = 50

[[datasets.subsets]]
image_dir = "3_lucy"

[[datasets]]
resolution = 512

[[datasets]]
resolution = 512

[[datasets.subsets]]
metadata_file = "meta.json"
"""


def picture(mode: str = "RGB", kind: str = "PNG", orientation: int = 1) -> bytes:
    """24x16 px: red at the left, blue at the right. RGBA: the left is transparent, with green beneath."""
    pixels = np.zeros((16, 24, len(mode)), np.uint8)
    pixels[:, :12] = (200, 0, 0) if mode == "RGB" else (0, 200, 0, 0)
    pixels[:, 12:] = (0, 0, 200) if mode == "RGB" else (0, 0, 200, 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, exif=exif)
    return stream.getvalue()


def clean_folder(root: Path) -> Path:
    """Folder mode: one character, two images with captions."""
    for stem in ("sylvie-01", "sylvie-02"):
        pair(f"10_sylvie/{stem}.png", caption=b"sylvie, 1girl, smile\n")(root)
    return root


def clean_config(root: Path) -> Path:
    """Config mode: the same, with a dataset.toml."""
    file("dataset.toml", TOML.encode())(clean_folder(root))
    return root


def clean_out(root: Path, base: str) -> Path:
    """A set that prep made for a base model: the same two pictures, and captions as that model reads them."""
    kohya = clean_config(root / "kohya")
    text = {"anima": "safe, 1girl, sylvie, smile. A girl smiles.", "sdxl": "sylvie, 1girl, smile"}.get(base)
    for path in kohya.glob("*/*.txt"):
        path.write_text(f"{text or FORMS[base].head + 'sylvie, a girl smiles.'}\n")
    (kohya / TRAINERS[base].file).write_text(training_toml(base, Start(2, 1, 20), 1024))
    settings = {"prep.settings": f'{{"captions": {{"for": "{base}"}}}}'}
    pq.write_table(pa.Table.from_pylist([], COLUMNS.with_metadata(settings)), root / "manifest.parquet")
    return root


def file(name: str, data: bytes) -> Change:
    """One file more, its folder made."""

    def add(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)

    return add


def pair(name: str, data: bytes | None = None, caption: bytes = b"sylvie\n", extension: str = ".txt") -> Change:
    """One image more, and its caption."""
    image = file(name, picture() if data is None else data)
    return both(image, file(os.path.splitext(name)[0] + extension, caption))  # noqa: PTH122


def both(*changes: Change) -> Change:
    return lambda root: [change(root) for change in changes]


def edited(old: str, new: str) -> Change:
    """A clean dataset.toml with one thing changed."""
    assert old in TOML
    return file("dataset.toml", TOML.replace(old, new, 1).encode())


def with_subset(lines: str) -> Change:
    return file("dataset.toml", f"{TOML}\n[[datasets.subsets]]\n{lines}\n".encode())


def with_dataset(lines: str) -> Change:
    return file("dataset.toml", f"{TOML}\n[[datasets]]\n{lines}\n".encode())


def emptied(root: Path) -> None:
    for path in (root / "10_sylvie").iterdir():
        path.unlink()
    (root / "10_sylvie").rmdir()


# Rule -> what breaks it, in a clean folder with a dataset.toml.
CONFIG: dict[str, Change] = {
    "toml-unread": edited('".txt"', ".txt"),
    "toml-bom": file("dataset.toml", MARK + TOML.encode()),
    "toml-mixed-array": edited("resolution = 1024", "resolution = [1024, 1024.0]"),
    "toml-unknown-key": edited("num_repeats", "num_repeat"),
    "toml-type": edited("num_repeats = 10", 'num_repeats = "10"'),
    "toml-bool-number": edited("num_repeats = 10", "num_repeats = true"),
    "toml-no-image-dir": with_subset("num_repeats = 4"),
    "toml-no-dataset": with_dataset("resolution = 512"),
    "toml-no-resolution": edited("resolution = 1024", "batch_size = 1"),
    "toml-method": with_dataset('resolution = 512\n[[datasets.subsets]]\nmetadata_file = "meta.json"'),
    "dir-missing": with_subset('image_dir = "lost"'),
    "dir-twice": with_subset('image_dir = "10_sylvie"'),
    "repeats": edited("num_repeats = 10", "num_repeats = 0"),
    "text-cache": edited("[general]", "[general]\nshuffle_caption = true"),
    "bucket-step": edited("[general]", "[general]\nbucket_reso_steps = 50"),
    "bucket-step-model": edited("[general]", "[general]\nbucket_reso_steps = 32"),
    "bucket-min": edited("resolution = 1024", "resolution = [1024, 200]"),
    "bucket-max": edited("resolution = 1024", "resolution = [1024, 1600]"),
    "bucket-trap": edited("bucket_no_upscale = true", "bucket_no_upscale = false"),
    "bucket-off": edited("enable_bucket = true", "enable_bucket = false"),
    "folder-unlisted": pair("5_eileen/eileen-01.png"),
    "caption-trigger": pair("10_sylvie/other-01.png", caption=b"1girl, smile\n"),
    "trigger-tag": both(
        with_subset('image_dir = "5_smile"\nnum_repeats = 5\nclass_tokens = "Smile"'),
        pair("5_smile/smile-01.png", caption=b"smile, 1girl\n"),
    ),
    "caption-extension": edited('caption_extension = ".txt"\n', ""),
}
# Rule -> what breaks it, in a clean folder without. All but set-empty go together.
FOLDER: dict[str, Change] = {
    "set-empty": emptied,
    "folder-number": pair("eileen/eileen-01.png"),
    "folder-repeats": pair("0_eileen/eileen-01.png"),
    "image-loose": file("cover.png", picture()),
    "folder-empty": lambda root: (root / "5_nobody").mkdir(),
    "glob-bracket": pair("10_lucy [old]/lucy-01.png"),
    "stem-twice": file("10_sylvie/sylvie-01.jpg", picture(kind="JPEG")),
    "stem-prefix": pair("10_sylvie/sylvie-01_b.png"),
    "suffix-case": pair("10_sylvie/mixed-01.Png"),
    "image-ignored": pair("10_sylvie/moving-01.gif", picture(kind="GIF")),
    "image-plugin": pair("10_sylvie/newer-01.jxl"),
    "image-nested": pair("10_sylvie/more/below-01.png"),
    "caption-suffix": pair("10_sylvie/ending-01.png", extension=".caption"),
    "caption-two": both(pair("10_sylvie/two-01.png"), file("10_sylvie/two-01.caption", b"a girl who smiles\n")),
    "caption-none": file("10_/nameless-01.png", picture()),
    "caption-orphan": file("10_sylvie/orphan-01.txt", b"sylvie\n"),
    "caption-unread": pair("10_sylvie/latin-01.png", caption="sylvie, fiancée\n".encode("latin-1")),
    "caption-bom": pair("10_sylvie/mark-01.png", caption=MARK + b"sylvie, 1girl\n"),
    "caption-empty": pair("10_sylvie/empty-01.png", caption=b""),
    "caption-lines": pair("10_sylvie/lines-01.png", caption=b"sylvie, 1girl\nsmile\n"),
    "caption-separator": pair("10_sylvie/bars-01.png", caption=b"sylvie ||| 1girl\n"),
    "caption-braces": pair("10_sylvie/braces-01.png", caption=b"sylvie, {smile|frown}\n"),
    "caption-long": pair("10_sylvie/long-01.png", caption=b"sylvie" + b", smile" * 40 + b"\n"),
    "image-unread": pair("10_sylvie/page-01.jpg", b"<html>404</html>"),
    "image-rotated": pair("10_sylvie/turned-01.jpg", picture(kind="JPEG", orientation=6)),
    "image-alpha": pair("10_sylvie/clear-01.png", picture("RGBA")),
}


def anima(stem: str, text: str) -> tuple[str, Change]:
    return "anima", pair(f"kohya/10_sylvie/{stem}.png", caption=text.encode())


def prompted(root: Path) -> None:
    path = root / "kohya" / TRAINERS["lumina"].file
    path.write_text(path.read_text().replace('system_prompt = ""', 'system_prompt = "You are an assistant."'))
    (root / "kohya" / "10_sylvie" / "sylvie-02.txt").write_text("sylvie, a girl smiles.\n")


def shuffled(root: Path) -> None:
    path = root / "kohya" / TRAINERS["anima"].file
    changed = {"shuffle_caption = false": "shuffle_caption = true", "cache_text_encoder_outputs = true": ""}
    text = path.read_text()
    for old, new in changed.items():
        text = text.replace(old, new)
    path.write_text(text)


# Rule -> a base model, and what breaks it in a clean OUT for that model.
FOR_A_MODEL: dict[str, tuple[str, Change]] = {
    "sentence-torn": ("anima", shuffled),
    "caption-sentence": anima("tags-01", "safe, 1girl, sylvie, smile"),
    "caption-head": ("lumina", pair("kohya/10_sylvie/head-01.png", caption=b"sylvie, a girl smiles.\n")),
    "caption-head-twice": ("lumina", prompted),
    "caption-safety": anima("rated-01", "general, 1girl, sylvie. A girl smiles."),
    "caption-escaped": anima("slash-01", r"safe, 1girl, sylvie, star \(symbol\). A girl smiles."),
    "caption-cut": anima("long-01", "safe, 1girl, sylvie" + ", smile" * 300 + ". A girl smiles."),
}


def write_broken(root: Path, rule: str) -> Path:
    """A set with this one fault."""
    if rule in FOR_A_MODEL:
        base, change = FOR_A_MODEL[rule]
        change(clean_out(root, base))
    elif rule in CONFIG:
        CONFIG[rule](clean_config(root))
    else:
        FOLDER[rule](clean_folder(root))
    return root


def hostile_names(root: Path) -> None:
    """Names and things that are no honest image; Linux only."""
    folder = root / "10_sylvie"
    file('10_sylvie/-"quoted"\n\x1b[31m.png', picture())(root)
    (folder / os.fsdecode(b"\xff\xfe.png")).write_bytes(b"")
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "itself.png").symlink_to("itself.png")
    (folder / "lost.png").symlink_to("nowhere.png")


def write_all(root: Path) -> dict[str, Path]:
    """Every fault at once, as far as they can stand side by side. -> name -> what to call `prep lint` on."""
    config, folder, unread, empty = root / "config", root / "folder", root / "unread.toml", root / "empty"
    for name in ("10_sylvie", "5_eileen", "3_lucy", "2_vera"):
        pair(f"{name}/{name[2:].strip('_')}-01.png")(config)
    file("dataset.toml", MARK + EVERY_FAULT.encode())(config)
    clean_folder(folder)
    for rule, change in FOLDER.items():
        if rule != "set-empty":
            change(folder)
    hostile_names(folder)
    CONFIG["toml-unread"](root)
    (root / "dataset.toml").rename(unread)
    empty.mkdir()
    nameless = clean_config(root / "nameless")
    CONFIG["caption-trigger"](nameless)
    CONFIG["trigger-tag"](nameless)
    models = [
        clean_out(root / name, base) for name, base in (("anima", "anima"), ("lumina", "lumina"), ("twice", "lumina"))
    ]
    for rule, (base, change) in FOR_A_MODEL.items():
        change(root / ("twice" if rule == "caption-head-twice" else base))
    return {path.name: path for path in (config, folder, empty, nameless, unread, *models)}


def transcript(root: Path) -> str:
    """What `prep lint` says of every fault at once, before and after --fix."""
    from prep.cli.lint import command

    parts = []
    for name, path in write_all(root).items():
        parts += [f"$ prep lint broken/{name}", CliRunner().invoke(command, [str(path)]).output]
    path = write_all(root / "again")["folder"]
    lines = CliRunner().invoke(command, ["--fix", str(path)]).output.splitlines()
    parts += ["$ prep lint --fix broken/folder | tail -n 1", lines[-1], ""]
    return "\n".join(parts)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print(transcript(Path(temporary)), end="")
