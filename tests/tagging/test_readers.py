"""What two readers say together, and where they differ: by name, whatever the places in their vocabularies."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.captions.compose import Composer
from prep.checks.retag import Exclusive
from prep.sections import Captions, Thresholds
from prep.tagging.filters import Patterns
from prep.tagging.readers import Readers, spelt_alike
from prep.tagging.thresholds import Selector
from prep.types import Profile, TagScores, Vocabulary

FIRST = ("1girl", "2girls", "solo", "smile", "blue_hair", "green_hair", "old_tag", "hat", "rating:safe")
SECOND = ("rating:general", "hat", "Green Hair", "new_tag", "blue_hair", "smile", "1girl", "2girls")
HAIR = frozenset({"blue_hair", "green_hair"})
EXCLUSIVE = Exclusive((HAIR, frozenset({"1girl", "2girls"})), ())
PROFILE = Profile("mira", "mira", 0, {})


def vocabulary(name: str, names: tuple[str, ...]) -> Vocabulary:
    return Vocabulary(name, names, tuple("rating" if each.startswith("rating:") else "general" for each in names))


def composer(rule: str, of_second: dict[str, float] | None = None, drops: tuple[str, ...] = ()) -> Composer:
    thresholds = Thresholds(mode="fixed", fixed=0.5)
    first = Selector(vocabulary("f", FIRST), thresholds, {})
    other = Selector(spelt_alike(vocabulary("s", SECOND), first.vocabulary), thresholds, of_second or {})
    readers = Readers(first, other, rule, EXCLUSIVE.against, EXCLUSIVE.character)
    return Composer(first, Patterns(drops, ()), Captions(readers=rule), readers)


def scores(first: dict[str, float], second: dict[str, float] | None) -> TagScores:
    def of(words: Vocabulary, said: dict[str, float], more: TagScores | None = None) -> TagScores:
        index = np.array([words.names.index(name) for name in said], np.int32)
        return TagScores(words, index, np.array(list(said.values()), np.float16), more)

    more = None if second is None else of(vocabulary("s", SECOND), second)
    return of(vocabulary("f", FIRST), first, more)


def caption(rule: str, first: dict[str, float], second: dict[str, float] | None) -> dict[str, float]:
    found = composer(rule).caption(scores(first, second), "medium", PROFILE)
    return {tag.name: round(tag.score, 2) for tag in found.tags}


ONE = {"1girl": 0.9, "smile": 0.8, "hat": 0.7, "old_tag": 0.6, "blue_hair": 0.55}
OTHER = {"smile": 0.95, "Green Hair": 0.9, "new_tag": 0.8, "2girls": 0.7, "rating:general": 0.9}


def test_the_first_reader_alone_says_what_it_sees():
    assert caption("first", ONE, OTHER) == {"1girl": 0.9, "smile": 0.8, "hat": 0.7, "old_tag": 0.6, "blue_hair": 0.55}


def test_agreement_keeps_what_both_see_and_the_first_where_the_other_cannot_speak():
    # The people are the first's to count, and the other knows no old_tag.
    assert caption("agreement", ONE, OTHER) == {"1girl": 0.9, "smile": 0.8, "old_tag": 0.6}


def test_union_adds_what_excludes_nothing_that_the_first_sees_and_takes_the_larger_score():
    found = caption("union", ONE, OTHER)
    assert found == ONE | {"smile": 0.95, "new_tag": 0.8}  # no green hair beside the blue, no second girl


def test_union_takes_the_others_hair_where_the_first_sees_none_as_the_first_spells_it():
    assert caption("union", {"smile": 0.8}, {"Green Hair": 0.9}) == {"green_hair": 0.9, "smile": 0.8}


def test_a_picture_that_the_second_has_not_read_has_the_firsts_tags():
    for rule in ("agreement", "union"):
        assert caption(rule, ONE, None) == caption("first", ONE, None)
        assert composer(rule).disagreements(scores(ONE, None), "medium") is None


def test_a_disagreement_is_about_a_tag_that_both_know_and_the_clearest_comes_first():
    found = composer("first", drops=("2girls",)).disagreements(scores(ONE, OTHER | {"hat": 0.4}), "medium")
    assert [(each.name, round(each.first, 2), round(each.second, 2)) for each in found] == [
        ("1girl", 0.9, 0.0), ("green_hair", 0.0, 0.9), ("blue_hair", 0.55, 0.0), ("hat", 0.7, 0.4),
    ]  # fmt: skip


def test_a_disagreement_follows_from_each_readers_own_threshold():
    both = scores({"smile": 0.6, "hat": 0.6}, {"smile": 0.6, "hat": 0.6})
    assert composer("first").disagreements(both, "medium") == []
    (found,) = composer("first", {"smile": 0.9}).disagreements(both, "medium")
    assert found.name == "smile" and round(found.apart, 2) == 0.4


def test_readers_that_have_no_tag_in_common_never_differ_and_agree_on_the_firsts_word():
    thresholds = Thresholds(mode="fixed", fixed=0.5)
    first, other = (Selector(vocabulary(name, (name,)), thresholds, {}) for name in ("one", "two"))
    both = TagScores(first.vocabulary, np.zeros(1, np.int32), np.array([0.9], np.float16))
    both = replace(both, second=TagScores(other.vocabulary, np.zeros(1, np.int32), np.array([0.8], np.float16)))
    for rule, names in (("agreement", ["one"]), ("union", ["one", "two"])):
        readers = Readers(first, other, rule, EXCLUSIVE.against)
        assert Composer(first, Patterns((), ()), Captions(readers=rule), readers).names(both, "medium") == names
        assert readers.disagreements(both, "medium") == []


def test_artists_of_the_second_stay_out_of_captions_too():
    words = Vocabulary("s", ("somebody", "hat"), ("artist", "artist"))
    first = Selector(vocabulary("f", FIRST), Thresholds(), {})
    readers = Readers(
        first, Selector(spelt_alike(words, first.vocabulary), Thresholds(), {}), "union", EXCLUSIVE.against
    )
    found = Composer(first, Patterns((), ()), Captions(readers="union"), readers)
    assert found.drops("somebody") and not found.drops("hat")  # which the first calls general


def test_a_proof_changes_with_what_the_second_says_only_where_captions_follow_from_it():
    one, other = scores(ONE, OTHER), scores(ONE, OTHER | {"hat": 0.6})
    for rule in ("first", "agreement", "union"):
        proofs = {composer(rule).proof(each, "medium", PROFILE, ("mira",)) for each in (one, other)}
        assert len(proofs) == (1 if rule == "first" else 2)
    plain = Composer(composer("first").selector, Patterns((), ()), Captions())
    assert plain.proof(scores(ONE, None), "medium", PROFILE, ()) == composer("first").proof(one, "medium", PROFILE, ())


def said(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, float]]:
    return st.dictionaries(st.sampled_from(names), st.integers(2, 63).map(lambda number: number / 64))


@given(said(FIRST), said(SECOND))
@settings(max_examples=100, deadline=None)
def test_agreement_takes_away_and_union_adds(first, second):
    both = scores(first, second)
    alone, agreed, united = ({*composer(rule).names(both, "medium")} for rule in ("first", "agreement", "union"))
    assert agreed <= alone <= united
    apart = {each.name for each in composer("first").disagreements(both, "medium")}
    assert alone - agreed <= apart and not apart & {*FIRST[-1:], "old_tag", "new_tag"}
    for name in united - alone:
        assert not EXCLUSIVE.against(name) & alone
