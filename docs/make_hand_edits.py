"""Write docs/HAND_EDITS.md: a real run over examples/characters, real edits, and what became of them.

python docs/make_hand_edits.py
"""

import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image
from shown import ROOT, prep

RETOUCHED = "sylvie/sylvie_blue_smile.png"
EDITED, EMPTIED, REMOVED = "sylvie/sylvie_club_1.jpg", "eileen/eileen_club_1.jpg", "lucy/lucy_mad.png"

INTRO = """# What you do by hand stays

Edit captions, retouch and delete pictures in `kohya/` as you like: prep reads your changes before it writes anything,
and overwrites or removes only files that still have the bytes that it wrote itself. Captions are merged by tag: tags
that you added stay, tags that you removed do not come back, and all others come and go with what prep finds. The README
has a table of everything that you can do by hand. `docs/make_hand_edits.py` writes this page by doing it.

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


def write(page: Page) -> None:
    prep("run", "examples/characters", "--out", str(page.out))
    page.say("## A caption, edited\n\nThis is what prep wrote for a picture of sylvie outdoors:")
    page.cat(EDITED)
    path = page.caption(EDITED)
    items = path.read_text().split(", ")
    gone = next(item for item in items if item in ("cloud", "tree", "day"))
    items.remove(gone)
    path.write_text(", ".join([*items, "wind"]))
    page.say(f"We remove `{gone}` and add `wind`, empty another caption, and delete a third image:")
    page.cat(EDITED)
    page.caption(EMPTIED).write_text("")
    removed = page.caption(REMOVED)
    removed.with_suffix(".png").unlink()
    page.say("## Run again with another threshold")
    page.say(
        "No image of yours is tagged again: the scores are in the ledger. Prompts depend on the tags, so some pictures "
        "are drawn again."
    )
    before = path.read_text().strip().split(", ")
    page.run("--set", "thresholds.mode=fixed", "--set", "thresholds.fixed=0.95")
    left = [f"`{item}`" for item in before if item not in path.read_text().strip().split(", ")]
    assert left, "the threshold changes nothing here: the page would show no merge"
    page.say(f"`wind` is still there and `{gone}` is not. Tags that no longer pass are gone: {', '.join(left)}.")
    page.cat(EDITED)
    page.say("The deleted image is left out (`prep run --restore` brings it back), and the empty caption stays empty:")
    table = prep("status", str(page.out)).split("\n\n")[1]
    page.show("prep status outputs/characters", table)
    page.say("The differences from prep's own captions, by tag:")
    page.show("prep status outputs/characters --diff", prep("status", str(page.out), "--diff"))
    page.say("## Back to the old threshold\n\nTags that pass it again are back; the edit stays:")
    prep("run", "examples/characters", "--out", str(page.out))
    page.cat(EDITED)
    pictures(page)
    commands(page)


def pictures(page: Page) -> None:
    page.say(
        "## Pictures\n\nA picture that you retouch in `kohya/` is yours: it stays, and is trained on. One that you put "
        "there yourself is trained on too, but has no caption. We paint over a corner of one, and drop another "
        "beside it:"
    )
    path = page.caption(RETOUCHED).with_suffix(".png")
    with Image.open(path) as image:
        image.load()
    image.paste((30, 30, 34), (0, 0, 40, 40))
    image.save(path)
    image.save(path.with_name("from_elsewhere.png"))
    page.run("--set", "generator.model=none")
    page.show("cat outputs/characters/problems.txt", (page.out / "problems.txt").read_text())
    path.with_name("from_elsewhere.png").unlink()


def commands(page: Page) -> None:
    page.say(
        "## By command\n\nCommands have the same effect as editing files, and both are one history. Rename a tag "
        "in all captions of a character, with a preview first:"
    )
    out = str(page.out)
    rename = ("tags", out, "--character", "sylvie", "--rename", "blue shirt", "blue blouse")
    typed = 'prep tags outputs/characters --character sylvie --rename "blue shirt" "blue blouse"'
    page.show(f"{typed} --plan", prep(*rename, "--plan"))
    page.show(typed, "...\n" + "\n".join(prep(*rename).splitlines()[-2:]))
    page.show(
        "prep exclude outputs/characters eileen/eileen_happy.png", prep("exclude", out, "eileen/eileen_happy.png")
    )
    page.say("The history, newest last (the first steps are what we did to the files), and an undo:")
    page.show("prep undo outputs/characters --list", prep("undo", out, "--list"))
    page.show("prep undo outputs/characters 2", prep("undo", out, "2"))
    page.say("What the next run would do:")
    told = prep("status", out).partition("a run now would")
    page.show("prep status outputs/characters", (told[1] + told[2]).partition("what changing")[0])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        page = Page(Path(name) / "characters")
        write(page)
    (ROOT / "docs" / "HAND_EDITS.md").write_text(page.text.rstrip() + "\n")


if __name__ == "__main__":
    main()
