"""Write docs/HAND_EDITS.md: a real run over examples/characters, real edits, and what became of them.

python docs/make_hand_edits.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

ROOT = Path(__file__).parent.parent
EDITED, EMPTIED, REMOVED = "sylvie/sylvie_club_1.jpg", "eileen/eileen_club_1.jpg", "lucy/lucy_mad.png"

INTRO = """# What you do by hand stays

Edit captions and delete images in `kohya/` as you like; the next run reads what you did before it writes anything.
Captions are merged by tag: what you added stays, what you took out does not come back, what prep newly finds comes in,
and what it no longer finds goes. `docs/make_hand_edits.py` writes this page by doing all of it.

"""


class Page:
    def __init__(self, out: Path) -> None:
        self.out, self.text = out, INTRO

    def say(self, text: str) -> None:
        self.text += text + "\n\n"

    def show(self, command: str, output: str) -> None:
        shown = f"$ {command}\n{output.rstrip()}".replace(str(self.out), "outputs/characters")
        self.text += "".join(f"    {line}".rstrip() + "\n" for line in shown.splitlines()) + "\n"

    def run(self, *more: str) -> None:
        command = ["run", "examples/characters", "--out", str(self.out), *more]
        self.show(" ".join(["prep run examples/characters", *more]), prep(*command))

    def caption(self, source: str) -> Path:
        rows = pq.read_table(self.out / "manifest.parquet").to_pylist()
        file = next(row["file"] for row in rows if row["source"] == source)
        return (self.out / file).with_suffix(".txt")

    def cat(self, source: str) -> None:
        path = self.caption(source)
        self.show(f"cat {path}", path.read_text())


def prep(*arguments: str) -> str:
    command = [sys.executable, "-m", "prep", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def write(page: Page) -> None:
    prep("run", "examples/characters", "--out", str(page.out))
    page.say("## A caption, edited\n\nThis is what prep wrote for a picture of sylvie outdoors:")
    page.cat(EDITED)
    path = page.caption(EDITED)
    items = path.read_text().split(", ")
    gone = next(item for item in items if item in ("cloud", "tree", "day"))
    items.remove(gone)
    path.write_text(", ".join([*items, "wind"]))
    page.say(f"We take out `{gone}` and add `wind`, empty another caption, and delete a third image:")
    page.cat(EDITED)
    page.caption(EMPTIED).write_text("")
    removed = page.caption(REMOVED)
    removed.with_suffix(".png").unlink()
    page.say("## Then the threshold changes, and prep runs again")
    page.say(
        "No image of yours is tagged again: the scores are in the ledger. Prompts follow the tags, so some pictures "
        "are drawn anew."
    )
    before = path.read_text().strip().split(", ")
    page.run("--set", "thresholds.mode=fixed", "--set", "thresholds.fixed=0.95")
    left = [f"`{item}`" for item in before if item not in path.read_text().strip().split(", ")]
    assert left, "the threshold changes nothing here: the page would show no merge"
    page.say(f"`wind` is still there and `{gone}` is not. What no longer passes is gone: {', '.join(left)}.")
    page.cat(EDITED)
    page.say("The deleted image is left out (`prep run --restore` brings it back), the empty caption stays empty:")
    table = prep("status", str(page.out)).split("\n\n")[1]
    page.show("prep status outputs/characters", table)
    page.say("What differs from prep's own captions, by tag:")
    page.show("prep status outputs/characters --diff", prep("status", str(page.out), "--diff"))
    page.say("## Back to the old threshold\n\nWhat passes it again is back; the edit stays:")
    prep("run", "examples/characters", "--out", str(page.out))
    page.cat(EDITED)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        page = Page(Path(name) / "characters")
        write(page)
    (ROOT / "docs" / "HAND_EDITS.md").write_text(page.text.rstrip() + "\n")


if __name__ == "__main__":
    main()
