"""The page in a real browser: Chromium, driven by playwright. Without either, these tests are skipped, and say so."""

import os
import shutil

import pytest

NOT_TRIED = "THE PAGE OF prep review IS NOT TRIED IN A BROWSER: "
playwright = pytest.importorskip("playwright.sync_api", reason=f"{NOT_TRIED}pip install playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        why = f"{NOT_TRIED}apt-get install chromium"
        assert os.environ.get("PREP_BROWSER") != "required", why
        pytest.skip(why)
    with playwright.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(browser, page):
    """A tab with the set open. Scripts that fail, and alerts, fail the test."""
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    wrong = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    tab.set_default_timeout(10_000)
    tab.goto(page.url)
    tab.wait_for_selector(".cell .cell-name bdi")
    yield tab
    tab.close()
    assert not wrong


def opened(tab, filter: str = "character:mira") -> None:  # noqa: A002
    """The first picture that the filter finds, large."""
    tab.fill("#filter", filter)
    tab.wait_for_url("**filter=**")
    tab.press("#filter", "Enter")
    tab.focus("#grid")
    tab.keyboard.press("Home")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".panel:not([aria-busy]) .chip")


def says(tab, text: str) -> None:
    tab.locator("#message", has_text=text).wait_for()


def position(tab, text: str) -> None:
    tab.locator(".position", has_text=text).wait_for()


def focused(tab) -> str:
    return tab.evaluate("document.activeElement.value ?? document.activeElement.id")


def test_tags_are_added_with_completion_from_picture_to_picture_without_leaving_the_field(tab, page):
    opened(tab)
    first, second = page.ids("character:mira")[:2]
    tab.keyboard.press("t")
    tab.keyboard.type("red scarf")
    tab.keyboard.press("Enter")
    tab.locator(".chip.hand", has_text="red scarf").wait_for()
    tab.keyboard.press("Control+ArrowDown")
    position(tab, "2 of")
    tab.keyboard.type("red sc")
    tab.locator("[role=option] >> text=red scarf").wait_for()
    tab.keyboard.press("Control+Enter")
    tab.locator(".chip.hand", has_text="red scarf").wait_for()
    assert focused(tab) == ""
    assert all("red scarf" in page.read(f"api/picture/{each}")["caption"] for each in (first, second))
    tab.keyboard.press("Control+z")
    says(tab, "Undone")
    assert "red scarf" not in page.read(f"api/picture/{second}")["caption"]


@pytest.mark.slow
def test_what_is_typed_stays_while_another_one_changes_the_caption_and_both_are_saved(tab, page):
    opened(tab)
    first = page.ids("character:mira")[0]
    tab.keyboard.press("c")
    tab.keyboard.press("Control+End")
    tab.keyboard.type(", mine")
    page.do("api/edit", op="add", tag="theirs", ids=[first])
    tab.locator(".caption-note", has_text="changed meanwhile").wait_for()
    assert "mine" in focused(tab) and "theirs" not in focused(tab)
    tab.keyboard.press("Control+Enter")
    says(tab, "merged")
    caption = page.read(f"api/picture/{first}")["caption"]
    assert "mine" in caption and "theirs" in caption and focused(tab) == caption


@pytest.mark.slow
def test_a_picture_that_leaves_the_list_stays_the_one_that_is_decided_about(tab, page):
    opened(tab, "is:untouched character:mira")
    first, second = page.ids("is:untouched character:mira")[:2]
    tab.keyboard.press("x")
    tab.locator(".actions .badge.excluded").first.wait_for()
    tab.wait_for_timeout(600)  # the list is fetched anew meanwhile
    tab.keyboard.press("a")
    tab.locator(".actions .badge.accepted").wait_for()
    rows = {row["id"]: row for row in page.rows("character:mira")}
    assert rows[first]["verdict"] == "accepted" and not rows[second]["touched"]


