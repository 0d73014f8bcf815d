"""Write docs/images/review_*.jpg: the page of `prep review` over the examples' set, in Chromium.

python docs/make_review_pictures.py [OUT]

OUT: a set of examples/characters that was made before; without it, one is made first. It is copied, and not changed.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1280, "height": 800}
RUN = [sys.executable, "-m", "prep", "run", "examples/characters", "--out"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "characters"
        if sys.argv[1:]:
            shutil.copytree(sys.argv[1], out)
        subprocess.run([*RUN, str(out)], cwd=ROOT, check=True)
        command = [sys.executable, "-m", "prep", "review", str(out), "--no-browser"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            try:
                look(re.search(r"http://\S+", next(iter(server.stdout)))[0])
            finally:
                server.terminate()


def look(url: str) -> None:
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        light, dark = (browser.new_page(viewport=SIZE, color_scheme=scheme) for scheme in ("light", "dark"))
        light.set_default_timeout(10_000)
        take(light, url)
        show(dark, url, "set")
        keep(dark, "dark")
        browser.close()


def take(page: Page, url: str) -> None:
    show(page, url, "set?filter=" + "character:sylvie")
    keep(page, "set")
    page.get_by_role("button", name=re.compile("tags", re.IGNORECASE)).last.click()
    page.wait_for_timeout(500)
    keep(page, "bulk")
    page.keyboard.press("Escape")
    show(page, url, "set?filter=" + "character:sylvie origin:augmentation status:kept -is:real".replace(" ", "%20"))
    page.focus("#grid")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_selector(".panel:not([aria-busy]) .chip")
    page.wait_for_timeout(800)
    page.keyboard.press("t")
    page.keyboard.type("red scarf")
    page.keyboard.press("Enter")
    page.locator(".chip.hand").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)
    keep(page, "picture")
    page.keyboard.press("z")
    for view in ("trigger", "buckets"):
        show(page, url, view)
        keep(page, view)


def show(page: Page, url: str, view: str) -> None:
    page.goto("about:blank")
    page.goto(f"{url}#{view}")
    page.wait_for_timeout(1_500)


def keep(page: Page, name: str) -> None:
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        page.screenshot(path=file.name)
        with Image.open(file.name) as image:
            image.convert("RGB").save(IMAGES / f"review_{name}.jpg", quality=85, optimize=True)


if __name__ == "__main__":
    main()
