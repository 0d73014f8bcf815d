"""What a report counts: held against counting by hand, and against a slower way."""

import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prep.report import plots
from prep.report.counts import APART, TOGETHER, characters, frequencies, levels, never_parted
from prep.report.drawn import NOT_MEASURED, tried
from prep.report.facts import without_paths
from prep.report.rows import WHYS, Picture, Tags, read_pictures, read_tags
from prep.report.thumbs import chosen

PLAIN = Picture(0, "id", "mira", "source", "kept", "", "kohya/1_mira/a.png", (), "mira", "mira/a.png", "", 10, 20,
                "simple", 0.55, "machine", "t", "", "", "", None, None, None, (), (), ())  # fmt: skip

SENTENCE = WHYS.index("sentence")


def pictures(*changes: dict) -> list[Picture]:
    return [PLAIN._replace(at=at, **change) for at, change in enumerate(changes)]


def tags_of(*shown: dict[str, int]) -> Tags:
    """Of each picture: tag -> why, as a number."""
    names = sorted({name for tags in shown for name in tags})
    entries = [(at, names.index(name), why) for at, tags in enumerate(shown) for name, why in tags.items()]
    columns = np.array(entries, np.int32).reshape(-1, 3).T
    return Tags(tuple(names), columns[0], columns[1], columns[2].astype(np.int8))


def test_a_character_is_its_kept_pictures_its_trigger_and_its_tags():
    found = pictures({"caption": "m"}, {"caption": "m"}, {"caption": "x"}, {"status": "duplicate"},
                     {"origin": "augmentation"}, {"origin": "augmentation", "status": "rejected"},
                     {"character": "noa", "caption": ""})  # fmt: skip
    shown = {"smile": 0, "blue_hair": 1, "comic": 5}
    (mira, noa) = characters(found, tags_of(shown, shown, {"hat": 0}, shown, shown, shown, {}), 0.45)
    assert (mira.name, mira.trigger, len(mira.kept), mira.left_out, len(mira.accepted), mira.drawn) == (
        "mira", "m", 3, 1, 1, 2)  # fmt: skip
    assert mira.traits == (("blue_hair", 2),) and mira.core == (("blue_hair", 2), ("smile", 2))
    assert mira.shown == {"smile": 2, "blue_hair": 2, "hat": 1}  # what the filter takes does not count
    assert (noa.trigger, noa.core) == ("noa", ())


def test_frequencies_are_those_of_all_captions_that_train():
    found = pictures({}, {"origin": "augmentation"}, {"status": "excluded"}, {"origin": "consistency"})
    tags = tags_of({"a": 0, "b": 1}, {"a": 0, "c": 0}, {"a": 0}, {"a": 0})
    assert frequencies(found, tags) == (("a", 2), ("c", 1))


def test_a_level_has_its_pictures_threshold_and_lengths():
    found = pictures({}, {}, {"complexity": "complex", "threshold": 0.38}, {"status": "excluded"})
    simple, complex_ = levels(found, tags_of({"a": 0, "b": 0, "c": 1}, {}, {"a": 0}, {"a": 0}))
    assert simple == ("simple", 2, 0.55, 1.0, 0, 2) and complex_ == ("complex", 1, 0.38, 1.0, 1, 1)


def test_a_sentence_has_no_number_of_tags():
    tags = replace(tags_of({"a": 0, "b": 0}, {"a": SENTENCE}, {"a": SENTENCE}), sentences=frozenset({1, 2}))
    found = pictures({}, {}, {"complexity": "complex"})
    assert levels(found, tags) == [("simple", 2, 0.55, 2.0, 2, 2), ("complex", 1, 0.55, None, 0, 0)]
    (mira,) = characters(found, tags, 0.45)
    assert frequencies(found, tags) == (("a", 1), ("b", 1)) and mira.shown == {"a": 3, "b": 1}


