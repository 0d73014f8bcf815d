"""The card: what a person wrote stays, what we write does nothing but show."""

from hypothesis import given, settings
from hypothesis import strategies as st

from prep.exporters._hub_card import BEGIN, END, Card, plain
from prep.exporters._hub_front import FRONT
from prep.exporters._hub_rows import Counts, Item
from tests.exporters.published import published
from tests.exporters.pushing import HOSTILE, WITH, card, front

names = st.sampled_from(HOSTILE) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20
)


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
    told = front(text)
    assert told["tags"][0] == "mine" and "prep" in told["tags"] and told["configs"][0]["config_name"] == "own"
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


def test_the_card_tells_what_the_set_is(hub, push, tmp_path):
    push(published(tmp_path / "out", ("mira", "noa")), *WITH)
    text, told = card(hub), front(card(hub))
    assert told["license"] == "cc-by-nc-4.0" and told["size_categories"] == ["n<1K"] and "synthetic" in told["tags"]
    assert [info["config_name"] for info in told["dataset_info"]] == ["default", "real", "generated"]
    for words in (
        "| mira | mira | 3 | 2 |",
        "4 of 10 (40%)",
        "0.55",
        "Stability AI Community License",
        "load_dataset(",
    ):
        assert words in text
    assert "blue hair" in text and "canary" not in text


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
def test_hostile_names_do_nothing_to_the_card(characters, text, before):
    made = a_card(characters, [text] * len(characters))
    once = made.text(before if before is None or not FRONT.match(before) else None)
    assert made.text(once) == once  # nothing in it is taken for a marker, or for YAML
    assert front(once)["license"] == "mit"
    own = once[once.rindex(BEGIN) : once.rindex(END)]
    table = own.split("| character |")[1].split("\n\n")[0].splitlines()
    assert len(table) == 2 + len(characters)
    for line in table[2:]:
        assert len([at for at, char in enumerate(line) if char == "|" and line[at - 1] != "\\"]) == 6
    assert before is None or FRONT.match(before) or before.rstrip("\n") in once


@settings(max_examples=100, deadline=None)
@given(names)
def test_plain_is_one_line_without_markup(text):
    shown = plain(text)
    assert "\n" not in shown and "<" not in shown and ">" not in shown


def test_a_card_on_crlf_keeps_its_front_matter():
    once = a_card(["mira"], ["mira"]).text("---\r\nlicense: mit\r\nlanguage: ja\r\n---\r\n# Mine\r\n")
    assert front(once)["language"] == "ja" and "# Mine" in once and once.count("license") == 1
