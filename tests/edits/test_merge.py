"""What a person does to a caption: kept, merged, and never undone by the machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.edits.merge import Hand, edited, is_tag_list, items, key, merged, names, source
from prep.edits.sidecar import Entry, absorb

MACHINE = ("mira", "1girl", "solo", "smile", "white shirt")


def written(machine=MACHINE, state=None) -> Hand:
    """The state after the machine wrote (or merged) its caption."""
    state = state or Hand()
    return Hand(merged(state, machine), machine, state.added, state.removed, state.person, state.verbatim)


def after(found: str, machine=MACHINE) -> Hand:
    return edited(written(), found)


def test_an_untouched_caption_follows_the_machine():
    assert merged(written(), ("mira", "1girl", "hat")) == "mira, 1girl, hat"
    assert source(written(), "mira, 1girl, hat") == "machine"


def test_an_edit_stands_as_it_was_typed_while_the_machine_says_the_same():
    typed = "mira,1girl,  solo, Smile, white shirt, red scarf"
    state = after(typed)
    assert merged(state, MACHINE) == typed
    assert source(state, typed) == "hand"


def test_added_stays_removed_stays_away_new_comes_in_lost_goes():
    state = after("mira, 1girl, solo, smile, red scarf")
    text = merged(state, ("mira", "1girl", "solo", "hat", "white shirt"))
    assert text == "mira, 1girl, solo, red scarf, hat"
    assert source(state, text) == "merged"


def test_a_tag_put_back_by_hand_is_no_longer_removed():
    state = edited(after("mira, 1girl, solo, white shirt"), "mira, 1girl, solo, white shirt, smile")
    assert "smile" in items(merged(state, ("mira", "1girl", "solo", "smile")))
    assert "smile" in items(merged(state, ("mira", "1girl", "solo")))


def test_an_added_tag_taken_out_again_does_not_return():
    state = edited(after("mira, 1girl, solo, smile, white shirt, cape"), "mira, 1girl, solo, smile, white shirt")
    assert "cape" not in merged(state, (*MACHINE, "cape"))


def test_a_reordered_caption_keeps_its_order():
    state = after("mira, smile, 1girl, solo, white shirt")
    assert merged(state, (*MACHINE, "hat")) == "mira, smile, 1girl, solo, white shirt, hat"


def test_an_emptied_caption_stays_empty():
    assert merged(after(""), ("mira", "1girl", "hat")) == ""


def test_a_sentence_is_kept_as_it_is():
    sentence = "A girl leans on a wall, looking bored."
    state = after(sentence)
    assert merged(state, ("mira", "1girl", "hat")) == sentence
    assert merged(edited(state, sentence + " It rains."), ("mira", "hat")) == sentence + " It rains."


def test_a_sentence_behind_the_trigger_is_a_sentence_too():
    assert merged(after("mira, leaning on a wall"), ("mira", "1girl", "hat")) == "mira, leaning on a wall"


def test_several_lines_are_left_alone():
    lines = "mira, 1girl\nmira, a girl in a white shirt"
    assert merged(after(lines), ("mira", "1girl", "hat")) == lines


def test_spelling_is_no_edit():
    state = after("mira, 1girl, solo, smile, White_Shirt")
    assert state.added == state.removed == ()
    assert key(r"fate \(series\)") == key("Fate_(series)")


def test_a_new_trigger_comes_first():
    state = after("mira, 1girl, smile")
    assert merged(state, ("mira_v2", "1girl", "solo", "smile")).startswith("mira_v2, 1girl")


def test_a_trigger_that_was_taken_out_stays_out():
    assert merged(after("1girl, solo, smile, white shirt"), (*MACHINE, "hat")) == "1girl, solo, smile, white shirt, hat"


WORDS = st.sampled_from(["1girl", "solo", "smile", "hat", "white shirt", "long hair", r"fate \(series\)", "^_^"])
CAPTIONS = st.lists(WORDS, unique=True, max_size=9)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("machine"), CAPTIONS),
        st.tuples(st.just("add"), st.sampled_from(["cape", "scarf", "smile", "hat", "wings"])),
        st.tuples(st.just("remove"), st.integers(0, 8)),
        st.tuples(st.just("shuffle"), st.randoms(use_true_random=False)),
    ),
    max_size=12,
)


@given(CAPTIONS, EDITS)
def test_through_any_history_no_added_tag_is_lost_and_no_removed_tag_returns(first, edits):
    machine = ("mira", *first)
    state = written(machine)
    added: set[str] = set()
    removed: set[str] = set()
    for kind, value in edits:
        now = items(state.text)
        if kind == "machine":
            machine = ("mira", *value)
            state = written(machine, state)
        elif kind == "add" and value not in now:
            state = edited(state, ", ".join([*now, value]))
            added, removed = added | {value}, removed - {value}
        elif kind == "remove" and len(now) > 2 and value < len(now) and now[value] != "mira":
            state = edited(state, ", ".join(now[:value] + now[value + 1 :]))
            added, removed = added - {now[value]}, removed | {now[value]}
        elif kind == "shuffle":
            value.shuffle(now)
            state = edited(state, ", ".join(now))
        text = items(merged(state, machine))
        if state.text.strip() and not state.verbatim:
            assert added <= set(text)
            assert not removed & set(text)
            assert {item for item in machine if item not in removed} <= set(text)
        assert len(text) == len(set(text))


@pytest.mark.parametrize("found", ["mira, 1girl, solo, smile, white shirt", "", "a, b", "x" * 100_000, "{a|b}, |||"])
def test_reading_the_same_text_twice_changes_nothing(found):
    once = after(found)
    assert edited(once, found).added == once.added and edited(once, found).removed == once.removed
    assert merged(once, MACHINE) == found


NEW = ("mk1", "1girl", "solo", "smile", "white shirt")


@pytest.mark.parametrize(
    ("caption", "then"),
    [
        ("mira, 1girl, red scarf", "mk1, 1girl, red scarf"),
        ("Mira, 1girl, red scarf", "mk1, 1girl, red scarf"),
        ("1girl, red scarf, mira", "mk1, 1girl, red scarf"),
        ("1girl, red scarf", "1girl, red scarf"),
        ("mira, a girl who leans on the wall", "mk1, a girl who leans on the wall"),
        ("Mira leans on the wall, bored.", "mk1 leans on the wall, bored."),
        ("Miranda leans on the wall, bored.", "Miranda leans on the wall, bored."),
        ("A girl named mira leans on the wall.", "A girl named mira leans on the wall."),
        ("mira\nmira, 1girl", "mk1\nmira, 1girl"),
        ("", ""),
    ],
)
def test_another_trigger_takes_the_place_of_the_old_one_where_there_was_one(caption, then):
    assert (merged(after(caption), NEW) + ", ").startswith(f"{then}, ")


@pytest.mark.parametrize(
    ("caption", "named"),
    [
        ("mira, 1girl", True),
        ("1girl, Mira", True),
        ("1girl, hatsune mira", False),
        ("A girl named mira leans on the wall.", True),
        ("A girl named Miranda leans on the wall.", False),
        ("", False),
    ],
)
def test_a_caption_names_its_character_as_a_tag_or_in_a_sentence(caption, named):
    assert names(caption, "mira") is named


def test_a_tag_taken_out_of_an_older_text_goes_from_the_newer_one():
    state = after("mira, 1girl, solo, smile")._replace(text="mira, 1girl, solo")
    state = edited(state, "mira, solo")._replace(text="mira, 1girl, solo, smile")
    assert merged(state, MACHINE) == "mira, solo, smile"


@pytest.mark.parametrize("text", ["A girl looks back over her shoulder.", ""])
def test_a_caption_that_is_rewritten_beside_its_source_keeps_what_was_added_in_kohya(text):
    before = Entry(edited(Hand("mira, solo, smile", ("mira", "solo", "smile")), "mira, solo, smile, red scarf"))
    for known in (None, "mira, solo, smile"):  # seen for the first time; changed
        after = absorb(before._replace(source_text=known), None, text)
        final = merged(after.hand, after.hand.machine)
        assert final.split(", ")[-1] == "red scarf"
    taken_out = edited(after.hand._replace(text=final), text or "mira")
    assert "red scarf" not in merged(taken_out, after.hand.machine)


def test_a_new_caption_beside_its_source_keeps_a_sentence_from_kohya():
    before = Entry(edited(Hand("mira, solo", ("mira", "solo")), "A girl in a red scarf."))
    after = absorb(before, None, "mira, solo, rain")
    assert merged(after.hand, after.hand.machine) == "mira, solo, rain, A girl in a red scarf."


OUTFIT = ("mira", "maid_outfit", "1girl", "smile")


def wearing(found: str) -> Hand:
    """The state after the user replaced a caption that had a variant's trigger word."""
    return edited(Hand(", ".join(OUTFIT), OUTFIT, triggers=2), found)


