"""What would be drawn is told without a weight being read: with a real file, and with each configuration that ships."""

import os
import tomllib
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from prep.cli.redraw import command as redraw_command
from prep.cli.run import command as run_command
from prep.config import configs_folder, load_settings
from prep.errors import SettingsError
from prep.generators import GENERATORS
from prep.generators.sd35 import encoders, opening
from prep.generators.sd35.card import absent
from prep.generators.sd35.generator import SD35
from prep.generators.sd35.options import SD35Options
from prep.models import known
from prep.models.choose_models import options_of
from prep.pipeline.outlook import plan_lines
from tests.support.fetching import allow_fetching
from tests.support.pictures import folder_of
from tests.support.runs import run_here, tree
from tests.support.tiny import PARENTS, requests, tiny_model

PRESETS = sorted(path for path in configs_folder().glob("*.toml") if path.stem != "default")
QUALITY = "anime illustration, clean line art, cel shading, detailed eyes"
SMALL_QUALITY = "masterpiece, best quality, official art, extremely detailed CG"  # of the starter


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tagged(tmp_path, tiny_tagger):
    """Four images of one character, read by the tagger, and nothing drawn."""
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    for path in art.rglob("*.png"):
        os.utime(path, (1e9, 1e9))  # a file that was just written is read again
    vary = tmp_path / "vary.toml"
    vary.write_text('[a]\noptions = [["smile"], ["outdoors"]]\n[b]\noptions = [["white_shirt"], ["blue_hair"]]\n')
    sets = (f"augmentation.vary={vary}", "thresholds.mode=fixed", "thresholds.fixed=0.4", "generator.device=cpu")
    run_here(art, out, tiny_tagger, *sets, "generator.model=none", to="caption")
    return art, out, (f"tagger.model={tiny_tagger}", *sets)


@pytest.fixture
def no_weights(monkeypatch):
    monkeypatch.setattr(encoders, "load_text_encoder", lambda *_, **__: pytest.fail("an encoder was loaded"))
    for name in ("load_transformer", "load_vae", "load_tokenizer"):
        monkeypatch.setattr(opening, name, lambda *_, name=name, **__: pytest.fail(f"{name} was called"))


def typed(command, *arguments, sets=()) -> tuple[int, list[str]]:
    done = CliRunner().invoke(command, [*map(str, arguments), *(part for each in sets for part in ("--set", each))],
                              standalone_mode=False, catch_exceptions=False)  # fmt: skip
    return done.return_value, done.stdout.splitlines()


def test_the_plan_lines_a_real_file_has_every_request_and_loads_no_weight(tagged, model, no_weights):
    art, out, sets = tagged
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    code, lines = typed(run_command, art, "--out", out, "--plan", sets=(*sets, f"generator.model={model}"))
    assert code == 0
    assert "generate: 2 reconstruct, 4 consistency, 2 augmentation with tiny, 8 to draw" in lines
    heads = [line for line in lines if line.startswith("  mira: ")]
    assert len(heads) == 8 and all("steps, seed " in line for line in heads)
    sources = {path.name for path in (art / "mira").iterdir()}
    for at, line in enumerate(lines):
        if line.startswith(("  mira: augmentation", "  mira: reconstruct")):
            assert line.split(" from mira/")[1].split(" (")[0] in sources
        if line.startswith("  mira: "):
            assert lines[at + 1].startswith(f"    {SMALL_QUALITY}, ")
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_differs_in_a_few_lines_and_its_plan_has_the_prompts(path, tagged, no_weights, monkeypatch):
    allow_fetching(monkeypatch)
    layer = tomllib.loads(path.read_text())
    assert set(layer) <= {"generator", "reconstruct", "consistency"} and sum(map(len, layer.values())) <= 8
    art, out, sets = tagged
    lines = plan_lines(art, out, load_settings(art, path, sets))
    name = layer["generator"]["model"]
    told = next(line for line in lines if line.startswith("generate: "))
    assert f"with {name}, which a run would fetch first ({known(name).size})" in told
    told_of = sum(line.startswith("  mira: ") for line in lines)
    assert told_of >= 5 and sum(line.startswith(f"    {QUALITY}, ") for line in lines) == told_of
    size, steps = ("512x512", 4) if path.stem == "cpu" else ("1024x1024", 28)
    assert any(f"consistency (text, {size}, {steps} steps)" in line for line in lines)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_each_preset_draws_with_a_small_model(path, model, tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda forward: forward)
    settings = load_settings(None, path, ("generator.device=cpu",))
    options = options_of("generator", GENERATORS.members["file"], settings)
    drawing = SD35("file", {"model": model}, options)
    pictures = drawing.draw(requests(3), PARENTS, tmp_path / "encoded")
    assert [picture.shape for _, picture in pictures] == [(64, 48, 3)] * 3
    notes = drawing.notes
    assert (
        notes["adaln_cache"] == options.adaln_cache and not notes["compile"]
    )  # three pictures are too few for it to pay


