"""Parquet shards of a set, kept in OUT/.prep/push/: the same rows give the same bytes, written and hashed once.

A shard's key is a hash of its rows and of the size, time and inode of its pictures. The rows themselves decide where a
shard ends, so that a new picture changes one shard and not all later ones.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from prep.dataset.linked import picture_bytes
from prep.dataset.strip import stripped
from prep.documents import read_json
from prep.errors import ImageError, StoppedError
from prep.files import LONGEST_BYTES, cannot_write, real_folder, sweep, write_whole
from prep.hub.rows import COLUMNS, FAMILIES, Item, Source
from prep.system import remove

VERSION = 1  # of the layout: a new version rewrites all shards
MOST_BYTES = 400_000_000  # of a shard; the hub prefers less than 500 MB
LEAST_BYTES = 128_000_000  # of a shard; from here on, one row in CUT begins the next
CUT = 16
ROW_BYTES = 2_000  # estimate for a row without its picture
GROUP_ROWS = 100  # as `datasets` writes pictures; a viewer reads one group at a time
GROUP_BYTES = 32_000_000
WRITTEN_WITH = ("pyarrow", "datasets", "pillow")

Progress = Callable[[str, Iterable[Any], int], Iterator[Any]]  # (what, items, how many) -> the items


@dataclass
class Shard:
    family: str
    number: int
    rows: int = 0
    key: str = ""
    path: Path | None = None
    sha256: str = ""
    bytes: int = 0  # of the file
    num_bytes: int = 0  # of the table in memory

    @property
    def name(self) -> str:
        """Its path in the repo."""
        return f"data/{self.family}-{self.number:05d}.parquet"


class Shards:
    """Plans the shards of a source, and writes the missing ones."""

    def __init__(self, source: Source, pictures: bool) -> None:
        self.source, self.pictures = source, pictures
        self.folder = source.out / ".prep" / "push"
        self.index = _read_index(self.folder / "index.json")
        self.shards: list[Shard] = []
        self._of_row: list[int] = []  # the shard of each row, in the source's order
        self._open: dict[str, tuple[int, Any, int]] = {}

    def plan(self, items: Iterable[Item]) -> None:
        """Decide which row goes into which shard. Reads no picture."""
        numbers = dict.fromkeys(FAMILIES, 0)
        for item in items:
            size = ROW_BYTES + (item.stamp[0] if self.pictures and item.stamp else 0)
            digest = item.digest
            if item.family in self._open:
                at, hashed, filled = self._open[item.family]
                if filled + size > MOST_BYTES or filled >= LEAST_BYTES and digest[0] % CUT == 0:
                    del self._open[item.family]
            if item.family not in self._open:
                at, hashed, filled = len(self.shards), hashlib.sha256(self._layout()), 0
                self.shards.append(Shard(item.family, numbers[item.family]))
                numbers[item.family] += 1
            hashed.update(digest + (repr(item.stamp).encode() if self.pictures else b""))
            self._open[item.family] = (at, hashed, filled + size)
            self.shards[at].rows += 1
            self.shards[at].key = hashed.hexdigest()[:32]
            self._of_row.append(at)
        self._open.clear()
        for shard in self.shards:
            self._reuse(shard)

    @property
    def missing(self) -> int:
        """Rows whose shard has not been written yet."""
        return sum(shard.rows for shard in self.shards if not shard.path)

    def write(self, progress: Progress) -> None:
        """Write the missing shards, and remove those that are no longer used."""
        if self.missing:
            self._write_missing(progress)
        used = {shard.key for shard in self.shards}
        if any(key not in used for key in self.index["shards"]):
            self.index["shards"] = {key: kept for key, kept in self.index["shards"].items() if key in used}
            self._keep_index()
        for path in self.folder.glob("*.parquet"):
            if path.stem not in used:
                with suppress(OSError):
                    remove(path)

    def features(self) -> list[dict]:
        """The features as a card's YAML lists them."""
        kept = self.index["features"].get(self._features_key())
        if kept is None:  # kept in the index: importing datasets costs more than the rest of a second push
            kept = _yaml_of(features_of(self.pictures))
            self.index["features"][self._features_key()] = kept
            self._keep_index()
        return kept

    def _write_missing(self, progress: Progress) -> None:
        try:
            real_folder(self.folder.parent, self.folder.name)
        except OSError as error:
            raise cannot_write(self.folder, error) from None
        sweep(self.folder)
        schema = features_of(self.pictures).arrow_schema  # with the metadata by which a reader recognises images
        rows = progress("encode", self._missing_rows(), self.missing)
        for at, group in groupby(rows, key=lambda row: row[0]):
            self._write(self.shards[at], (item for _, item in group), schema)

    def _missing_rows(self) -> Iterator[tuple[int, Item]]:
        """(number of the shard, item) for every missing shard, one shard after the other."""
        todo = {at for at, shard in enumerate(self.shards) if not shard.path}
        for family in FAMILIES:
            if any(self.shards[at].family == family for at in todo):
                for at, item in zip(self._of_row, self.source.items(), strict=False):
                    if at in todo and self.shards[at].family == family:
                        yield at, item

    def _write(self, shard: Shard, items: Iterable[Item], schema: Any) -> None:
        hashed, path = hashlib.sha256(self._layout()), self.folder / f"{shard.key}.parquet"
        written = {"sha256": "", "bytes": 0, "num_bytes": 0}

        def stream(target: Path) -> None:
            import pyarrow as pa
            import pyarrow.parquet as pq

            with target.open("wb") as file:
                sink = _Hashing(file)
                with pq.ParquetWriter(sink, schema, **_pinned(schema)) as writer:
                    for rows in self._groups(items, hashed):
                        table = pa.Table.from_pylist(rows, schema)
                        writer.write_table(table)
                        written["num_bytes"] += table.nbytes
            written["sha256"], written["bytes"] = sink.digest.hexdigest(), sink.tell()

        write_whole(path, stream)
        if hashed.hexdigest()[:32] != shard.key:
            remove(path)
            raise StoppedError(f"{self.source.out} changed while prep was running", hint="push again")
        self.index["shards"][shard.key] = {**written, "mark": _stamp(path)}
        self._keep_index()
        self._reuse(shard)

    def _groups(self, items: Iterable[Item], hashed: Any) -> Iterator[list[dict]]:
        rows, filled = [], 0
        for item in items:
            hashed.update(item.digest + (repr(item.stamp).encode() if self.pictures else b""))
            row = dict(item.values)
            if self.pictures:
                row["image"] = _image(item)
                filled += len(row["image"]["bytes"]) if row["image"] else 0
            rows.append(row)
            if len(rows) == GROUP_ROWS or filled >= GROUP_BYTES:
                yield rows
                rows, filled = [], 0
        if rows:
            yield rows

    def _layout(self) -> bytes:
        """What every shard's bytes depend on, apart from its rows."""
        return repr((VERSION, self.pictures, [(each.name, each.kind) for each in COLUMNS], _versions())).encode()

    def _features_key(self) -> str:
        return hashlib.sha256(self._layout()).hexdigest()[:16]

    def _reuse(self, shard: Shard) -> None:
        """Fill in the file of a shard that was written before and has not changed since."""
        kept, path = self.index["shards"].get(shard.key), self.folder / f"{shard.key}.parquet"
        try:
            if kept and _stamp(path) == kept["mark"]:
                shard.path, shard.sha256 = path, kept["sha256"]
                shard.bytes, shard.num_bytes = kept["bytes"], kept["num_bytes"]
        except (OSError, KeyError, TypeError):  # missing, or an index that prep did not write
            pass

    def _keep_index(self) -> None:
        with suppress(OSError):
            real_folder(self.folder.parent, self.folder.name)
        write_whole(self.folder / "index.json", json.dumps(self.index, indent=1).encode())


