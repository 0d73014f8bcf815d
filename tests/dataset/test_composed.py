"""What the last manifest says of unchanged captions is taken over, and never makes the next one another."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prep.dataset import composed
from prep.ledger import Ledger
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import manifest, older, run_here

LESS = "thresholds.fixed=0.35"


@pytest.fixture
def made(tmp_path, tiny_tagger):
    art = folder_of(tmp_path / "art", mira=5, noa=2)
    (art / "prep.toml").write_text('[generator]\nmodel = "none"\n[thresholds]\nmode = "fixed"\n')
    older(art)
    run_here(art, tmp_path / "out", tiny_tagger)
    return art, tmp_path / "out", tiny_tagger


@pytest.fixture
def count(monkeypatch):
    """The captions that were composed for the manifest: the sheets compose a few on their own."""
    columns, found = composed._columns, []

    def counted(captions):
        found.extend(captions)
        return columns(captions)

    monkeypatch.setattr(composed, "_columns", counted)
    return found


def anew(art: Path, tmp_path: Path, tagger: Path, *sets: str) -> pa.Table:
    """The manifest of a set that is made of the same pictures with nothing remembered."""
    run_here(art, tmp_path / "another", tagger, *sets)
    return table(tmp_path / "another")


def table(out: Path) -> pa.Table:
    """All of the manifest but the folders' repeats, which stay as they were at first."""
    return pq.read_table(out / "manifest.parquet").drop_columns("file")


def test_an_unchanged_caption_is_not_composed_again_for_the_manifest(made, count):
    before = (made[1] / "manifest.parquet").read_bytes()
    run_here(*made)
    assert not count
    assert (made[1] / "manifest.parquet").read_bytes() == before


def test_a_new_picture_alone_is_composed_whatever_its_place(made, count, tmp_path):
    art, out, tagger = made
    for number in range(4):
        save(drawing(50 + number), art / "mira" / f"new{number}.png")
        (art / "noa" / f"{number:03d}.png").unlink(missing_ok=True)
    save(drawing(60), art / "noa" / "one.png")
    run_here(art, out, tagger)
    assert len(count) == 5
    assert table(out) == anew(art, tmp_path, tagger)


def test_rows_of_several_groups_are_put_together(made, monkeypatch, tmp_path):
    monkeypatch.setattr("prep.dataset.manifest.GROUP_ROWS", 2)
    art, out, tagger = made
    run_here(art, out, tagger, LESS)
    (art / "mira").rename(art / "zoe")
    run_here(art, out, tagger, LESS)
    assert pq.ParquetFile(out / "manifest.parquet").num_row_groups == 4
    assert table(out) == anew(art, tmp_path, tagger, LESS)


def test_other_settings_compose_all_again(made, count, tmp_path):
    art, out, tagger = made
    run_here(art, out, tagger, LESS)
    assert count
    assert table(out) == anew(art, tmp_path, tagger, LESS)


def test_what_a_person_wrote_into_the_manifest_is_not_taken_over(made, tmp_path):
    art, out, tagger = made
    path = out / "manifest.parquet"
    before, read = path.read_bytes(), pq.read_table(path)
    pq.write_table(read.set_column(read.schema.get_field_index("tags"), "tags", read["tags"][::-1]), path)
    run_here(art, out, tagger)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "damage", [{"manifest": "0" * 64}, {"version": "0.0.1"}, {"proofs": bytes(8 * 7)}, {"proofs": None}]
)
def test_proofs_of_another_manifest_or_prep_do_not_count(made, count, damage):
    before = (made[1] / "manifest.parquet").read_bytes()
    ledger = Ledger.begin(made[1] / ".prep" / "ledger")
    (row,) = ledger.rows(composed.PROOFS).values()
    ledger.write(composed.PROOFS, [row | damage])
    run_here(*made)
    assert len(count) == len(manifest(made[1]))
    assert (made[1] / "manifest.parquet").read_bytes() == before
