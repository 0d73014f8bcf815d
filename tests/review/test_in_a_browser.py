"""The page in a real browser: Chromium, driven by playwright. Without either, these tests are skipped, and say so."""

import os
import shutil

import pytest

from tests.review.test_while_a_run_works import held

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


def has_focus(tab, selector: str) -> bool:
    return tab.evaluate("selector => Boolean(document.activeElement.closest(selector))", selector)


@pytest.mark.slow
def test_after_the_next_picture_no_tag_has_the_focus_and_the_key_that_removes_takes_nothing(tab, page):
    opened(tab)
    first, second = page.ids("character:mira")[:2]
    before = page.read(f"api/picture/{second}")["caption"]
    tab.keyboard.press("Delete")
    tab.keyboard.press("ArrowRight")
    assert has_focus(tab, ".chip")
    tab.keyboard.press("j")
    position(tab, "2 of")
    assert has_focus(tab, ".stage")
    tab.wait_for_selector(".panel:not([aria-busy])")
    tab.keyboard.press("Delete")
    assert has_focus(tab, ".chip:first-child") and page.read(f"api/picture/{second}")["caption"] == before
    tab.keyboard.press("ArrowRight")
    gone, neighbour = before.split(", ")[1:3]
    assert has_focus(tab, ".chip:nth-child(2)")
    tab.keyboard.press("Delete")
    says(tab, f"− {gone}: {page.rows('character:mira')[1]['name']}")
    tab.locator(".chip:nth-child(2)", has_text=neighbour).wait_for()
    assert has_focus(tab, ".chip:nth-child(2)")
    assert gone not in page.read(f"api/picture/{second}")["caption"].split(", ")
    assert page.read(f"api/picture/{first}")["caption"] == page.rows("character:mira")[0]["caption"]


@pytest.mark.slow
def test_a_sentence_takes_no_tags_and_says_why_and_several_tags_are_added_at_once(tab, page):
    first, second = page.ids("character:mira")[:2]
    text = "Mira walks through the old town in the rain, and she is holding a red umbrella over her head."
    page.do("api/edit", op="caption", id=first, text=text, base=page.read(f"api/picture/{first}")["caption"])
    assert page.read(f"api/picture/{first}")["sentence"]
    opened(tab, "name:001")
    tab.fill("#filter", "character:mira")
    tab.locator("#count", has_text=f"{len(page.ids('character:mira'))} of").wait_for()
    tab.keyboard.press("Escape")
    tab.keyboard.press("t")
    tab.keyboard.press("Control+ArrowUp")
    tab.locator(".why-not", has_text="A sentence: change it as text below.").wait_for()
    tab.keyboard.type("rx")  # neither text nor keys
    assert focused(tab) == "" and tab.locator("button >> text=Add").is_disabled()
    assert not tab.locator(".removed button").count()
    tab.keyboard.press("Control+ArrowDown")
    position(tab, "2 of")
    tab.locator(".why-not:empty").wait_for(state="attached")
    tab.keyboard.type("hat, red scarf")
    with tab.expect_request("**/api/edit") as asked:
        tab.keyboard.press("Enter")
    assert asked.value.post_data_json == {"op": "add", "tag": "hat, red scarf", "ids": [second]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "why"), [("rejected", "accepted pictures get one with the next run."), ("duplicate", "not trained on.")]
)
def test_a_picture_without_a_caption_takes_no_tags_and_says_why(tab, page, status, why):
    (one,) = page.ids("character:noa")
    found = page.read(f"api/picture/{one}")
    left_out = [{"tag": "hat", "name": "hat", "why": "trait", "why_text": "", "score": None, "threshold": None}]
    found |= {"status": status, "caption": None, "tags": [], "removed": left_out}
    tab.route(f"**/api/picture/{one}", lambda route: route.fulfill(json=found))
    tab.goto(tab.url.split("#")[0] + f"#picture/{one}")
    tab.locator(".why-not", has_text=why).wait_for()
    assert tab.locator("button >> text=Add").is_disabled() and not tab.locator(".removed button").count()


@pytest.mark.slow
@pytest.mark.parametrize("filter", ["character:noa", "is:untouched"])
def test_enter_in_the_filter_leaves_a_picture_for_the_grid_with_the_first_hit_framed(tab, page, filter):  # noqa: A002
    opened(tab)
    tab.keyboard.press("j")
    position(tab, "2 of")
    tab.keyboard.press("/")
    found = page.ids(filter)[0]
    tab.fill("#filter", filter)
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/#set?filter=*")
    tab.wait_for_selector(f'.cell.current[data-id="{found}"]')
    assert has_focus(tab, "#grid")
    tab.keyboard.press("x")
    says(tab, "1 picture")
    assert page.ids("verdict:excluded") == page.ids("is:touched") == [found]


