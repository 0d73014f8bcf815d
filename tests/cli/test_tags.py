"""prep tags: counted, and changed in bulk."""

import shutil

from tests.support.person import tags


def test_tags_are_counted_and_sentences_left_alone(made, typed):
    made.text("001").write_text("mira, Solo, solo, red_scarf")
    made.text("002").write_text("A girl stands in the rain.")
    lines = typed("tags", made.out, "--character", "mira").out.splitlines()
    counts = {line[8:]: int(line[:6].replace(",", "")) for line in lines}
    assert counts["mira"] == 2 and counts["red_scarf"] == 1 and counts["sentences, which are left alone"] == 1
    assert "noa" not in counts and "     1  noa" in typed("tags", made.out).out


def test_a_plan_shows_the_change_and_writes_nothing(made, typed):
    made.run()
    before = {path: path.read_bytes() for path in (made.out / "kohya").rglob("*.txt")}
    said = typed("tags", made.out, "--add", "red scarf", "--plan")
    now = made.text("000").read_text()
    assert f"  now:  {now}\n  then: {now}, red scarf\n" in said.out
    assert said.out.endswith("4 of 4 captions would change\n")
    assert {path: path.read_bytes() for path in (made.out / "kohya").rglob("*.txt")} == before
    assert typed("undo", made.out, "--list").out == "there are no decisions yet\n"


def test_a_picture_with_a_copy_is_named_by_the_file_that_is_in_the_set(made, typed):
    shutil.copy(made.art / "mira" / "000.png", made.art / "mira" / "999.png")
    made.run()
    said = typed("tags", made.out, "--character", "mira", "--add", "red scarf").out
    assert "None" not in said and said.count("  kohya/") == 3
    assert "mira/000.png" in typed("undo", made.out, "--list").out


def test_a_plan_keeps_no_edit_that_was_made_in_a_file(made, typed):
    made.add("000", "umbrella")
    parts = sorted((made.out / ".prep" / "ledger").rglob("*.parquet"))
    assert "umbrella, red scarf" in typed("tags", made.out, "--add", "red scarf", "--plan").out
    assert sorted((made.out / ".prep" / "ledger").rglob("*.parquet")) == parts


def test_tags_of_one_character_are_changed_and_undone(made, typed):
    before = made.text("000").read_text()
    said = typed("tags", made.out, "--character", "mira", "--add", "red scarf")
    assert said.code == 0 and "3 of 3 captions changed" in said.out and f"`prep undo {made.out}`" in said.out
    assert "red scarf" not in tags(made.text("noa/000.png"))
    typed("tags", made.out, "--rename", "red scarf", "blue scarf")
    assert tags(made.text("000"))[-1] == "blue scarf"
    typed("tags", made.out, "--remove", "blue_scarf")
    assert made.text("000").read_text() == before
    typed("undo", made.out, 3)
    made.run()
    assert made.text("000").read_text() == before and made.row("000")["caption_source"] == "machine"


SENSELESS = {
    ("--add", "a", "--remove", "b"): "--add and --remove together",
    ("--add", "a, b"): "is not a tag",
    ("--add", " "): "is not a tag",
    ("--add", ""): "is not a tag",
    ("--rename", "a", ""): "is not a tag",
    ("--add", "caf\udce9"): "is not a tag",
    ("--rename", "solo", "a\0b"): "is not a tag",
    ("--remove", "Mira"): "is the trigger word",
    ("--rename", "mira", "x"): "is the trigger word",
    ("--character", "nobody"): "Use one of mira, noa",
}


def test_what_makes_no_sense_is_one_sentence(made, typed):
    for arguments, why in SENSELESS.items():
        said = typed("tags", made.out, *arguments)
        assert said.code == 2 and why in said.err and said.out == "", arguments
    assert tags(made.text("000"))[0] == "mira"
