"""What is decided on the page is a decision like any other: in the history, in kohya/, and in every later run."""

import io
import json
import shutil

import pytest
from PIL import Image

from tests.fakes import FakeTagger
from tests.support.person import tags
from tests.support.pictures import tiny_checkpoint
from tests.support.reviewing import reviewed
from tests.support.runs import tree


class OtherTagger(FakeTagger):
    def scores(self, batch):
        return super().scores(1 - batch)


def test_a_correction_survives_another_threshold_trigger_and_tagger(page, reads_with):
    art = page.art
    row = page.row("mira/000.png")
    gone = tags(art.text("000"))[1]
    page.do("api/edit", op="add", tag="red scarf", ids=[row["id"]])
    page.do("api/edit", op="remove", tag=gone, ids=[row["id"]])
    (art.out / "settings.toml").write_text('[characters.mira]\ntrigger = "mira_x"\n')
    for sets in (("thresholds.mode=fixed", "thresholds.fixed=0.3"), ("thresholds.mode=fixed", "thresholds.fixed=0.9")):
        art.run(*sets)
        now = tags(art.text("000"))
        assert now[0] == "mira_x" and "red scarf" in now and gone not in now

    reads_with(lambda options: OtherTagger())
    art.tagger = tiny_checkpoint(art.art.parent / "other.safetensors", 7)
    art.run()
    now = tags(art.text("000"))
    assert "red scarf" in now and gone not in now


def test_every_verb_of_the_page_shows_at_once_and_is_undone(page):
    (first, *_) = page.ids("character:mira")
    caption = page.read(f"api/picture/{first}")["caption"]
    tag = caption.split(", ")[2]
    for body, shows in (
        ({"op": "add", "tag": "hat"}, lambda row: row["caption"].endswith(", hat")),
        ({"op": "remove", "tag": tag}, lambda row: tag not in row["caption"].split(", ")),
        ({"op": "rename", "map": {tag: "cape"}}, lambda row: "cape" in row["caption"].split(", ")),
        ({"op": "move", "tag": tag, "to": "front"}, lambda row: row["caption"].split(", ")[1] == tag),
        ({"op": "exclude"}, lambda row: row["status"] == row["verdict"] == "excluded"),
        ({"op": "reject"}, lambda row: row["status"] == "rejected" and row["reason"] == "by_hand"),
        ({"op": "accept"}, lambda row: row["verdict"] == "accepted" and row["touched"]),
    ):
        done = page.do("api/edit", ids=[first], **body)
        assert done["count"] == 1 and shows(done["rows"][0]), body
        undone = page.do("api/undo")
        assert undone["rows"][0]["caption"] == caption and undone["rows"][0]["verdict"] is None, body
        assert page.do("api/redo")["rows"] == done["rows"]
        page.do("api/undo")
    assert not page.do("api/rows", ids=[first])["rows"][0]["touched"]
    assert page.post("api/redo").ok and page.do("api/undo")


def test_nothing_to_undo_is_a_sentence(page):
    assert (
        page.post("api/undo").json() == {"detail": "there is nothing to undo"}
        and page.post("api/redo").status_code == 409
    )


def test_a_bulk_change_is_previewed_and_undone_as_one(page):
    before = tree(page.art.out)
    (hat,) = page.ids("name:001")
    page.do("api/edit", op="caption", id=hat, text="mira, hat, 1girl", base=None)
    asked = {"op": "add", "tag": "smiling", "filter": "character:mira"}
    plan = page.do("api/edit", **asked, dry=True)
    assert plan["count"] == plan["of"] == 3 and plan["examples"][1]["after"] == "mira, hat, 1girl, smiling"
    assert page.post("api/edit", **asked, expect=2).status_code == 409
    assert page.do("api/edit", **asked, expect=3)["message"] == "3 captions changed"
    assert page.read("api/list", filter="tag:smiling")["count"] == 3
    page.do("api/undo")
    page.do("api/undo")
    assert tree(page.art.out) == before


def test_what_is_excluded_leaves_kohya_and_comes_back_with_the_run_after_the_restore(page):
    picture = page.art.image("001")
    (id_,) = page.ids("name:001")
    page.do("api/edit", op="exclude", ids=[id_])
    assert not picture.exists()
    page.art.run()
    assert page.art.row("001")["status"] == "excluded"
    assert (
        page.read("api/changes", since=0)["all"] and page.do("api/rows", ids=[id_])["rows"][0]["status"] == "excluded"
    )
    page.do("api/edit", op="restore", ids=[id_])
    page.art.run()
    assert picture.exists()


