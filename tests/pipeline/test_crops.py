"""Crops of a set's own pictures: what they are, what a second run costs, and what a person does to them."""

import hashlib
import shutil
import tomllib

import cv2
import numpy as np
import pytest
from PIL import Image

from prep.config import load_settings
from prep.dataset.buckets import bucket_of, rules_of
from prep.dataset.kohya import crop_share
from prep.errors import SettingsError, StoppedError, WeightsError
from prep.formats import FORMATS
from prep.lint.datasets import datasets_of
from prep.lint.toml_file import read_toml
from prep.pipeline.outlook import plan_lines
from prep.pipeline.status import status_of
from prep.report.written import report
from tests.support.cropping import CROPS, portrait
from tests.support.examples import CHARACTERS
from tests.support.finished import captions, export
from tests.support.person import tags
from tests.support.runs import manifest, older, prep, tree
from tests.support.trainers import READERS


def test_heads_and_upper_bodies_are_pictures_of_their_own(cropped):
    crops = cropped.crops()
    assert len(crops) == 8 and {row["manner"] for row in crops} == {"head", "upper"}
    for row in crops:
        parent = cropped.parent(row)
        assert (row["character"], row["made_by"], row["status"]) == (parent["character"], "crop", "kept")
        assert row["file"].split("/")[1].endswith(f"_{row['character']}-crop") and row["source"] is None
        with Image.open(cropped.out / row["file"]) as image, image.convert("RGB") as pixels:
            assert image.size == (row["width"], row["height"])
            assert (255, 0, 0) in {colour for _, colour in pixels.getcolors(1 << 20)}
    (head,) = cropped.crops(character="noa", manner="head")
    assert (head["width"], head["height"]) == (64, 128)
    assert {row["made_by"] for row in manifest(cropped.out) if row["origin"] == "source"} == {None}


def test_a_caption_follows_its_crop(cropped):
    for row in cropped.crops():
        said = tags(cropped.out / row["file"].replace(".png", ".txt"))
        assert said[0] == row["character"] and {"head": "portrait", "upper": "upper body"}[row["manner"]] in said
        assert row["caption"] == ", ".join(said)


def test_they_are_shown_at_most_half_as_often_as_their_parents(cropped):
    text = tomllib.loads((cropped.out / "kohya" / "dataset.toml").read_text())
    subsets = {each["image_dir"]: each for dataset in text["datasets"] for each in dataset["subsets"]}
    looks = {}
    for folder, subset in subsets.items():
        repeats, name = folder.split("_", 1)
        assert subset["num_repeats"] == int(repeats)
        looks[name] = int(repeats) * len(list((cropped.out / "kohya" / folder).glob("*.png")))
    assert looks.keys() == {"mira", "mira-crop", "noa", "noa-crop"}
    assert looks["mira-crop"] <= looks["mira"] / 2 and looks["noa-crop"] <= looks["noa"] / 2
    assert subsets[next(folder for folder in subsets if folder.endswith("mira-crop"))]["class_tokens"] == "mira"
    train = (cropped.out / "kohya" / "train_sd3_lora.toml").read_text()
    assert "of 2 characters" in train


@pytest.mark.parametrize(("repeats", "most", "share"), [(8, 2, 1), (4, 2, 1), (3, 2, 0.75), (1, 2, 0.25), (1, 1, 0.5)])
def test_where_one_repeat_would_be_too_many_there_are_fewer_crops(repeats, most, share):
    assert crop_share(repeats, most) == share


def test_profiles_know_nothing_of_crops(cropped):
    said = "\n".join(status_of(cropped.out))
    assert "mira: 3 images" in said and "noa: 1 image" in said and "crops: 3 head, 3 upper" in said
    assert "it would remove" not in said and "mira       3     -" in said


def test_a_second_run_opens_nothing_and_changes_nothing(cropped, tagging, monkeypatch, capsys):
    older(cropped.art)
    cropped.run()
    before, scored = tree(cropped.out), tagging.scored
    for job in ("detect", "crop", "tag"):
        monkeypatch.setattr(f"prep.jobs.{job}.read_file", lambda *_, **__: pytest.fail("opened"))
    monkeypatch.setattr("prep.models.ref.ModelRef.make", lambda self: pytest.fail("loaded"))
    capsys.readouterr()
    cropped.run()
    assert tree(cropped.out) == before and tagging.scored == scored
    assert "8 crops: 4 head, 4 upper" in capsys.readouterr().out


def test_other_kinds_open_no_picture_for_a_detector_and_others_go(cropped, monkeypatch):
    monkeypatch.setattr("prep.jobs.detect.read_file", lambda *_, **__: pytest.fail("opened"))
    cropped.run('crops.kinds=["upper"]', CROPS[1])
    assert {row["manner"] for row in cropped.crops()} == {"upper"} and len(cropped.crops()) == 4
    assert len(list(cropped.out.glob("generated/*/crop/*.png"))) == 4
    cropped.run(CROPS[1])
    assert cropped.crops() == [] and not list(cropped.out.glob("generated/*/crop"))
    assert not list(cropped.out.glob("kohya/*-crop"))


