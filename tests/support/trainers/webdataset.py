"""Shards as the webdataset library reads them."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path


def samples(folder: Path, *stages: Callable) -> list[dict]:
    """Of all shards, by the webdataset library. They are opened here, since it leaves them open."""
    import webdataset as wds

    with ExitStack() as files:
        shards = [
            {"url": str(path), "stream": files.enter_context(path.open("rb"))} for path in sorted(folder.glob("*.tar"))
        ]
        grouped = wds.tariterators.group_by_keys(wds.tariterators.tar_file_expander(shards))
        return list(wds.DataPipeline(lambda: grouped, *stages))


def read(folder: Path) -> list[tuple[str, bytes]]:
    """(caption, image file) of every sample."""
    found = samples(folder)
    assert all({"txt", "json"} < set(sample) for sample in found)
    assert len({sample["__key__"] for sample in found}) == len(found)
    return [(sample["txt"].decode(), sample.get("png") or sample["jpg"]) for sample in found]
