"""Generate and check in a run, with a generator that counts. The real one: tests/generators/sd35/test_generator.py."""

import json
import tomllib

import numpy as np
import pytest

from prep.config import load_settings
from prep.drawing import rounds
from prep.pipeline.outlook import plan_lines
from prep.types import Check
from tests.support.figures_cut import whole_figure
from tests.support.pictures import folder_of, save
from tests.support.runs import manifest, run_here, tree


def drawn_rows(out):
    return [row for row in manifest(out) if row["origin"] != "source"]


def test_what_is_drawn_is_read_back_and_the_next_run_draws_nothing(tmp_path, tiny_tagger, generator, sets):
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    run_here(art, out, tiny_tagger, *sets)
    rows, before = drawn_rows(out), tree(out)
    assert {row["origin"] for row in rows} == {"augmentation", "consistency", "reconstruct"}
    assert len(rows) == len(generator.drawn)
    assert {row["status"] for row in rows if row["origin"] == "augmentation"} == {"kept", "rejected"}
    for row in rows:
        assert row["source"] is None and row["generator"] == "counting fp32" and 0 <= row["check_score"] <= 1
        assert (out / row["file"]).is_file() and row["seed"] is not None and row["prompt"].startswith("masterpiece")
        assert (row["status"] == "kept") == (row["reason"] is None)
        if row["origin"] == "augmentation":
            folder = "kohya/" if row["status"] == "kept" else "generated/mira/rejected/"
            assert row["file"].startswith(folder)
    count = len(generator.drawn)
    run_here(art, out, tiny_tagger, *sets)
    assert len(generator.drawn) == count and tree(out) == before


def test_a_run_that_was_stopped_while_drawing_ends_with_the_same_bytes(tmp_path, tiny_tagger, generator, sets):
    art = folder_of(tmp_path / "art", mira=4)
    run_here(art, tmp_path / "whole", tiny_tagger, *sets)
    whole, generator.drawn = list(generator.drawn), []
    generator.stops_after = 3
    with pytest.raises(KeyboardInterrupt):
        run_here(art, tmp_path / "cut", tiny_tagger, *sets)
    generator.stops_after = None
    run_here(art, tmp_path / "cut", tiny_tagger, *sets)
    assert sorted(generator.drawn) == sorted(whole)
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")


def test_drawn_pictures_do_not_count_in_a_profile_nor_in_the_repeats(tmp_path, tiny_tagger, generator, sets):
    art = folder_of(tmp_path / "art", mira=4)
    run_here(art, tmp_path / "drawn", tiny_tagger, *sets)
    run_here(art, tmp_path / "plain", tiny_tagger, *sets, "reconstruct.per_character=0", "consistency.per_character=0",
             "augmentation.share=0.0", "augmentation.least=0")  # fmt: skip

    def real(out):
        return [(row["image_id"], row["caption"], row["file"]) for row in manifest(out) if row["origin"] == "source"]

    assert real(tmp_path / "drawn") == real(tmp_path / "plain") and drawn_rows(tmp_path / "plain") == []
    toml = tomllib.loads((tmp_path / "drawn" / "kohya" / "dataset.toml").read_text())
    assert toml["datasets"][0]["subsets"][0]["image_dir"] == "25_mira"


def test_prompts_are_prepared_once_for_a_round_and_parents_come_at_the_size_that_is_drawn(
    tmp_path, tiny_tagger, generator, sets, monkeypatch
):
    monkeypatch.setattr("prep.jobs.draw.AT_ONCE", 2)
    run_here(folder_of(tmp_path / "art", mira=4), tmp_path / "out", tiny_tagger, *sets)
    assert sum(generator.prepared) == len(generator.drawn) and len(generator.prepared) <= 3
    assert generator.parents and {parent.shape for parent in generator.parents} == {(64, 64, 3)}
    assert json.loads((tmp_path / "out" / ".prep" / "run.json").read_text())["notes"]["generate"] == {"batch": 1}


def test_the_plan_says_what_would_be_drawn_and_draws_nothing(tmp_path, tiny_tagger, generator, sets):
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    settings = load_settings(art, None, (f"tagger.model={tiny_tagger}", *sets))
    run_here(art, out, tiny_tagger, *sets, "generator.model=none", to="caption")
    lines = plan_lines(art, out, settings)
    told = next(line for line in lines if line.startswith("generate: "))
    assert "4 consistency" in told and "2 reconstruct" in told and "with counting" in told
    assert sum(line.startswith("    masterpiece, best quality") for line in lines) == len(
        [line for line in lines if "steps, seed" in line]
    )
    assert any("augmentation from mira/" in line and "strength 0.6" in line for line in lines)
    assert generator.drawn == [] and not (out / "generated").exists()


