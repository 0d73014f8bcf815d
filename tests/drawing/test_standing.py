"""What was accepted once stays, also when a run draws nothing: until its parent goes, or a person rejects it."""

import json
from pathlib import Path

import pytest

from prep.pipeline.renamed import followed
from tests.support.person import tags
from tests.support.pictures import drawing, save
from tests.support.runs import tree

NONE = "generator.model=none"


def images(rows) -> set[str]:
    return {row["image_id"] for row in rows}


def test_a_run_that_draws_nothing_leaves_everything_as_it_was(painted, capsys):
    before = tree(painted.out)
    for _ in range(2):
        painted.run(NONE)
        now = tree(painted.out)
        assert {name for name in before if before[name] != now.get(name)} <= {"manifest.parquet"}
        assert set(now) == set(before)
    assert "pictures that were drawn before stay as they are" in capsys.readouterr().out
    assert painted.generator.drawn == [] and len(painted.drawn()) >= 2
    painted.run()
    assert tree(painted.out) == before and painted.generator.drawn == []


def test_their_captions_follow_the_settings_and_keep_what_was_edited(painted):
    row = painted.drawn()[0]
    path = (painted.out / row["file"]).with_suffix(".txt")
    path.write_text(f"{path.read_text()}, red scarf")
    painted.run(NONE, "thresholds.fixed=0.3")
    assert "red scarf" in tags(path) and len(tags(path)) > len(row["caption"].split(", "))


@pytest.mark.parametrize("sets", [(NONE,), ()], ids=["draws nothing", "draws"])
def test_what_was_drawn_of_a_character_follows_it_to_another_name_and_back(painted, sets):
    before = tree(painted.out / "generated")
    edited, rejected, *_ = mira = [row for row in painted.drawn() if row["character"] == "mira"]
    path = (painted.out / edited["file"]).with_suffix(".txt")
    path.write_text(f"{path.read_text()}, red scarf")
    with painted.door() as edits:
        edits.reject([f"mira/{rejected['image_id']}"])
    painted.run(NONE)
    painted.generator.drawn.clear()
    for old, new in (("mira", "zoe"), ("zoe", "mira")):
        (painted.art / old).rename(painted.art / new)
        painted.run(*sets)
        there = [row for row in painted.drawn() if row["character"] == new]
        assert images(mira) - {rejected["image_id"]} <= images(there)
        (row,) = [row for row in there if row["image_id"] == edited["image_id"]]
        assert "red scarf" in tags((painted.out / row["file"]).with_suffix(".txt"))
        (row,) = [row for row in painted.drawn("rejected") if row["image_id"] == rejected["image_id"]]
        assert row["reason"] == "by_hand" and not [*(painted.out / "generated" / old).glob("**/*.png")]
        if sets == (NONE,):
            assert painted.generator.drawn == []
    assert {Path(name).name for name in before} <= {Path(name).name for name in tree(painted.out / "generated")}


def test_a_picture_whose_parent_goes_goes_with_it_and_comes_back_with_it(painted):
    row = next(row for row in painted.drawn() if row["character"] == "mira")
    parent = next(each for each in painted.rows().values() if each["image_id"] == row["parent_id"])
    path, file = painted.art / parent["source"], painted.out / row["file"]
    data = path.read_bytes()
    path.unlink()
    painted.run(NONE)
    assert row["image_id"] not in images(painted.drawn()) and not file.exists()
    path.write_bytes(data)
    painted.run(NONE)
    assert row["image_id"] in images(painted.drawn()) and file.exists()


