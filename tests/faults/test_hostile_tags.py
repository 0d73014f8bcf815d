"""Tags that look like paths, markup, faces or several lines: text in captions and nothing more."""

import tomllib

import pytest
import toml

from tests.support.pictures import folder_of, tiny_checkpoint
from tests.support.runs import captions, manifest, run_here, tree

TAGS = (
    "fate/stay_night", ".hack//", "<|>_<|>", "\\o/", "@_@", "=_=", "..", "../../etc/passwd", '"quoted"', "it's",
    "two\nlines", "carriage\rreturn", "nul\0l", "\u2028separator", "a,b", "[[datasets]]", "{a|b}", "|||", "1girl",
    "rating:safe", "<script>", "\u521d\u97f3\u30df\u30af", "\x1b[31mred", "  ", "$HOME", "(o)_(o)",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile")
    art = folder_of(root / "art", **{"mira": 3, "..hack": 1, "noa": 1})
    (art / "..hack").rename(art / "hack")
    tagger = tiny_checkpoint(root / "tiny.safetensors", tags=TAGS)
    everything = ("thresholds.mode=fixed", "thresholds.fixed=0.02", "captions.traits=keep", "filter.file=")
    run_here(art, root / "out", tagger, *everything)
    first = tree(root / "out")
    run_here(art, root / "out", tagger, *everything)
    assert tree(root / "out") == first
    return root


def test_captions_are_one_line_of_text_whatever_the_tags(made):
    for text in captions(made / "out").values():
        assert text.splitlines() == [text], repr(text)
        assert not any(ord(char) < 32 for char in text), repr(text)


def test_no_caption_is_taken_for_an_edit_because_of_its_tags(made):
    assert {row["caption_source"] for row in manifest(made / "out")} == {"machine"}


def test_tags_with_commas_stay_one_item_or_are_told_apart(made):
    items = [item for text in captions(made / "out").values() for item in text.split(", ")]
    assert not {"", " "} & set(items)


def test_nothing_is_written_outside_and_the_toml_reads_both_ways(made):
    assert {path.name for path in made.iterdir()} == {"art", "out", "tiny.safetensors"}
    text = (made / "out" / "kohya" / "dataset.toml").read_text()
    assert tomllib.loads(text) == toml.loads(text)