def test_two_tabs_do_not_overwrite_one_another(page):
    (id_,) = page.ids("name:000 character:mira")
    base = page.read(f"api/picture/{id_}")["caption"]
    page.do("api/edit", op="caption", id=id_, text=f"{base}, hat", base=base)
    done = page.do("api/edit", op="caption", id=id_, text=f"{base}, scarf", base=base)
    assert {"hat", "scarf"} <= {*done["rows"][0]["caption"].split(", ")}
    assert page.art.text("000").read_text() == done["rows"][0]["caption"]


def test_a_caption_saved_as_it_was_found_is_not_touched(page):
    (id_,) = page.ids("name:000 character:mira")
    base = page.read(f"api/picture/{id_}")["caption"]
    page.do("api/edit", op="caption", id=id_, text=base, base=base)
    assert not page.row("mira/000.png")["touched"] and page.read("api/history")["steps"] == []


def test_a_caption_is_emptied_and_a_sentence_is_left_alone_by_bulk_changes(page):
    (one,), (other,) = page.ids("name:000 character:mira"), page.ids("name:001")
    page.do("api/edit", op="caption", id=one, text="", base=None)
    page.do("api/edit", op="caption", id=other, text="A girl stands in the pouring rain.", base=None)
    assert page.do("api/edit", op="add", tag="hat", filter="character:mira")["count"] == 1
    detail = page.read(f"api/picture/{other}")
    assert detail["sentence"] and detail["tags"] == [] and page.read(f"api/picture/{one}")["caption"] == ""
    assert page.art.text("000").read_bytes() == b"\n"


@pytest.mark.parametrize("body", [{"op": "remove", "tag": "mira"}, {"op": "rename", "map": {"Mira": "x"}},
                                  {"op": "move", "tag": "mira"}])  # fmt: skip
def test_the_trigger_word_stays(page, body):
    page.session.next.wait()
    answer = page.post("api/edit", filter="", **body)
    assert answer.status_code == 400 and "is the trigger word" in answer.json()["detail"]


def test_what_an_editor_saves_is_seen_and_not_overwritten(page, monkeypatch):
    monkeypatch.setattr("prep.review.desk.LOOK_SECONDS", 0.0)
    (id_,) = page.ids("name:000 character:mira")
    page.art.add("000", "from an editor")
    (row,) = page.read("api/changes", since=page.read("api/list")["version"])["rows"]
    assert row["id"] == id_ and row["caption"].endswith("from an editor")
    page.art.add("000", "once more")
    done = page.do("api/edit", op="add", tag="hat", ids=[id_])
    assert done["count"] == 1  # it was saved while the page changed it
    assert {"from an editor", "once more", "hat"} <= {*tags(page.art.text("000"))}
    page.read("api/changes", since=0)
    assert page.art.text("000").read_text() == page.row("mira/000.png")["caption"]


def test_a_command_in_between_is_seen(page):
    (id_,) = page.ids("name:000 character:mira")
    version = page.read("api/list")["version"]
    with page.art.door() as edits:
        edits.add("from a command", [page.art.key("000")])
    changes = page.read("api/changes", since=version)
    assert changes["all"] and "from a command" in page.row("mira/000.png")["caption"]
    page.do("api/edit", op="add", tag="hat", ids=[id_])
    assert {"from a command", "hat"} <= {*tags(page.art.text("000"))}


def test_the_history_says_who_decided_what(page):
    page.do("api/edit", op="add", tag="hat", filter="character:mira")
    page.do("api/undo")
    newest, before = page.read("api/history")["steps"]
    assert (newest["by"], before["by"], before["undone"], newest["undone"]) == ("undo", "page", True, False)
    assert before["text"].startswith("3 captions (+hat) (000.png, 001.png, 002.png)")


