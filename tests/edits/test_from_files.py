"""What a person does in kohya/ is kept, while thresholds, filters and images change around it (DESIGN, section 4)."""

import re
import shutil
from pathlib import Path

import pytest

from prep.edits.sidecar import caption_text
from tests.fakes import FakeTagger
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import captions, manifest, prep, run_here, tree

LOW, HIGH = ("thresholds.mode=fixed", "thresholds.fixed=0.3"), ("thresholds.mode=fixed", "thresholds.fixed=0.8")


class Set:
    """A training set of three images, run with a fake tagger, and edited."""

    def __init__(self, root: Path, tagger: Path) -> None:
        self.art = folder_of(root / "art", mira=3)
        self.out, self.tagger = root / "out", tagger

    def run(self, *sets: str, **options):
        return run_here(self.art, self.out, self.tagger, *sets, **options)

    def row(self, name: str) -> dict:
        return next(row for row in manifest(self.out) if row["source"] == f"mira/{name}.png")

    def image(self, name: str) -> Path:
        return self.out / self.row(name)["file"]

    def text(self, name: str) -> Path:
        return self.image(name).with_suffix(".txt")


@pytest.fixture
def made(tmp_path, tiny_tagger, monkeypatch, reads_with):
    reads_with(lambda options: FakeTagger())
    made = Set(tmp_path, tiny_tagger)
    made.run(*HIGH)
    return made


def test_an_edit_survives_a_second_run_to_the_letter(made):
    typed = made.text("000").read_text() + ",  Red scarf"
    made.text("000").write_text(typed)
    made.run(*HIGH)
    assert made.text("000").read_text() == typed
    assert made.row("000")["caption"] == typed and made.row("000")["caption_source"] == "hand"
    assert made.row("001")["caption_source"] == "machine"


def test_an_edit_is_merged_with_a_changed_threshold(made):
    before = made.text("000").read_text().split(", ")
    gone, kept = before[-1], before[:-1]
    made.text("000").write_text(", ".join([*kept, "red scarf"]))
    made.run(*LOW)
    after = made.text("000").read_text().split(", ")
    assert "red scarf" in after and gone not in after
    assert len(after) > len(before) and made.row("000")["caption_source"] == "merged"
    made.run(*HIGH)
    assert set(made.text("000").read_text().split(", ")) == {*kept, "red scarf"}


def test_an_edit_is_merged_with_a_changed_filter_and_trigger(made, tmp_path):
    made.text("000").write_text(made.text("000").read_text() + ", red scarf")
    dropped = made.row("000")["tags"][0]["name"]
    (tmp_path / "filter.txt").write_text(dropped)
    made.run(*HIGH, f"filter.file={tmp_path / 'filter.txt'}", "characters.mira.trigger=mira_v2")
    after = made.text("000").read_text().split(", ")
    assert after[0] == "mira_v2" and "mira" not in after and "red scarf" in after
    assert dropped.replace("_", " ") not in after


def test_an_edit_between_two_changed_settings_is_read_before_anything_is_written(made):
    made.run(*LOW)
    made.text("000").write_text("mira, " + made.text("000").read_text().split(", ")[1] + ", red scarf")
    made.run(*HIGH)
    made.run(*LOW)
    assert "red scarf" in made.text("000").read_text().split(", ")


@pytest.mark.parametrize("content", [b"", b"\n", b"   \n", b"\xef\xbb\xbf"])
def test_an_emptied_caption_stays_empty_and_is_a_lone_newline(made, content):
    made.text("000").write_bytes(content)
    for sets in (HIGH, LOW):
        made.run(*sets)
        assert made.text("000").read_bytes() == b"\n"
        assert (made.row("000")["caption"], made.row("000")["caption_source"]) == ("", "hand")


def test_a_reordered_caption_keeps_its_order(made):
    made.run(*LOW)
    reversed_ = made.text("000").read_text().split(", ")[::-1]
    made.text("000").write_text(", ".join(reversed_))
    made.run(*LOW)
    assert made.text("000").read_text().split(", ") == reversed_
    made.run(*HIGH)
    stays = made.text("000").read_text().split(", ")
    common = [item for item in stays if item in reversed_]
    assert common == [item for item in reversed_ if item in stays] and 1 < len(common) < len(reversed_)


def test_a_sentence_is_kept_whatever_changes(made):
    sentence = "A girl in a red scarf looks back over her shoulder."
    made.text("000").write_text(sentence)
    made.run(*LOW)
    assert made.text("000").read_text() == sentence and made.row("000")["caption_source"] == "hand"


def test_a_removed_txt_is_written_again_with_its_edits(made):
    made.text("000").write_text(made.text("000").read_text() + ", red scarf")
    made.run(*HIGH)
    edited = made.text("000").read_text()
    made.text("000").unlink()
    made.run(*HIGH)
    assert made.text("000").read_text() == edited


