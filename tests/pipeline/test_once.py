"""Each thing of a run is done once: a row is made, a model loaded, a stage's time counted. Looking changes nothing."""

import gc
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from prep.blocks import Packed
from prep.book import Book
from prep.captions.compose import Composer
from prep.captions.remembered import Remembered
from prep.checks.witnessed import Witnessed
from prep.cli.run import STAGE_NAMES
from prep.config import load_settings
from prep.drawing import rounds
from prep.drawing.begin import begin_drawing
from prep.edits.decisions import Decisions
from prep.edits.from_files import HandEdits
from prep.edits.placed import read_placement
from prep.generators import GENERATORS
from prep.jobs.draw import DrawJob
from prep.jobs.tag import TagJob
from prep.ledger import Ledger
from prep.models import ModelRef
from prep.models.residency import MEMORY
from prep.pipeline import road
from prep.pipeline.preview import preview
from prep.pipeline.records import Found
from prep.process.report import Report
from prep.run import Options, Run
from prep.scan.find import find_images
from prep.scan.measure import ScanJob
from prep.shelved import Shelved
from prep.taggers import TAGGERS
from prep.types import Row
from tests.fakes import FakeRunner, FakeTagger
from tests.support.counting import CountingGenerator
from tests.support.pictures import folder_of
from tests.support.runs import manifest, run_here, tree

LARGE = (Book, Packed, Remembered, Row, Shelved)


def large() -> dict[int, str]:
    """The records and tables that are in memory: id -> its kind."""
    return {id(each): type(each).__name__ for each in gc.get_objects() if isinstance(each, LARGE)}


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file, prep's own state too -> (bytes, mtime in ns)."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_each_caption_is_composed_once_a_run(tmp_path, tiny_tagger, generator, sets, monkeypatch):
    caption, captions = Composer.caption, []
    monkeypatch.setattr(
        Composer, "caption", lambda self, scores, *more: captions.append(1) or caption(self, scores, *more)
    )
    run_here(folder_of(tmp_path / "art", mira=4, noa=3), tmp_path / "out", tiny_tagger, *sets)
    rows = manifest(tmp_path / "out")
    assert len(rows) > 7 + 4 and len(captions) == len(rows)


def test_what_a_stage_made_is_freed_without_a_search_for_garbage(tmp_path, tiny_tagger, generator, sets):
    """Of 100,000 pictures, what refers to itself would stay for most of a run."""
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    run_here(art, out, tiny_tagger, *sets)
    next((out / "kohya").glob("*/*.txt")).write_text("mira, red scarf")
    gc.collect()
    before = large()  # what other tests still have
    gc.disable()
    try:
        run_here(art, out, tiny_tagger, *sets)
        left = large().items() - before.items()
    finally:
        gc.enable()
    assert not left


def test_a_second_round_of_drawing_loads_no_model_that_may_stay(tmp_path, tiny_tagger, generator, sets, monkeypatch):
    made: Counter[str] = Counter()
    make = ModelRef.make
    monkeypatch.setattr(ModelRef, "make", lambda self: made.update([self.spec.role]) or make(self))
    drawn = []
    monkeypatch.setattr(CountingGenerator, "encode", lambda self, pictures, kept: drawn.append(len(pictures)))
    run_here(folder_of(tmp_path / "art", mira=4), tmp_path / "out", tiny_tagger, *sets)
    assert len(drawn) > 1, "there was no second round"
    assert made == {"generator": 1, "tagger": 2}  # the tagger for the real images, and once for all that was drawn
    assert MEMORY.residents == {}


def test_where_there_is_no_room_for_both_one_goes_before_the_other_comes(
    tmp_path, tiny_tagger, generator, sets, monkeypatch
):
    monkeypatch.setattr(MEMORY, "together_bytes", 0)
    closed = []
    monkeypatch.setattr(CountingGenerator, "close", lambda self: closed.append(1))
    run_here(folder_of(tmp_path / "art", mira=4), tmp_path / "out", tiny_tagger, *sets)
    assert len(closed) > 1


