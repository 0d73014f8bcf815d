"""Which of a set's figures can be cut out, for composites: looked at once, and kept."""

from collections.abc import Sequence

from prep.composites.layout import canvas_of
from prep.drawing.wants import Cutting
from prep.jobs.cut import CUT, CutJob, cut_recipe, figure_from_cut
from prep.models.matting import matting_of
from prep.names import quantity
from prep.pipeline.carried import carried
from prep.protocols import Card
from prep.run import Run
from prep.types import Row

PLAIN = "_background"  # ends the tags of a background of one colour
PLACE = "photo_background"  # but not this one


def cuttings(run: Run, rows: Sequence[Row], card: Card) -> dict[str, Cutting]:
    """sha256 -> how its figure is cut out and the size of a composite, of the pictures where that is possible.

    rows: real images in the set. A dry run looks at none that was not looked at before.
    """
    settings = run.settings
    matting = matting_of(settings)
    found = {row.ref.sha256: row for row in rows if matting or may_be_cut(row)}
    recipe = cut_recipe(matting, settings.scan.max_pixels)
    book = run.ledger.book(CUT, recipe)
    todo = [(sha256, row.ref.path) for sha256, row in found.items() if sha256 not in book]
    if todo and not run.options.dry:
        run.report.say(f"generate: looking for figures to cut out of {quantity(len(todo), 'picture')}")
        job = CutJob(run.src, run.ledger, matting, settings.scan.max_pixels)
        for outcome in carried(run, job, todo, "cut"):
            if outcome.problem:
                run.problems[found[outcome.subject].ref.path] = outcome.problem
        book = run.ledger.book(CUT, recipe)
    cuts = {}
    for sha256, row in found.items():
        looked = book.get(sha256)
        if figure := figure_from_cut(looked) if looked else None:
            turn = int(sha256[:4], 16)  # so that composites of one character are not all of one size
            if canvas := canvas_of(card.size(row.ref.width, row.ref.height), figure, turn):
                cuts[sha256] = Cutting(looked["how"], canvas)
    return cuts


def may_be_cut(row: Row) -> bool:
    """By its alpha, or by a background that the tagger calls plain."""
    tags = {tag.name for tag in row.caption.tags} | {gone.name for gone in row.caption.removed}
    return "alpha" in row.ref.flags or any(tag.endswith(PLAIN) and tag != PLACE for tag in tags)
