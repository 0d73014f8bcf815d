"""[characters.NAME] add and remove: what its captions always, and never, have."""

import pytest

from tests.support.person import LOW, tags


def test_tags_that_were_asked_for_are_in_every_caption_of_that_character_alone(made):
    made.run(*LOW, 'characters.mira.add=["red_scarf", "1girl"]')
    for name in ("000", "001", "002"):
        assert {"red scarf", "1girl"} <= set(tags(made.text(name))) and tags(made.text(name))[:2] == ["mira", "1girl"]
        assert tags(made.text(name)).count("1girl") == 1
    assert "red scarf" not in tags(made.text("noa/000.png"))


def test_tags_that_were_ruled_out_are_in_none(made):
    made.run(*LOW)
    gone = tags(made.text("000"))[1]
    made.run(*LOW, f'characters.mira.remove=["{gone}"]')
    assert all(gone not in tags(made.text(name)) for name in ("000", "001", "002"))
    why = {each["name"]: each["why"] for each in made.row("000")["removed"]}
    assert why[gone.replace(" ", "_")] == "settings"
    made.run(*LOW)
    assert gone in tags(made.text("000"))


@pytest.mark.parametrize("of", ["a trait", "a filtered tag", "beyond max_tags"])
def test_what_is_always_there_is_so_whatever_else_would_drop_it(made, of, tmp_path):
    made.run(*LOW)
    wanted = made.row("000")["tags"][-1]["name"]
    sets = {
        "a trait": (f'characters.mira.traits=["{wanted}"]',),
        "a filtered tag": (f"filter.file={tmp_path / 'filter.txt'}",),
        "beyond max_tags": ("captions.max_tags=2",),
    }[of]
    (tmp_path / "filter.txt").write_text(wanted)
    made.run(*LOW, *sets)
    assert wanted.replace("_", " ") not in tags(made.text("000"))
    made.run(*LOW, *sets, f'characters.mira.add=["{wanted}"]')
    row = made.row("000")
    assert wanted.replace("_", " ") in tags(made.text("000")) and tags(made.text("000"))[0] == "mira"
    found = {each["name"]: each["score"] for each in row["tags"]}
    assert found[wanted] > 0.3 and wanted not in [each["name"] for each in row["removed"]]


def test_one_that_is_both_is_never_there(made):
    made.run('characters.mira.add=["red_scarf"]', 'characters.mira.remove=["red scarf"]')
    assert "red scarf" not in tags(made.text("000"))


def test_what_a_person_took_out_of_one_caption_stays_out_of_it(made):
    always = 'characters.mira.add=["red_scarf"]'
    made.run(always)
    made.text("000").write_text(made.text("000").read_text().replace(", red scarf", ""))
    for sets in ((), LOW):
        made.run(*sets, always)
        assert "red scarf" not in tags(made.text("000")) and "red scarf" in tags(made.text("001"))


def test_what_a_person_wrote_stays_where_the_settings_rule_it_out(made):
    made.add("000", "red scarf")
    made.run('characters.mira.remove=["red_scarf"]')
    assert "red scarf" in tags(made.text("000"))
