"""The line that counts all files of SRC at the end of a run, and a line in problems.txt for each that is left out."""

import re
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from prep.pipeline.status import status_of
from tests.support.pictures import drawing, encoded, save
from tests.support.runs import manifest, older, prep, run_here

LINE = re.compile(r"^([\d,]+) files? in SRC: (.*?)(?:; left out: (.*?))?(?:\. See .*)?$")


def numbers(said: str) -> tuple[int, list[int]]:
    """(files in SRC, how many were kept or left out, and why) of the last line that counts them."""
    total, kept, left = LINE.match([line for line in said.splitlines() if LINE.match(line)][-1]).groups()
    return int(total), [int(each.split()[0]) for each in f"{kept}, {left}".split(", ") if each != "None"]


def listed(out: Path) -> dict[str, str]:
    """Path -> its word in problems.txt."""
    lines = (out / "problems.txt").read_text().splitlines()
    return {line.split(": ")[0]: line.split(": ")[1] for line in lines}


@pytest.fixture
def messy(tmp_path) -> Path:
    art = tmp_path / "art"
    good = drawing(1)
    save(good, art / "mira" / "1.png")
    save(drawing(3), art / "mira" / "2.png")
    save(good, art / "mira" / "copy.bmp")
    save(good.resize((260, 325), Image.Resampling.LANCZOS), art / "mira" / "near.png")
    save(drawing(4, 64, 80), art / "mira" / "small.png")
    save(drawing(5, 300, 1500), art / "mira" / "strip.png")
    (art / "mira" / "cut.png").write_bytes(encoded(drawing(6))[:300])
    (art / "mira" / "really.png").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 40)
    (art / "mira" / "1.png~").write_bytes(encoded(drawing(7)))
    (art / "mira" / "1.txt").write_text("mira, red scarf")
    for name in ("a.json", "b.json"):
        (art / "mira" / name).write_text("{}")
    (art / "mira" / "@eaDir").mkdir()
    (art / "noa").mkdir()
    (art / "noa" / "1.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 40)
    save(drawing(8), art / "cover.png")
    return art


def test_the_numbers_add_up_and_each_has_a_line(messy, tmp_path, tiny_tagger, capsys):
    out = tmp_path / "out"
    result = run_here(messy, out, tiny_tagger)
    said = capsys.readouterr().out
    total, parts = numbers(said)
    assert total == sum(parts) == sum(path.is_file() for path in messy.rglob("*")) == 14
    assert "14 files in SRC: 3 pictures kept, 1 caption; left out: 2 .json, 2 HEIF, 1 aspect, 1 backup, 1 copy" in said
    assert listed(out) == {
        "mira/cut.png": "damaged",
        "mira/really.png": "HEIF",
        "noa/": "no_image",
        "noa/1.heic": "HEIF",
        "cover.png": "loose",
        "mira/*.json": "other",
        "mira/1.png~": "backup",
        "mira/@eaDir/": "thumbnails",
        "mira/copy.bmp": "copy",
        "mira/near.png": "near_copy",
        "mira/small.png": "too_small",
        "mira/strip.png": "aspect",
    }
    text = (out / "problems.txt").read_text()
    assert "mira/copy.bmp: copy: is the same picture as mira/1.png" in text
    assert "mira/near.png: near_copy: is nearly mira/1.png, which is larger; both are in the set" in text
    assert "noa has no readable image: 1 HEIF" in said and "1 folder is skipped: mira/@eaDir/ (thumbnails)" in said
    assert "1 picture is a near copy of another, and in the set" in said
    assert result.exit_code == 1 and result.failed == 4


def test_status_counts_the_same_files(messy, tmp_path, tiny_tagger, capsys):
    out = tmp_path / "out"
    run_here(messy, out, tiny_tagger)
    counted = next(line for line in capsys.readouterr().out.splitlines() if LINE.match(line)).partition(". See")[0]
    assert counted in [*status_of(out)]
    (out / "manifest.parquet").touch()
    run_here(messy, out, tiny_tagger, to="scan")  # which makes no manifest
    assert counted in [*status_of(out)]


def test_a_dropped_near_copy_is_left_out_and_named(messy, tmp_path, tiny_tagger, capsys):
    run_here(messy, tmp_path / "out", tiny_tagger, "scan.near_copies=drop")
    total, parts = numbers(capsys.readouterr().out)
    assert total == sum(parts) == 14 and parts[0] == 2 and listed(tmp_path / "out")["mira/near.png"] == "near_copy"


@pytest.mark.parametrize("near", ["flag", "drop"])
def test_a_near_copy_of_the_same_size_is_not_said_to_be_smaller(tmp_path, tiny_tagger, near):
    art, out = tmp_path / "art" / "mira", tmp_path / "out"
    save(drawing(1, 400, 400), art / "e1.png")
    (art / "e1.webp").write_bytes(encoded(drawing(1, 400, 400), "WEBP", quality=60))
    run_here(art.parent, out, tiny_tagger, f"scan.near_copies={near}", "generator.model=none")
    (copy,) = (row for row in manifest(out) if row["near_of"])
    (other,) = (row for row in manifest(out) if not row["near_of"])
    sizes = [f"{row['format']}, {max(1, round(row['bytes'] / 1000)):,} kB" for row in (other, copy)]
    said = f"is nearly {other['source']}, which is of the same size ({sizes[0]}, against {sizes[1]})"
    text = (out / "problems.txt").read_text()
    assert f"{copy['source']}: near_copy: {said}" in text and "larger" not in text


def test_what_a_person_took_out_is_counted_and_named(made, capsys):
    made.image("001").unlink()
    capsys.readouterr()
    result = made.run()
    assert "4 files in SRC: 3 pictures kept; left out: 1 excluded. See" in capsys.readouterr().out
    assert "mira/001.png: excluded: was removed by hand; `prep restore` brings it back" in made.problems()
    assert result.exit_code == 0


def test_rules_alone_fail_no_run(made):
    (made.art / "mira" / "9.psd").write_bytes(b"8BPS")
    (made.art / "clip.mp4").write_bytes(b"")
    save(drawing(50, 20, 20), made.art / "mira" / "tiny.png")
    assert made.run().exit_code == 0


def test_a_character_without_a_picture_fails_the_run_unless_a_person_emptied_it(made, capsys):
    (made.art / "zoe").mkdir()
    save(drawing(50, 20, 20), made.art / "zoe" / "tiny.png")
    (made.art / "zoe" / "tiny.psd").write_bytes(b"8BPS")
    assert made.run().exit_code == 1
    assert "zoe has no image that is kept: 1 PSD, 1 too_small" in capsys.readouterr().out
    (made.art / "zoe" / "tiny.png").unlink()
    (made.art / "zoe" / "tiny.psd").unlink()
    made.image("noa/000.png").unlink()
    assert made.run().exit_code == 0


def test_a_loose_picture_of_an_older_set_leaves_and_its_caption_waits(made):
    """Earlier versions made a character of SRC's name out of it."""
    (made.art / "noa" / "000.png").rename(made.art / "cover.png")
    (made.art / "mira").rename(made.art.parent / "mira")
    made.run()
    caption = (made.out / made.rows()["cover.png"]["file"]).with_suffix(".txt")
    caption.write_text(f"{caption.read_text()}, red scarf")
    (made.art.parent / "mira").rename(made.art / "mira")
    made.run()
    assert "cover.png" not in made.rows() and "cover.png: loose: " in made.problems()
    (made.art / "zoe").mkdir()
    (made.art / "cover.png").rename(made.art / "zoe" / "cover.png")
    made.run()
    assert made.text("zoe/cover.png").read_text().endswith("red scarf")


def test_a_run_that_keeps_nothing_does_not_end_as_done(tmp_path, tiny_tagger):
    art, out = tmp_path / "art", tmp_path / "out"
    (art / "mira").mkdir(parents=True)
    (art / "mira" / "2.jxl").write_bytes(b"\xff\x0a")
    sets = ("--set", f"tagger.model={tiny_tagger}", "--set", "generator.model=none")
    done = prep("run", art, "--out", out, *sets)
    assert done.returncode == 1 and done.stderr == "" and manifest(out) == []
    assert done.stdout.splitlines()[-1] == "nothing to train on: no picture is kept: 1 JPEG XL"
    assert "train: " not in done.stdout and "look: " not in done.stdout
    assert listed(out) == {"mira/": "no_image", "mira/2.jxl": "JPEG XL"}
    save(drawing(1, 64, 64), art / "mira" / "1.png")
    result = run_here(art, out, tiny_tagger)
    assert result.exit_code == 1 and result.ending.endswith("no picture is kept: 1 JPEG XL, 1 too_small")


def test_folders_that_became_characters_are_explained(tmp_path, tiny_tagger, capsys):
    for number, path in enumerate(("10_mira/school/1.png", "10_mira/beach/2.png", "noa/3.png")):
        save(drawing(number), tmp_path / "art" / path)
    run_here(tmp_path / "art", tmp_path / "out", tiny_tagger, to="scan")
    said = capsys.readouterr().out
    assert (
        "scan: the number in front of a folder's name is ignored, since prep computes its own repeats: 10_mira\n"
        in (said)
    )
    assert "scan: mira: 2 sub-folders are read as one character" in said
    assert "3 files in SRC: 3 pictures kept\n" in said  # and no problems.txt is pointed at, for none was written


def test_a_picture_that_an_older_prep_called_damaged_for_its_text_is_read_again(made, monkeypatch):
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("workflow", "{} " * 400_000, zip=True)
    save(drawing(60, 64, 48), made.art / "mira" / "comfy.png", pnginfo=notes)
    older(made.art)
    with monkeypatch.context() as patch:
        patch.setattr("prep.images.without_oversized", lambda data: (data, ()))
        made.run()
    assert "mira/comfy.png: damaged: " in made.problems()
    made.run()
    row = made.row("comfy")
    assert row["status"] == "kept" and row["flags"] == ["text_skipped"] and made.problems() == ""
    with Image.open(made.image("comfy")) as trained:  # by any trainer
        assert trained.size == (64, 48) and not trained.info


def test_a_picture_of_two_characters_is_in_the_set_twice_and_said(tmp_path, tiny_tagger, capsys):
    save(drawing(1), tmp_path / "art" / "mira" / "1.png")
    save(drawing(1), tmp_path / "art" / "noa" / "both.bmp")
    save(drawing(2), tmp_path / "art" / "noa" / "2.png")
    save(drawing(3), tmp_path / "art" / "noa" / "3.png")
    Image.new("L", (300, 375)).save(tmp_path / "art" / "noa" / "3_mask.png")
    assert run_here(tmp_path / "art", tmp_path / "out", tiny_tagger).exit_code == 0
    assert "4 pictures kept; left out: 1 mask" in capsys.readouterr().out
    assert listed(tmp_path / "out") == {
        "mira/1.png": "shared",
        "noa/both.bmp": "shared",
        "noa/3_mask.png": "mask",
    }
    text = (tmp_path / "out" / "problems.txt").read_text()
    assert "mira/1.png: shared: is the same picture as noa/both.bmp, of another character" in text