def test_a_removed_image_is_excluded_until_it_is_restored(made):
    image = made.image("001")
    image.unlink()
    for _ in range(2):
        made.run(*HIGH)
        assert made.row("001")["status"] == "excluded" and not image.exists()
        assert not image.with_suffix(".txt").exists()
    made.run(*HIGH, restore=True)
    assert made.row("001")["status"] == "kept" and image.exists() and image.with_suffix(".txt").exists()
    made.run(*HIGH)
    assert made.row("001")["status"] == "kept"


def test_an_excluded_image_put_back_by_hand_is_in_again(made):
    image = made.image("001")
    data = image.read_bytes()
    image.unlink()
    made.run(*HIGH)
    image.write_bytes(data)
    made.run(*HIGH)
    assert made.row("001")["status"] == "kept"


@pytest.mark.parametrize("whole", [True, False])
def test_a_removed_folder_is_rebuilt_edits_included(made, whole):
    made.text("000").write_text(made.text("000").read_text() + ", red scarf")
    made.run(*HIGH)
    before = tree(made.out)
    shutil.rmtree(made.out / "kohya" if whole else made.image("000").parent)
    made.run(*HIGH)
    assert tree(made.out) == before


def test_repeats_that_no_longer_balance_are_said_when_pictures_come(made, capsys):
    for number in range(1, 9):
        save(drawing(20 + number, 300, 280), made.art / "mira" / f"more{number}.png")
    capsys.readouterr()
    made.run()
    assert re.search(r"`--rebalance` balances the set again: mira \d+ -> \d+", capsys.readouterr().out)
    made.run()
    assert "--rebalance" not in capsys.readouterr().out
    made.run(rebalance=True)
    assert "--rebalance" not in capsys.readouterr().out


def test_a_folder_that_a_person_renamed_keeps_its_number(made):
    folder = made.image("000").parent
    folder.rename(folder.with_name("7_mira"))
    made.run(*HIGH)
    assert [path.name for path in (made.out / "kohya").iterdir() if path.is_dir()] == ["7_mira"]
    assert "num_repeats = 7" in (made.out / "kohya" / "dataset.toml").read_text()
    assert {row["status"] for row in manifest(made.out)} == {"kept"}


def test_a_rejected_image_that_returns_is_not_taken_for_excluded(made):
    save(drawing(9, 260, 260), made.art / "mira" / "small.png")
    made.run(*HIGH)
    made.text("small").write_text(made.text("small").read_text() + ", red scarf")
    made.run(*HIGH, "scan.min_side_px=300")
    assert made.row("small")["status"] == "rejected" and made.row("small")["file"] is None
    made.run(*HIGH)
    assert made.row("small")["status"] == "kept" and "red scarf" in made.text("small").read_text()


def test_an_image_that_leaves_src_leaves_the_set_and_its_edits_wait(made):
    made.text("002").write_text(made.text("002").read_text() + ", red scarf")
    made.run(*HIGH)
    image, data = made.image("002"), (made.art / "mira" / "002.png").read_bytes()
    (made.art / "mira" / "002.png").unlink()
    made.run(*HIGH)
    assert not image.exists() and len(manifest(made.out)) == 2
    (made.art / "mira" / "002.png").write_bytes(data)
    made.run(*HIGH)
    assert "red scarf" in made.text("002").read_text()


def test_a_persons_own_files_in_kohya_stay(made):
    notes = made.image("000").parent / "notes.md"
    latents = made.image("000").with_name(made.image("000").stem + "_1024x1024_sd3.npz")
    notes.write_text("mine")
    latents.write_bytes(b"cache")
    made.run(*LOW)
    assert notes.read_text() == "mine" and latents.exists()


def test_a_dataset_toml_changed_by_hand_stays_and_prep_writes_beside_it(made):
    toml = made.out / "kohya" / "dataset.toml"
    mine = toml.read_text().replace("batch_size = 1", "batch_size = 4")
    toml.write_text(mine)
    made.run(*HIGH)
    assert toml.read_text() == mine and "batch_size = 1" in toml.with_name("dataset.new.toml").read_text()
    toml.unlink()
    made.run(*HIGH)
    assert "batch_size = 1" in toml.read_text() and not toml.with_name("dataset.new.toml").exists()


def test_a_caption_that_stands_in_src_is_taken_as_written_by_hand(tmp_path, tiny_tagger, monkeypatch, reads_with):
    reads_with(lambda options: FakeTagger())
    art = folder_of(tmp_path / "art", mira=2)
    (art / "mira" / "000.TXT").write_text("mira, solo, a red scarf")
    run_here(art, tmp_path / "out", tiny_tagger, *LOW)
    rows = {row["source"]: row for row in manifest(tmp_path / "out")}
    assert rows["mira/000.png"]["caption"] == "mira, solo, a red scarf"
    assert rows["mira/000.png"]["caption_source"] == "hand" and rows["mira/001.png"]["caption_source"] == "machine"
    (art / "mira" / "000.txt").write_text("mira, solo, a red scarf, rain")
    run_here(art, tmp_path / "out", tiny_tagger, *LOW)
    assert captions(tmp_path / "out")["mira/000.png"] == "mira, solo, a red scarf, rain"