class _Hashing(io.RawIOBase):
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest, self.size = file, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.file.write(data)
        self.size += memoryview(data).nbytes
        return memoryview(data).nbytes

    def tell(self) -> int:
        return self.size


def features_of(pictures: bool) -> Any:
    """datasets.Features: image and text first."""
    from datasets import Features, Image, List, Value

    found = {"image": Image()} if pictures else {}
    for column in COLUMNS:
        inner = Value(column.kind.removeprefix("list:"))
        found[column.name] = List(inner) if column.kind.startswith("list:") else inner
    return Features(found)


def _yaml_of(features: Any) -> list[dict]:
    from datasets import DatasetInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    data = DatasetCardData()
    DatasetInfosDict({"default": DatasetInfo(features=features)}).to_dataset_card_data(data)
    return data.to_dict()["dataset_info"]["features"]


def _image(item: Item) -> dict | None:
    """A value of datasets' Image: the bytes, and a file name without a folder."""
    if not item.picture:
        return None
    try:
        data, suffix = stripped(picture_bytes(item.picture, item.values["image_id"]))
    except OSError as error:
        raise StoppedError(f"{item.picture} cannot be read: {error.strerror}", hint="push again") from None
    except ImageError as error:
        raise StoppedError(f"{item.picture} cannot be published: {error.message}", hint="run prep again") from None
    return {"bytes": data, "path": f"{item.picture.stem}.{suffix}"}


def _pinned(schema: Any) -> dict[str, Any]:
    """Explicit writer settings: a new pyarrow default must not change bytes. Pictures are already compressed."""
    leaves = [f"{field.name}.list.element" if _is_list(field) else field.name for field in schema]
    leaves = [leaf for leaf in leaves if leaf != "image"]
    pictures = ["image.bytes", "image.path"] if "image" in schema.names else []
    return {
        "version": "2.6",
        "data_page_version": "1.0",
        "compression": {leaf: "zstd" for leaf in leaves} | {leaf: "none" for leaf in pictures},
        "compression_level": {leaf: 3 for leaf in leaves},
        "use_dictionary": leaves,
        "write_statistics": leaves,  # without pictures: statistics would hold another copy of the bytes
    }


def _is_list(field: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_list(field.type)


def _versions() -> list[str]:
    return [version(name) for name in WRITTEN_WITH]


def _stamp(path: Path) -> list[int]:
    found = path.lstat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _read_index(path: Path) -> dict[str, dict]:
    try:
        kept = read_json(path, LONGEST_BYTES)
        return {"shards": dict(kept["shards"]), "features": dict(kept["features"])}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {"shards": {}, "features": {}}
