"""Captions by hand and the trigger word: what lacks it is said, and another trigger treats them all alike."""

from prep.config import load_settings
from prep.pipeline.outlook import plan_lines
from prep.pipeline.status import status_of
from tests.support.person import tags


def from_a_booru(made) -> None:
    """Captions beside the pictures that do not name the character, one that does, and a sentence."""
    for name, text in (("000", "1girl, solo, aqua_hair"), ("001", "1girl, smile"), ("002", "mira, 1girl")):
        (made.art / "mira" / f"{name}.txt").write_text(text)
    (made.art / "noa" / "000.txt").write_text("A girl named noa stands in the rain.")


def test_captions_without_the_trigger_are_counted_in_the_run_the_plan_and_the_status(made, capsys):
    from_a_booru(made)
    line = "2 captions of yours lack the trigger word `mira` (`prep lint` names them)"
    settings = load_settings(made.art, None, (f"tagger.model={made.tagger}", "scan.min_side_px=40"))
    assert f"  {line}" in plan_lines(made.art, made.out, settings)
    made.run()
    said = capsys.readouterr().out
    assert f"caption: {line}" in said and "`noa`" not in said
    (made.art / "prep.toml").write_text("[scan]\nmin_side_px = 40\n")
    assert f"  {line}" in list(status_of(made.out))


def test_another_trigger_treats_all_captions_alike(made):
    from_a_booru(made)
    made.run()
    made.text("noa/000.png").write_text("noa stands in the rain, quite alone.")
    triggers = ("characters.mira.trigger=mk1", "characters.noa.trigger=nk1")
    for _ in range(2):
        made.run(*triggers)
        assert made.text("000").read_text() == "1girl, solo, aqua_hair"
        assert made.text("001").read_text() == "1girl, smile"
        assert made.text("002").read_text() == "mk1, 1girl"
        assert made.text("noa/000.png").read_text() == "nk1 stands in the rain, quite alone."
    made.add("000", "hat")
    made.run()
    assert tags(made.text("000")) == ["1girl", "solo", "aqua_hair", "hat"] and tags(made.text("002"))[0] == "mira"
    assert made.text("noa/000.png").read_text() == "noa stands in the rain, quite alone."


def test_captions_of_the_machine_take_another_trigger(made):
    made.add("000", "red scarf")
    made.run("characters.mira.trigger=mk1")
    for name in ("000", "001"):
        assert tags(made.text(name))[0] == "mk1" and "mira" not in tags(made.text(name))