def test_a_tag_that_a_person_wrote_in_src_stays_when_prep_s_caption_loses_it(tmp_path, tiny_tagger, reads_with):
    reads_with(lambda options: FakeTagger())
    art = folder_of(tmp_path / "art", mira=2)
    run_here(art, tmp_path / "probe", tiny_tagger, *LOW)
    tags = captions(tmp_path / "probe")["mira/000.png"].split(", ")
    (art / "mira" / "000.txt").write_text(", ".join(tags))
    run_here(art, tmp_path / "out", tiny_tagger, *LOW)
    drop = f"characters.mira.traits=['{tags[-1]}']"  # from now on the trigger word stands for it
    run_here(art, tmp_path / "out", tiny_tagger, *LOW, drop)
    found = captions(tmp_path / "out")
    assert tags[-1] in found["mira/000.png"].split(", ") and tags[-1] not in found["mira/001.png"].split(", ")


def test_an_edit_beside_the_source_is_kept_in_source_mode(tmp_path, tiny_tagger, monkeypatch, reads_with):
    reads_with(lambda options: FakeTagger())
    art = folder_of(tmp_path / "art", mira=1)
    for sets in (HIGH, LOW):
        run_here(art, tmp_path / "out", tiny_tagger, *sets, "captions.sidecars=source")
        sidecar = art / "mira" / "000.txt"
        sidecar.write_text(sidecar.read_text() + f", edit {sets[1][-1]}")
    run_here(art, tmp_path / "out", tiny_tagger, *HIGH, "captions.sidecars=source")
    text = (art / "mira" / "000.txt").read_text()
    assert "edit 8" in text and "edit 3" in text and captions(tmp_path / "out")["mira/000.png"] == text


@pytest.mark.parametrize(
    "content", ["蓝色头发".encode("gbk"), "水着".encode("shift-jis"), "café".encode("cp1252"), b"x" * 2_000_000]
)
def test_a_caption_that_cannot_be_read_is_set_aside_and_told(made, content, capsys):
    path = made.text("000")
    path.write_bytes(content)
    made.run(*LOW)
    place = Path("set_aside", path.relative_to(made.out))
    assert (made.out / place).read_bytes() == content
    assert str(place) in capsys.readouterr().out
    for _ in range(2):  # and for as long as it lies there
        assert f"{place}: set_aside: its caption " in (made.out / "problems.txt").read_text()
        assert path.read_text() == made.row("000")["caption"] and made.row("000")["status"] == "kept"
        made.run(*LOW)


@pytest.mark.parametrize(
    "text",
    ["mira, 1girl\nsecond line, of its own", "x" * 100_000, "mira, {a|b}, |||, solo", "mira, \\o/, @_@, <|>_<|>"],
)
def test_hard_captions_are_kept_to_the_byte(made, text):
    made.text("000").write_text(text)
    made.run(*HIGH)
    made.run(*HIGH)
    assert made.text("000").read_text() == text


def test_a_caption_with_two_marks_reads_the_same_once_it_was_written():
    for text in ("\ufeffmira", "\ufeff, mira", " \ufeff \ufeffmira"):
        for encoding in ("utf-8-sig", "utf-8", "utf-16"):
            first = caption_text(text.encode(encoding))
            assert first == caption_text(first.encode()) == text.replace("\ufeff", "").strip()


def test_an_edit_made_while_a_run_was_killed_before_writing_is_an_edit(made, monkeypatch):
    """The ledger says what was about to be written; only that, and what stood before, is no edit."""
    from prep.dataset.kohya import KohyaExporter

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(KohyaExporter, "write", killed)
        made.run(*LOW)
    untouched = made.text("000").read_text()
    made.text("001").write_text("mira, red scarf, " + made.text("001").read_text().removeprefix("mira, "))
    made.run(*LOW)
    sources = {row["source"][-7:-4]: row["caption_source"] for row in manifest(made.out)}
    assert sources["000"] == sources["002"] == "machine" and sources["001"] in ("hand", "merged")
    assert made.text("000").read_text() != untouched
    # What only the unwritten caption had was not taken out by the person.
    run_here(made.art, made.out.with_name("fresh"), made.tagger, *LOW)
    fresh = captions(made.out.with_name("fresh"))["mira/001.png"].split(", ")
    assert set(made.text("001").read_text().split(", ")) == {*fresh, "red scarf"}


def test_status_counts_and_shows_what_was_done_by_hand(made):
    made.text("000").write_text(made.text("000").read_text() + ", red scarf")
    made.text("001").write_text("")
    made.run(*HIGH)
    told = prep("status", made.out)
    assert told.returncode == 0, told.stderr
    line = next(line for line in told.stdout.splitlines() if line.startswith("mira"))
    assert line.split() == ["mira", "3", "-", "-", "-", "-", "1", "2", "-", "33_mira"]
    shown = prep("status", made.out, "--diff").stdout
    assert "  + red scarf" in shown and "(empty)" in shown and "2 captions were edited by hand" in shown