def test_what_is_too_small_for_the_resolution_is_said_and_no_picture(cropped, capsys):
    capsys.readouterr()
    cropped.run(CROPS[0], "export.resolution=1024")
    assert cropped.crops() == []
    assert "4 pictures without: 4 because its crops would be too small for 1024 px" in capsys.readouterr().out


def test_of_each_kind_that_a_picture_lacks_it_is_said_why(cropped, capsys):
    capsys.readouterr()
    cropped.run('crops.kinds=["head", "upper", "figure"]', CROPS[1])
    assert "crop: no figure of 4 pictures with other crops: 4 because none was found in it" in capsys.readouterr().out
    cropped.run('crops.kinds=["head", "upper"]', "crops.most=1", CROPS[1])
    assert "crop: no upper of 4 pictures with other crops: 4 because crops.most is 1" in capsys.readouterr().out


def test_sd_scripts_cuts_nothing_off_a_crop(cropped):
    for resolution in (96, 192):
        cropped.run(CROPS[0], f"export.resolution={resolution}")
        datasets = datasets_of(read_toml(cropped.out / "kohya" / "dataset.toml", "dataset.toml"))
        rules = {str(subset.folder): rules_of(dataset) for dataset in datasets for subset in dataset.subsets}
        crops = cropped.crops()
        assert crops
        for row in crops:
            own = rules[str((cropped.out / row["file"]).parent)]
            assert bucket_of(row["width"], row["height"], own).lost < 0.01


def test_a_crop_removed_by_hand_stays_out_until_it_is_restored(cropped):
    row = cropped.crops(character="mira", manner="head")[0]
    (cropped.out / row["file"]).unlink()
    for _ in range(2):
        cropped.run()
        (now,) = [each for each in cropped.crops() if each["image_id"] == row["image_id"]]
        assert now["status"] == "excluded" and not (cropped.out / row["file"]).exists()
    cropped.run(restore=True)
    assert (cropped.out / row["file"]).exists() and len(cropped.crops(status="kept")) == 8


def test_a_verdict_on_a_crop_holds(cropped):
    row = cropped.crops(character="mira", manner="upper")[0]
    with cropped.door() as edits:
        edits.reject([f"mira/{row['image_id']}"])
    cropped.run()
    (now,) = [each for each in cropped.crops() if each["image_id"] == row["image_id"]]
    assert (now["status"], now["reason"]) == ("rejected", "by_hand") and len(cropped.crops(status="kept")) == 7


def test_an_edited_caption_of_a_crop_stays(cropped):
    row = cropped.crops(character="mira", manner="head")[0]
    path = (cropped.out / row["file"]).with_suffix(".txt")
    path.write_text(f"{path.read_text()}, red scarf")
    cropped.run(*CROPS, "thresholds.mode=fixed", "thresholds.fixed=0.5")
    assert tags(path)[-1] == "red scarf" or "red scarf" in tags(path)
    (now,) = [each for each in cropped.crops() if each["image_id"] == row["image_id"]]
    assert now["caption_source"] == "merged" and "portrait" in tags(path)


def test_a_crop_that_was_edited_as_a_picture_is_the_persons(cropped):
    row = cropped.crops(character="mira", manner="head")[0]
    place = next(path for path in cropped.out.glob("generated/mira/crop/*.png") if _is(path, row["image_id"]))
    with Image.open(place) as image:
        image.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(place, compress_level=1)
    mine = place.read_bytes()
    cropped.run()
    (now,) = [each for each in cropped.crops() if "retouched" in each["flags"]]
    assert place.read_bytes() == mine and (cropped.out / now["file"]).read_bytes() == mine
    cropped.run(CROPS[1])  # no crops are wanted any longer: the person's file stays
    assert place.read_bytes() == mine and cropped.crops() == []


def test_with_its_parent_a_crop_goes_and_comes_back(cropped):
    before = {row["image_id"] for row in cropped.crops(character="noa")}
    (cropped.art / "noa" / "000.png").rename(cropped.art.parent / "kept.png")
    portrait(cropped.art / "noa" / "001.png", 9)
    cropped.run()
    assert not before & {row["image_id"] for row in cropped.crops()} and len(cropped.crops(character="noa")) == 2
    assert len(list(cropped.out.glob("generated/noa/crop/*.png"))) == 2
    (cropped.art.parent / "kept.png").rename(cropped.art / "noa" / "000.png")
    cropped.run()
    assert before <= {row["image_id"] for row in cropped.crops(character="noa")}


def test_a_parent_that_is_excluded_takes_its_crops_along(cropped):
    (cropped.out / cropped.row("mira/001.png")["file"]).unlink()
    parent = cropped.row("mira/001.png")["image_id"]
    cropped.run()
    assert parent not in {row["parent_id"] for row in cropped.crops()} and len(cropped.crops()) == 6


