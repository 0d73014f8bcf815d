"""A set that two readers have read, on the page: what they differ about comes first, with both scores."""

import pytest

from tests.support.reviewing import reviewed


@pytest.fixture
def page(art, other):
    other.sees = {"smile", "Blue Hair"}
    art.run(*other.sets, given=("--set", *other.sets))
    with reviewed(art.out) as page:
        page.art = art
        yield page


def test_pictures_about_which_the_readers_differ_come_first(page):
    about = {row["source"]: row["disagreements"] for row in page.art.rows().values()}
    places = [next(row["place"] for row in page.rows() if row["id"] == each) for each in page.ids(sort="disagreements")]
    assert page.read("api/set")["order"] == "disagreements"
    assert [len(about[place]) for place in places] == sorted(map(len, about.values()), reverse=True)


def test_a_filter_finds_what_the_readers_differ_about(page):
    about = {row["source"]: {each["name"] for each in row["disagreements"]} for row in page.art.rows().values()}
    for query, name in (("disagrees:smile", "smile"), ('disagrees:"blue hair"', "blue_hair")):
        found = {row["place"] for row in page.rows(query)}
        assert found == {place for place, names in about.items() if name in names}
    assert {row["place"] for row in page.rows("-disagrees:*")} == {place for place, names in about.items() if not names}


def test_a_tag_has_the_scores_of_both(page):
    assert page.session.next.wait()
    for row in page.rows():
        detail = page.read(f"api/picture/{row['id']}")
        chips = [each for each in (*detail["tags"], *detail["removed"]) if each["name"] in ("smile", "blue_hair")]
        assert all(round(chip["second"], 2) == 0.95 and chip["score"] is not None for chip in chips)


def test_a_set_with_one_reader_has_its_own_order(art):
    with reviewed(art.out) as page:
        assert page.read("api/set")["order"] == ""
        assert page.ids("disagrees:*") == []
        detail = page.read(f"api/picture/{page.ids()[0]}")
        assert all(chip["second"] is None for chip in detail["tags"])
