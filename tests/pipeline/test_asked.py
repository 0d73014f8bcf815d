"""Every setting and every file that one names is read before anything is touched."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from prep.config import load_settings
from prep.errors import UsageError
from prep.generators import GENERATORS
from prep.pipeline import road
from prep.pipeline.asked import check_settings
from prep.pipeline.preview import preview
from prep.pipeline.redraw import redraw
from prep.pipeline.subject import home_of
from prep.run import Options
from tests.fakes import FakeRunner
from tests.strangers import palette_generator
from tests.support import tiny
from tests.support.pictures import folder_of
from tests.support.reference import save
from tests.support.weights import basename, written

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 644000000\n"


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """Files that are not what a setting wants."""
    folder = tmp_path_factory.mktemp("named")
    (folder / "lfs.pt").write_bytes(LFS)
    (folder / "page.html").write_text("<!DOCTYPE html><title>401</title>")
    (folder / "list.toml").write_text("[a]\noptions = 3\n")
    save({"decoder.conv_in.weight": torch.zeros(4, 4, 3, 3)}, folder / "vae.safetensors")
    tiny.tiny_model(folder)
    return folder


WRONG = [
    ("generator.model=nonesuch", "generator.model: no generator is called nonesuch"),
    ("generator.model=/nope.safetensors", "/nope.safetensors does not exist. Set generator.model to"),
    ("generator.model={}/lfs.pt", "generator.model: lfs.pt is a Git LFS pointer.*`prep models get sd35-large-fp8`"),
    ("generator.model={}/vae.safetensors", "generator.model: vae.safetensors holds no transformer, but vae"),
    ("generator.model={}", "generator.model: .* is not a diffusers folder"),
    ("generator.vae=/nope", "generator.sd35.vae: /nope does not exist"),
    ("generator.sd35.t5={}/page.html", "page.html is a web page"),
    (
        "generator.sd35.clip_l={}/vae.safetensors",
        "holds no CLIP-L, but vae. Set `generator.sd35.clip_l` to",
    ),
    ("generator.resolution=1000", "expected a multiple of 16"),
    ("generator.sampler=ddim", "generator.sampler: sd35-large-fp8 has no sampler ddim"),
    ("tagger.model=nonesuch", "tagger.model: no tagger is called nonesuch"),
    ("tagger.model={}/lfs.pt", "tagger.model: lfs.pt is a Git LFS pointer.*`prep models get deepdanbooru-v3`"),
    ("tagger.model={}/tiny.safetensors", "tagger.model: tiny.safetensors is not a tagger of prep"),
    ("tagger.model={}", "tagger.model: .* is a folder"),
    ("tagger.device=mps", "tagger.device is mps, but this machine has no such device"),
    ("check.exclusive=/nope", "check.exclusive: /nope does not exist"),
    ("augmentation.vary=/nope", "augmentation.vary: /nope does not exist"),
    ("augmentation.vary={}/list.toml", r"\[a\] needs `options`"),
    ("filter.file=/nope", "filter.file: /nope does not exist"),
    ("filter.file={}", "filter.file: .* is a folder"),
    ("profile.intrinsic=/nope", "profile.intrinsic: /nope does not exist"),
    ("thresholds.overrides={}/list.toml", "expected a number from 0 to 1"),
    ('export.formats=["nope"]', "^export.formats: no format is called nope"),
    ("export.kohya={}/list.toml/kohya", "list.toml is not a folder. Set export.kohya to another folder"),
]


@pytest.mark.parametrize(("setting", "says"), WRONG, ids=[setting for setting, _ in WRONG])
def test_a_wrong_setting_is_told_before_out_is_made(setting, says, named, tmp_path):
    """Also drawing's, where nothing is to be drawn; and by what plans as by what runs."""
    art, out = folder_of(tmp_path / "art", mira=1), tmp_path / "out"
    image = next(art.glob("*/*"))
    others = () if setting.startswith("tagger.model") else ("tagger.model=starter",)
    calls = [
        lambda settings: road.run(art, out, settings, Options(), FakeRunner()),
        lambda settings: preview(art, out, settings),
    ]
    if not setting.startswith("export"):
        calls.append(lambda settings: redraw(home_of(image), out, 1, settings, FakeRunner()))
    for call in calls:
        with pytest.raises(UsageError, match=says) as caught:
            call(load_settings(sets=(*others, setting.format(named))))
        assert caught.value.exit_code == 2 and not out.exists()


def test_what_is_right_is_not_refused(named):
    """Side files beside a model, a folder for kohya/ that is to be made, and all that ships."""
    for sets in (
        (),
        ("generator.model=starter", "tagger.model=starter"),
        (f"generator.model={named}/tiny.safetensors", f"generator.sd35.clip_l={named}/tiny.safetensors"),
    ):
        check_settings(load_settings(sets=(*sets, f"export.kohya={named}/new/kohya")), named / "out")
    assert not (named / "new").exists() and not (named / "out").exists()


def test_a_sampler_is_told_where_only_the_card_says_which_there_are(tmp_path, monkeypatch):
    monkeypatch.setitem(GENERATORS.members, "palette", replace(palette_generator.SPEC, samplers=()))
    (tmp_path / "palette.txt").write_text("#1020f0\n#f02010\n")
    model = f"generator.model=palette:{tmp_path}/palette.txt"
    with pytest.raises(UsageError, match="generator.sampler: palette has no sampler euler. Use one of columns, rows"):
        check_settings(load_settings(sets=(model,)))
    check_settings(load_settings(sets=(model, "generator.sampler=rows")))


def test_a_model_by_name_is_looked_at_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    written(tmp_path / basename("deepdanbooru-v3"), LFS)
    for asked in ("auto", "deepdanbooru-v3"):
        with pytest.raises(
            UsageError, match="Git LFS pointer.*put the complete file into PREP_MODELS, or remove this one"
        ):
            check_settings(load_settings(sets=(f"tagger.model={asked}",)))
    check_settings(load_settings(sets=("tagger.model=starter",)))
    written(tmp_path / basename("sd35-medium"), b"GGUF" + bytes(100))
    with pytest.raises(UsageError, match="generator.model: .* is a GGUF file"):
        check_settings(load_settings(sets=("tagger.model=starter", "generator.model=sd35-medium")))


def test_a_set_that_has_its_tagger_is_not_stopped_by_another_ones_file(tmp_path, monkeypatch):
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    written(tmp_path / basename("deepdanbooru-v3"), LFS)
    (tmp_path / "out" / ".prep" / "ledger").mkdir(parents=True)
    check_settings(load_settings(), tmp_path / "out")


def test_torch_is_not_needed_to_tell_a_wrong_file(named):
    """The check stands before each run, each plan and each status."""
    code = (
        "import sys\nfrom prep.config import load_settings\nfrom prep.pipeline.asked import check_settings\n"
        f"check_settings(load_settings(sets=('tagger.model=starter', 'generator.model={named}/tiny.safetensors')))\n"
        "print(sorted({'torch', 'diffusers', 'transformers', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("where", ["src", "src/kk", "out", "out/kohya", "out/.prep", ".", "full", "a\0b"])
def test_kohya_elsewhere_is_a_folder_of_its_own(tmp_path, where):
    folder_of(tmp_path / "src", mira=1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    export = load_settings().export.model_copy(update={"kohya": f"{tmp_path}/{where}"})
    settings = load_settings().model_copy(update={"export": export})
    with pytest.raises(UsageError, match="export.kohya is "):
        check_settings(settings, tmp_path / "out", tmp_path / "src")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "src"]
