"""Members that other packages add: found by name, and one sentence where they cannot be, before anything is written."""

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from prep.config import load_settings
from prep.errors import UsageError
from prep.formats import load_format
from prep.registry import ModelSpec
from prep.runners import load_runner
from prep.taggers import TAGGERS
from tests.strangers.subprocess_runner import SubprocessRunner
from tests.support.onnx_files import tiny_onnx
from tests.support.pictures import folder_of
from tests.support.runs import manifest, run_here

ONNX = "tests.strangers.onnx_tagger:SPEC"


@pytest.fixture
def installed(monkeypatch):
    """installed(family, name, place, ...): packages that add these, as if they were installed."""
    points = []
    monkeypatch.setattr("prep.registry.entry_points", lambda group: [each for each in points if each.group == group])

    def add(family: str, name: str, place: str, package: str = "") -> None:
        point = EntryPoint(name, place, f"prep.{family}")
        points.append(point._for(SimpleNamespace(name=package)) if package else point)

    return add


@pytest.fixture
def refused(tmp_path):
    """refused(sentence, model): a run with that tagger ends so, and has touched nothing."""
    art = folder_of(tmp_path / "art", mira=1)

    def refused(sentence: str, model: str, *sets: str) -> None:
        with pytest.raises(UsageError) as caught:
            run_here(art, tmp_path / "out", model, *sets)
        assert sentence in str(caught.value) and "\n" not in str(caught.value) and caught.value.exit_code == 2
        assert not (tmp_path / "out").exists()

    return refused


def test_a_package_that_cannot_be_imported(installed, refused):
    installed("taggers", "broken", "no_such_package.tagger:SPEC")
    refused("broken (no_such_package.tagger:SPEC) cannot be imported: No module named 'no_such_package'", "broken")
    installed("taggers", "renamed", "tests.strangers.onnx_tagger:GONE")
    refused("cannot be imported: module 'tests.strangers.onnx_tagger' has no attribute 'GONE'", "renamed:/x.onnx")


def test_two_packages_with_one_name(installed, refused):
    installed("taggers", "twice", ONNX, "one-package")
    installed("taggers", "twice", "tests.fakes:fake_tagger", "other-package")
    refused(
        "prep.taggers: one-package (tests.strangers.onnx_tagger:SPEC) and other-package (tests.fakes:fake_tagger) "
        "both have a member called twice. Uninstall one of them.",
        "twice:/x.onnx",
    )


def test_a_package_with_a_name_of_preps_own(installed, refused):
    installed("taggers", "deepdanbooru-v3", ONNX, "one-package")
    refused("prep itself and one-package (tests.strangers.onnx_tagger:SPEC) both have", "deepdanbooru-v3")
    installed("generators", "starter-generator", ONNX, "one-package")
    refused("both have a member called starter-generator", "starter", "generator.model=starter")


def test_a_name_that_nobody_has_ends_with_the_nearest(installed, refused):
    installed("taggers", "wd-onnx", ONNX)
    installed("runners", "subprocess", "tests.strangers.subprocess_runner:SubprocessRunner")
    refused("no tagger is called wd-onx. Did you mean `wd-onnx`?", "wd-onx:/x.onnx")
    refused(
        "no generator is called sd35-larg-fp8. Did you mean `sd35-large-fp8`?",
        "starter",
        "generator.model=sd35-larg-fp8",
    )
    refused(
        "no format is called imagefolders. Did you mean `imagefolder`?", "starter", 'export.formats=["imagefolders"]'
    )
    with pytest.raises(UsageError, match="no runner is called sub-process. Did you mean `subprocess`?"):
        load_runner("sub-process")
    with pytest.raises(UsageError, match="no format is called zzz. known: kohya, imagefolder"):
        load_format("zzz")


def test_a_path_where_nothing_is(installed, refused):
    installed("taggers", "wd-onnx", ONNX)
    refused("/gone/model.onnx does not exist", "wd-onnx:/gone/model.onnx")


def test_a_runner_of_another_package_is_found(installed):
    installed("runners", "subprocess", "tests.strangers.subprocess_runner:SubprocessRunner")
    assert isinstance(load_runner("subprocess"), SubprocessRunner)


def test_the_options_of_another_packages_model_are_a_section(installed):
    installed("taggers", "wd-onnx", ONNX)
    settings = load_settings(None, None, ("tagger.wd-onnx.margin=edge",))
    assert settings.tagger.options == {"wd-onnx": {"margin": "edge"}}
    with pytest.raises(UsageError, match="`tagger.wd-onnx.margn` is unknown. Did you mean `margin`?"):
        load_settings(None, None, ("tagger.wd-onnx.margn=edge",))


def test_a_section_is_called_as_its_model_unless_it_names_another():
    assert (
        ModelSpec("one", "tagger", "", options="x:Y").section == "one" and ModelSpec("one", "tagger", "").section == ""
    )
    assert ModelSpec("one", "tagger", "", options="x:Y", section="all").section == "all"


def test_another_packages_tagger_is_remembered_with_its_options(installed, tmp_path, monkeypatch, capsys):
    """Found by name in PREP_MODELS; later runs name it again or leave it to `auto`, also with something left to tag."""
    installed("taggers", "wd-onnx", ONNX)
    tiny_onnx(tmp_path / "models" / "wd-onnx")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path / "models"))
    art, out, edge = folder_of(tmp_path / "art", mira=2), tmp_path / "out", "tagger.wd-onnx.margin=edge"
    run_here(art, out, "wd-onnx", edge)
    for at, model in enumerate(("wd-onnx", "auto")):
        folder_of(tmp_path / "art", mira=3 + at)
        capsys.readouterr()
        run_here(art, out, model, edge)
        assert f"tag: 1 images with wd-onnx ({2 + at} done before)" in capsys.readouterr().out
    assert {row["tagger"] for row in manifest(out)} == {"wd-onnx"} and "wd-onnx" not in TAGGERS.members
