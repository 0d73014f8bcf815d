"""A finished set, made by hand: a manifest and kohya/ as a run leaves them, without the run."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from prep.dataset.finished import read_set
from prep.dataset.manifest import COLUMNS
from prep.formats import load_format
from prep.formats._view import View
from prep.ledger import Ledger
from prep.names import slugs
from prep.types import Summary
from tests.support.pictures import drawing, encoded

FORMS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}


class Maker:
    """Adds pictures to OUT/kohya and rows to its manifest."""

    def __init__(self, out: Path, resolution: int = 512) -> None:
        self.out, self.resolution = out, resolution
        self.rows: list[dict] = []
        (out / ".prep").mkdir(parents=True)
        (out / "kohya").mkdir()

    def add(self, character: str, caption: str, form: str = "png", repeats: int = 10, drawn: bool = False) -> Path:
        slug = slugs([character])[character]
        folder = self.out / "kohya" / f"{repeats}_{slug}{'-drawn' if drawn else ''}"
        folder.mkdir(exist_ok=True)
        data = encoded(drawing(len(self.rows), 32, 48), FORMS[form])
        digest = hashlib.sha256(data).hexdigest()
        path = folder / f"{slug}-{digest[:12]}.{form}"
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(caption or "\n", newline="")
        self.rows.append(
            {
                "image_id": digest,
                "file": str(path.relative_to(self.out)),
                "source": None if drawn else f"{len(self.rows)}.{form}",
                "character": character,
                "origin": "augmentation" if drawn else "source",
                "status": "kept",
                "width": 32,
                "height": 48,
                "caption": caption,
            }
        )
        return path

    def finish(self, base: str = "") -> Path:
        """base: the model that its captions are for."""
        shaping = {"export": {"resolution": self.resolution}} | ({"captions": {"for": base}} if base else {})
        settings = json.dumps(shaping).encode()
        rows = pa.Table.from_pylist(self.rows, COLUMNS.with_metadata({"prep.settings": settings}))
        pq.write_table(rows, self.out / "manifest.parquet")
        return self.out


def small_set(out: Path) -> Path:
    """Two characters, three formats, one drawn picture, one rejected, one sample."""
    made = Maker(out)
    made.add("Mira", "mira, 1girl, solo, smile")
    made.add("Mira", "mira, 1girl, white shirt", "jpg")
    made.add("Mira", "mira, 1girl, outdoors", drawn=True, repeats=2)
    made.add("test", "test, 1boy, solo", "webp", repeats=30)
    made.rows += [
        {**made.rows[0], "status": "rejected", "file": None},
        {**made.rows[0], "origin": "consistency", "file": "generated/mira/consistency/x.png"},
    ]
    return made.finish()


def export(out: Path, name: str) -> tuple[Path, Summary, list[str]]:
    """-> (the folder of the view, what was done, what was told)."""
    found = read_set(out)
    view = View(found, name)
    told = load_format(name)(found, view)
    return view.folder, view.write(Ledger(out / ".prep" / "ledger"), lambda what, items, total: iter(items)), told


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def stamps(folder: Path) -> dict[str, tuple]:
    """Tells whether anything was written since."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_ino, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


def captions(out: Path) -> Mapping[str, str]:
    """Stem -> what the .txt in kohya/ says."""
    return {path.stem: path.read_text().strip() for path in (out / "kohya").glob("*/*.txt")}
