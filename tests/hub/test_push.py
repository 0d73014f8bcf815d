"""Publishing, with the real client on both ends and a small hub on loopback between them."""

import hashlib
import io
import json
import re
import shutil
import socket
import sys

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from prep.hub.rows import Source
from prep.hub.shards import Shards
from tests.support.hub_server import LARGE, TOKEN
from tests.support.pictures import folder_of
from tests.support.published import CANARIES, published, rows_of
from tests.support.pushing import HOSTILE, WITH, apart, card, shard
from tests.support.runs import run_here

READ = """
import hashlib, json, sys
import numpy as np
from datasets import get_dataset_config_names, load_dataset
rows = load_dataset("me/set")["train"]
drawn = load_dataset("me/set", "generated", split="train")
flow = load_dataset("me/set", "real", split="train", streaming=True)
pixels = lambda row: hashlib.sha256(np.asarray(row["image"].convert("RGB")).tobytes()).hexdigest()
print(json.dumps({
    "configs": get_dataset_config_names("me/set"), "columns": rows.column_names, "texts": rows["text"][:],
    "drawn": drawn["origin"][:], "prompts": drawn["prompt"][:], "tags": rows[0]["tags"],
    "pixels": {row["image_id"]: pixels(row) for row in rows}, "streamed": [pixels(row) for row in flow],
}))
"""


def test_what_is_pushed_comes_back_by_load_dataset_and_by_streaming(hub, push, tmp_path):
    out = published(tmp_path / "out", ("mira", "fate/stay_night"))
    done = push(out, *WITH)
    assert done.code == 0 and done.out.splitlines()[-1] == f"{hub.url}/datasets/me/set"
    read = apart([sys.executable, "-c", READ], hub, tmp_path)
    assert read.returncode == 0, read.stderr
    back = json.loads(read.stdout.splitlines()[-1])
    assert back["configs"] == ["default", "real", "generated"]
    assert back["columns"][:2] == ["image", "text"] and "source" not in back["columns"]
    kept = [row for row in rows_of(out) if row["status"] == "kept"]
    trained = [row for row in kept if row["origin"] in ("source", "augmentation")]
    assert sorted(back["texts"]) == sorted(row["caption"] for row in trained)
    assert sorted(back["drawn"]) == ["augmentation"] * 2 + ["consistency"] * 2 and set(back["prompts"]) == {"a smile"}
    assert back["tags"] == ["1girl", "blue_hair", "^_^"]
    for row in trained:
        with Image.open(out / row["file"]) as image:
            pixels = hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()
        assert back["pixels"][row["image_id"]] == pixels
    assert set(back["streamed"]) < set(back["pixels"].values()) and len(back["streamed"]) == 6


def test_a_set_that_prep_made_can_be_pushed(hub, push, tmp_path, tiny_tagger):
    run_here(folder_of(tmp_path / "art", mira=2), tmp_path / "out", tiny_tagger)
    assert push(tmp_path / "out", *WITH).code == 0
    assert [row["character"] for row in shard(hub, "data/real-00000.parquet")] == ["mira", "mira"]


def test_a_second_push_sends_nothing_and_makes_no_commit(hub, push, tmp_path):
    out = published(tmp_path / "out")
    push(out, *WITH)
    commits, asked = len(hub.repos["me/set"].commits), len(hub.asked)
    done = push(out, "--with-images", "--yes")
    assert done.code == 0 and "nothing was sent" in done.out
    assert len(hub.repos["me/set"].commits) == commits == 2
    assert not [line for line, _ in hub.asked[asked:] if not line.startswith("GET")]


def test_shards_that_git_keeps_itself_are_not_sent_again(hub, push, tmp_path):
    hub.regular = True
    out = published(tmp_path / "out")
    assert push(out, *WITH).code == 0 and len(shard(hub, "data/real-00000.parquet")) == 3
    assert "nothing was sent" in push(out, *WITH).out and not hub.count("^PUT")


