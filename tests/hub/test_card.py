"""The card: what a person wrote stays, what we write does nothing but show."""

import html
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from prep.hub.card import BEGIN, END, Card
from prep.hub.card_text import card_text, plain
from prep.hub.card_yaml import FRONT, merged_yaml, read_yaml
from prep.hub.rows import Counts, Item
from prep.names import printable
from prep.sections import Thresholds
from tests.support.published import published
from tests.support.pushing import HOSTILE, WITH, card, front

names = st.sampled_from(HOSTILE) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20
)
MARKUP = ["http://x.example/y", "www.x.example", "a@b.example", "1. x", "- x", "+ x", "1) x", "[x](y)", "![x](y)",
          "<b>", "&lt;", "===", "```", "    x", "~~~", "|a|b|"]  # fmt: skip
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def test_what_a_person_wrote_into_the_card_stays(hub, push, tmp_path):
    theirs = (
        "---\n# my note\nlicense: mit\nlanguage:\n- ja   # of the captions\ntags: [mine]\n"
        "configs:\n- config_name: own\n  data_files: own.csv\n---\n# My title\n\nMy words.\n"
    )
    hub.repo("me/set", **{"README.md": theirs})
    out = published(tmp_path / "out")
    assert push(out, "--with-images", "--yes").code == 0  # the card names the licence
    text = card(hub)
    assert text.startswith("---\n# my note\nlicense: mit\nlanguage:\n- ja   # of the captions\n")
    yaml = front(text)
    assert yaml["tags"][0] == "mine" and "prep" in yaml["tags"] and yaml["configs"][0]["config_name"] == "own"
    assert text.index("# My title\n\nMy words.\n") < text.index(BEGIN)
    edited = (
        text.replace("My words.", "Other words.")
        .replace(END, END + "\n\nAfter it.")
        .replace("pretty_name: set", "pretty_name: Mine")
    )
    repo = hub.repos["me/set"]
    repo.commit(repo.files | {"README.md": hub.keep(edited.encode())})
    assert "nothing was sent" in push(out, "--with-images", "--yes").out and card(hub) == edited
    next(iter((out / "kohya" / "2_mira").glob("*.txt"))).write_text("mira, hat")
    push(out, "--with-images", "--yes")
    assert "Other words." in card(hub) and "After it." in card(hub) and "pretty_name: Mine" in card(hub)
    assert "mira, hat" in card(hub) and card(hub).count(BEGIN) == 1


# What a person wrote -> what it must become, with `license: no` and `tags: [prep]` as ours.
REPLACED = {
    "license: mit  # as agreed\n": "license: 'no'  # as agreed\n",
    "tags:\n- mine\n\n# Of the captions.\nlanguage: [ ja,en ]\n": "{tags}\n\n# Of the captions.\nlanguage: [ ja,en ]\n",
    "tags:\n  - mine  # my own\nx:   ~\n": "{tags}  # my own\nx:   ~\n",
    "note: |\n  license: x\n  # no comment\nlicense: |\n  mit\n\nx: 1\n": (
        "note: |\n  license: x\n  # no comment\nlicense: 'no'\n\nx: 1\n"
    ),
    "x: {\n  license: mit, y: 2 }\nz: a\n  b\n": "x: {\n  license: mit, y: 2 }\nz: a\n  b\n",
    '"license": mit\n? tags\n: [a,\n  b]\n': "license: 'no'\n{tags}\n",
    "license: mit\r\nlanguage: ja\r\n": "license: 'no'\r\nlanguage: ja\r\n",
    "a: &names [x]\ntags: *names\n": "a: &names [x]\n{tags}\n",
    "license: mit\nlicense: bsd\n": "license: mit\nlicense: 'no'\n",
    "{license: mit, x: 2024-01-01}": "license: 'no'\nx: 2024-01-01\n",  # no lines to change: written anew
    "": "",
}


@pytest.mark.parametrize("theirs", REPLACED)
def test_all_but_the_values_of_ours_stays_as_a_person_wrote_it(theirs):
    ours, tags = {"license": "no", "tags": ["prep"]}, "tags:\n- prep"
    text = merged_yaml(theirs, read_yaml(theirs), ours)
    wanted = REPLACED[theirs].replace("{tags}", tags)
    for line in ("license: 'no'", tags):
        wanted += "" if re.search(f"^{re.escape(line)}", wanted, re.M) else f"{line}\n"
    assert text == wanted and read_yaml(text) == read_yaml(theirs) | ours


def test_the_card_tells_what_the_set_is(hub, push, tmp_path):
    push(published(tmp_path / "out", ("mira", "noa")), *WITH)
    text, yaml = card(hub), front(card(hub))
    assert yaml["license"] == "cc-by-nc-4.0" and yaml["size_categories"] == ["n<1K"] and "synthetic" in yaml["tags"]
    assert [info["config_name"] for info in yaml["dataset_info"]] == ["default", "real", "generated"]
    for words in (
        "| character | trigger word | real | drawn | samples | core tags |",
        "| mira | mira | 3 | 1 | 1 |",
        "2 of the 8 rows to train on (25%)",
        "0.55",
        "Stability AI Community License",
        "load_dataset(",
    ):
        assert words in text
    assert "blue hair" in text and "canary" not in text


