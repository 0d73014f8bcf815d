"""Witnesses in a run: one that comes later judges again and draws nothing, and what none has seen is flagged."""

import pytest

from tests.support.witness_files import tiny_ccip, tiny_corrupted

pytest.importorskip("onnxruntime")
NONE = "generator.model=none"


def damage(tmp_path) -> str:
    return f"check.damage={tiny_corrupted(tmp_path / 'damage', threshold=0.5)}"


def test_what_no_witness_has_seen_is_flagged_and_a_witness_takes_the_flag_away(painted, tmp_path):
    before = painted.drawn()
    assert before and all("unwitnessed" in row["flags"] and row["check_damage"] is None for row in before)
    painted.run(f"check.identity={tiny_ccip(tmp_path / 'ccip', threshold=1.0)}")
    after = painted.drawn()
    assert {row["image_id"] for row in after} == {row["image_id"] for row in before}
    assert not any("unwitnessed" in row["flags"] for row in after)
    assert all(row["check_identity"] is not None and row["check_damage"] is None for row in after)
    assert painted.generator.drawn == []


@pytest.mark.parametrize("more", [(), (NONE,)], ids=["a run that may draw", "a run that draws nothing"])
def test_a_witness_that_comes_later_takes_damaged_pictures_out_and_says_what_it_measured(painted, tmp_path, more):
    before = {row["image_id"] for row in painted.drawn()}
    painted.run(damage(tmp_path), "augmentation.tries=1", *more)
    rows = [row for row in (*painted.drawn(), *painted.drawn("rejected")) if row["image_id"] in before]
    assert {row["image_id"] for row in rows} == before
    for row in rows:
        assert (row["check_damage"] >= 0.5) == (row["reason"] == "damaged") == (row["status"] == "rejected")
        assert row["file"].startswith("kohya/" if row["status"] == "kept" else "generated/")
    assert {row["reason"] for row in rows} == {"damaged", None}


def test_the_users_word_stands_against_a_witness(painted, tmp_path):
    keys = [f"{row['character']}/{row['image_id']}" for row in painted.drawn()]
    with painted.door() as edits:
        edits.accept(keys)
    painted.run(damage(tmp_path), NONE)
    assert {f"{row['character']}/{row['image_id']}" for row in painted.drawn()} == {*keys}


def test_another_run_asks_no_witness_again(painted, tmp_path, monkeypatch):
    from prep.witnesses.corrupted import Corrupted

    asked = []
    look = Corrupted.look
    monkeypatch.setattr(Corrupted, "look", lambda self, image: asked.append(1) or look(self, image))
    witness = damage(tmp_path)
    painted.run(witness, "augmentation.tries=1")
    count = len(asked)
    painted.run(witness, "augmentation.tries=1")
    assert count > 0 and len(asked) == count
