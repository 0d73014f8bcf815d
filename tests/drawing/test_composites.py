"""Composites in a run: their scenes are drawn and read first, and what becomes of either afterwards."""

import pytest

from prep.checks.retag import Check
from prep.drawing import rounds
from tests.support.figures_cut import whole_figure
from tests.support.pictures import save
from tests.support.runs import manifest, run_here, tree


@pytest.fixture
def composed(tmp_path, tiny_tagger, generator, sets, monkeypatch):
    """run(*sets) over four figures with alpha, in which the check and the scenes' own accept everything."""
    monkeypatch.setattr(rounds, "verdict", lambda *_: Check(1.0, True, None))
    monkeypatch.setattr(rounds, "scene_verdict", lambda *_: Check(1.0, True, None))
    for number in range(4):
        box = (20 + 2 * number, 10, 76, 90 - number)
        save(whole_figure((96, 96), box), tmp_path / "art" / "mira" / f"{number}.png")
    vary = tmp_path / "ways.toml"
    vary.write_text('[places]\nways = ["composite", "text"]\noptions = [["outdoors"], ["comic"], ["white_shirt"]]\n')

    def run(*more):
        run_here(tmp_path / "art", tmp_path / "out", tiny_tagger, *sets, f"augmentation.vary={vary}",
                 "augmentation.share=1.0", "thresholds.fixed=0.9", "scan.min_side_px=40", *more)  # fmt: skip
        return tmp_path / "out"

    return run


def composites(out) -> list[dict]:
    return [row for row in manifest(out) if row["manner"] == "composite" and row["status"] == "kept"]


def test_at_most_a_third_is_a_composite_each_before_a_scene_of_its_own(composed, generator):
    out = composed()
    rows = manifest(out)
    accepted = [row for row in rows if row["origin"] == "augmentation" and row["status"] == "kept"]
    scenes = [row for row in rows if row["origin"] == "scene"]
    assert len(composites(out)) == len(accepted) // 3 == 1 and len(scenes) == 1
    assert (scenes[0]["status"], scenes[0]["parent_id"]) == ("kept", None)
    assert scenes[0]["file"].startswith("generated/mira/scene/") and composites(out)[0]["file"].startswith("kohya/")
    count, before = len(generator.drawn), tree(out)
    composed()
    assert len(generator.drawn) == count and tree(out) == before


@pytest.mark.parametrize("how", ["deleted", "cut short", "deleted with its scene"])
def test_a_composite_that_is_gone_is_made_again(composed, generator, how):
    out = composed()
    before = {name: data for name, data in tree(out).items() if "/augmentation/" in name or "/scene/" in name}
    made = [out / name for name in before if "/augmentation/" in name]
    for path in made:
        path.unlink() if how != "cut short" else path.write_bytes(path.read_bytes()[:200])
    if how == "deleted with its scene":
        next(out.glob("generated/mira/scene/*.png")).unlink()
    composed()
    after = tree(out)
    assert {name: after.get(name) for name in before} == before and len(composites(out)) == 1


def test_where_only_composites_are_asked_for_and_none_is_possible_a_line_says_so(composed, tmp_path, capsys):
    (tmp_path / "ways.toml").write_text('[places]\nways = ["composite"]\noptions = [["outdoors"]]\n')
    composed("augmentation.share=0.5")
    assert "mira: nothing that augmentation.vary names can be drawn" in capsys.readouterr().out