@pytest.mark.parametrize(
    "tag", ["<script>alert(1)</script>", "a\u202etxt", "x" * 900, "émilie’s hat", "=1+1", "\\(a\\)"]
)
def test_a_tag_is_text_and_comes_back_as_it_was_written(page, tag):
    (id_,) = page.ids("name:000 character:mira")
    answer = page.post("api/edit", op="add", tag=tag, ids=[id_])
    if not tag.isprintable():  # a bidi mark would turn the letters behind it around
        assert answer.status_code == 400 and "is not a tag" in answer.json()["detail"]
        return
    assert answer.json()["rows"][0]["caption"].endswith(f", {tag}") and tags(page.art.text("000"))[-1] == tag
    assert page.read(f"api/picture/{id_}")["tags"][-1]["tag"] == tag
    assert json.dumps(tag) in json.dumps(page.read("api/tags"))


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"op": "remove", "tag": "a, b", "ids": "ID"}, 400, "is not a tag"),
        ({"op": "add", "tag": "x" * 10_000, "ids": "ID"}, 422, "1000"),
        ({"op": "add", "tag": "hat"}, 422, "not said which pictures"),
        ({"op": "add", "tag": "hat", "ids": [], "filter": ""}, 422, "either ids or a filter"),
        ({"op": "add", "tag": "hat", "ids": ["000000000000"]}, 400, "not in the set any longer"),
        ({"op": "add", "tag": "hat", "filter": "(tag:a"}, 400, "bracket"),
        ({"op": "add", "ids": "ID"}, 422, "lacks its tag"),
        ({"op": "rename", "map": {}, "ids": "ID"}, 422, "map"),
        ({"op": "rename", "map": {"a": ""}, "ids": "ID"}, 400, "is not a tag"),
        ({"op": "explode", "ids": "ID"}, 422, "op"),
        ({"op": "caption", "id": "ID1", "text": "x" * 200_000}, 422, "text"),
        ({"op": "caption", "id": "ID1", "text": "a\ud800"}, 0, ""),
        ({"op": "add", "tag": "hat", "ids": "ID", "folder": "/etc"}, 422, "folder"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_changes_nothing(page, body, status, says):
    before = tree(page.art.out)
    ids = page.ids("name:000 character:mira")
    body = {name: ids if value == "ID" else ids[0] if value == "ID1" else value for name, value in body.items()}
    answer = page.post("api/edit", **body)
    assert answer.status_code == status or not status and answer.status_code in (400, 422)
    assert says in answer.json()["detail"] and answer.json()["detail"].endswith(".")
    assert tree(page.art.out) == before


def test_a_tag_of_many_words_leaves_a_caption_a_list_of_tags(page):
    for tag in ("girl with a red hat", "see you."):
        page.do("api/edit", op="add", tag=tag, filter="character:mira")
        assert page.read("api/list", filter=f'tag:"{tag}"')["count"] == 3
    assert page.do("api/edit", op="remove", tag="girl with a red hat", filter="")["count"] == 3


def test_several_tags_are_added_at_once(page):
    (one,) = page.ids("name:001")
    assert page.do("api/edit", op="add", tag="hat, red scarf, hat", ids=[one])["rows"][0]["caption"].endswith(
        ", hat, red scarf"
    )
    assert page.do("api/undo")["count"] == 1


def test_a_copy_is_counted_with_its_picture(art):
    shutil.copy(art.art / "mira" / "001.png", art.art / "mira" / "002_copy.png")
    art.run()
    with reviewed(art.out) as page:
        assert page.do("api/edit", op="add", tag="hat", filter="character:mira", dry=True)["count"] == 3
        assert page.do("api/edit", op="add", tag="hat", filter="character:mira")["count"] == 3


def test_what_is_undone_shows_although_the_picture_has_moved(art):
    with reviewed(art.out) as page:
        page.do("api/edit", op="add", tag="hat", ids=page.ids("name:001"))
        (art.art / "mira" / "001.png").rename(art.art / "noa" / "001.png")
        art.run()
        page.read("api/changes", since=0)
        assert page.row("noa/001.png")["caption"].endswith("hat")
        done = page.do("api/undo")
        assert done["count"] == 1 and not page.row("noa/001.png")["caption"].endswith("hat")


def test_a_retouched_picture_has_a_thumbnail_of_its_own(page, monkeypatch):
    monkeypatch.setattr("prep.review.desk.LOOK_SECONDS", 0.0)
    (one,) = page.ids("name:001")
    before = page.get(f"thumb/{one}").content
    Image.new("RGB", (64, 48), "green").save(page.art.image("001"))
    page.read("api/changes", since=0)
    page.read("api/changes", since=0)
    after = Image.open(io.BytesIO(page.get(f"thumb/{one}").content)).convert("RGB").getpixel((20, 20))
    assert after[1] > 100 > after[0] and page.get(f"thumb/{one}").content != before


def test_a_filter_follows_each_change(page):
    (one,) = page.ids("name:001")
    tag = page.read(f"api/picture/{one}")["tags"][1]["tag"]
    before = page.ids(f'tag:"{tag}"')
    page.do("api/edit", op="rename", map={tag: "cape"}, ids=[one])
    assert page.ids("tag:cape") == [one] and page.ids(f'tag:"{tag}"') == [id_ for id_ in before if id_ != one]
    page.do("api/undo")
    assert page.ids("tag:cape") == [] and page.ids(f'tag:"{tag}"') == before