@pytest.mark.parametrize(
    ("found", "now", "triggers", "text"),
    [
        ("mira, maid_outfit, 1girl, hat", ("mira", "school", "1girl"), 2, "mira, school, 1girl, hat"),
        ("hat, mira, maid_outfit, 1girl", ("mira", "school", "1girl"), 2, "hat, mira, school, 1girl"),
        ("mira, maid_outfit, 1girl, hat", ("mira", "1girl"), 1, "mira, 1girl, hat"),
        ("mira, 1girl, hat", ("mira", "school", "1girl"), 2, "mira, 1girl, hat"),
        ("maid_outfit, 1girl, hat", ("mira", "school", "1girl"), 2, "1girl, hat"),
    ],
)  # fmt: skip
def test_an_edited_caption_that_had_a_variants_trigger_gets_the_present_one_and_others_get_none(
    found, now, triggers, text
):
    assert merged(wearing(found), now, triggers) == text


def test_a_caption_that_a_person_edited_before_the_variant_had_a_trigger_gets_it_behind_the_characters():
    state = after("red scarf, mira, 1girl, solo, smile, white shirt")
    now = ("mira", "maid_outfit", *MACHINE[1:])
    assert merged(state, now, 2) == "red scarf, mira, maid_outfit, 1girl, solo, smile, white shirt"
    assert merged(after("1girl, solo, smile, white shirt"), now, 2) == "1girl, solo, smile, white shirt"


def test_a_sentence_behind_both_triggers_is_kept_and_takes_other_ones():
    state = wearing("mira,  Maid_Outfit, she waits in the rain, quite alone")
    assert state.verbatim
    now = ("mk1", "school", "1girl", "rain")
    assert merged(state, now, 2) == "mk1,  school, she waits in the rain, quite alone"


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("mira, 1girl, solo, long hair", True),
        ("mira, 1girl, solo, smile, girl with a red hat", True),
        ("mira, 1girl, solo, who am i?", True),
        ("mira", True),
        ("", True),
        ("A girl smiles.", False),
        ("A girl stands in the pouring rain", False),
        ("mira, A girl with orange hair stands in a classroom.", False),
        ("A girl with long hair, smiling, stands in the rain.", False),
        ("mira, smile\nhat", False),
        ("mira, solo, smile, hat, " + "a very long remark that nobody would ever take for one of the tags", False),
    ],
)
def test_tags_are_told_from_sentences(text, tags):
    assert is_tag_list(text) == tags
