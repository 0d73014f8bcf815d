"""What a sentence may say of tags. The samples (tests/support/truths.py) have word lists of their own."""

import random
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.captions import faithful
from prep.captions.described import described
from prep.captions.faithful import said_tags, unfaithful
from prep.captions.sentence import sentence
from prep.types import ToDescribe
from tests.captions.test_sentence import SENTENCES
from tests.support.truths import KINDS, Claim, by_hand, false_by_hand, falsehoods, scene, tell, truths

TAGS = tuple(
    "1girl solo long_hair orange_hair blue_eyes green_dress white_gloves hairband smile standing holding_book cat "
    "chair classroom window arms_behind_back blue_sky".split()
)


def refused(claim: Claim) -> str | None:
    return unfaithful(claim.text, ToDescribe(claim.tags, claim.dropped))


def reached(kind: str, seed: int, number: int) -> list[str]:
    """The falsehoods that would reach a caption; half of them are spoiled sentences of the grammar."""
    dice = random.Random(seed)
    claims = [*islice(falsehoods(kind, dice), number // 2)]
    claims += islice(falsehoods(kind, dice, lambda found, _: described(found.tags)), number // 2)
    return [claim.text for claim in claims if refused(claim) is None]


@pytest.fixture
def _lenient(monkeypatch):
    """Also where most tags are left out: then only what is false is refused."""
    monkeypatch.setattr(faithful, "SAID_SHARE", 0.0)


@pytest.mark.usefixtures("_lenient")
def test_what_is_false_is_refused_though_it_was_thought_up_to_get_through():
    claims = [*false_by_hand()]
    assert len(claims) > 200 and [claim.text for claim in claims if refused(claim) is None] == []


@pytest.mark.usefixtures("_lenient")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_false_is_refused(kind):
    assert reached(kind, 1, 40) == []


@pytest.mark.slow
@pytest.mark.usefixtures("_lenient")
@pytest.mark.parametrize("kind", KINDS)
def test_of_thousands_of_falsehoods_none_is_let_through(kind):
    assert [text for seed in range(2, 7) for text in reached(kind, seed, 400)] == []


def test_what_a_person_writes_of_the_tags_passes():
    claims = [*by_hand()]
    kept = [claim for claim in claims if refused(claim) is None]
    assert len(claims) >= 60 and len(kept) >= 0.8 * len(claims)


def test_what_is_true_passes_in_many_forms():
    claims = [*islice(truths(random.Random(3)), 100)]
    assert sum(refused(claim) is None for claim in claims) >= 80


def test_the_grammars_sentences_are_faithful():
    dice = random.Random(4)
    scenes = [scene(dice) for _ in range(60)]
    for told in (described, sentence):
        assert [found.tags for found in scenes if unfaithful(told(found.tags), ToDescribe(tuple(found.tags)))] == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A girl with blue hair and orange eyes.", "says `blue hair`; the tags say long hair and orange hair"),
        ("A girl with orange hair and eyes.", "says `eyes`, which no tag says"),
        ("Her hair and eyes are blue.", "says `eyes are blue`, which no tag says"),
        ("A girl is holding a cat.", "says `is holding a cat`, which no tag says"),
        ("A girl is wearing a book.", "says `is wearing a book`, which no tag says"),
        ("A girl is standing on a chair.", "says `standing on a chair`, which no tag says"),
        ("A girl with a cat holding a book.", "says `with a cat holding`, which no tag says"),
        ("The cat is smiling.", "says `the cat is smiling`, which no tag says"),
        ("A girl is not smiling.", "says `not smiling`, which no tag says"),
        ("Two girls are smiling.", "says `two girls`; the tags say 1girl"),
        ("A girl is smiling. A girl is standing.", "says `girl is standing`, which no tag says"),
        (
            "A girl is smiling.",
            "leaves out 14 of 17 tags: long hair, orange hair, blue eyes, green dress, white gloves",
        ),
    ],
)
def test_why_it_is_refused_is_said(text, why):
    assert (unfaithful(text, ToDescribe(TAGS)) or "").startswith(why)


@pytest.mark.usefixtures("_lenient")
@pytest.mark.parametrize(
    ("tags", "true", "false"),
    [
        ("cardigan white_shirt long_sleeves", "wears a long-sleeved cardigan", "wears a long-sleeved white shirt"),
        ("skirt ribbon frills", "wears a frilly skirt", "wears a frilly ribbon"),
        ("ribbon long_sleeves", "wears a ribbon", "wears a long-sleeved ribbon"),
        ("closed_mouth", "keeps her mouth closed", "holds her mouth"),
        ("closed_eyes", "keeps her eyes closed", "keeps her mouth closed"),
        ("no_shoes socks", "wears no shoes", "wears no socks"),
        ("glasses eyewear_removed", "is shown with her glasses removed", "is wearing glasses"),
        ("unworn_hat", "is shown with an unworn hat", "is shown with a hat"),
        ("jacket_on_shoulders", "wears a jacket on her shoulders", "wears a jacket"),
        ("backlighting", "is lit from behind", "is seen from behind"),
        ("holding notebook", "is holding something", "is holding a notebook"),
    ],
)
def test_what_the_grammar_says_of_a_garment_is_allowed_and_no_more(tags, true, false):
    what = ToDescribe(("1girl", *tags.split()))
    assert unfaithful(f"A girl {true}.", what) is None
    assert unfaithful(f"A girl {false}.", what)


def test_the_sentences_of_the_grammar_that_were_typed_by_hand_are_faithful():
    refused = [tags for tags, text in SENTENCES.items() if "Also:" not in text and unfaithful(text, told(tags))]
    assert refused == []


def told(tags: str) -> ToDescribe:
    return ToDescribe(tuple(tags.split()))


def test_a_negation_is_said_only_where_a_tag_says_it():
    what = ToDescribe(("1girl", "no_shoes", "sleeveless", "red_dress"))
    assert unfaithful("A girl without shoes wears a sleeveless red dress.", what) is None
    assert "shoes" in unfaithful("A girl with shoes wears a sleeveless red dress.", what)
    assert unfaithful("A girl without sleeves wears no red dress and no shoes.", what)


def test_of_two_people_nothing_is_said_of_one():
    what = ToDescribe(("1girl", "1boy", "red_hair", "black_hair", "smile"))
    assert unfaithful("A girl and a boy with red and black hair are smiling.", what) is None
    for text in (
        "A girl with red hair and a boy with black hair are smiling.",
        "She is smiling.",
        "The girl is smiling.",
    ):
        assert unfaithful(text, what)


def test_the_trigger_word_and_pruned_traits_are_never_said():
    what = ToDescribe(("1girl", "smile"), frozenset({"orange_hair"}), ("mira",))
    assert unfaithful("Mira is a girl, smiling.", what) == "says the trigger word mira"
    assert unfaithful("A girl with orange hair is smiling.", what) == "says `orange hair`, which is not to be said"


def test_the_tags_that_a_sentence_says_are_known():
    said = said_tags("A girl in a green dress stands in a classroom.", ToDescribe(TAGS))
    assert said >= {"1girl", "green_dress", "standing", "classroom"} and "smile" not in said


@settings(max_examples=60)
@given(st.text(max_size=60), st.lists(st.text(max_size=12), max_size=8))
def test_any_text_and_any_tags_get_a_verdict(text, tags):
    assert unfaithful(text, ToDescribe(tuple(tags))) != ""


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_a_word_that_no_tag_says_is_refused_wherever_it_stands(dice):
    found = scene(dice)
    words = tell(found, dice).split(" ")
    words.insert(dice.randrange(1, len(words)), "zeppelin")
    assert unfaithful(" ".join(words), ToDescribe(tuple(found.tags)))