def test_a_picture_whose_parent_was_away_while_others_were_drawn_comes_back_with_its_caption(painted):
    row, other, *_ = [row for row in painted.drawn() if row["character"] == "mira"]
    path = (painted.out / row["file"]).with_suffix(".txt")
    path.write_text(f"{path.read_text()}, red scarf")
    with painted.door() as edits:
        edits.reject([f"mira/{other['image_id']}"])
    before = images(painted.drawn())
    painted.run()
    (late,) = images(painted.drawn()) - before
    (painted.art / "mira").rename(painted.art.parent / "mira")
    painted.run()
    assert not [row for row in painted.drawn() if row["character"] == "mira"]
    (painted.art.parent / "mira").rename(painted.art / "mira")
    for sets in ((), (NONE,)):
        painted.run(*sets)
        assert {row["image_id"], late} <= images(painted.drawn()) and "red scarf" in tags(path)
        (now,) = [each for each in painted.drawn("rejected") if each["image_id"] == other["image_id"]]
        assert now["reason"] == "by_hand"


def test_a_caption_that_was_saved_under_the_old_name_during_the_run_is_merged_by_the_next(painted, monkeypatch):
    row, other, *_ = [row for row in painted.drawn() if row["character"] == "mira"]
    old, known = ((painted.out / each["file"]).with_suffix(".txt") for each in (row, other))
    known.write_text(f"{known.read_text()}, red scarf")

    def save_late(*given):
        found = followed(*given)
        for path in (old, known):
            path.write_text(f"{path.read_text()}, late hat")
        return found

    with monkeypatch.context() as patch:
        patch.setattr("prep.pipeline.draw.followed", save_late)
        rename(painted, "mira", "zoe")
    for _ in range(2):
        painted.run(NONE)
        texts = {each["image_id"]: tags((painted.out / each["file"]).with_suffix(".txt")) for each in painted.drawn()}
        assert "late hat" in texts[row["image_id"]] and {"late hat", "red scarf"} <= {*texts[other["image_id"]]}


def drawn_of(painted, *characters: str) -> dict[str, set[str]]:
    """Of each character the pictures that were drawn of it, for any purpose, and are in the set."""
    rows = [row for row in painted.rows().values() if row["origin"] in ("augmentation", "reconstruct")]
    return {name: {row["image_id"] for row in rows if row["character"] == name and row["status"] == "kept"}
            for name in characters}  # fmt: skip


def rename(painted, old: str, new: str) -> None:
    """A character's folder, and a run."""
    (painted.art / old).rename(painted.art / new)
    painted.run(NONE)


def test_what_was_drawn_goes_where_its_parents_are_when_names_are_swapped_passed_on_or_joined(painted):
    before = drawn_of(painted, "mira", "noa")
    assert all(before.values())
    rename(painted, "mira", "x")  # and then both at once
    (painted.art / "noa").rename(painted.art / "mira")
    rename(painted, "x", "noa")
    assert drawn_of(painted, "noa", "mira") == {"noa": before["mira"], "mira": before["noa"]}
    (painted.art / "mira").rename(painted.art / "x")
    (painted.art / "noa").rename(painted.art / "mira")
    rename(painted, "x", "noa")
    assert drawn_of(painted, "mira", "noa") == before
    (path,) = (painted.art / "noa").iterdir()
    path.rename(painted.art / "mira" / "noas.png")
    (painted.art / "noa").rmdir()
    painted.run(NONE)
    assert drawn_of(painted, "mira") == {"mira": before["mira"] | before["noa"]}
    (painted.art / "noa").mkdir()
    (painted.art / "mira" / "noas.png").rename(path)
    painted.run(NONE)
    assert drawn_of(painted, "mira", "noa") == before


@pytest.mark.parametrize("verb", ["exclude", "reject"])
@pytest.mark.parametrize("sets", [(NONE,), ()], ids=["draws nothing", "draws"])
def test_a_picture_whose_parent_is_taken_out_goes_with_it_and_comes_back_with_it(painted, verb, sets):
    row = next(row for row in painted.drawn() if row["character"] == "mira")
    parent = [f"mira/{row['parent_id']}"]
    with painted.door() as edits:
        getattr(edits, verb)(parent)
    painted.run(*sets)
    assert row["image_id"] not in images(painted.drawn()) and not (painted.out / row["file"]).exists()
    with painted.door() as edits:
        edits.restore(parent)
    painted.run(*sets)
    assert row["image_id"] in images(painted.drawn()) and (painted.out / row["file"]).exists()