def test_the_cards_own_code_makes_a_folder_to_train_with(hub, push, tmp_path):
    push(published(tmp_path / "out"), *WITH)
    code = re.search(r"```python\n(.*?)```", card(hub), re.S)[1]
    done = apart([sys.executable, "-c", code], hub, tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = sorted(path.suffix for path in (tmp_path / "train").iterdir())
    assert made == [".jpg", ".png", ".png", ".txt", ".txt", ".txt", ".txt", ".webp"]
    assert (tmp_path / "train" / "000000.txt").read_text() == "mira, 1girl, blue hair, ^ ^"


def test_without_pictures_the_cards_own_code_puts_captions_beside_those_of_their_owner(hub, push, tmp_path):
    out = published(tmp_path / "out")
    push(out, "--yes", "--license", "mit")
    (tmp_path / "pictures" / "below").mkdir(parents=True)
    for number, row in enumerate(row for row in rows_of(out) if row["file"]):
        picture = out / row["file"]
        shutil.copy(picture, tmp_path / "pictures" / "below" / f"{number}{picture.suffix}")
    code = re.search(r"```python\n(.*?)```", card(hub), re.S)[1]
    done = apart([sys.executable, "-c", code], hub, tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    texts = sorted(path.read_text() for path in (tmp_path / "pictures").rglob("*.txt"))
    assert texts == ["mira, 1girl, blue hair, ^ ^"] * 3 + ["mira, smile"]  # what was rejected, or a sample, has none


def test_the_same_set_elsewhere_gives_the_same_bytes(hub, push, tmp_path):
    push(published(tmp_path / "one"), *WITH)
    before = dict(hub.repos["me/set"].files)
    assert "nothing was sent" in push(published(tmp_path / "other" / "place"), *WITH).out
    assert hub.repos["me/set"].files == before


def test_an_edited_caption_sends_one_shard(hub, push, tmp_path):
    out = published(tmp_path / "out")
    push(out, *WITH)
    next(iter((out / "kohya" / "2_mira").glob("*.txt"))).write_text("mira, by hand", "utf-8-sig")
    puts = hub.count("^PUT")
    assert push(out, "--with-images", "--yes").code == 0
    assert hub.count("^PUT") == puts + 1
    assert "mira, by hand" in [row["text"] for row in shard(hub, "data/real-00000.parquet")]
    assert len(list((out / ".prep" / "push").glob("*.parquet"))) == 3  # the old one is gone


def test_without_images_only_the_manifest_crosses(hub, push, tmp_path):
    out = published(tmp_path / "out")
    assert push(out, "--yes", "--license", "mit").code == 0
    rows = shard(hub, "data/real-00000.parquet")
    assert len(rows) == 3 and "image" not in rows[0] and list(rows[0])[0] == "text"
    assert b"\x89PNG" not in b"".join(hub.crossed)


def test_pictures_that_would_be_taken_out_are_told_of(hub, push, tmp_path):
    out = published(tmp_path / "out")
    push(out, *WITH)
    assert "are removed" in push(out, "--yes").out


def test_rejected_rows_come_only_when_asked_for(hub, push, tmp_path):
    out = published(tmp_path / "out")
    push(out, *WITH)
    assert "data/rejected-00000.parquet" not in hub.files("me/set")
    push(out, "--with-rejected", *WITH)
    assert {row["reject_reason"] for row in shard(hub, "data/rejected-00000.parquet")} == {"off_character", "too_small"}
    push(out, *WITH)
    assert "data/rejected-00000.parquet" not in hub.files("me/set")


def test_a_picture_taken_out_by_hand_is_left_out(hub, push, tmp_path):
    out = published(tmp_path / "out")
    next(iter((out / "kohya" / "2_mira").glob("*.jpg"))).unlink()
    done = push(out, *WITH)
    assert "1 picture is no longer" in done.out and len(shard(hub, "data/real-00000.parquet")) == 2


def test_a_file_outside_the_set_is_not_read(hub, push, tmp_path):
    out = published(tmp_path / "out", file="../secret.png")
    done = push(out, *WITH)
    assert done.code == 2 and "outside" in done.err and hub.asked == []


def test_no_canary_crosses_and_the_token_goes_where_it_must(hub, push, tmp_path):
    out = published(tmp_path / "canary-folder", ("mira", "noa"), count=6)
    done = push(out, "--with-rejected", *WITH)
    assert done.code == 0
    crossed = b"".join(hub.crossed)
    tables = [pq.read_table(io.BytesIO(data)) for oid, data in hub.blobs.items() if len(oid) == LARGE]
    crossed += repr([(table.to_pylist(), table.schema.metadata) for table in tables]).encode()
    for canary in (*CANARIES, str(tmp_path), socket.gethostname() * (len(socket.gethostname()) > 4), "/home/", "/root"):
        assert not canary or canary.encode() not in crossed, canary
    pictures = [row["image"] for table in tables for row in table.to_pylist() if row["image"]]
    assert len(pictures) == 18 and not [each for each in pictures if b"Exif" in each["bytes"] or "/" in each["path"]]
    for line, shown in hub.asked:
        assert shown == (None if line.startswith("PUT") else f"Bearer {TOKEN}"), line
    assert crossed.count(TOKEN.encode()) == sum(bool(shown) for _, shown in hub.asked)
    kept = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert TOKEN.encode() not in kept


def test_hostile_names_come_back_as_they_were(tmp_path):
    out = published(tmp_path / "out", tuple(HOSTILE), count=1, drawn=False, tags=tuple(HOSTILE))
    source = Source(out, rejected=False)
    shards = Shards(source, pictures=True)
    shards.plan(source.items())
    shards.write(lambda _, items, __: items)
    rows = [row for each in shards.shards for row in pq.read_table(each.path).to_pylist()]
    assert {row["character"] for row in rows} == set(HOSTILE) and rows[0]["tags"] == HOSTILE
    assert not [row for row in rows if "/" in row["image"]["path"] or ".." in row["file"]]


def test_shards_end_where_the_rows_say(tmp_path, monkeypatch):
    """A picture more changes one shard, not all that follow."""
    monkeypatch.setattr("prep.hub.shards.LEAST_BYTES", 8_000)
    monkeypatch.setattr("prep.hub.shards.CUT", 4)
    plans = []
    for count in (60, 61):
        source = Source(published(tmp_path / str(count), count=count, drawn=False), rejected=False)
        shards = Shards(source, pictures=False)
        shards.plan(source.items())
        plans.append({each.key for each in shards.shards})
    assert len(plans[0]) > 5 and len(plans[0] & plans[1]) >= len(plans[0]) - 1