def test_the_plan_says_in_which_manner_each_picture_is_drawn_and_what_its_scene_is(
    tmp_path, tiny_tagger, generator, sets, monkeypatch
):
    monkeypatch.setattr(rounds, "scene_verdict", lambda *_: Check(1.0, True, None))
    art, out = tmp_path / "art", tmp_path / "out"
    for number in range(3):
        save(whole_figure((96, 96), (20 + number, 10, 76, 90)), art / "mira" / f"{number}.png")
    vary = tmp_path / "ways.toml"
    options = 'options = [["outdoors"], ["comic"], ["white_shirt"], ["smile"]]'
    vary.write_text(f'[places]\nways = ["composite", "img2img 0.5"]\n{options}\n')
    sets = (*sets, "scan.min_side_px=40", f"augmentation.vary={vary}", "augmentation.least=3", "augmentation.share=1.0")
    run_here(art, out, tiny_tagger, *sets)
    assert "composite" in {row["manner"] for row in drawn_rows(out)}
    more = ("augmentation.least=9", "augmentation.share=3.0")
    lines = plan_lines(art, out, load_settings(art, None, (f"tagger.model={tiny_tagger}", *sets, *more)))
    scenes = [at for at, line in enumerate(lines) if line.startswith("  mira: scene (text, 64x64, ")]
    assert scenes and all(lines[at + 2] == "    once it is accepted, a character is set before it" for at in scenes)
    assert any(line.startswith("  mira: augmentation from mira/") and "(img2img, 64x64, " in line for line in lines)


def test_what_a_person_does_to_accepted_pictures_stays(tmp_path, tiny_tagger, generator, sets):
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    run_here(art, out, tiny_tagger, *sets)
    kept, gone = (out / row["file"] for row in drawn_rows(out) if row["file"].startswith("kohya/12_mira-drawn/"))
    toml = tomllib.loads((out / "kohya" / "dataset.toml").read_text())
    assert [each["resolution"] for each in toml["datasets"]] == [1024, 64]
    assert toml["datasets"][1]["subsets"] == [{"image_dir": "12_mira-drawn", "num_repeats": 12, "class_tokens": "mira"}]
    kept.with_suffix(".txt").write_text(kept.with_suffix(".txt").read_text() + ", by hand")
    gone.unlink()
    run_here(art, out, tiny_tagger, *sets)
    rows = {row["file"]: row for row in drawn_rows(out)}
    assert rows[str(kept.relative_to(out))]["caption"].endswith(", by hand") and not gone.exists()
    assert kept.with_suffix(".txt").read_text().endswith(", by hand") and not gone.with_suffix(".txt").exists()
    assert [row["status"] for row in rows.values()].count("excluded") == 1


@pytest.mark.parametrize("of", ["parent", "sibling"])
def test_a_copy_by_its_pixels_is_rejected_whatever_its_tags(tmp_path, tiny_tagger, generator, sets, monkeypatch, of):
    monkeypatch.setattr(rounds, "verdict", lambda *_: Check(1.0, True, None))
    gradient = np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8)

    def draw(pictures, parents, kept):
        for picture in pictures:
            yield picture.key, parents[picture.parent] if of == "parent" and picture.strength else gradient

    generator.draw = draw
    run_here(folder_of(tmp_path / "art", mira=4), tmp_path / "out", tiny_tagger, *sets)
    reasons = [row["reason"] for row in drawn_rows(tmp_path / "out") if row["origin"] == "augmentation"]
    assert len(reasons) > 4 and reasons.count(None) == (0 if of == "parent" else 1)
    assert set(reasons) - {None} == {"copy"}


def test_a_character_that_cannot_be_judged_is_said_so_and_nothing_is_tried_again(
    tmp_path, tiny_tagger, generator, sets, capsys
):
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    (tmp_path / "nobody.txt").write_text("")
    run_here(art, out, tiny_tagger, *sets, f"profile.intrinsic={tmp_path / 'nobody.txt'}")
    assert "mira has no feature of the body" in capsys.readouterr().out
    augmented = [row for row in drawn_rows(out) if row["origin"] == "augmentation"]
    assert len(augmented) == 2  # half of four images; four times as many may be tried where they can be judged
    assert {(row["status"], row["reason"]) for row in augmented} == {("rejected", "not_judgeable")}
