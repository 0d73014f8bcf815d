"""A run in which prep reads, draws and carries with members that it does not have: each is one file beside this."""

import json

import pytest

from prep.config import load_settings
from prep.errors import SettingsError, UsageError
from prep.generators import GENERATORS
from prep.pipeline import road
from prep.run import Options
from prep.taggers import TAGGERS
from tests.fakes import FakeRunner
from tests.strangers import onnx_tagger, palette_generator
from tests.strangers.subprocess_runner import SubprocessRunner
from tests.support.onnx_files import ROWS, tiny_onnx, write_tags
from tests.support.pictures import folder_of
from tests.support.runs import manifest, tree


@pytest.fixture
def strangers(tmp_path, monkeypatch):
    """--set for a run with all of them; their files lie in folders of their own."""
    monkeypatch.setitem(TAGGERS.members, "wd-onnx", onnx_tagger.SPEC)
    monkeypatch.setitem(GENERATORS.members, "palette", palette_generator.SPEC)
    palette = tmp_path / "palette.txt"
    palette.write_text("#1020f0\n#f02010\n#e0e0e0\n")
    vary = tmp_path / "vary.toml"
    vary.write_text('[a]\noptions = [["smile"], ["outdoors"]]\n')
    return (
        f"tagger.model=wd-onnx:{tiny_onnx(tmp_path / 'wd')}",
        f"generator.model=palette:{palette}",
        "generator.sampler=rows",
        "generator.palette.noise=20",
        "thresholds.mode=fixed",
        "check.bound=0.0",
        f"augmentation.vary={vary}",
    )


def ran(art, out, *sets, runner=FakeRunner) -> road.Result:
    return road.run(art, out, load_settings(art, None, sets), Options(), runner())


def test_a_set_is_read_drawn_checked_and_exported_by_strangers(tmp_path, strangers, capfd):
    art, out = folder_of(tmp_path / "art", mira=3), tmp_path / "out"
    assert ran(art, out, *strangers, 'export.formats=["imagefolder"]', runner=SubprocessRunner).exit_code == 0
    rows = manifest(out)
    real = [row for row in rows if row["origin"] == "source"]
    drawn = [row for row in rows if row["origin"] != "source"]
    assert len(real) == 3 and {row["tagger"] for row in real} == {"wd-onnx"}
    assert {tag["category"] for row in real for tag in row["tags"]} == {"general", "character"}
    assert {row["rating"] for row in real} <= {"general", "sensitive"}
    assert {row["origin"] for row in drawn} == {"reconstruct", "consistency", "augmentation"}
    assert {(row["generator"], row["sampler"], row["steps"], row["width"]) for row in drawn} == {
        ("palette uint8/noise20", "rows", 5, 64)
    }
    assert all(row["check_score"] is not None for row in drawn)
    assert any(row["file"] and row["origin"] == "augmentation" for row in drawn)
    assert (out / "export" / "imagefolder" / "metadata.jsonl").is_file()
    assert json.loads((out / ".prep" / "run.json").read_text())["notes"]["generate"]["colours"] == 3

    before = tree(out)
    capfd.readouterr()
    ran(art, out, *strangers, 'export.formats=["imagefolder"]', runner=SubprocessRunner)
    told = capfd.readouterr().out
    assert tree(out) == before
    assert "tagged before; no model was loaded" in told and "drawn before; no model was loaded" in told


def test_another_value_of_an_option_of_its_own_is_another_recipe(tmp_path, strangers, capfd):
    art, out = folder_of(tmp_path / "art", mira=3), tmp_path / "out"
    tagger = strangers[0]
    ran(art, out, tagger)
    ran(art, out, tagger, 'tagger.wd-onnx.margin="white"')
    assert "tag: all 3 images were tagged before" in capfd.readouterr().out  # it was white already
    ran(art, out, tagger, 'tagger.wd-onnx.margin="edge"')
    assert "tag: 3 images with wd-onnx (0 done before)" in capfd.readouterr().out
    ran(art, out, tagger)
    assert "no model was loaded" in capfd.readouterr().out


def test_other_tags_beside_the_network_are_another_tagger(tmp_path, strangers, capfd):
    art, out = folder_of(tmp_path / "art", mira=3), tmp_path / "out"
    ran(art, out, strangers[0])
    write_tags(tmp_path / "wd" / "selected_tags.csv", (("1boy", "0"), *ROWS[1:]))
    ran(art, out, strangers[0])
    assert "tag: 3 images with wd-onnx (0 done before)" in capfd.readouterr().out
    assert all(row["tags"][0]["name"] != "1girl" and "1boy" in row["caption"] for row in manifest(out))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("tagger.wd-onnx.margn=edge", "`tagger.wd-onnx.margn` is unknown. Did you mean `margin`?"),
        ("tagger.wd-onnx.margin=grey", "`tagger.wd-onnx.margin` is 'grey'; expected 'white' or 'edge'"),
        ("tagger.wd-onnx.batch=2", "`batch` belongs to [tagger], not to [tagger.wd-onnx]"),
        ("tagger.wd-onx.margin=edge", "`tagger.wd-onx` is unknown. Did you mean `wd-onnx`?"),
        ("generator.palette.nois=3", "`generator.palette.nois` is unknown. Did you mean `noise`?"),
        ("generator.palette.noise=90", "`generator.palette.noise` is 90; expected less than or equal to 60"),
    ],
)
def test_an_option_that_its_model_does_not_know_is_one_sentence(strangers, setting, says):
    with pytest.raises(SettingsError) as caught:
        load_settings(None, None, (setting,))
    assert says in str(caught.value) and "\n" not in str(caught.value) and caught.value.exit_code == 2


def test_a_sampler_of_another_generator_ends_with_those_that_it_has(tmp_path, strangers):
    art = folder_of(tmp_path / "art", mira=3)
    with pytest.raises(UsageError, match="palette has no sampler euler. Use one of columns, rows"):
        ran(art, tmp_path / "out", *strangers, "generator.sampler=euler")
