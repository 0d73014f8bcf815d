"""Each picture gets a row that says whether its figure can be cut out, where it is, or why not."""

import hashlib
import pickle

import pytest

from prep.composites import MATTINGS
from prep.composites.cut import cut_out
from prep.jobs.cut import CUT, CutJob, cut_recipe, figure_from_cut
from prep.ledger import Ledger
from prep.models import ModelRef
from prep.models.hashes import digest_of
from prep.options import Options
from prep.runners.local import LocalRunner
from tests.support.figures_cut import SPRITES, matting_onnx
from tests.support.onnx_files import tiny_onnx
from tests.support.pictures import EXAMPLES

SCENE = EXAMPLES / "characters" / "sylvie" / "sylvie_club_1.jpg"


def matting(path) -> ModelRef:
    given = (("model", str(path)),)
    return ModelRef(MATTINGS.members["file"], path.stem, digest_of({"model": path}), Options(), given)


def cut(src, out, names, model=None):
    """(outcomes, sha256 -> row) of these files; the job arrives by pickle, as in a worker."""
    ledger = Ledger.begin(out)
    items = [(hashlib.sha256((src / name).read_bytes()).hexdigest(), name) for name in names]
    job = pickle.loads(pickle.dumps(CutJob(src, ledger, model, 10**8)))
    outcomes = list(LocalRunner(1).map(job, items))
    return outcomes, ledger.rows(CUT, cut_recipe(model, 10**8))


@pytest.fixture
def src(tmp_path):
    folder = tmp_path / "art"
    folder.mkdir()
    for path in (SPRITES[0], SCENE):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "broken.png").write_bytes(SPRITES[0].read_bytes()[:5000])
    return folder


def test_a_row_says_how_and_where_or_why_not(src, tmp_path):
    names = [SPRITES[0].name, SCENE.name, "broken.png"]
    outcomes, rows = cut(src, tmp_path / "out", names)
    assert [outcome.problem for outcome in outcomes] == [None] * 3
    sprite, scene, broken = (rows[outcome.subject] for outcome in outcomes)
    assert (sprite["how"], sprite["why"]) == ("alpha", "") and 0.5 < sprite["area"] < 0.8
    assert figure_from_cut(sprite) == cut_out(SPRITES[0].read_bytes()).figure
    assert scene["how"] == "" and "not of one colour" in scene["why"] and figure_from_cut(scene) is None
    assert broken["how"] == "" and broken["why"].startswith("it cannot be opened (cannot be decoded")


def test_what_changed_or_went_since_the_scan_gets_no_row(src, tmp_path):
    ledger = Ledger.begin(tmp_path / "out")
    items = [("ab" * 32, SPRITES[0].name), ("cd" * 32, "gone.png")]
    outcomes = list(LocalRunner(1).map(CutJob(src, ledger, None, 10**8), items))
    assert [outcome.problem.kind for outcome in outcomes] == ["changed", "gone"]
    assert not ledger.rows(CUT)


def test_with_a_matting_model_all_are_looked_at_again(src, tmp_path):
    model = matting(matting_onnx(tmp_path / "reds.onnx"))
    assert cut_recipe(model, 10**8) != cut_recipe(None, 10**8)
    outcomes, rows = cut(src, tmp_path / "out", [SPRITES[0].name, SCENE.name], model)
    sprite, scene = (rows[outcome.subject] for outcome in outcomes)
    assert sprite["how"] == "alpha"
    assert scene["how"] == model.digest or "reds" in scene["why"]


def test_a_file_that_is_no_matting_model_is_said_and_the_other_ways_remain(src, tmp_path):
    model = matting(tiny_onnx(tmp_path))
    outcomes, rows = cut(src, tmp_path / "out", [SPRITES[0].name, SCENE.name], model)
    sprite, scene = (rows[outcome.subject] for outcome in outcomes)
    assert sprite["how"] == "alpha"
    assert "and model is not a matting model: it takes picture ['n', 448, 448, 3]" in scene["why"]