def test_tags_of_one_outfit_are_told_as_one_group():
    outfit, plain = {"hat": 0, "red_shirt": 0, "shirt": 2, "boots": 1}, {"smile": 0}
    found = pictures(*[{}] * 9)
    together = never_parted(characters(found, tags_of(*[outfit | plain] * 5, *[plain] * 2, {}, {}), 1), tags_of(
        *[outfit | plain] * 5, *[plain] * 2, {}, {}))  # fmt: skip
    assert together == [
        ("mira", ("boots", "hat", "red_shirt"), (), 5, 0, 9),
        ("mira", ("boots", "hat", "red_shirt"), ("smile",), 5, 2, 9),
    ]


@given(st.lists(st.sets(st.sampled_from("abcdefg")), min_size=1, max_size=20))
def test_what_never_parts_is_what_a_slower_way_finds(shown):
    found, tags = pictures(*[{}] * len(shown)), tags_of(*[dict.fromkeys(each, 0) for each in shown])
    got = set()
    for part in never_parted(characters(found, tags, 1), tags):
        pairs = combinations(part.tags, 2) if not part.others else ((a, b) for a in part.tags for b in part.others)
        got |= {frozenset(pair) if not part.others else pair for pair in pairs}
    varying = [tag for tag in "abcdefg" if TOGETHER <= sum(tag in each for each in shown) <= len(shown) - APART]
    wanted = set()
    for first in varying:
        for second in varying:
            if first != second and all(second in each for each in shown if first in each):
                back = all(first in each for each in shown if second in each)
                wanted.add(frozenset((first, second)) if back else (first, second))
    assert got == wanted


def test_what_was_drawn_is_counted_by_kind_and_manner():
    drawn = {"origin": "augmentation", "manner": "edit"}
    found = tried(pictures({}, drawn, drawn | {"status": "rejected", "reason": "copy", "damage": 0.25},
                           {"origin": "scene", "manner": "text"}))  # fmt: skip
    assert found == [
        ("augmentations", "edit", 2, 1, (("copy", 1),), NOT_MEASURED, "0.25 (1 measured)"),
        ("scenes", "text", 1, 1, (), NOT_MEASURED, NOT_MEASURED),
    ]


def test_every_character_has_a_picture_before_any_has_a_second():
    found = pictures(*[{"character": name} for name in "abc" * 4])
    shown = chosen(characters(found, tags_of(*[{}] * 12), 1), found, 7)
    assert [len(each) for each in shown.values()] == [3, 2, 2]


def test_tags_and_rows_are_read_in_one_order(made):
    from prep.dataset.opened import Set

    found = read_pictures(Set(made.out))
    tags = read_tags(Set(made.out), found)
    for picture in found:
        row = made.row(picture.source)
        for part, names in ((tags.written, row["tags"]), (tags.where(tags.why > 0), row["removed"])):
            own = part.tag[part.picture == picture.at]
            assert sorted(tags.names[at] for at in own) == sorted(each["name"] for each in names)


def test_paths_are_shortened_to_their_last_names():
    for text, wanted in {
        "a link to /home/me/art/x.png, gone": "a link to x.png, gone",
        r"C:\Users\me\x.png": "x.png",
        "mira/a.png and ../b.png": "mira/a.png and ../b.png",
        "1/2 or </b> at 10:30": "1/2 or </b> at 10:30",
    }.items():
        assert without_paths(text) == wanted


def test_a_plot_has_neither_script_nor_style_and_leaves_this_process_as_it_was():
    plots.bars("first", [("a", 1)])
    before = [*sys.meta_path]
    drawn = plots.bars("Tags <b>", [("<script>", 3), ("x" * 90, 1)]) + plots.stacked("s", ["a"], {"p": [1], "q": [2]})
    assert sys.meta_path == before and not [each for each in before if type(each).__module__ == "pygal"]
    for word in ("<script", "<style", "<!--", "http", "xmlns", "url("):
        assert word not in drawn, word
    assert "&lt;script&gt;" in drawn and "Tags &lt;b&gt;" in drawn
    assert drawn == plots.bars("Tags <b>", [("<script>", 3), ("x" * 90, 1)]) + plots.stacked(
        "s", ["a"], {"p": [1], "q": [2]}
    )
    assert plots.bars("none", []) == plots.bars("none", [("a", 0)]) == ""
