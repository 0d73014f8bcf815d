"""From a person's corrections to thresholds: what is proposed, what is not, and what that would have done."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.options import LEVELS
from prep.sections import Thresholds
from prep.tagging.corrections import LEAST, Case, proposals
from prep.tagging.thresholds import Selector
from prep.tagging.wilson import wilson_lower
from prep.types import Vocabulary
from tests.support.taste import effect, made_up

WORDS = Vocabulary("v", ("smile", "long_hair", "rating:safe"), ("general", "general", "rating"))
NOW = Selector(WORDS, Thresholds(), {})


def now(tag: str, level: str) -> float:
    return getattr(Thresholds(), level)


def of(level: str = "medium", tag: str = "smile", wanted=(), unwanted=()) -> list[Case]:
    return [Case(tag, level, score, True) for score in wanted] + [Case(tag, level, score, False) for score in unwanted]


def passed(selector: Selector, cases: list[Case]) -> np.ndarray:
    """bool [N]: whether captions would have the tag of each case."""
    index = np.array([WORDS.names.index(case.tag) for case in cases], np.int32)
    scores = np.array([case.score for case in cases], np.float32)
    level = np.array([LEVELS.index(case.level) for case in cases], np.int64)
    thresholds = np.array([getattr(selector.settings, case.level) for case in cases], np.float32)
    return selector.passed(index, scores, thresholds, level) & (scores > 0)  # 0: not kept, so not looked at


def alone(cases: list[Case], **options) -> float | None:
    found = proposals(cases, now, **options)
    assert len(found) <= 1
    return found[0].proposed if found else None


def test_a_tag_that_a_person_adds_gets_a_lower_threshold():
    cases = of(wanted=[0.9, 0.8, 0.7, 0.4, 0.38, 0.36, 0.35], unwanted=[0.25, 0.2, 0.1])
    (found,) = proposals(cases, now)
    assert found[:8] == ("smile", "medium", 0.45, 0.3, 10, 4, 6, 10)
    assert found.bound == wilson_lower(4, 4) and not found.pooled


def test_a_tag_that_a_person_takes_out_gets_a_higher_one():
    assert alone(of(wanted=[0.9, 0.85, 0.8, 0.7], unwanted=[0.6, 0.55, 0.5, 0.46, 0.2])) == 0.65


def test_too_few_corrections_propose_nothing():
    cases = of(wanted=[0.9, 0.8, 0.7, *np.linspace(0.3, 0.4, LEAST - 1)], unwanted=[0.1])
    assert alone(cases) is None and alone(cases, least=LEAST - 1) is not None


def test_a_tag_that_a_person_left_alone_counts_for_the_present_threshold():
    added, alike = of(wanted=[0.9, 0.8, 0.4, 0.39, 0.38, 0.37]), of(unwanted=[0.41, 0.4, 0.385, 0.38, 0.37])
    assert alone(added) is not None and alone(added + alike) is None


@pytest.mark.parametrize("kept", [[], [0.97]], ids=["all taken out", "one overlooked"])
def test_no_threshold_is_proposed_for_a_tag_that_is_not_wanted_at_any_score(kept):
    assert alone(of(wanted=kept, unwanted=[0.95, 0.93, 0.9, 0.8, 0.7, 0.6, 0.5])) is None


def test_a_tag_under_the_floor_is_out_of_reach_of_any_threshold():
    assert alone(of(wanted=[0.9, 0.8, 0.7] + 6 * [0.0], unwanted=[0.1])) is None


def test_of_equally_good_thresholds_the_nearest_is_proposed():
    """One above 0.8, between 0.6 and 0.7, agrees as often as one near 0.85."""
    cases = of(wanted=[0.97, 0.96, 0.95, 0.94, 0.93, 0.92, 0.7], unwanted=[0.8, 0.6, 0.59, 0.58, 0.57])
    assert alone(cases) == 0.65


def test_a_threshold_has_more_than_two_decimals_only_in_a_narrow_gap():
    high, low = [0.9, 0.8, 0.7, 0.5048], [0.5044, 0.503, 0.49, 0.48, 0.47]
    assert alone(of(wanted=high, unwanted=low)) == 0.5046


def test_beyond_the_last_score_nothing_is_guessed():
    """No case says what the person thinks of scores under 0.3."""
    assert alone(of(wanted=[0.9, 0.8, 0.42, 0.4, 0.35, 0.3])) == 0.3


def test_levels_with_few_corrections_follow_what_all_ask_for_together():
    cases = []
    for level in LEVELS:
        own = now("", level)
        cases += of(level, wanted=[0.9, 0.8, own - 0.05, own - 0.1], unwanted=[own - 0.2])
    found = proposals(cases, now)
    assert {(each.level, each.proposed, each.pooled) for each in found} == {
        ("simple", 0.4, True), ("medium", 0.3, True), ("complex", 0.23, True)
    }  # fmt: skip
    assert {each.bound for each in found} == {wilson_lower(6, 6)} and {each.corrections for each in found} == {2}


def test_a_level_whose_own_cases_say_otherwise_does_not_follow():
    asking = [
        *of("simple", wanted=[0.9, 0.8, 0.5, 0.49, 0.48, 0.47]),
        *of("medium", wanted=[0.9, 0.8, 0.43, 0.41, 0.39]),
    ]
    against = of("complex", wanted=[0.9, 0.8], unwanted=[0.35])
    assert {each.level for each in proposals(asking + against, now)} == {"simple", "medium"}


scores = st.one_of(st.just(0.0), st.integers(2, 64).map(lambda step: step / 64), st.floats(2**-5, 1.0, width=16))
some_cases = st.lists(
    st.builds(Case, st.sampled_from(WORDS.names[:2]), st.sampled_from(LEVELS), scores, st.booleans()), max_size=60
)
leaning = st.builds(  # a person with a threshold of their own, and some slips
    lambda cases, own, slips: [
        case._replace(wanted=(case.score >= own) != (slip == 0)) for case, slip in zip(cases, slips, strict=False)
    ],
    some_cases,
    st.floats(0.05, 0.95),
    st.lists(st.integers(0, 9), min_size=60, max_size=60),
)
shares = st.sampled_from((0.0, 0.35, 0.5, 1.0)) | st.floats(0, 1)
present = st.builds(Thresholds, simple=shares, medium=shares, complex=shares)


@settings(max_examples=150, deadline=None)
@given(some_cases | leaning, st.integers(1, 6), present)
def test_a_proposal_changes_just_the_decisions_that_it_counts(cases, least, present):
    """Applied through the settings, with everything else as it was; and it agrees more often than before."""
    found = proposals(cases, lambda _, level: getattr(present, level), least)
    tags = {name: {each.level: each.proposed for each in found if each.tag == name} for name in WORDS.names}
    before, after = (
        passed(Selector(WORDS, each, {}), cases) for each in (present, present.model_copy(update={"tags": tags}))
    )
    wanted = np.array([case.wanted for case in cases], bool)
    proposed = {(each.tag, each.level): each for each in found}
    assert len(proposed) == len(found)
    for tag, level in {(case.tag, case.level) for case in cases}:
        here = np.array([(case.tag, case.level) == (tag, level) for case in cases])
        each = proposed.get((tag, level))
        if each is None:
            assert (before[here] == after[here]).all()
            continue
        assert (each.cases, each.agree_now) == (here.sum(), (before == wanted)[here].sum())
        assert (each.corrections, each.agree_then) == (each.cases - each.agree_now, (after == wanted)[here].sum())
        assert each.agree_then > each.agree_now and 0 < each.proposed <= 1 and each.bound > 0.5
        if not each.pooled:
            changed = here & (before != after)
            assert each.corrections >= least
            assert each.bound == wilson_lower(int((after == wanted)[changed].sum()), int(changed.sum()))


@settings(max_examples=100, deadline=None)
@given(some_cases | leaning, st.integers(1, 6))
def test_no_other_threshold_would_have_agreed_more_often(cases, least):
    for found in proposals(cases, now, least):
        of_it = [case for case in cases if (case.tag, case.level) == (found.tag, found.level)]
        tried = {found.now, 1.0, *(case.score for case in of_it if case.score)}
        best = max(sum((0 < case.score >= value) == case.wanted for case in of_it) for value in tried)
        assert found.pooled or found.agree_then == best


@settings(max_examples=100, deadline=None)
@given(some_cases | leaning, st.randoms(use_true_random=False))
def test_the_order_of_the_cases_does_not_matter(cases, rng: random.Random):
    assert proposals(rng.sample(cases, len(cases)), now) == proposals(cases, now)


@settings(max_examples=100, deadline=None)
@given(some_cases | leaning, st.integers(1, 10))
def test_nothing_is_proposed_for_a_tag_with_too_few_corrections(cases, least):
    against = [case for case, had in zip(cases, passed(NOW, cases), strict=True) if had != case.wanted]
    few = {name for name in WORDS.names if sum(case.tag == name for case in against) < least}
    assert not few & {each.tag for each in proposals(cases, now, least)}


@pytest.mark.parametrize("by_level", [False, True], ids=["one taste", "a taste per level"])
def test_in_a_simulation_proposals_save_far_more_than_they_spoil(by_level):
    """60 of 200 pictures are corrected; over four persons. benchmarks/bench_corrections.py has the whole table."""
    needed = saved = false = 0
    for seed in range(4):
        world = made_up(seed, 200, 150, by_level)
        found = effect(world, world.then(proposals(world.corrected(60), world.now)), 60)
        needed, saved, false = needed + found.needed, saved + found.saved, false + found.false
    assert saved >= needed * (0.03 if by_level else 0.08) and saved >= 2 * false


def test_a_person_of_the_machines_taste_is_proposed_next_to_nothing():
    """Slips and noise are all that there is to learn from."""
    for seed in range(4):
        world = made_up(seed, 200, 150, others=0.0)
        found = effect(world, world.then(proposals(world.corrected(60), world.now)), 60)
        assert found.false <= 0.01 * found.needed
