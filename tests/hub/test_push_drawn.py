"""A push of what a run really drew: diffusers' own classes (tiny), read back by a tagger that sees colours.

Some of what it draws is accepted and some is not: the fake tagger tells pictures apart by colour.
"""

import io
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from PIL import Image

from prep.taggers import TAGGERS
from tests.support.hub_server import LARGE
from tests.support.pictures import folder_of, tiny_checkpoint
from tests.support.pushing import WITH, apart, card, front, shard
from tests.support.runs import manifest, run_here
from tests.support.tiny import tiny_model

VARY = '[a]\noptions = [["smile"], ["outdoors"], ["^_^"], ["white_shirt"]]\n[b]\noptions = [["blue_hair"]]\n'
READ = """
import json
from datasets import load_dataset
found = {name: load_dataset("me/set", name, split="train") for name in ("default", "real", "generated")}
rows = {name: [{key: row[key] for key in ("image_id", "origin", "status", "prompt", "seed", "text")} for row in
               table.remove_columns("image")] for name, table in found.items()}
sizes = [row["image"].size for row in found["generated"]]
print(json.dumps({"rows": rows, "sizes": sizes}))
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """OUT of a run, and how its rows fall."""
    place = tmp_path_factory.mktemp("drawn")
    (place / "vary.toml").write_text(VARY)
    art, out = folder_of(place / "art", mira=4), place / "out"
    with pytest.MonkeyPatch.context() as patched:
        fake = replace(TAGGERS.members["file"], maker="tests.fakes:fake_tagger")
        patched.setitem(TAGGERS.members, "file", fake)
        run_here(art, out, tiny_checkpoint(place / "tagger.safetensors"), f"generator.model={tiny_model(place)}",
                 f"augmentation.vary={place / 'vary.toml'}", "check.bound=0.0", "thresholds.mode=fixed",
                 "thresholds.fixed=0.6", "consistency.per_character=1", "reconstruct.per_character=1")  # fmt: skip
    rows = manifest(out)
    accepted = [row for row in rows if row["origin"] == "augmentation" and row["status"] == "kept"]
    rejected = [row for row in rows if row["status"] == "rejected"]
    samples = [row for row in rows if row["origin"] in ("consistency", "reconstruct")]
    assert accepted and rejected and samples and all(row["status"] == "kept" for row in samples)
    return SimpleNamespace(out=out, rows=rows, accepted=accepted, rejected=rejected, samples=samples)


def ids(rows: list[dict]) -> list[str]:
    return sorted(row["image_id"] for row in rows)


def test_drawn_rows_come_back_in_their_own_config_and_rejected_ones_do_not(hub, push, tmp_path, drawn):
    done = push(drawn.out, *WITH)
    assert done.code == 0, done.err
    assert f"{len(drawn.accepted) + len(drawn.samples)} of them drawn" in done.out
    read = apart([sys.executable, "-c", READ], hub, tmp_path)
    assert read.returncode == 0, read.stderr
    back = json.loads(read.stdout.splitlines()[-1])
    real = [row for row in drawn.rows if row["origin"] == "source"]
    assert ids(back["rows"]["real"]) == ids(real)
    assert ids(back["rows"]["generated"]) == ids(drawn.accepted + drawn.samples)
    assert ids(back["rows"]["default"]) == ids(real + drawn.accepted)
    by_id = {row["image_id"]: row for row in drawn.rows}
    for row in back["rows"]["generated"]:
        made = by_id[row["image_id"]]
        assert row["status"] == "kept" and (row["prompt"], row["seed"]) == (made["prompt"], made["seed"])
        assert row["text"] == made["caption"] and row["prompt"]
    assert back["sizes"] == [[64, 64]] * len(back["rows"]["generated"])
    assert not set(ids(drawn.rejected)) & {row["image_id"] for rows in back["rows"].values() for row in rows}


def test_rejected_drawn_rows_come_when_asked_for_with_their_reasons(hub, push, drawn):
    assert push(drawn.out, *WITH, "--with-rejected").code == 0
    rows = shard(hub, "data/rejected-00000.parquet")
    assert ids(rows) == ids(drawn.rejected) and {row["reject_reason"] for row in rows} == {"copy"}
    assert "rejected" in [each["config_name"] for each in front(card(hub))["configs"]]


def test_no_prompt_that_a_drawn_picture_carries_crosses_in_its_file(hub, push, drawn):
    for row in drawn.samples + drawn.rejected:
        with Image.open(drawn.out / row["file"]) as image:
            assert row["prompt"] in image.info["parameters"] and "prep" in image.info
    assert push(drawn.out, *WITH, "--with-rejected").code == 0
    crossed = b"".join(hub.crossed)
    assert not [chunk for chunk in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"parameters") if chunk in crossed]
    tables = [pq.read_table(io.BytesIO(data)) for oid, data in hub.blobs.items() if len(oid) == LARGE]
    pictures = [row["image"]["bytes"] for table in tables for row in table.to_pylist()]
    assert len(pictures) == len([row for row in drawn.rows if row["file"]])
    for data in pictures:
        with Image.open(io.BytesIO(data)) as image:
            assert image.info == {}
    assert str(drawn.out.parent).encode() not in crossed


def test_a_second_push_of_drawn_rows_sends_nothing(hub, push, drawn):
    push(drawn.out, *WITH)
    commits = len(hub.repos["me/set"].commits)
    assert "nothing was sent" in push(drawn.out, *WITH).out and len(hub.repos["me/set"].commits) == commits
