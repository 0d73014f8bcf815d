"""prep export, as it is typed; and the formats over a set that a run has made."""

import pytest

from prep.errors import UsageError
from prep.exporters import FORMATS
from tests.exporters.finished import captions, export, small_set
from tests.exporters.test_views import READERS
from tests.pictures import folder_of
from tests.run_helpers import prep, run_here


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


def test_formats_of_the_settings_come_with_the_run_and_what_they_leave_out_is_a_problem(tmp_path, tiny_tagger):
    art, out = folder_of(tmp_path / "art", mira=3), tmp_path / "out"
    formats = 'export.formats=["imagefolder", "webdataset"]'
    run_here(art, out, tiny_tagger, formats)
    assert len((out / "export" / "imagefolder" / "metadata.jsonl").read_text().splitlines()) == 3
    assert list((out / "export" / "webdataset").glob("*.tar"))
    next((out / "kohya").glob("*/*.txt")).write_bytes(b"\xff\xfe caption")
    assert run_here(art, out, tiny_tagger, formats).exit_code == 1
    assert "left_out: its caption is not UTF-8" in (out / "problems.txt").read_text()


def test_an_unknown_format_stops_before_anything_is_touched(tmp_path, tiny_tagger):
    with pytest.raises(UsageError, match="no format is called imagefoldr"):
        run_here(folder_of(tmp_path / "art", mira=1), tmp_path / "out", tiny_tagger, 'export.formats=["imagefoldr"]')
    assert not (tmp_path / "out").exists()
