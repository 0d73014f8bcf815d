"""prep export, as it is typed; and the formats over a set that a run has made."""

import json

import pytest

from prep.errors import UsageError
from prep.formats import FORMATS
from tests.support.finished import captions, export, small_set, stamps
from tests.support.pictures import folder_of
from tests.support.runs import prep, run_here
from tests.support.trainers import READERS


def test_the_command_says_what_it_did_and_how_to_train(tmp_path):
    out = small_set(tmp_path / "set")
    done = prep("export", out, "--to", "imagefolder", "--to", "simpletuner")
    assert done.returncode == 0 and "4 images for imagefolder" in done.stdout
    assert "accelerate launch train_dreambooth_lora_sd3.py" in done.stdout and "simpletuner train" in done.stdout
    done = prep("export", tmp_path, "--to", "imagefolder")
    assert done.returncode == 2 and done.stderr.startswith("prep: ") and len(done.stderr.splitlines()) == 1


def test_a_set_that_a_run_has_made(tmp_path, tiny_tagger):
    out = tmp_path / "out"
    run_here(folder_of(tmp_path / "art", mira=3, rin=2), out, tiny_tagger)
    for name in FORMATS:
        found = READERS[name](export(out, name)[0])
        assert sorted(text for text, _ in found) == sorted(captions(out).values()) and len(found) == 5


def test_formats_of_the_settings_come_with_the_run_and_leave_nothing_out(tmp_path, tiny_tagger):
    art, out = folder_of(tmp_path / "art", mira=3), tmp_path / "out"
    formats = 'export.formats=["imagefolder", "webdataset"]'
    run_here(art, out, tiny_tagger, formats)
    assert len((out / "export" / "imagefolder" / "metadata.jsonl").read_text().splitlines()) == 3
    assert list((out / "export" / "webdataset").glob("*.tar"))
    next((out / "kohya").glob("*/*.txt")).write_bytes(b"\xff caption")
    assert run_here(art, out, tiny_tagger, formats).exit_code == 0
    assert "set_aside: its caption is not UTF-8" in (out / "problems.txt").read_text()
    assert len((out / "export" / "imagefolder" / "metadata.jsonl").read_text().splitlines()) == 3


def test_a_run_as_it_is_typed_leaves_every_format_of_its_settings_and_a_second_one_writes_nothing(
    tmp_path, tiny_tagger
):
    art, out, config = folder_of(tmp_path / "art", mira=2, rin=1), tmp_path / "out", tmp_path / "run.toml"
    config.write_text(f'[tagger]\nmodel = "{tiny_tagger}"\n[export]\nformats = {json.dumps(list(FORMATS))}\n')
    done = prep("run", art, "--out", out, "--config", config)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (out / "export").iterdir()) == sorted(FORMATS)
    before = {name: stamps(out / "export" / name) for name in FORMATS}
    for name in FORMATS:
        found = READERS[name](out / "export" / name)
        assert sorted(text for text, _ in found) == sorted(captions(out).values()) and len(found) == 3
        assert f"export: 3 images for {name} in {out / 'export' / name}" in done.stdout
    again = prep("run", art, "--out", out, "--config", config)
    assert again.returncode == 0 and again.stdout.count(" 0 files written") == len(list(FORMATS))
    assert {name: stamps(out / "export" / name) for name in FORMATS} == before


def test_an_unknown_format_stops_before_anything_is_touched(tmp_path, tiny_tagger):
    with pytest.raises(UsageError, match="no format is called imagefoldr"):
        run_here(folder_of(tmp_path / "art", mira=1), tmp_path / "out", tiny_tagger, 'export.formats=["imagefoldr"]')
    assert not (tmp_path / "out").exists()
