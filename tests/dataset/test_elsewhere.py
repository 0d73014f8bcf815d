"""kohya/ on another disk: where the settings say so, and nowhere else."""

import shutil

import pytest

from prep.dataset.finished import read_set
from prep.errors import UsageError
from tests.fakes import FakeTagger
from tests.support.pictures import folder_of
from tests.support.runs import manifest, run_here


@pytest.fixture
def elsewhere(tmp_path, tiny_tagger, reads_with):
    reads_with(lambda options: FakeTagger())
    art, out, disk = folder_of(tmp_path / "art", mira=2), tmp_path / "out", tmp_path / "disk"
    run_here(art, out, tiny_tagger, f"export.kohya={disk}")
    return art, out, disk, tiny_tagger


def test_kohya_lies_where_the_settings_say_and_goes_on_there(elsewhere):
    art, out, disk, tagger = elsewhere
    assert len(list(disk.glob("50_mira/*.png"))) == 2 and (out / "kohya").resolve() == disk.resolve()
    caption = next(disk.glob("50_mira/*.txt"))
    caption.write_text(caption.read_text() + ", red scarf")
    run_here(art, out, tagger, f"export.kohya={disk}", "captions.max_tags=3")
    assert caption.read_text().endswith(", red scarf")
    assert read_set(out).images == 2
    assert str(disk) not in str(manifest(out))
    next(disk.glob("50_mira/*.txt")).write_bytes(b"caf\xe9")
    run_here(art, out, tagger)  # the link says it by now
    assert len(list((out / "set_aside" / "kohya" / "50_mira").iterdir())) == 1


def test_a_link_to_a_folder_that_is_not_this_sets_is_refused(elsewhere, tmp_path):
    art, out, disk, tagger = elsewhere
    (out / "kohya").unlink()
    (tmp_path / "private").mkdir()
    (out / "kohya").symlink_to(tmp_path / "private")
    with pytest.raises(UsageError, match="is a link"):
        read_set(out)
    with pytest.raises(UsageError, match="is a link to"):
        run_here(art, out, tagger, f"export.kohya={disk}")
    assert not any((tmp_path / "private").iterdir())
    with pytest.raises(UsageError, match="of another set"):
        run_here(art, tmp_path / "other", tagger, f"export.kohya={disk}")


def test_a_folder_with_a_set_in_it_is_not_left_behind(elsewhere, tmp_path):
    art, _, disk, tagger = elsewhere
    run_here(art, tmp_path / "other", tagger)
    with pytest.raises(UsageError, match="mv "):
        run_here(art, tmp_path / "other", tagger, f"export.kohya={tmp_path / 'new'}")
    assert (tmp_path / "other" / "kohya" / "50_mira").is_dir()


def test_a_copy_of_an_out_does_not_work_in_the_first_one_s_folder(elsewhere, tmp_path):
    _, out, _, _ = elsewhere
    shutil.copytree(out, tmp_path / "copy", symlinks=True)
    with pytest.raises(UsageError, match="is a link"):
        read_set(tmp_path / "copy")
    out.rename(tmp_path / "moved")  # one that was moved is the same
    assert read_set(tmp_path / "moved").images == 2
