"""An image folder by the rules of datasets."""

import json
from pathlib import Path


def read(folder: Path) -> list[tuple[str, bytes]]:
    """(caption, image file) of every picture, by the rules of the format."""
    lines = (folder / "metadata.jsonl").read_bytes().decode().split("\n")
    rows = [json.loads(line) for line in lines if line]
    assert all(set(row) == {"file_name", "text"} for row in rows)
    return [(row["text"], (folder / row["file_name"]).read_bytes()) for row in rows]