@pytest.mark.slow
def test_a_rename_of_all_that_the_filter_finds_is_shown_first_and_undone_at_once(tab, page):
    tag = page.read(f"api/picture/{page.ids('character:mira')[0]}")["caption"].split(", ")[1]
    found = len(page.ids(f'tag:"{tag}"'))
    tab.fill("#filter", f'tag:"{tag}"')
    tab.locator("#count", has_text=f"{found} of").wait_for()
    tab.click("text=Tags…")
    tab.select_option("dialog select >> nth=0", "rename")
    tab.fill("dialog textarea", f"{tag} -> another name")
    tab.locator("dialog .summary", has_text=f"{found} of").wait_for()
    assert tab.locator("dialog ins", has_text="another name").count() == min(found, 20)
    tab.click("dialog .primary")
    tab.locator("#tags >> text=another name").wait_for(state="detached")
    tab.locator("#count", has_text="0 of").wait_for()
    tab.click("#undo")
    tab.locator("#count", has_text=f"{found} of").wait_for()
    assert not page.ids('tag:"another name"')


@pytest.mark.slow
def test_a_click_on_a_tag_shows_its_pictures_and_one_with_ctrl_narrows_the_filter(tab, page):
    first, second = (group["tags"][0]["tag"] for group in page.read("api/tags")["groups"][:2])
    alone = len(page.ids(f'tag:"{first}"'))
    tab.locator(".tag-name", has_text=first).first.click()
    tab.locator("#count", has_text=f"{alone} of").wait_for()
    tab.locator(".tag-name", has_text=second).first.click(modifiers=["Control"])
    both = len(page.ids(f'tag:"{first}" tag:"{second}"'))
    tab.locator("#count", has_text=f"{both} of").wait_for()
    assert first in tab.input_value("#filter") and second in tab.input_value("#filter")


@pytest.mark.slow
def test_hostile_tags_are_shown_as_text(tab, page):
    first = page.ids("character:mira")[0]
    text = "mira, <img src=x onerror=alert(1)>, evil\u202egnp, " + "x" * 300
    page.do("api/edit", op="caption", id=first, text=text, base=page.read(f"api/picture/{first}")["caption"])
    opened(tab)
    shown = tab.locator(".chips").first.inner_text()
    assert "<img src=x onerror=alert(1)>" in shown and "evil\\u202egnp" in shown and "x" * 300 not in shown
    tab.click("nav >> text=History")
    tab.wait_for_selector("td")


@pytest.mark.slow
def test_the_address_keeps_view_filter_and_picture(tab):
    opened(tab)
    tab.keyboard.press("ArrowRight")
    position(tab, "2 of")
    address = tab.url
    tab.reload()
    position(tab, "2 of")
    assert tab.url == address and tab.input_value("#filter") == "character:mira"
    tab.goto(address.split("#")[0] + "#picture/000000000000")
    tab.wait_for_selector("#grid")


@pytest.mark.slow
def test_a_filter_that_cannot_be_read_is_told_and_keeps_the_list(tab):
    before = tab.inner_text("#count")
    tab.keyboard.press("/")
    tab.keyboard.type("(tag:")
    tab.locator("#filter[aria-invalid]").wait_for()
    assert tab.inner_text("#filter-note") and tab.inner_text("#count") == before


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [800, 1440])
def test_axe_finds_nothing_serious(tab, page, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 700})

    def look(what):
        found = axe.Axe().run(tab).response["violations"]
        assert [(what, each["id"]) for each in found if each["impact"] in ("serious", "critical")] == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), what

    look("set")
    opened(tab)
    look("picture")
    tab.keyboard.press("?")
    look("keys")
    tab.keyboard.press("Escape")
    for view in ("Trigger", "Thresholds", "Buckets", "Problems", "History"):
        tab.click(f"nav >> text={view}")
        tab.wait_for_selector(".content:not([aria-busy])")
        look(view)