def test_the_card_counts_the_tags_with_a_threshold_of_their_own():
    """Whether a file gave it, or the settings."""
    thresholds = Thresholds(mode="fixed", tags={"long hair": 0.5}).model_dump(mode="json")

    def text(**more) -> str:
        return card_text("me/set", Counts(), {"thresholds": thresholds | more}, "1", {}, False)

    assert "Tags with a threshold of their own: 1." in text()
    assert "Tags with a threshold of their own: 2." in text(overrides={"long_hair": 0.6, "smile": 0.5})
    assert "of their own" not in text(tags={})


def test_a_card_whose_yaml_cannot_be_read_is_left_alone(hub, push, tmp_path):
    hub.repo("me/set", **{"README.md": "---\n: [\n---\n"})
    assert push(published(tmp_path / "out"), *WITH).code == 3 and card(hub) == "---\n: [\n---\n"


def test_what_the_hub_has_against_a_card_is_told(hub, push, tmp_path):
    hub.errors = [{"message": '"license" must be one of [mit]'}]
    done = push(published(tmp_path / "out"), *WITH)
    assert done.code == 3 and '"license" must be one of [mit]' in done.err and len(done.err.splitlines()) == 1


def test_a_card_that_is_no_text_is_left_alone(hub, push, tmp_path):
    repo = hub.repo("me/set")
    repo.commit(repo.files | {"README.md": hub.keep(b"# M\xfcller")})
    done = push(published(tmp_path / "out"), *WITH)
    assert done.code == 3 and "not UTF-8" in done.err and hub.read("me/set", "README.md") == b"# M\xfcller"


def test_a_set_that_is_no_longer_a_trial_loses_that_tag_and_keeps_those_of_a_person(hub, push, tmp_path):
    hub.repo("me/set", **{"README.md": "---\nlicense: mit\ntags: [mine, captions]\n---\n# Mine\n"})
    push(published(tmp_path / "one", starter=True), *WITH)
    assert {"mine", "captions", "trial", "image", "synthetic"} < set(front(card(hub))["tags"])
    push(published(tmp_path / "two", drawn=False), "--yes")
    assert front(card(hub))["tags"] == ["mine", "captions", "prep", "anime", "lora"]
    assert "A trial set" not in card(hub)


def a_card(characters: list[str], texts: list[str]) -> Card:
    counts, empty = Counts(), dict.fromkeys(("flags", "tagger", "generator", "rating", "complexity"))
    for character, text in zip(characters, texts, strict=True):
        row = {
            "character": character,
            "text": text,
            "tags": [text],
            "removed_tags": [character],
            "removed_because": ["trait"],
        }
        counts.add(Item("real", empty | row | {"origin": "source"}, None, None))
    return Card("me/set", counts, {}, "1", [], [], True, "mit")


@settings(max_examples=60, deadline=None)
@given(st.lists(names, min_size=1, max_size=4, unique=True), names, st.none() | names)
@example(["mira"], "smile", "\x1f")  # white space to Python
@example(["mira"], "smile", " \r")
def test_hostile_names_do_nothing_to_the_card(characters, text, before):
    made = a_card(characters, [text] * len(characters))
    once = made.text(before if before is None or not FRONT.match(before) else None)
    assert made.text(once) == once  # nothing in it is taken for a marker, or for YAML
    assert front(once)["license"] == "mit"
    own = once[once.rindex(BEGIN) : once.rindex(END)]
    table = own.split("| character |")[1].split("\n\n")[0].splitlines()
    assert len(table) == 2 + len(characters)
    for line in table[2:]:
        assert len([at for at, char in enumerate(line) if char == "|" and line[at - 1] != "\\"]) == 5
    assert before is None or FRONT.match(before) or before.rstrip("\n") in once


@settings(max_examples=300, deadline=None)
@given(names | st.sampled_from(MARKUP) | st.text("-+*_.)(1 #>`~|<&:/@w!\\", min_size=1, max_size=10))
def test_plain_is_shown_by_markdown_as_it_stands_in_a_list_and_in_a_table(text):
    wanted = printable(" ".join(text.split())).strip()
    for before, after in (("- ", "\n"), ("| a | b |\n| --- | --- |\n| ", " | x |\n")):
        page = MARKDOWN.render(f"{before}{plain(text)}{after}")
        assert set(re.findall(r"<(\w+)", page)) <= {"ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
        shown = re.search(r"<td>(.*?)</td>|<li>(.*?)</li>", page, re.S)
        assert html.unescape(shown[1] or shown[2] or "").strip() == wanted
    assert not re.search(r"(?<!\\)(://|@)|www\.", plain(text), re.I)  # what dialects take for a link


def test_a_card_on_crlf_keeps_its_front_matter():
    once = a_card(["mira"], ["mira"]).text("---\r\nlicense: mit\r\nlanguage: ja\r\n---\r\n# Mine\r\n")
    assert front(once)["language"] == "ja" and "# Mine" in once and once.count("license") == 1


def test_the_card_says_the_thresholds_that_a_tagger_brought_along():
    settings = {"thresholds": Thresholds().model_dump(mode="json")}
    counts = Counts()
    counts.levels.update(simple=3)
    counts.thresholds["simple"] = 0.45
    text = card_text("me/set", counts, settings, "1", {}, False)
    assert "| simple | below 0.08 | 0.45 | 3 |" in text and "0.38" not in text
