"""Sentences made of tags. The tag lists are as taggers give them, best first."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.captions import sentence_words as words
from prep.captions.compose import prompt_text
from prep.captions.overlap import overlapped
from prep.captions.sentence import COUNT, SEVERAL, sentence

LINES = Path(__file__).with_name("sentences.txt").read_text().splitlines()
SENTENCES = dict(zip(LINES[::2], map(str.strip, LINES[1::2]), strict=True))

TABLES = (
    words.LENGTHS, words.HAIRDOS, words.LOOKS, words.FACES, words.FEATURES, words.PHRASED, words.LIMBS, words.DETAILS,
    words.CLOTHES_NAMED, words.VIEWS, words.PLACES, words.STYLES,
)  # fmt: skip
NAMED = sorted({name for table in TABLES for name in table})
ENDINGS = sorted(words.CLOTHES | words.BODY | words.ROOMS | words.THINGS | words.DETAIL_NOUNS)
COUNTS = ("1girl", "2girls", "1boy", "6+girls", "multiple_girls", "1other", "no_humans", "solo")
TAGS = st.one_of(
    st.sampled_from([*NAMED, *ENDINGS, *COUNTS, *words.POSTURES]),
    st.tuples(st.sampled_from(["red", "big", "holding", "waving", "no"]), st.sampled_from(ENDINGS)).map("_".join),
    st.sampled_from(["hand_on_own_knee", "holding_", "gradient_background", "cloudy_sky", "blue_hair", "a.b", "{her}"]),
    st.sampled_from(["jacket_on_shoulders", "scar_on_face", "eyewear_removed", "unworn_hat", "hugging_own_legs"]),
    st.sampled_from(
        ["hand_to_own_mouth", "puffy_sleeves", "short_sleeves", "long_sleeves", "sitting_on_lap", "no_hat"]
    ),
    st.text(max_size=12),
)


@pytest.mark.parametrize("tags", SENTENCES)
def test_tags_are_said_in_plain_english(tags):
    assert sentence(tags.split()) == SENTENCES[tags]
    assert sentence([tag.replace("_", " ") for tag in tags.split()]) == SENTENCES[tags]


def said(tag: str, text: str) -> bool:
    """Whether a tag is in a sentence, in its own words or in those of a table."""
    if COUNT.fullmatch(tag) or tag in SEVERAL or tag == "solo":
        return re.search(r"girl|boy|person|people|solo", text) is not None
    if tag == "no_humans" and "without people" in text:
        return True
    text = text.lower()
    if tag.endswith("_removed") and " removed" in text:  # eyewear, as `her glasses removed`
        return True
    phrases = [re.sub("^(shown|seen) ", "", table[tag].lower()) for table in TABLES if tag in table]
    own = tag.replace("_own_", "_")
    return any(re.search(re.escape(phrase).replace(re.escape("{her}"), r"\w+"), text) for phrase in phrases) or all(
        word in text for word in prompt_text(own).split(" ")
    )


@given(st.lists(TAGS, max_size=12))
def test_no_tag_is_lost_whatever_the_tags_are(tags):
    text = sentence(tags)
    names = list(dict.fromkeys(name for tag in tags if (name := prompt_text(tag).replace(" ", "_").lower())))
    assert bool(text) == bool(names) and "\n" not in text and text == sentence(tags)
    if names:
        assert text.endswith(".") and text[0].isupper() and "  " not in text
    assert [name for name in names if name not in overlapped(names) and not said(name, text)] == []


def test_a_tag_is_said_once():
    text = sentence(["1girl", "red_scarf", "red scarf", "scarf", "scarf", "standing", "standing"])
    assert text == "A girl is wearing a red scarf, and standing."


def test_what_takes_which_article():
    found = [
        sentence([f"holding_{noun}"]) for noun in ("egg", "unicorn", "hourglass", "glasses", "dress", "leaves", "food")
    ]
    assert [text.removeprefix("A character is holding ") for text in found] == [
        "an egg.", "a unicorn.", "an hourglass.", "glasses.", "a dress.", "leaves.", "food.",
    ]  # fmt: skip


def test_without_tags_there_is_no_sentence():
    assert sentence([]) == sentence(["", " ", "\n"]) == ""
