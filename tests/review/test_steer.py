"""What the trigger learns, and thresholds from corrections: written into OUT/settings.toml, and nowhere else."""

import tomllib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.person import tags
from tests.support.reviewing import reviewed
from tests.support.runs import tree


def mira(page) -> dict[str, dict]:
    """Tag -> its row in the table of mira."""
    (table,) = [table for table in page.read("api/traits")["characters"] if table["character"] == "mira"]
    return {row["name"]: row for row in table["rows"]}


def flip(page, name: str, choice: str, dry: bool = False) -> dict:
    return page.do("api/traits", character="mira", name=name, choice=choice, dry=dry)


def test_a_flip_shows_which_captions_change_and_the_next_run_changes_just_these(page):
    name = next(name for name, row in mira(page).items() if row["images"] >= 2 and not row["trait"])
    src = tree(page.art.art)
    plan = flip(page, name, "trigger", dry=True)
    assert plan["count"] == mira(page)[name]["images"] and not (page.art.out / "settings.toml").exists()
    flip(page, name, "trigger")
    row = mira(page)[name]
    assert (row["trait"], row["choice"], row["why"]) == (True, "trigger", "the settings say so")
    page.session.next.wait()
    then = {row["name"]: row["then"] for row in page.rows("is:changing")}
    assert len(then) == plan["count"] and page.read("api/changes", since=0)["next"]["count"] == plan["count"]
    page.art.run()
    for example in plan["examples"]:
        assert page.art.text(example["name"][:3]).read_text() == example["after"] == then[example["name"]]
    assert tree(page.art.art) == src


def test_each_choice_is_written_as_little_as_can_be_and_undone_by_one_key(page):
    file = page.art.out / "settings.toml"
    file.write_text("# mine\n[captions]\nmax_tags = 39 # enough\n")
    before = file.read_text()
    page.session.next.look()
    name = next(name for name, row in mira(page).items() if row["images"] >= 2)
    flip(page, name, "trigger")
    assert f'[characters.mira]\ndrop = ["{name}"]' in file.read_text() and file.read_text().startswith(before)
    flip(page, name, "caption")
    assert f'keep = ["{name}"]' in file.read_text() and "drop" not in file.read_text()
    flip(page, name, "auto")
    assert file.read_text() == before
    for _ in range(3):
        page.do("api/undo")
    assert file.read_text() == before and mira(page)[name]["choice"] == "auto"
    page.do("api/redo")
    assert mira(page)[name]["choice"] == "trigger"


def test_what_srcs_own_file_says_is_overruled_and_stays(page):
    name = next(name for name, row in mira(page).items() if row["images"] >= 2)
    toml = page.art.art / "prep.toml"
    toml.write_text(toml.read_text() + f'[characters.mira]\ntraits = ["{name}"]\nkeep = ["hat"]\n')
    own = toml.read_text()
    page.session.next.look()
    assert mira(page)[name]["choice"] == "trigger"
    flip(page, name, "caption")
    row = mira(page)[name]
    assert not row["trait"] and toml.read_text() == own
    assert "hat" in (page.art.out / "settings.toml").read_text()  # keep is one list: OUT's is in place of SRC's
    page.art.run()
    captions = [each["caption"].split(", ") for each in page.art.rows().values() if each["character"] == "mira"]
    assert sum(row["tag"] in caption for caption in captions) == row["images"]


@pytest.mark.parametrize("body", [{"character": "nobody", "name": "smile"}, {"character": "mira", "name": "no such"}])
def test_a_flip_of_what_is_not_there_is_a_sentence(page, body):
    answer = page.post("api/traits", choice="trigger", **body)
    assert answer.status_code == 400 and "Load the page again" in answer.json()["detail"]


def test_without_src_the_tables_say_why(page):
    page.art.art.rename(page.art.art.with_name("elsewhere"))
    page.session.next.look()
    found = page.read("api/traits")
    assert found["characters"] == [] and "art" in found["source"]
    answer = page.post("api/traits", character="mira", name="smile", choice="trigger")
    assert answer.status_code == 409 and "cannot be seen" in answer.json()["detail"]
    (id_,) = page.ids("name:001")
    assert page.do("api/edit", op="add", tag="hat", ids=[id_])["count"] == 1  # the rest goes on


@pytest.fixture
def corrected(page, monkeypatch):
    """A tag that a person takes out of each caption although it passes; two such are enough here."""
    monkeypatch.setattr("prep.review.proposals.LEAST", 2)
    monkeypatch.setattr("prep.tagging.corrections._shift", _whole_shift)
    return page


