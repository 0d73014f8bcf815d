"""The page of `prep review` over many rows: first paint, filters, a bulk rename, the next picture, memory.

    python benchmarks/bench_review.py [--images 20000] [--set OUT]

Draws small images into a temporary folder and runs prep over them with a tiny network first (minutes); --set: a set
that is there already, which is copied. Needs Chromium and the extra `test`. Times are milliseconds in the browser, as
medians; browser and server share the machine. The last line is JSON.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.bench_status import draw
from tests.support.pictures import tiny_checkpoint

TIMES = 5
KEYS = 40  # presses of the key to the next picture
RENAMED = 5_000
FILTERS = ("tag:smile", "-tag:smile OR character:character_3", 'caption:"shirt" tags>3')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--set", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        out = made(Path(name), arguments.images, arguments.set)
        found = measured(out)
    for what, value in found.items():
        print(f"{what.replace('_', ' '):40} {value:,}")
    print(json.dumps({"benchmark": "review"} | found))


def made(root: Path, images: int, there: Path | None) -> Path:
    out = root / "out"
    if there:
        shutil.copytree(there, out)
        return out
    draw(root / "art", images)
    tagger = tiny_checkpoint(root / "tiny.safetensors")
    sets = [part for each in (f"tagger.model={tagger}", "scan.min_side_px=16", "generator.model=none")
            for part in ("--set", each)]  # fmt: skip
    command = [sys.executable, "-m", "prep", "run", str(root / "art"), "--out", str(out), *sets]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out


def measured(out: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "prep", "review", str(out), "--no-browser"]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = re.search(r"http://\S+", next(iter(server.stdout)))[0]
            start_ms = 1_000 * (time.perf_counter() - started)
            with sync_playwright() as player:
                browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                found = in_the_browser(browser.new_page(viewport={"width": 1440, "height": 900}), url)
                browser.close()
            memory = psutil.Process(server.pid).memory_info().rss / 1e6
        finally:
            server.terminate()
    return {"start_ms": round(start_ms)} | found | {"server_mb": round(memory)}


def in_the_browser(page: Page, url: str) -> dict[str, float]:
    page.set_default_timeout(60_000)
    paints, rows = [], []
    for _ in range(TIMES):
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(url)
        page.wait_for_selector(".cell .cell-name bdi")
        rows.append(1_000 * (time.perf_counter() - began))
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    found = {"first_paint_ms": median(paints), "first_rows_ms": median(rows)}
    found["filter_ms"] = median([timed(lambda query=query: filtered(page, query)) for query in FILTERS * TIMES])
    filtered(page, "")
    page.focus("#grid")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_selector(".panel:not([aria-busy]) .chip")
    page.wait_for_timeout(1_000)
    found["next_picture_ms"] = median([next_picture(page) for _ in range(KEYS)])
    page.keyboard.press("Escape")
    found |= renamed(page)
    return found


def filtered(page: Page, query: str) -> None:
    """Type a filter -> its count and its pictures are there."""
    page.fill("#filter", query)
    page.wait_for_function(  # the address follows once it was read
        "query => (new URLSearchParams(location.hash.split('?')[1] ?? '').get('filter') ?? '') === query", arg=query
    )


def next_picture(page: Page) -> float:
    """From the key until the next picture is decoded and painted, in the browser's own clock."""
    return page.evaluate(
        """() => new Promise((done) => {
            const before = document.querySelector(".position").textContent;
            const began = performance.now();
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "j", bubbles: true}));
            const look = () => {
                const image = document.querySelector(".stage img");
                const there = document.querySelector(".position").textContent !== before;
                const said = document.querySelector(".panel:not([aria-busy]) .chip");
                if (there && said && image?.complete && image.naturalWidth)
                    requestAnimationFrame(() => done(performance.now() - began));
                else requestAnimationFrame(look);
            };
            look();
        })"""
    )


def renamed(page: Page) -> dict[str, float]:
    """A rename of 5,000 captions by the page's own address, and its undo."""
    return page.evaluate(
        """async (most) => {
            const ask = async (path, body) => (await fetch(path, body && {
                method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)})).json();
            const {ids} = await ask("api/list?filter=tag:smile");
            const some = ids.slice(0, most);
            const began = performance.now();
            const done = await ask("api/edit", {op: "rename", map: {smile: "smiling"}, ids: some});
            const then = performance.now();
            await ask("api/undo", {});
            const now = performance.now();
            return {renamed: done.count, rename_ms: Math.round(then - began), undo_ms: Math.round(now - then)};
        }""",
        RENAMED,
    )


def timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return 1_000 * (time.perf_counter() - began)


def median(values: list[float]) -> float:
    return round(statistics.median(values), 1)


if __name__ == "__main__":
    main()
