"""What `prep status` tells of drawn pictures: what there is, what the check said, what a run would still draw."""

import pytest

from prep.config import load_settings
from prep.drawing.progress import drawn_since, to_draw, verdicts
from prep.pipeline.status import status_of
from prep.types import Profile, Seen
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import manifest, run_here

CORE = {"1girl": Seen(4, 4, 0.6, True, False, False, ""), "red_hair": Seen(4, 4, 0.6, True, True, True, "")}
MIRA, COARSE = Profile("mira", "mira", 4, CORE), Profile("mira", "mira", 4, {})
ALL_FIXED = [("consistency", None)] * 4 + [("reconstruct", "off_character")] * 2


def some_of(accepted: int, rejected: int):
    return ALL_FIXED + [("augmentation", None)] * accepted + [("augmentation", "copy")] * rejected


@pytest.mark.parametrize(
    ("profile", "pictures", "finished", "says"),
    [
        (MIRA, [], False,
         "4 consistency samples, 2 reconstructions, augmentations until 2 more are accepted, 8 at most"),
        (MIRA, [], True,  # it was finished without a generator
         "4 consistency samples, 2 reconstructions, augmentations until 2 more are accepted, 8 at most"),
        (COARSE, [], False, "2 reconstructions, augmentations until 2 more are accepted, 2 at most"),
        (MIRA, some_of(1, 2), False, "augmentations until 1 more are accepted, 5 at most"),
        (MIRA, some_of(2, 3), False, "nothing"),
        (MIRA, some_of(0, 8), False, "nothing"),
        (MIRA, some_of(1, 2), True, "nothing"),
        (Profile("mira", "mira", 0, {}), [], False, "nothing"),
    ],
)  # fmt: skip
def test_what_is_still_to_be_drawn(profile, pictures, finished, says):
    assert to_draw(profile, load_settings(), pictures, finished) == says


def test_verdicts_are_counted_by_kind_and_reason():
    assert verdicts(some_of(1, 2)) == (
        "1 of 3 augmentations accepted (2 copy); 4 of 4 consistency samples accepted; "
        "0 of 2 reconstructions accepted (2 off_character)"
    )
    assert verdicts([]) == "nothing was drawn"


def test_pictures_younger_than_the_manifest_are_counted(tmp_path):
    save(drawing(1), tmp_path / "augmentation" / "a.png")
    assert (drawn_since(tmp_path, 0), drawn_since(tmp_path, 1 << 62), drawn_since(tmp_path / "none", 0)) == (1, 0, 0)


@pytest.fixture
def made(tmp_path, tiny_tagger, generator, sets, monkeypatch):  # noqa: F811
    """A run that draws, also for who asks later."""
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    found = load_settings(art, None, (f"tagger.model={tiny_tagger}", *sets))
    monkeypatch.setattr("prep.pipeline.status.load_settings", lambda src, **more: found)
    return art, out, (tiny_tagger, *sets)


def test_status_tells_what_was_drawn_apart_from_the_images(made, generator):  # noqa: F811
    art, out, how = made
    run_here(art, out, *how)
    lines, rows = list(status_of(out)), manifest(out)
    assert lines[0].startswith(f"{out}: 4 images from {art}")
    table = next(line for line in lines if line.startswith("mira  ")).split()
    assert table[1] == "4" and set(table[2:6]) == {"-"}
    tried = [row["reason"] for row in rows if row["origin"] == "augmentation"]
    told = next(line for line in lines if line.startswith("  drawn: "))
    assert f"{tried.count(None)} of {len(tried)} augmentations accepted (" in told
    assert "  to draw: nothing" in lines and not any("would draw nothing" in line for line in lines)


def test_status_counts_what_a_run_drew_that_was_cut_off(made, generator):  # noqa: F811
    art, out, how = made
    generator.stops_after = 3
    with pytest.raises(KeyboardInterrupt):
        run_here(art, out, *how)
    lines = list(status_of(out))
    assert "  drawn: nothing was drawn; 3 more by an interrupted run, not read yet" in lines
    assert any(line.startswith("  to draw: 4 consistency samples, 2 reconstructions, aug") for line in lines)


def test_status_of_a_run_without_a_generator_says_why_nothing_is_drawn(tmp_path, tiny_tagger):
    art, out = folder_of(tmp_path / "art", mira=2), tmp_path / "out"
    run_here(art, out, tiny_tagger)
    lines = list(status_of(out))
    draws_nothing = "a run now would draw nothing: "
    (line,) = (line for line in lines if line.startswith(draws_nothing))
    assert line.startswith(f"{draws_nothing}SD3.5 is not on this machine. `prep models get sd35-large-fp8`")
    assert not any("drawn: " in line or "to draw: " in line for line in lines)
    (art / "prep.toml").write_text('[generator]\nmodel = "none"\n')
    assert f"{draws_nothing}generator.model is none" in list(status_of(out))