def _whole_shift(groups, least):
    """Of the pure rules, which tests/tagging has: here a proposal is wanted from few cases."""
    top = max(float(group.score[~group.wanted].max(initial=0)) for group in groups)
    now = groups[0].now
    return (top - now + 0.01, 0.9) if any(group.corrections for group in groups) and top >= now else None


def test_a_proposal_is_accepted_into_every_later_run_and_undone_by_one_key(corrected):
    page = corrected
    assert page.read("api/thresholds")["note"] == "no caption was corrected yet"
    (one,) = page.ids("name:000 character:mira")
    tag = page.read(f"api/picture/{one}")["tags"][-1]
    page.do("api/edit", op="remove", tag=tag["tag"], ids=[one])
    found = page.read("api/thresholds")
    (proposal,) = [each for each in found["proposals"] if each["name"] == tag["name"]]
    assert found["corrected"] == 1 and proposal["now"] == 0.8 < proposal["proposed"]
    assert proposal["agree_then"] > proposal["agree_now"] and proposal["removes"] >= 0
    asked = {"name": proposal["name"], "level": proposal["level"], "value": proposal["proposed"]}
    plan = page.do("api/thresholds", **asked, dry=True)
    assert not (page.art.out / "settings.toml").exists()
    page.do("api/thresholds", **asked)
    assert page.read("api/thresholds")["accepted"] == [
        {"name": tag["name"], "tag": tag["tag"], "level": proposal["level"], "value": proposal["proposed"]}
    ]
    page.art.run()
    places = {row["id"]: row["place"] for row in page.rows()}
    texts = [(page.art.text(places[each["id"]]).read_text(), each["after"]) for each in plan["examples"]]
    assert len(texts) == plan["count"] and all(text == after for text, after in texts)
    page.do("api/undo")
    assert page.read("api/thresholds")["accepted"] == []
    page.do("api/redo")
    page.do("api/thresholds", name=proposal["name"], level=proposal["level"], value=None)
    assert page.read("api/thresholds")["accepted"] == []


def test_a_single_number_that_a_person_wrote_becomes_a_table_with_the_other_levels_kept(page):
    file = page.art.out / "settings.toml"
    name = next(iter(mira(page)))
    file.write_text(f'[thresholds.tags]\n"{name}" = 0.6 # mine\n')
    page.do("api/thresholds", name=name, level="simple", value=0.7)
    assert {each["level"]: each["value"] for each in page.read("api/thresholds")["accepted"]} == {
        "simple": 0.7, "medium": 0.6, "complex": 0.6,
    }  # fmt: skip
    page.do("api/undo")
    assert page.session.next.settings().thresholds.tags[name] == {"simple": 0.6, "medium": 0.6, "complex": 0.6}
    assert page.post("api/thresholds", name="no such tag", level="simple", value=0.7).status_code == 422
    assert page.post("api/thresholds", name=name, level="simple", value=7).status_code == 422


def test_settings_that_cannot_be_read_are_said_and_left(page):
    file = page.art.out / "settings.toml"
    file.write_text("[captions\n")
    page.session.next.look()
    assert "settings.toml" in page.read("api/traits")["source"]
    assert page.post("api/thresholds", name="smile", level="simple", value=0.7).status_code == 409
    assert file.read_text() == "[captions\n"
    assert page.read("api/list")["count"] == 4


def test_buckets_are_those_of_dataset_toml(page):
    found = page.read("api/buckets")
    (dataset,) = found["datasets"]
    pictures = [each for bucket in dataset["buckets"] for each in bucket["pictures"]]
    assert (dataset["resolution"], dataset["step"], dataset["no_upscale"]) == (1024, 64, True)
    assert len(pictures) == 4 - sum("stops there" in each for each in dataset["warnings"]) * 4
    toml = page.art.out / "kohya" / "dataset.toml"
    toml.write_text(toml.read_text().replace("bucket_reso_steps = 64", "bucket_reso_steps = 16"))
    (dataset,) = page.read("api/buckets")["datasets"]
    (bucket,) = dataset["buckets"]
    assert (bucket["width"], bucket["height"], bucket["count"]) == (64, 48, 4)
    assert all(each["lost"] == 0 and each["head"] == "not measured" and each["small"] for each in bucket["pictures"])
    detail = page.read(f"api/picture/{page.ids()[0]}")["bucket"]
    assert (detail["width"], detail["crop"]) == (64, [0, 0, 1, 1])