def test_time_lands_on_the_stage_that_took_it(tmp_path, tiny_tagger, generator, sets, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr(road, "time", SimpleNamespace(monotonic=lambda: next(clock)))  # a second each time it is asked
    run_here(folder_of(tmp_path / "art", mira=4), tmp_path / "out", tiny_tagger, *sets)
    seconds = json.loads((tmp_path / "out" / ".prep" / "run.json").read_text())["seconds"]
    assert list(seconds) == ["scan", "tag", "profile", "caption", "crop", "generate", "check", "export"]
    assert seconds["generate"] == seconds["check"] == 2, "two rounds"
    assert seconds["export"] == seconds["tag"] == seconds["scan"] == 1


def test_a_preview_and_all_that_only_looks_write_nothing(tmp_path, tiny_tagger, generator, sets):
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    run_here(art, out, tiny_tagger, *sets)
    (next((out / "kohya").glob("*_mira"))).rename(out / "kohya" / "7_mira")  # somebody's number, not adopted yet
    before = everything(out)
    settings = load_settings(art, None, (f"tagger.model={tiny_tagger}", *sets))
    made = preview(art, out, settings)
    record, ledger = made.record, Ledger(out / ".prep" / "ledger", 99)
    assert read_placement(out / "kohya", ledger).repeats["mira"] == 7
    drawing = begin_drawing(record.rows, record.profiles, record.known, record.places, settings, may_fetch=False)
    assert drawing.missing() == [] and len(list(drawing.drawn(ledger))) == len(drawing.requests)
    judge = rounds.Judge(
        record.scores, record.composer, record.profiles, rounds.Exclusive((), ()), record.known, settings,
        Witnessed({}, {}), {},
    )  # fmt: skip
    assert len(rounds.judged(drawing, judge, ledger, [])[0]) == len(drawing.requests)
    assert everything(out) == before


def test_what_is_only_made_opens_nothing(tmp_path):
    gone = tmp_path / "nowhere"
    ledger = Ledger(gone / "ledger")
    options = TAGGERS.members["file"], GENERATORS.members["file"]
    tagger = ModelRef(options[0], "file", "0" * 64, load_options("tagger"), (("model", str(gone / "model.pt")),))
    drawer = ModelRef(options[1], "file", "0" * 64, load_options("generator"), (("model", str(gone / "x")),))
    TagJob(gone, ledger, tagger, 10**6)
    DrawJob(gone, ledger, drawer, {}, {}, 0, 10**6, [])
    ScanJob(gone, ledger, 10**6, 0, 8)
    HandEdits(Decisions(ledger), None, gone, gone, in_source=False)
    Report(gone / "log", quiet=True)
    assert not gone.exists() and MEMORY.residents == {}


def load_options(role: str):
    from prep.models.choose_models import options_of
    from prep.registry import family

    return options_of(role, family(role).members["file"], load_settings())


def test_a_road_may_be_travelled_without_a_runs_lock_and_log(tmp_path, reads_with, tiny_tagger):
    """The stages take a run and a record, and nothing else: what a service or a test needs."""
    reads_with(lambda options: FakeTagger())
    art, out = folder_of(tmp_path / "art", mira=2), tmp_path / "out"
    out.mkdir()
    settings = load_settings(art, None, (f"tagger.model={tiny_tagger}", "generator.model=none"))
    run = Run(art, out, settings, Options(to="caption"), Ledger.begin(out / "ledger"), FakeRunner(), Report(quiet=True))
    record, seconds = road.travel(run, Found(listing=find_images(art, out)))
    assert [row.caption_source for row in record.rows] == ["machine", "machine"]
    assert list(seconds) == ["scan", "tag", "profile", "caption"]


@pytest.mark.parametrize("tagger", ["starter", "file"])
def test_what_the_starter_generator_draws_is_a_trial_whichever_tagger_reads(
    tmp_path, tiny_tagger, reads_with, capsys, tagger
):
    reads_with(lambda options: FakeTagger())
    reads = "starter" if tagger == "starter" else tiny_tagger
    art = folder_of(tmp_path / "art", mira=2)
    sets = ("generator.model=starter", "augmentation.least=0", "augmentation.share=0.0", "consistency.per_character=0",
            "reconstruct.per_character=1", "generator.steps=1")  # fmt: skip
    run_here(art, tmp_path / "out", reads, *sets)
    assert f"TRIAL: {'read by the starter tagger' if tagger == 'starter' else 'drawn by the starter generator'}" in (
        capsys.readouterr().out
    )
    rows = manifest(tmp_path / "out")
    drawn = [row for row in rows if row["origin"] != "source"]
    assert drawn and all("starter" in row["flags"] for row in drawn)
    assert all(("starter" in row["flags"]) == (tagger == "starter") for row in rows if row["origin"] == "source")
    before = tree(tmp_path / "out")
    run_here(art, tmp_path / "out", reads, *sets)
    assert tree(tmp_path / "out") == before


def test_the_command_knows_the_stages_of_the_road():
    """It names them itself, so that its help does without what they import."""
    stages = [stage for each in road.STAGES for stage in (each.stages if isinstance(each, road.Repeat) else (each,))]
    assert tuple(stage.__name__ for stage in stages) == STAGE_NAMES
