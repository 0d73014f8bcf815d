"""Redraw is a run over one picture: it knows what a run of its SRC would know, and draws in all ways of a run."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from prep.checks.witnessed import Witnessed
from prep.config import load_settings
from prep.drawing import rounds
from prep.errors import UsageError
from prep.pipeline.redraw import redraw
from prep.pipeline.subject import home_of
from prep.types import Check
from tests.fakes import FakeRunner
from tests.support.figures_cut import whole_figure
from tests.support.person import quick
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import manifest, run_here, tree


@pytest.fixture
def again(tmp_path, tiny_tagger, generator, sets, monkeypatch):
    """again(image) -> the lines of `prep redraw image` typed in tmp_path, and its folder."""
    monkeypatch.chdir(tmp_path)
    quick(monkeypatch)

    def again(image: Path, *more: str, count: int = 2, code: int = 0) -> tuple[list[str], Path]:
        home = home_of(image)
        settings = load_settings(home.src, None, (f"tagger.model={tiny_tagger}", *sets, *more))
        done = redraw(home, tmp_path / "again", count, settings, FakeRunner())
        assert done.exit_code == code, done.lines
        look = next((Path(line.removeprefix("look: ")) for line in done.lines if line.startswith("look: ")), None)
        return done.lines, look.parents[2] if look else None

    return again


def small(seed: int, path: Path) -> Path:
    return save(drawing(seed, 64, 48), path)


SMALL = "scan.min_side_px=40"


def drawn(lines: list[str], kind: str = "augmentation") -> list[str]:
    return [line for line in lines if line.startswith(f"  {kind} (")]


def test_it_says_the_caption_each_prompt_each_manner_and_each_verdict(tmp_path, again):
    image = small(0, tmp_path / "art" / "10_mira" / "a.png")  # kohya's repeats are no part of the name
    lines, folder = again(image, SMALL)
    assert lines[0].startswith("mira/a.png: mira, ")
    assert len(drawn(lines)) >= 2 and len(drawn(lines, "reconstruct")) == 1 and not drawn(lines, "consistency")
    assert sum(line.startswith("  prompt:   masterpiece, ") for line in lines) == len(drawn(lines)) + 1
    assert all(re.match(r"  augmentation \((text|img2img)\): [01]\.\d\d ", line) for line in drawn(lines))
    assert (folder / "generated" / "mira" / "sheet.png").is_file() and not (folder / "kohya").exists()
    assert lines[-1] == f"look: {folder / 'generated' / 'mira' / 'sheet.png'}" and len(folder.name) == 12


def test_a_picture_at_any_depth_has_the_settings_the_character_and_the_trigger_that_a_run_gives_it(tmp_path, again):
    art = tmp_path / "art"
    art.mkdir()
    (art / "prep.toml").write_text('scan.min_side_px = 40\n[characters.mira]\ntrigger = "mira_q"\nadd = ["hat"]\n')
    image = small(0, art / "mira" / "beach" / "dress" / "x.png")
    small(1, art / "noa" / "1.png")
    caption = again(image)[0][0]
    assert caption.startswith("mira/x.png: mira_q, ") and caption.endswith(", hat")
    loose = small(2, art / "y.png")
    assert again(loose)[0][0].startswith("art/y.png: art, ")


def test_a_picture_of_a_variant_has_its_trigger_as_well_with_a_set_and_without(tmp_path, tiny_tagger, again, sets):
    art = tmp_path / "art"
    images = [small(number, art / "mira" / "beach" / f"{number}" / "x.png") for number in range(3)]
    small(5, art / "mira" / "y.png")
    (art / "prep.toml").write_text('scan.min_side_px = 40\n[characters.mira.variants.Beach]\ntrigger = "at_sea"\n')
    assert again(images[0])[0][0].startswith("mira/x.png: mira, at_sea")
    run_here(art, tmp_path / "outputs" / "art", tiny_tagger, *sets)
    rows = {row["source"]: row for row in manifest(tmp_path / "outputs" / "art")}
    assert again(images[0])[0][0] == f"mira/x.png: {rows['mira/beach/0/x.png']['caption']}"
    copy = tmp_path / "outputs" / "art" / rows["mira/beach/0/x.png"]["file"]
    assert again(copy)[0][0] == again(images[0])[0][0]


def test_what_a_set_of_its_src_knows_about_the_character_counts(tmp_path, tiny_tagger, again, sets, generator, capfd):
    """Its profile is that of the run, at any depth, with no picture of it read again; and the set stays as it is."""
    art, out = tmp_path / "art", tmp_path / "outputs" / "art"
    images = [small(number, art / "mira" / f"{number}" / "x.png") for number in range(6)]
    small(9, art / "Mira" / "1.png")  # which makes the slug of the other one another
    run_here(art, out, tiny_tagger, *sets, SMALL)
    told = capfd.readouterr().out
    traits = re.search(r"profile: mira: 6 images, (traits: .*)", told)[1]
    caption = next(row["caption"] for row in manifest(out) if row["source"] == "mira/0/x.png")
    before, drew = tree(tmp_path), len(generator.drawn)
    lines, folder = again(images[0], SMALL)
    said = capfd.readouterr().out
    assert f"profile: mira: 6 images of its set, {traits}" in said and "one picture" not in said
    assert lines[0] == f"mira/x.png: {caption}"
    assert len(generator.drawn) > drew
    assert {path: digest for path, digest in tree(tmp_path).items() if not path.startswith("again/")} == before


def test_a_picture_in_a_folder_that_prep_made_belongs_to_its_character(tmp_path, tiny_tagger, again, sets):
    """A copy of a picture in SRC is that picture; what was drawn is one of its own."""
    art, out = tmp_path / "art", tmp_path / "outputs" / "art"
    image = save(whole_figure((64, 64), (10, 10, 50, 60)), art / "mira" / "1.png")
    small(3, art / "mira" / "2.png")
    run_here(art, out, tiny_tagger, *sets, SMALL)
    rows = manifest(out)
    copy = out / next(row["file"] for row in rows if row["source"] == "mira/1.png")
    assert copy.read_bytes() != image.read_bytes()  # it is on white
    assert again(copy, SMALL) == again(image, SMALL)
    sample = next(row["file"] for row in rows if row["origin"] == "reconstruct")
    accepted = next(row["file"] for row in rows if row["origin"] == "augmentation" and row["status"] == "kept")
    assert accepted.startswith("kohya/")
    for file in (sample, accepted):
        lines, folder = again(out / file, SMALL, count=1)
        assert lines[0].startswith(f"mira/{Path(file).name}: mira, ")
    redrawn = next(folder.glob("generated/mira/*/*.png"))
    assert again(redrawn, SMALL, count=1)[0][0].startswith(f"mira/{redrawn.name}: mira")


def test_composites_come_with_their_scenes_and_the_next_way_follows_a_rejection(tmp_path, again, monkeypatch):
    monkeypatch.setattr(rounds, "scene_verdict", lambda *_: Check(1.0, True, None))

    def verdict(request, *_):
        refused = request.strength is not None
        return Check(0.5, not refused, "copy" if refused else None)

    def measured(witnessed, check, *_):
        return replace(check, identity=0.25, damage=0.125)

    monkeypatch.setattr(rounds, "verdict", verdict)
    monkeypatch.setattr(Witnessed, "judge", measured)
    vary = tmp_path / "ways.toml"
    vary.write_text(
        '[places]\nways = ["composite", "text"]\noptions = [["outdoors"], ["comic"], ["white_shirt"]]\n'
        '[faces]\nways = ["img2img 0.5", "text"]\noptions = [["smile"], ["^_^"]]\n'
    )
    image = save(whole_figure((96, 96), (20, 10, 76, 90)), tmp_path / "art" / "mira" / "1.png")
    lines, _ = again(image, SMALL, f"augmentation.vary={vary}", count=3)
    manners = [re.match(r"  augmentation \((\w+)\)", line)[1] for line in drawn(lines)]
    assert manners.count("composite") == 1 and len(drawn(lines, "scene")) == 1
    assert {"img2img", "text"} <= {*manners}
    assert any(": 0.50 copy: the asked change was not read, or it nearly equals another" in line for line in lines)
    assert lines.count("  witnesses: identity 0.25, damage 0.12") == len(drawn(lines)) + 1


def test_when_most_are_rejected_there_is_advice_and_a_reason_in_words(tmp_path, again, monkeypatch):
    refused = Check(0.1, False, "off_character", missing=("1girl",))
    monkeypatch.setattr(rounds, "verdict", lambda *_: refused)
    lines, _ = again(small(0, tmp_path / "art" / "mira" / "a.png"), SMALL, "augmentation.tries=1")
    assert sum("off_character: too few of the asked tags were read" in line for line in lines) == len(drawn(lines)) + 1
    (advice,) = (line for line in lines if "variations were rejected" in line)
    assert "(2 of 2)" in advice and "check.bound" in advice and "`prep accept`" in advice


def test_other_settings_draw_other_pictures_and_the_first_ones_come_back_without_drawing(tmp_path, again, generator):
    image = small(0, tmp_path / "art" / "mira" / "a.png")
    first = again(image, SMALL)
    count = len(generator.drawn)
    other = again(image, SMALL, "generator.steps=3")
    assert len(generator.drawn) > count and not {*_files(first[0])} & {*_files(other[0])}
    count = len(generator.drawn)
    assert again(image, SMALL) == first and len(generator.drawn) == count


def _files(lines: list[str]) -> list[str]:
    return [line for line in lines if line.endswith(".png") and not line.startswith("look")]


def test_a_picture_that_a_run_would_leave_out_is_a_sentence(tmp_path, again, generator):
    art = tmp_path / "art" / "mira"
    lines, _ = again(small(0, art / "small.png"))
    assert lines[0].startswith("mira/small.png: too_small: 64x48 px: its shorter side is below ")
    assert lines[1].startswith("nothing was drawn")
    (art / "text.png").write_text("no picture")
    lines, _ = again(art / "text.png", code=1)
    assert lines[0].startswith("mira/text.png: ") and "nothing was drawn" in lines[1]
    assert generator.drawn == []


def test_what_cannot_be_read_is_a_sentence(tmp_path, again):
    (tmp_path / "art").mkdir()
    for wrong in (tmp_path / "none.png", tmp_path / "art"):
        with pytest.raises(UsageError, match="cannot be read"):
            again(wrong)
    with pytest.raises(UsageError, match="generator.model is `none`"):
        again(small(0, tmp_path / "art" / "mira" / "a.png"), "generator.model=none")
    made = folder_of(tmp_path / "made", mira=1)
    (made / ".prep").mkdir()
    with pytest.raises(UsageError, match="config.json is missing"):
        again(next(made.glob("*/*.png")))