def test_an_interrupted_run_ends_with_the_same_crops(cropped, monkeypatch):
    wanted = {path.name: path.read_bytes() for path in cropped.out.glob("generated/*/crop/*.png")}
    whole = cropped.crops()
    cropped.run(CROPS[1])
    left = [3]

    def stops(name):
        left[0] -= 1
        if name == "cropped" and not left[0]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("prep.jobs.crop.crash_point", stops)
        with pytest.raises(KeyboardInterrupt):
            cropped.run()
    assert 0 < len(list(cropped.out.glob("generated/*/crop/*.png"))) < 8
    cropped.run()
    assert {path.name: path.read_bytes() for path in cropped.out.glob("generated/*/crop/*.png")} == wanted
    assert cropped.crops() == whole


@pytest.mark.slow
def test_a_killed_process_leaves_what_the_next_one_ends_with(tmp_path, monkeypatch):
    """Real processes over real art, without any detector: the outline of the figures."""
    for name in ("sylvie/sylvie_blue_smile.png", "sylvie/sylvie_green_normal.png", "lucy/lucy_happy.png"):
        (tmp_path / "art" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHARACTERS / name, tmp_path / "art" / name)
    sets = ("tagger.model=starter", "generator.model=none", 'crops.kinds=["head","upper"]', "export.resolution=384")
    asked = [each for setting in sets for each in ("--set", setting)]
    whole = prep("run", tmp_path / "art", "--out", tmp_path / "whole", *asked)
    assert whole.returncode == 0 and "6 crops: 3 head, 3 upper" in whole.stdout, whole.stdout + whole.stderr
    monkeypatch.setenv("PREP_CRASH", "cropped:3")
    assert prep("run", tmp_path / "art", "--out", tmp_path / "cut", *asked).returncode == -9
    monkeypatch.delenv("PREP_CRASH")
    assert prep("run", tmp_path / "art", "--out", tmp_path / "cut", *asked).returncode == 0
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")


def test_the_sheet_shows_each_crop_beside_its_parent(begun_cropped):
    with Image.open(begun_cropped / "out" / "generated" / "mira" / "sheet.png") as sheet, sheet.convert("RGB") as page:
        pixels = np.asarray(page).astype(int)
    red = (pixels[..., 0] > 200) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60)
    count, _, stats, _ = cv2.connectedComponentsWithStats(red.astype(np.uint8))
    assert sum(stats[1:, cv2.CC_STAT_AREA] > 200) == 3 + 2 * 6  # 3 pictures, and 6 crops, each beside its parent


def test_the_report_counts_crops_apart(cropped):
    report(cropped.out)
    text = (cropped.out / "report.html").read_text()
    assert "<dt>pictures to train on</dt><dd>12</dd>" in text and "<dt>crops of these</dt><dd>8</dd>" in text
    assert "<dt>real</dt><dd>4</dd>" in text and "<dt>drawn, left out</dt><dd>0</dd>" in text


def test_other_trainers_get_the_crops_as_well(cropped):
    said = sorted(captions(cropped.out).values())
    assert len(said) == 12
    for name in FORMATS.members:
        folder, _, _ = export(cropped.out, name)
        assert sorted(text.strip() for text, _ in READERS[name](folder)) == said, name


def test_the_plan_says_how_many_and_writes_nothing(cropped):
    portrait(cropped.art / "noa" / "new.png", 3)
    before = tree(cropped.out)
    settings = load_settings(cropped.art, None, (f"tagger.model={cropped.tagger}", "scan.min_side_px=40", *CROPS))
    lines = plan_lines(cropped.art, cropped.out, settings)
    assert "crop: 0 pictures to look at, 8 crops of the others" in lines  # the new one is not even scanned
    assert not any("to remove" in line for line in lines) and tree(cropped.out) == before


def test_a_set_without_crops_says_nothing_of_them(made):
    made.run()
    assert not list(made.out.glob("generated/*/crop")) and not any("-crop" in path.name for path in made.out.rglob("*"))
    assert "crops:" not in "\n".join(status_of(made.out))


def test_a_wrong_file_of_a_detector_stops_before_anything_is_touched(cropped):
    (cropped.out.parent / "models" / "anime-head" / "labels.json").write_text("{}")
    before = tree(cropped.out)
    with pytest.raises(WeightsError, match=r"crops.detector: labels.json is no list .*prep models get anime-head"):
        cropped.run()
    assert tree(cropped.out) == before


def test_a_detector_that_is_not_here_is_named(cropped):
    with pytest.raises(StoppedError, match=r"anime-person is not on this machine.*prep models get anime-person"):
        cropped.run(*CROPS, "crops.detector=anime-person")
    with pytest.raises(SettingsError, match=r"no detector is called anime-hed. Did you mean `anime-head`"):
        cropped.run(*CROPS, "crops.detector=anime-hed")


def _is(path, sha256: str) -> bool:
    return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