@pytest.mark.parametrize(("quality", "begins"), [("auto", f"{SMALL_QUALITY}, "), ("ink", "ink, "), ("", "")])
def test_the_settings_replace_the_models_own_words(quality, begins, tagged, model, no_weights):
    art, out, sets = tagged
    words = (f"generator.quality={quality!r}", f"generator.negative={quality!r}")
    settings = load_settings(art, None, (*sets, f"generator.model={model}", *words))
    lines = plan_lines(art, out, settings)
    heads = [line for line in lines if line.startswith("    ")]
    assert heads and all(line.startswith(f"    {begins}") for line in heads)
    assert begins or not any("quality" in line or "auto" in line for line in heads)


def test_a_published_model_is_asked_in_words_of_drawn_animation_and_reads_sentences_if_it_has_t5():
    card, without = (absent("sd35-large-fp8", SD35Options(with_t5=with_t5)) for with_t5 in (True, False))
    assert card.quality == QUALITY and not {"masterpiece", "best quality"} & set(card.quality.split(", "))
    assert "photograph" in card.negative and "low quality" not in card.negative
    assert (card.sentences, without.sentences) == (True, False)


def test_weights_that_say_themselves_what_they_draw_have_to_be_here():
    with pytest.raises(SettingsError, match="starter-generator is not on this machine, .*Fetch it first"):
        absent("starter-generator", SD35Options())
    assert absent("sd35-medium", SD35Options(resolution=768)).size(1, 1) == (768, 768)


def test_redraw_as_it_is_typed_tells_tags_prompts_and_how_well_they_match(tagged, model, tmp_path):
    art, _, sets = tagged
    image = art / "mira" / "000.png"
    arguments = image, "-n", "2", "--out", tmp_path / "redrawn"
    sets = (*sets, f"generator.model={model}")
    code, lines = typed(redraw_command, *arguments, sets=sets)
    assert code == 0
    assert next(line for line in lines if line.startswith("mira/000.png: ")).count(",") >= 2  # its tags
    verdicts = [line for line in lines if line.startswith("  augmentation (")]
    assert len(verdicts) >= 2 and all(0 <= float(line.split(": ")[1].split()[0]) <= 1 for line in verdicts)
    assert sum(line.startswith("  reconstruct (text): ") for line in lines) == 1
    assert sum(line.startswith(f"  prompt:   {SMALL_QUALITY}, ") for line in lines) == len(verdicts) + 1
    drawn_files = [Path(line) for line in lines if line.endswith(".png") and not line.startswith("look")]
    assert len(drawn_files) == len(verdicts) + 1 and all(path.is_file() for path in drawn_files)
    before = tree(tmp_path / "redrawn")
    code, lines = typed(redraw_command, *arguments, sets=sets)
    assert code == 0 and any(f"all {len(drawn_files)} pictures were drawn before" in line for line in lines)
    assert tree(tmp_path / "redrawn") == before
    drawn_files[0].write_bytes(drawn_files[0].read_bytes()[:99])  # a damaged one is drawn again
    code, lines = typed(redraw_command, *arguments, sets=sets)
    assert code == 0 and any("generate: 1 picture with" in line for line in lines)
    after = tree(tmp_path / "redrawn")
    assert {path: after[path] for path in before} == before
    assert [Path(path).parts[1] for path in after.keys() - before.keys()] == ["set_aside"]


def test_redraw_needs_something_that_draws(tagged, tmp_path):
    art, _, sets = tagged
    code, lines = typed(redraw_command, art / "mira" / "000.png", "--out", tmp_path / "redrawn", sets=sets)
    assert code == 0 and any(
        "SD3.5 is not on this machine. `prep models get sd35-large-fp8` fetches it" in line for line in lines
    )
    assert lines[-2].startswith("nothing was drawn: SD3.5 is not on this machine.")
    assert lines[-1] == "`--set generator.model=starter` tries it with the starter generator"
