"""Whole runs whose tagger and generator are on another machine."""

import json

import pyarrow.parquet as pq
import pytest

from prep import remote
from prep.config import load_settings
from prep.errors import NetworkError, SettingsError, StoppedError
from prep.models.check import check_models
from prep.models.choose_models import generator_of
from prep.models.hashes import cache_folder
from prep.pipeline import road
from prep.pipeline.outlook import plan_lines
from prep.pipeline.status import status_of
from prep.run import Options
from tests.fakes import FakeRunner
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import manifest, tree
from tests.support.web_ui import serving, web_ui


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0)


@pytest.fixture
def ui():
    with web_ui() as ui:
        yield ui


@pytest.fixture
def src(tmp_path):
    return folder_of(tmp_path / "art", mira=3)


def small(ui, sets) -> tuple[str, ...]:
    there = (f"tagger.model=a1111:{ui.url}", f"generator.model=a1111:{ui.url}/", "generator.resolution=64")
    return (*sets, *there, "scan.min_side_px=0", "consistency.per_character=1", "reconstruct.per_character=1")


def run(src, out, sets):
    return road.run(src, out, load_settings(src, None, sets), Options(), FakeRunner())


def test_a_second_run_reads_and_draws_nothing_and_the_server_may_be_off(ui, src, tmp_path, sets, capsys):
    out = tmp_path / "out"
    assert run(src, out, small(ui, sets)).exit_code == 0
    said = capsys.readouterr().out
    assert "reads with deepdanbooru by /sdapi/v1/interrogate, 8 tags; scores below 0.02 do not exist" in said
    assert "draws with anime" in said and said.count("reads with") == 1
    before, drawn, read = tree(out), len(ui.drawn), ui.readings
    assert len(set(ui.drawn)) == drawn > 2
    run(src, out, small(ui, sets))
    assert (tree(out), len(ui.drawn)) == (before, drawn) and ui.readings == read + 1  # the fixed picture
    rows = manifest(out)
    assert {row["tagger"] for row in rows} == {"a1111"}
    assert {row["generator"] for row in rows} == {None, "anime a1111"}


@pytest.mark.slow
def test_a_run_with_nothing_to_do_needs_no_server(src, tmp_path, sets, capsys):
    out = tmp_path / "out"
    with web_ui() as mine:
        chosen = small(mine, sets)
        run(src, out, chosen)
        port = int(mine.url.rpartition(":")[2])
    before = tree(out)
    run(src, out, chosen)
    assert tree(out) == before and "going on with what it said before" in capsys.readouterr().out
    plan = plan_lines(src, out, load_settings(src, None, chosen))
    assert any(line.startswith("tag: 0 images to tag with a1111") for line in plan)
    assert any("0 to draw" in line for line in plan)
    save(drawing(77), src / "mira" / "new.png")
    with pytest.raises(NetworkError) as caught:
        run(src, out, chosen)
    assert caught.value.exit_code == 3
    with serving(mine, port):
        assert run(src, out, chosen).exit_code == 0


def test_killed_in_the_middle_the_next_run_ends_with_the_same_bytes_and_draws_nothing_twice(ui, src, tmp_path, sets):
    whole = tmp_path / "whole"
    run(src, whole, small(ui, sets))
    wanted = ui.drawn
    with web_ui() as cut:
        draw = cut.post

        def dies(path, body):
            if "2img" in path and len(cut.drawn) == 2:
                cut.faults += ["cut"] * 20
                return 404
            return draw(path, body)

        cut.post = dies
        with pytest.raises(StoppedError):
            run(src, tmp_path / "out", small(cut, sets))
        cut.post, cut.faults = draw, []
        run(src, tmp_path / "out", small(cut, sets))
        assert sorted(cut.drawn) == sorted(wanted)
    assert tree(tmp_path / "out") == tree(whole)


def test_nothing_in_the_set_says_where_the_server_is(ui, src, tmp_path, sets):
    out = tmp_path / "out"
    run(src, out, small(ui, sets))
    host = ui.url.removeprefix("http://").encode()
    found = [path for path in out.rglob("*") if path.is_file() and ".prep" not in path.parts]
    assert not [path for path in found if host in path.read_bytes()]
    told = pq.read_schema(out / "manifest.parquet").metadata
    assert told[b"prep.floor"] == b"0.02" and host not in json.dumps([str(each) for each in told.values()]).encode()


def test_a_model_that_is_changed_in_the_middle_stops_and_keeps_what_was_read(ui, src, tmp_path, sets, monkeypatch):
    monkeypatch.setattr("prep.taggers.remote.ASKED_AGAIN", 2)
    ui.changes_after = 5
    with pytest.raises(StoppedError, match="another model now"):
        run(src, tmp_path / "out", (*small(ui, sets), "tagger.batch=1"))


@pytest.mark.slow
def test_another_tagger_there_reads_all_images_again(ui, src, tmp_path, sets, capsys):
    run(src, tmp_path / "out", small(ui, sets))
    ui.changes_after = 0
    run(src, tmp_path / "out", small(ui, sets))
    assert "the server has another tagger than before; all images are tagged again" in capsys.readouterr().out


@pytest.mark.slow
def test_a_set_whose_server_is_not_named_again_says_so(ui, src, tmp_path, sets):
    out = tmp_path / "out"
    run(src, out, small(ui, sets))
    run(src, out, (*sets, "generator.model=none", "scan.min_side_px=0"))
    save(drawing(78), src / "mira" / "new.png")
    with pytest.raises(StoppedError, match="is on another machine, whose address is not kept"):
        run(src, out, (*sets, "generator.model=none", "scan.min_side_px=0"))
    assert list(status_of(out))


def test_a_server_with_a_starter_model_makes_a_trial(ui, src, tmp_path, sets, capsys):
    ui.models[0]["model_name"] = "starter-generator"
    run(src, tmp_path / "out", small(ui, sets))
    assert "TRIAL: drawn by the starter generator" in capsys.readouterr().out


def test_offline_a_server_on_this_machine_still_works(ui):
    check_models(load_settings(sets=(f"tagger.model=a1111:{ui.url}", "models.offline=true")))
    with pytest.raises(SettingsError, match="names another machine, http://there:7860, but models.offline is true"):
        check_models(load_settings(sets=("generator.model=a1111:http://there:7860", "models.offline=true")))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("a1111", "a1111 needs an address"),
        ("a1111:", "is not an address"),
    ],
)
def test_without_an_address_it_says_how_to_write_it(asked, said):
    with pytest.raises(SettingsError, match=said) as caught:
        check_models(load_settings(sets=(f"tagger.model={asked}",)))
    assert "a1111:http://HOST:7860" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', None], ids=["empty", "list", "other", "changed"])
def test_a_cache_that_somebody_changed_is_asked_anew(ui, text):
    chosen = load_settings(sets=(f"generator.model=a1111:{ui.url}",))
    before = generator_of(chosen)
    file = cache_folder() / "elsewhere.json"
    file.write_text(file.read_text().replace("anime", "mine") if text is None else text)
    assert generator_of(chosen, may_fetch=False).digest == "" and generator_of(chosen) == before
    assert generator_of(chosen, may_fetch=False) == before
