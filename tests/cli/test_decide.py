"""prep accept, reject, exclude, restore, undo: what they do, and what they say."""

from tests.support.person import small, tags
from tests.support.pictures import drawing, save


def test_exclude_and_restore_say_what_they_did_and_what_comes_next(made, typed):
    picture = made.image("001")
    said = typed("exclude", made.out, "mira/001.png", "noa/000.png")
    assert said.code == 0 and not picture.exists()
    assert said.out.splitlines() == ["2 pictures left out of the set", f"`prep undo {made.out}` undoes it"]
    assert typed("exclude", made.out, picture).out.startswith("0 pictures left out of the set; 1 was before")
    said = typed("restore", made.out, picture)
    assert said.code == 0 and "the next `prep run` puts back what belongs there" in said.out
    made.run()
    assert picture.exists() and made.row("noa/000.png")["status"] == "excluded"


def test_accept_takes_a_picture_that_is_too_small(made, typed):
    small(22, made.art / "mira" / "tiny.png")
    made.run("scan.min_side_px=50")
    said = typed("accept", made.out, "tiny.png")
    assert said.code == 0 and said.out.startswith("1 picture accepted\n")
    made.run("scan.min_side_px=50")
    assert made.row("mira/tiny.png")["status"] == "kept"


def test_accept_of_what_cannot_be_in_the_set_is_a_sentence(made, typed):
    save(drawing(1, 64, 48), made.art / "mira" / "copy.bmp")  # of 001.png
    (made.art / "mira" / "half.png").write_bytes((made.art / "mira" / "000.png").read_bytes()[:300])
    made.run()
    kept = "001" if made.row("001")["status"] == "duplicate" else "mira/copy.bmp"
    said = typed("accept", made.out, kept)
    assert said.code == 2 and "is a copy of another picture" in said.err
    said = typed("accept", made.out, "half.png")
    assert said.code == 2 and "mira/half.png cannot be read: damaged" in said.err
    assert typed("undo", made.out, "--list").out == "there are no decisions yet\n"


def test_reject_of_a_drawn_picture_takes_it_out_at_once(painted, typed):
    row = painted.drawn()[0]
    said = typed("reject", painted.out, painted.out / row["file"])
    assert said.code == 0 and said.out.startswith("1 picture rejected\n") and not (painted.out / row["file"]).exists()


def test_accept_says_which_pictures_never_train(painted, typed):
    rows = [row for row in painted.rows().values() if row["origin"] == "reconstruct"]
    said = typed("accept", painted.out, *(painted.out / row["file"] for row in [*rows, *painted.drawn("rejected")[:1]]))
    assert said.code == 0 and "the next `prep run` adds to kohya/ what is trained on\n" in said.out
    assert f"{len(rows)} of them are only looked at: samples, reconstructions and scenes never train\n" in said.out


def test_a_key_of_none_or_of_several_is_one_sentence_and_changes_nothing(made, typed):
    for verb in ("accept", "reject", "exclude", "restore"):
        for keys, why in (((made.key("001"), "nobody.png"), "is not a picture of"), (("000",), "matches 2 pictures")):
            said = typed(verb, made.out, *keys)
            assert said.code == 2 and said.out == "" and why in said.err and len(said.err.splitlines()) == 1
    assert made.image("001").exists() and typed("undo", made.out, "--list").out == "there are no decisions yet\n"


def test_a_folder_that_prep_did_not_make_is_one_sentence(made, typed):
    for command, *more in (("exclude", "x"), ("undo",), ("tags",)):
        said = typed(command, made.art, *more)
        assert said.code == 2 and "was not made by prep" in said.err and not (made.art / ".prep").exists()


def test_undo_names_the_captions_that_it_changes(made, typed):
    typed("tags", made.out, "--add", "rain")
    (line,) = typed("undo", made.out, "--list").out.splitlines()
    assert line.endswith(": 4 captions (+rain) (mira/000.png, mira/001.png, mira/002.png and 1 more)")


def test_undo_tells_each_step_and_takes_back_what_was_done_to_files(made, typed):
    before = made.text("000").read_text()
    made.add("000", "red scarf")
    made.image("001").unlink()
    typed("exclude", made.out, "002")
    listed = typed("undo", made.out, "--list").out.splitlines()
    assert [line.rpartition(": ")[2] for line in listed] == [
        "1 caption (+red scarf) (mira/000.png)",
        "1 excluded (mira/001.png)",
        "1 excluded (mira/002.png)",
    ]
    assert ", by files: " in listed[0] and ", by command: " in listed[2]
    said = typed("undo", made.out, 3)
    assert said.out.count("undone: step") == 3 and "the next `prep run` changes kohya/ accordingly" in said.out
    assert made.text("000").read_text() == before
    assert typed("undo", made.out).out == "nothing to undo\n"
    made.run()
    assert all(made.row(name)["status"] == "kept" for name in ("001", "002"))
    assert typed("undo", made.out, "--redo").out.startswith("redone: step 1")
    assert tags(made.text("000"))[-1] == "red scarf"


def test_the_list_shows_what_was_done_to_files_since_and_keeps_nothing(made, typed):
    made.add("000", "red scarf")
    assert "by files: 1 caption (+red scarf) (mira/000.png)" in typed("undo", made.out, "--list").out
    with made.door() as edits:
        assert [step.number for step in edits.history] == [1], "the list had kept it"
