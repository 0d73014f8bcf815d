"""The examples of CONTRIBUTING.md, as a package of their own: its members are found, and a set is made with them."""

import json
import re
import tomllib
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from prep.cli import group
from prep.config import load_settings
from prep.errors import SettingsError
from prep.jobs.describe import DescribeJob, SentenceBook, ToWrite, describe_recipe
from prep.ledger import Ledger
from prep.models.captioners import captioner_of
from prep.models.witnesses import check_witnesses, witnesses_of
from prep.runners.local import LocalRunner
from prep.taggers import TAGGERS
from prep.types import Sentence, ToDescribe
from tests.support.examples import ROOT
from tests.support.pictures import save
from tests.support.runs import manifest

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
EXAMPLES = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.M | re.S))
COLOURS = {"red_theme": [0.9, 0.1, 0.1], "green_theme": [0.1, 0.9, 0.1], "blue_theme": [0.1, 0.1, 0.9]}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """my_package, as if it were installed."""
    for name, source in EXAMPLES.items():
        if name.startswith("my_package/"):
            path = tmp_path / "site" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
    monkeypatch.syspath_prepend(tmp_path / "site")
    declared = tomllib.loads(re.search(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)[1])["project"]["entry-points"]
    points = [EntryPoint(name, value, group) for group, lines in declared.items() for name, value in lines.items()]
    points.append(EntryPoint("colours-small", "my_package.known:COLOURS", "prep.taggers"))
    monkeypatch.setattr("prep.registry.entry_points", lambda group: [each for each in points if each.group == group])


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "colours.json"
    path.write_text(json.dumps(COLOURS))
    return path


def painted(path, *colour):
    """256 px of one colour, with some grain."""
    grain = np.random.default_rng(sum(path.name.encode())).integers(-12, 13, (256, 256, 3))
    save(Image.fromarray(np.clip(grain + np.array(colour), 0, 255).astype(np.uint8)), path)


def test_a_set_is_made_with_the_pages_tagger_generator_runner_and_format(tmp_path, package, weights):
    painted(tmp_path / "art" / "mira" / "1.png", 230, 25, 25)
    painted(tmp_path / "art" / "mira" / "2.png", 25, 25, 230)
    out, vary = tmp_path / "out", tmp_path / "vary.toml"
    vary.write_text('[theme]\noptions = [["red_theme"], ["green_theme"], ["blue_theme"]]\n')
    (tmp_path / "intrinsic.txt").write_text("*_theme")  # by what else should a drawn picture be judged here?
    sets = (
        f"tagger.model=colours:{weights}", "tagger.colours.distance=0.4", f"generator.model=swatches:{weights}",
        "generator.swatches.grain=0.03", f"augmentation.vary={vary}", f"profile.intrinsic={tmp_path / 'intrinsic.txt'}",
    )  # fmt: skip
    options = [word for each in sets for word in ("--set", each)]
    said = typed("run", tmp_path / "art", "--out", out, "--runner", "here", *options)
    assert said.splitlines()[-1] == "done"
    rows = manifest(out)
    real = {row["source"]: row["caption"] for row in rows if row["origin"] == "source"}
    assert real == {"mira/1.png": "mira, red theme", "mira/2.png": "mira, blue theme"}
    accepted = [row for row in rows if row["origin"] == "augmentation" and row["status"] == "kept"]
    assert accepted and {row["generator"] for row in accepted} == {"swatches float32, grain 0.03"}
    assert all(row["caption"].split(", ")[1] in row["prompt"] for row in accepted)

    assert f"{2 + len(accepted)} images are named in" in typed("export", out, "--to", "list")
    assert "mira, red theme" in (out / "export" / "list" / "list.tsv").read_text()


def test_the_pages_witness_is_chosen_by_its_path_and_judges(tmp_path, package):
    (tmp_path / "bound.json").write_text("0.8")
    settings = load_settings(sets=(f"check.damage=paleness:{tmp_path / 'bound.json'}",))
    check_witnesses(settings)
    (ref,) = witnesses_of(settings, drawn_by_starter=False)
    witness = ref.make()
    seen = [witness.look(np.full((8, 8, 3), level, np.uint8)) for level in (100, 250)]
    assert [witness.accepts(witness.measure(each, np.empty((0, 1)))) for each in seen] == [True, False]
    for asked in ("paleness", "palenes"):
        with pytest.raises(SettingsError, match="needs a path|Did you mean `paleness`"):
            check_witnesses(load_settings(sets=(f"check.damage={asked}",)))


def test_another_distance_tags_anew(tmp_path, package, weights):
    painted(tmp_path / "art" / "mira" / "1.png", 230, 25, 25)
    run = (
        "run",
        tmp_path / "art",
        "--out",
        tmp_path / "out",
        "--runner",
        "here",
        "--set",
        f"tagger.model=colours:{weights}",
    )
    typed(*run)
    assert "no model was loaded" in typed(*run)
    assert "no model was loaded" not in typed(*run, "--set", "tagger.colours.distance=0.3")


def test_a_model_that_the_page_declares_is_known_by_its_name(package):
    spec = TAGGERS.spec("colours-small")
    assert [file.part for file in spec.files] == ["model", "tags"]
    assert "distance" in TAGGERS.options("colours").model_fields
    with pytest.raises(SettingsError, match="Did you mean `colours`"):
        TAGGERS.spec("colors")


def test_the_lint_rule_is_one_that_ships():
    source = EXAMPLES["prep/lint/pairs.py"]
    assert source in (ROOT / "prep" / "lint" / "pairs.py").read_text()


def test_the_picture_of_the_house_is_the_one_that_is_held():
    picture = re.search(r"^```text\n(.*?)^```$", PAGE, re.M | re.S)[1]
    assert picture in (ROOT / "tests" / "test_layers.py").read_text()


def typed(*arguments: object) -> str:
    """`prep ...`, in this process, where my_package is -> what it said."""
    done = CliRunner().invoke(
        group, [*map(str, arguments)], prog_name="prep", standalone_mode=False, catch_exceptions=False
    )
    assert not done.return_value, done.output
    return done.stdout


def test_the_pages_captioner_writes_sentences(tmp_path, package):
    captioner = captioner_of(load_settings(sets=("captioner.model=plainly",)))
    items = [ToWrite("a", ToDescribe(("1girl", "red_dress"))), ToWrite("b", ToDescribe(()))]
    [*LocalRunner(1).map(DescribeJob(Ledger(tmp_path), captioner), items)]
    book = SentenceBook(Ledger(tmp_path), describe_recipe(captioner))
    assert [book.get(each.key) for each in items] == [
        Sentence("It shows 1girl, red dress.", "plainly"), Sentence("", "plainly"),
    ]  # fmt: skip