def test_tags_of_a_filter_are_counted_and_react(page):
    before = page.read("api/tags")
    (one,) = page.ids("name:001")
    page.do("api/edit", op="add", tag="long hair", ids=[one])
    page.do("api/edit", op="add", tag="very long hair", ids=[one])
    groups = {group["name"]: group for group in page.read("api/tags", filter="name:001")["groups"]}
    assert {each["tag"] for each in groups["hair"]["tags"]} == {"long hair", "very long hair"}
    (tag,) = [each for each in groups["hair"]["tags"] if each["tag"] == "long hair"]
    assert tag["count"] == 1 and tag["exclusive"] == "hair length"
    for _ in range(2):
        page.do("api/undo")
    assert page.read("api/tags") == before


def test_completion_knows_the_set_the_vocabulary_and_a_csv(page):
    words = page.art.out / "tags.csv"
    words.write_text('long_hair,0,4000000,"/lh,longhair"\nlonely,0,10,\nbroken line\n')
    page.session.completion.read_csv(str(words))
    page.session.next.wait()
    found = page.read("api/complete", q="lon")["items"]
    assert [(each["tag"], each["posts"]) for each in found[:2]] == [("long hair", 4000000), ("lonely", 10)]
    assert page.read("api/complete", q="longhair")["items"][0]["alias"] == "longhair"
    used = page.read("api/tags")["groups"][0]["tags"][0]
    assert page.read("api/complete", q=used["tag"][:3])["items"][0] == {
        "tag": used["tag"], "count": used["count"], "posts": None, "alias": None,
    }  # fmt: skip
    assert tags(page.art.text("000"))[0] in [each["tag"] for each in page.read("api/complete")["items"]]


def test_flips_at_the_same_moment_are_all_there_and_a_hand_edit_before_stays(page):
    file = page.art.out / "settings.toml"
    file.write_text('[characters.mira]\nkeep = [\n  "hat", # mine\n]\ntraits = ["solo"]\n')
    names = [name for name in mira(page) if name not in ("hat", "solo")][:4]
    with ThreadPoolExecutor(4) as threads:
        [*threads.map(lambda name: flip(page, name, "trigger"), names)]
    own = tomllib.loads(file.read_text())["characters"]["mira"]
    assert own["keep"] == ["hat"] and own["traits"] == ["solo"] and sorted(own["drop"]) == sorted(names)
    assert "# mine" in file.read_text()


def test_a_flip_leaves_the_other_tags_to_be_counted(page):
    first, second, *_ = (name for name, row in mira(page).items() if row["images"] >= 2)
    flip(page, first, "trigger")
    assert mira(page)[second]["choice"] == "auto"


def test_what_the_last_run_had_in_set_is_said_to_win(art):
    art.run(given=("--set", 'characters.mira.keep=["smile"]'))
    with reviewed(art.out) as page:
        answer = page.post("api/traits", character="mira", name="smile", choice="trigger")
        assert answer.status_code == 409 and "--set" in answer.json()["detail"]
        assert not (art.out / "settings.toml").exists()


@pytest.mark.parametrize(
    "text",
    [
        "[thresholds]\ntags.smile.simple = 0.5\ntags.smile.medium = 0.6\n",
        "[thresholds]\r\ntags = {smile = 0.5}\r\n",
        "\ufeff# mine\n[thresholds.tags]\nsmile = {simple = 0.5} # here\n",
        'thresholds.tags."smile" = 0.5\n',
    ],
)
def test_whatever_form_settings_have_they_say_what_was_meant_or_stay(page, text):
    file = page.art.out / "settings.toml"
    file.write_bytes(text.encode())
    answer = page.post("api/thresholds", name="smile", level="simple", value=0.7)
    found = page.session.next.settings().thresholds.tags["smile"]
    if answer.ok:
        assert found["simple"] == 0.7
        page.do("api/undo")
        assert page.session.next.settings().thresholds.tags["smile"]["simple"] == 0.5
        assert (b"\r\n" in file.read_bytes()) == ("\r\n" in text)
        assert file.read_text().startswith("\ufeff") == text.startswith("\ufeff")
    else:
        assert answer.status_code == 400 and "by hand" in answer.json()["detail"] and file.read_bytes() == text.encode()


def test_a_flip_after_a_bulk_change_shows_its_own_effect_alone(page):
    name = next(name for name, row in mira(page).items() if row["images"] >= 2)
    page.do("api/edit", op="add", tag="marked", filter="")
    plan = flip(page, name, "trigger", dry=True)
    assert plan["examples"] and all(
        "marked" in each["before"] and "marked" in each["after"] for each in plan["examples"]
    )
