"""A whole set that a tagger in ONNX reads: from folders by path, with what it brings along, to captions and back."""

import pytest

from prep.dataset.opened import Set
from prep.errors import StoppedError, UsageError, WeightsError
from prep.report.page import page
from tests.support.onnx_taggers import WD_TAGS, WIDE_TAGS, make_pixai, make_wd, write_tags
from tests.support.pictures import folder_of
from tests.support.runs import captions, manifest, run_here, tree


@pytest.fixture
def art(tmp_path):
    return folder_of(tmp_path / "art", mira=4)


def rows(out):
    return [row for row in manifest(out) if row["origin"] == "source"]


@pytest.mark.parametrize("named", ["{}", "{}/model.onnx", "wd:{}", "wd:{}/model.onnx"])
def test_a_folder_is_named_by_its_path(tmp_path, art, named):
    make_wd(tmp_path / "wd")
    run_here(art, tmp_path / "out", named.format(tmp_path / "wd"))
    for row in rows(tmp_path / "out"):
        found = {tag["name"]: tag["category"] for tag in row["tags"]}
        assert row["tagger"] == "wd" and found["1girl"] == "general"
        assert row["rating"] in ("general", "sensitive") and not {"general", "sensitive"} & set(found)
        assert row["threshold"] in (0.45, 0.35, 0.28)


def test_a_second_run_needs_neither_the_files_nor_the_path(tmp_path, art, capsys):
    make_wd(tmp_path / "wd")
    run_here(art, tmp_path / "out", tmp_path / "wd")
    before = tree(tmp_path / "out")
    (tmp_path / "wd").rename(tmp_path / "elsewhere")
    capsys.readouterr()
    run_here(art, tmp_path / "out", "auto")
    assert "no model was loaded" in capsys.readouterr().out and tree(tmp_path / "out") == before
    run_here(art, tmp_path / "out", "auto", "thresholds.character=0.05", "thresholds.medium=0.9")
    assert all(
        {"hatsune_miku", "hakurei_reimu"} & {tag["name"] for tag in row["tags"]} for row in rows(tmp_path / "out")
    )


def test_all_files_of_a_folder_are_its_model(tmp_path, art, capsys):
    make_pixai(tmp_path / "pixai")
    run_here(art, tmp_path / "out", tmp_path / "pixai")
    capsys.readouterr()
    make_pixai(tmp_path / "pixai", thresholds=[("0", "general", 0.9)])
    run_here(art, tmp_path / "out", tmp_path / "pixai")
    assert "all images are tagged again" in capsys.readouterr().out
    assert {row["threshold"] for row in rows(tmp_path / "out")} <= {0.99, 0.9, 0.83}


def test_artists_series_and_meta_tags_are_in_a_caption_only_when_asked_for(tmp_path, art):
    make_wd(tmp_path / "wd", WIDE_TAGS)
    run_here(art, tmp_path / "out", tmp_path / "wd")
    for row in rows(tmp_path / "out"):
        out = {each["name"]: each["why"] for each in row["removed"]}
        assert {name: out[name] for name in ("some_artist", "vocaloid", "highres")} == dict.fromkeys(
            ("some_artist", "vocaloid", "highres"), "category"
        )
    assert not any("some artist" in text for text in captions(tmp_path / "out").values())
    run_here(art, tmp_path / "out", tmp_path / "wd", 'captions.also=["artist"]')
    assert all("some artist" in text and "vocaloid" not in text for text in captions(tmp_path / "out").values())


def test_a_filter_drops_a_tag_of_any_category(tmp_path, art):
    make_wd(tmp_path / "wd", WIDE_TAGS)
    (tmp_path / "filter.txt").write_text("some_artist, rating:*\n")
    run_here(art, tmp_path / "out", tmp_path / "wd", f"filter.file={tmp_path / 'filter.txt'}")
    assert all({"name": "some_artist", "why": "filter"} in row["removed"] for row in rows(tmp_path / "out"))


def test_files_that_do_not_fit_stop_a_run_before_it_touches_anything(tmp_path, art):
    make_wd(tmp_path / "wd")
    (tmp_path / "wd" / "selected_tags.csv").write_text("tag_id,name\n")
    with pytest.raises(WeightsError, match=r"tagger.model: selected_tags.csv has no column `category`"):
        run_here(art, tmp_path / "out", tmp_path / "wd")
    assert not (tmp_path / "out" / "manifest.parquet").exists()


def test_what_is_done_is_kept_when_the_tables_no_longer_fit(tmp_path, art):
    make_wd(tmp_path / "wd")
    run_here(art, tmp_path / "out", tmp_path / "wd")
    before = tree(tmp_path / "out")
    write_tags(tmp_path / "wd" / "selected_tags.csv", WD_TAGS[:-1])
    with pytest.raises(WeightsError, match=r"model.onnx scores 26 tags, but selected_tags.csv names 25"):
        run_here(art, tmp_path / "out", tmp_path / "wd")
    assert tree(tmp_path / "out") == before
    run_here(art, tmp_path / "out", "auto", "filter.file=")


def test_a_folder_without_its_table_says_which_file_is_missing(tmp_path, art):
    make_wd(tmp_path / "wd")
    (tmp_path / "wd" / "selected_tags.csv").unlink()
    with pytest.raises(UsageError, match=r"selected_tags.csv does not exist|selected_tags.csv is missing"):
        run_here(art, tmp_path / "out", tmp_path / "wd")


def test_a_folder_of_something_else_says_so(tmp_path, art):
    (tmp_path / "wd").mkdir()
    with pytest.raises(UsageError, match=r"wd is a folder without model.onnx"):
        run_here(art, tmp_path / "out", tmp_path / "wd")


@pytest.mark.parametrize("asked", ["wd:{}", "wd-swinv2-v3", "wd-swinv2-tagger-v3"])
def test_without_onnxruntime_nothing_begins(tmp_path, art, monkeypatch, asked):
    make_wd(tmp_path / "wd")
    monkeypatch.setattr("prep.models.check.find_spec", lambda name: None)
    with pytest.raises(StoppedError, match="needs onnxruntime, which is not installed"):
        run_here(art, tmp_path / "out", asked.format(tmp_path / "wd"))


def test_a_known_model_is_found_in_the_folder_of_models(tmp_path, art, monkeypatch):
    make_pixai(tmp_path / "models" / "pixai-v0.9")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path / "models"))
    run_here(art, tmp_path / "out", "pixai-tagger-v0.9")
    assert {row["tagger"] for row in rows(tmp_path / "out")} == {"pixai-v0.9"}
    assert {row["rating"] for row in rows(tmp_path / "out")} == {None}  # it knows none


def test_the_report_says_the_thresholds_that_were_used(tmp_path, art):
    make_wd(tmp_path / "wd")
    run_here(art, tmp_path / "out", tmp_path / "wd")
    used = sorted({row["threshold"] for row in rows(tmp_path / "out")})
    said = page(Set(tmp_path / "out"))
    assert all(f"{threshold:g}" in said for threshold in used) and "simple 0.55" not in said