@pytest.mark.slow
def test_quick_filters_are_pressed_and_views_without_a_list_have_no_filter(tab, page):
    tab.click(".quick >> text=Trained on")
    tab.locator("#count", has_text=f"{len(page.ids('is:trained'))} of").wait_for()
    tab.click(".quick >> text=Untouched")
    tab.wait_for_url("**filter=is%3Auntouched")
    assert tab.get_attribute(".quick >> text=Untouched", "aria-pressed") == "true"
    assert tab.get_attribute(".quick >> text=All", "aria-pressed") == "false"
    tab.click("nav >> text=History")
    tab.wait_for_selector(".content:not([aria-busy])")
    assert not tab.is_visible("#filter") and not tab.is_visible("#tags")
    tab.keyboard.press("/")
    tab.wait_for_selector("#grid")
    assert has_focus(tab, "#filter")


@pytest.mark.slow
@pytest.mark.parametrize("address", ["#__proto__", "#constructor/x", "#picture/%E0"])
def test_an_address_that_names_no_view_leads_to_the_set(tab, address):
    tab.goto(tab.url.split("#")[0] + address)
    tab.reload()
    tab.wait_for_selector(".cell .cell-name bdi")


@pytest.mark.slow
def test_a_tag_that_nothing_completes_is_called_new_and_enter_takes_it(tab, page):
    opened(tab)
    tab.keyboard.press("t")
    tab.keyboard.type("hat, zzzq")
    tab.locator("[role=option]", has_text="new tag: zzzq").wait_for()
    tab.keyboard.press("ArrowDown")
    assert not tab.locator("[role=option][aria-selected=true]").count()
    tab.keyboard.press("Control+a")
    tab.keyboard.type("zzzq")
    tab.keyboard.press("Enter")
    says(tab, f"+ zzzq: {page.rows('character:mira')[0]['name']}")


@pytest.mark.slow
def test_buckets_are_worst_first_and_one_with_one_picture_is_a_plain_hint(tab, page):
    one = page.ids()[0]

    def bucket(width, *losses):
        shape = {"width": width, "height": 64, "crop": [0, 0, 1, 1], "upscaled": False, "small": False}
        pictures = [{"id": one, "name": "a", "lost": lost, "head": "not measured"} | shape for lost in losses]
        return {"width": width, "height": 64, "count": len(losses), "warning": "a word", "pictures": pictures}

    buckets = [bucket(64, 0.1), bucket(128, 0.0, 0.3), bucket(192, 0.1, 0.1), bucket(256, 0.0)]
    found = {"note": "", "datasets": [{"resolution": 64, "step": 64, "no_upscale": True, "buckets": buckets}]}
    tab.route("**/api/buckets", lambda route: route.fulfill(json=found))
    tab.click("nav >> text=Buckets")
    tab.wait_for_selector(".content:not([aria-busy])")
    widths = [text.split(" ")[0] for text in tab.locator(".bucket h4").all_inner_texts()]
    assert widths == ["128", "192", "64", "256"]
    assert tab.locator(".bucket p.warns").count() == tab.locator(".bucket p.hint").count() == 2


@pytest.mark.slow
def test_a_message_about_a_change_that_waits_goes_when_the_run_is_done(tab, page):
    opened(tab)
    with held(page.art.out):
        tab.keyboard.press("t")
        tab.keyboard.type("hat")
        tab.keyboard.press("Enter")
        says(tab, "kept until the run is done")
        tab.locator("#run", has_text="1 change waits").wait_for()
        assert tab.inner_text("#message").count("run") == 1
    tab.locator("#message:empty").wait_for(state="attached")


@pytest.mark.slow
def test_a_thumbnail_that_cannot_be_read_is_asked_for_once(tab, page):
    asked = []
    tab.route("**/thumb/*", lambda route: (asked.append(route.request.url), route.fulfill(status=404)))
    tab.reload()
    tab.wait_for_selector(".cell .gone")
    tab.wait_for_load_state("networkidle")
    for filter in ("character:noa", ""):  # noqa: A001
        tab.fill("#filter", filter)
        tab.locator("#count", has_text=f"{len(page.ids(filter))} of").wait_for()
    tab.wait_for_load_state("networkidle")
    assert tab.locator(".cell .gone").count() == tab.locator(".cell").count()
    assert len(asked) == len(set(asked))


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
    tab.focus("#grid")
    tab.keyboard.press("Shift+T")
    assert not tab.is_visible("text=Pictures that come later")
    tab.select_option("dialog select >> nth=0", "rename")
    assert tab.is_visible("text=Pictures that come later keep prep's word.")
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