def test_what_a_person_excluded_is_not_counted_as_accepted_and_nothing_is_drawn_in_its_place(painted, typed, capsys):
    row, count = painted.drawn()[0], len(painted.drawn())
    with painted.door() as edits:
        edits.exclude([f"{row['character']}/{row['image_id']}"])
    painted.run()
    assert painted.generator.drawn == []
    assert f"check: {count - 1} of " in (said := capsys.readouterr().out) and "1 excluded" in said
    assert "1 excluded" in typed("status", painted.out).out


def test_a_drawn_picture_removed_by_hand_stays_away_until_it_is_restored(painted):
    row = painted.drawn()[0]
    (painted.out / row["file"]).unlink()
    for _ in range(2):
        painted.run(NONE)
        assert row["image_id"] not in images(painted.drawn()) and row["image_id"] in images(painted.drawn("excluded"))
    painted.run(NONE, restore=True)
    assert row["image_id"] in images(painted.drawn())


def test_a_damaged_drawn_picture_is_set_aside_and_drawn_anew_when_something_draws(painted):
    path = next(painted.out.glob("generated/mira/augmentation/*.png"))
    data = path.read_bytes()
    path.write_bytes(data[:100])
    painted.run(NONE)
    assert not path.exists() and (painted.out / "set_aside" / path.relative_to(painted.out)).read_bytes() == data[:100]
    assert f"set_aside/{path.relative_to(painted.out)}: set_aside: is no longer a picture" in painted.problems()
    painted.run()
    assert len(painted.generator.drawn) == 1 and path.read_bytes() == data


def test_what_the_last_drawing_run_had_is_remembered_with_its_verdicts(painted):
    painted.run(NONE)
    for row in (*painted.drawn(), *painted.drawn("rejected")):
        assert row["seed"] and row["prompt"] and row["check_score"] is not None
        assert row["generator"] == "counting fp32" and (painted.out / row["file"]).exists()
    assert json.loads((painted.out / ".prep" / "config.json").read_text())["settings"]["generator"]["model"] == "none"


@pytest.mark.parametrize(
    "sets",
    [
        ("generator.quality=other words",),
        ("generator.negative=",),
        ("generator.steps=9", "augmentation.strength=0.9"),
        ("consistency.per_character=0", "check.bound=1.0"),
        ("thresholds.fixed=0.3",),
    ],
    ids=lambda sets: sets[0],
)
def test_what_was_accepted_stays_and_counts_whatever_words_and_settings_change(painted, sets):
    before = images(painted.drawn())
    painted.run(*sets)
    assert before <= images(painted.drawn()) and painted.generator.drawn == []


def test_another_order_of_what_is_varied_draws_nothing(painted):
    before = images(painted.drawn())
    path = painted.out.parent / "other.toml"
    path.write_text('[z]\noptions = [["white_shirt"], ["blue_hair"]]\n[a]\noptions = [["outdoors"], ["smile"]]\n')
    painted.run(f"augmentation.vary={path}")
    assert images(painted.drawn()) == before and painted.generator.drawn == []


def test_in_place_of_one_that_the_user_rejects_another_is_drawn_and_the_others_stay(painted):
    row, *others = painted.drawn()
    with painted.door() as edits:
        edits.reject([f"{row['character']}/{row['image_id']}"])
    painted.run()
    after = images(painted.drawn())
    assert images(others) <= after and row["image_id"] not in after and painted.generator.drawn


def test_real_pictures_that_come_later_raise_what_is_wanted(painted):
    before = images(painted.drawn())
    for number in range(6):
        save(drawing(500 + number), painted.art / "mira" / f"new{number}.png")
    painted.run()
    assert before <= images(painted.drawn()) and painted.generator.drawn
