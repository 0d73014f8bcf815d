"""What --set and --config say is for one run, and that is told: after it, and by the next run that lacks it."""

import re

import pytest

from tests.support.pictures import drawing, save

NOTHING = '[generator]\nmodel = "none"\n[tagger]\nmodel = "starter"\n[scan]\nmin_side_px = 40\n'


@pytest.fixture
def art(tmp_path):
    save(drawing(1, 64, 48), tmp_path / "art" / "Mira (X)" / "1.png")
    (tmp_path / "art" / "prep.toml").write_text(NOTHING)
    return tmp_path / "art"


def test_a_set_is_told_in_the_form_that_keeps_it_and_the_next_run_misses_it(typed, art):
    out = art.parent / "out"
    sets = ("--set", "captions.traits=keep", "--set", "characters.mira_x.trigger=mq")
    said = typed("run", art, "--out", out, "--to", "caption", *sets).out
    assert (
        f"this run only: --set captions.traits=keep --set characters.mira_x.trigger=mq. To keep it, add to {art}"
        in said
    )
    assert '    [captions]\n    traits = "keep"\n' in said and '    [characters.mira_x]\n    trigger = "mq"\n' in said

    said = typed("run", art, "--out", out, "--to", "caption", *sets).out
    assert "settings differ" not in said  # the same again
    said = typed("run", art, "--out", out, "--to", "caption", "--plan").out
    line = "(prep.toml changed, or that run had --set or --config): captions.traits: 'keep' -> 'drop'"
    assert line in said and "characters.mira_x.trigger: 'mq' -> not set" in said
    assert line in typed("run", art, "--out", out, "--to", "caption").out
    assert "other settings" not in typed("run", art, "--out", out, "--to", "caption").out

    lines = '[captions]\ntraits = "keep"\n\n[characters.mira_x]\ntrigger = "mq"\n'
    (art / "prep.toml").write_text(NOTHING + lines)  # as it was told
    said = typed("run", art, "--out", out, "--to", "caption", *sets).out
    assert "this run only" not in said


def test_a_config_is_told_too(typed, art):
    config = art.parent / "my.toml"
    config.write_text("[thresholds]\nfixed = 0.4\n")
    said = typed("run", art, "--out", art.parent / "out", "--to", "caption", "--config", config).out
    assert (
        f"this run only: --config {config}. Give it again next time, or put its lines into {art / 'prep.toml'}" in said
    )
    said = typed("run", art, "--out", art.parent / "out", "--to", "caption").out
    assert re.search("settings that differ from the last run's.*: thresholds.fixed: 0.4 -> 0.45$", said, re.MULTILINE)


def test_what_srcs_own_file_may_not_say_goes_into_another(typed, art):
    words = art.parent / "words.txt"
    words.write_text("smile\n")
    said = typed("run", art, "--out", art.parent / "out", "--to", "caption", "--set", f"filter.file={words}").out
    assert f"this run only: --set filter.file={words}. To keep it, write a settings file and name it" in said


def test_a_first_run_and_one_with_nothing_set_say_nothing(typed, art):
    for _ in range(2):
        said = typed("run", art, "--out", art.parent / "out", "--to", "caption").out
        assert "this run only" not in said and "settings differ" not in said
