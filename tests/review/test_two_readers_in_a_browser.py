"""A set with two readers, on the page in a browser."""

import pytest

from tests.review.test_in_a_browser import browser, tab  # noqa: F401 - fixtures
from tests.review.test_two_readers import page  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow


def test_the_page_opens_with_the_disagreements_first_and_shows_both_scores(tab, page):  # noqa: F811
    assert tab.input_value("#sort") == "disagreements"
    first = page.ids(sort="disagreements")[0]
    (row,) = (row for row in page.rows() if row["id"] == first)
    assert tab.locator(".cell .cell-name bdi").first.text_content() == row["name"]
    tab.click(".quick >> text=Readers differ")
    tab.locator("#count", has_text=f"{len(page.ids('disagrees:*'))} of").wait_for()
    tab.focus("#grid")
    tab.keyboard.press("Home")
    tab.keyboard.press("Enter")
    tab.locator(".panel:not([aria-busy]) .number", has_text="2nd 0.95").first.wait_for()


def test_another_order_stays_when_the_page_is_loaded_again(tab):  # noqa: F811
    tab.select_option("#sort", "name")
    tab.wait_for_url("**sort=name")
    tab.reload()
    tab.wait_for_selector(".cell .cell-name bdi")
    assert tab.input_value("#sort") == "name"
