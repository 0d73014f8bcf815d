"""What was drawn of a character whose folder was renamed: its pictures go along, with what a person did to them."""

from pathlib import Path

from prep.drawing.standing import Judged, keep_names
from prep.edits.follow import move as move_decisions
from prep.edits.follow import move_late
from prep.files import move, real_folder
from prep.jobs.draw import DRAW, draw_recipe, places
from prep.pipeline.records import Captioned
from prep.run import Places, Run
from prep.types import GenerationRequest


def followed(run: Run, record: Captioned, before: list[Judged]) -> list[Judged]:
    """Pictures follow a character to its new name, with what a person did to them: also with what was saved under the
    old name while a run moved them.
    """
    if run.options.dry or not before:
        return before
    edits, book = record.edits, run.ledger.book(DRAW, draw_recipe(run.settings.thresholds.measure_px))
    renamed = [request for request, _, _ in before if request.formerly != request.character]
    by_hand = edits.decisions.by_hand()
    retouched = edits.placement.known.where("hand", True).keys() if renamed else set()
    rows = ((request.character, book.get(request.key)) for request, _, _ in before) if by_hand or retouched else ()
    now = {row["sha256"]: f"{character}/{row['sha256']}" for character, row in rows if row}
    for old in sorted(by_hand | retouched):
        new = now.get(old.rpartition("/")[2], old)
        if new == old:
            continue
        if new not in by_hand | retouched:
            move_decisions(edits.decisions, edits.placement, old, new, same_picture=True)
        elif old in by_hand:
            move_late(edits.decisions, old, new)
    before = [(request, check, _moved(request, path, record.places)) for request, check, path in before]
    if renamed:
        keep_names(renamed, run.ledger)
    return before


def _moved(request: GenerationRequest, path: Path | None, where: Places) -> Path | None:
    """Its path in the folder that its character has now."""
    if path is None or request.formerly == request.character:
        return path
    home, aside = places(request, where.slugs[request.character])
    target = (where.out / (aside if path.parent.name == "rejected" else home)).with_suffix(path.suffix)
    if target == path:
        return path
    real_folder(where.out, *target.relative_to(where.out).parts[:-1])
    move(path, target)
    return target
