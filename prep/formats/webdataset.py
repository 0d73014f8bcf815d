"""WebDataset: tar shards of image, caption and facts, the same bytes for the same set.

JPEG and PNG are in separate shards, unchanged except for metadata: `datasets` wants the same kinds of members in all
shards that it reads together. Samples are sorted by key, which is a hash: characters are mixed, and a new picture does
not reorder the others.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

from prep.dataset.finished import FinishedSet, Picture
from prep.formats._clean import Cleaner, png_of, stamp
from prep.formats._view import View

MOST_PICTURES = 1000  # per shard
MOST_BYTES = 500_000_000

Sample = tuple[Picture, dict]


def lay(found: FinishedSet, view: View) -> list[str]:
    samples: dict[str, list[Sample]] = {"jpg": [], "png": []}
    for group in found.groups:
        for picture in group.pictures:
            facts = {
                "character": picture.character,
                "origin": picture.origin,
                "image_id": picture.image_id,
                "width": picture.width,
                "height": picture.height,
                "repeats": group.repeats,  # from kohya/: how often to show it per epoch
            }
            samples["jpg" if view.cleaner.look(picture.path).suffix == ".jpg" else "png"].append((picture, facts))
    for kind, members in samples.items():
        members.sort(key=lambda sample: sample[0].key)
        for number, shard in enumerate(_shards(members)):
            made_of = _made_of(shard, view.cleaner)
            view.made(f"{kind}-{number:06d}.tar", made_of, partial(_write, shard, kind, view.cleaner))
    there = [kind for kind, members in samples.items() if members]
    view.index("README.md", _card(there).encode())
    return [f'load_dataset("{view.folder}", "{kind}")' for kind in there]


def _shards(samples: list[Sample]) -> Iterator[list[Sample]]:
    shard: list[Sample] = []
    size = 0
    for sample in samples:
        weight = sample[0].path.stat().st_size
        if shard and (len(shard) == MOST_PICTURES or size + weight > MOST_BYTES):
            yield shard
            shard, size = [], 0
        shard.append(sample)
        size += weight
    if shard:
        yield shard


def _made_of(shard: list[Sample], cleaner: Cleaner) -> str:
    content = [
        [picture.key, picture.group, picture.caption, facts, _kept(picture.path, cleaner)] for picture, facts in shard
    ]
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _kept(path: Path, cleaner: Cleaner) -> str:
    """Identifies what is kept of the file."""
    clean = cleaner.look(path)
    return stamp(path) if clean.same else f"{stamp(path)} {clean.sha256}"


def _write(shard: list[Sample], kind: str, cleaner: Cleaner, path: Path) -> None:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for picture, facts in shard:
            key = f"{picture.group}-{picture.key}"
            readable = cleaner.look(picture.path).suffix == f".{kind}"
            _add(tar, f"{key}.{kind}", cleaner.data(picture.path) if readable else png_of(picture.path))
            _add(tar, f"{key}.txt", picture.caption.encode())
            _add(tar, f"{key}.json", json.dumps(facts, ensure_ascii=False, sort_keys=True).encode())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """A member without time, owner or machine."""
    member = tarfile.TarInfo(name)  # time 0, owner 0, mode 644
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _card(kinds: list[str]) -> str:
    """Tells `datasets` which shards belong together."""
    configs = "".join(
        f'- config_name: {kind}\n  data_files:\n  - split: train\n    path: "{kind}-*.tar"\n' for kind in kinds
    )
    return f"---\nconfigs:\n{configs}---\nMade by prep. Each sample: image, .txt with the caption, .json with facts.\n"
