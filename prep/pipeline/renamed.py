"""What was drawn of a character whose folder was renamed: its pictures go along, with what a person did to them."""

from pathlib import Path

from prep.drawing.standing import Judged, keep_names
from prep.edits.follow import move as move_decisions
from prep.files import move, real_folder
from prep.jobs.draw import DRAW, draw_recipe, places
from prep.pipeline.records import Captioned
from prep.run import Places, Run
from prep.types import GenerationRequest


def followed(run: Run, record: Captioned, before: list[Judged]) -> list[Judged]:
    """Pictures follow a character to its new name, with what a person did to them."""
    renamed = [request for request, _, _ in before if request.formerly != request.character]
    if not renamed or run.options.dry:
        return before
    edits, book = record.edits, run.ledger.book(DRAW, draw_recipe(run.settings.thresholds.measure_px))
    decided = edits.decisions.by_hand() | edits.placement.known.where("hand", True).keys()
    for request in renamed:
        row = book.get(request.key)
        old, new = (f"{name}/{row['sha256']}" if row else "" for name in (request.formerly, request.character))
        if old in decided and new not in decided:
            move_decisions(edits.decisions, edits.placement, old, new, same_picture=True)
    before = [(request, check, _moved(request, path, record.places)) for request, check, path in before]
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
