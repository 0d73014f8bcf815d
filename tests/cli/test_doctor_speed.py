"""`prep doctor` times a batch of the tagger that would run, and says images a second."""

import re
from importlib.util import find_spec

import pytest
import torch

from prep.errors import WeightsError
from prep.machine import examine
from prep.machine.speed import Speed, timed
from prep.models import backend
from prep.models.choose import choose_tagger
from prep.sections import Settings, TaggerSettings
from tests.cli.test_doctor import lines, stops
from tests.fakes import FakeTagger
from tests.support.onnx_taggers import make_wd
from tests.support.weights import target


def asked(model, **more) -> Settings:
    return Settings(tagger=TaggerSettings(model=str(model), device="cpu", **more))


def weights_of(model):
    return choose_tagger(str(model), True, "error", lambda line: None, may_fetch=False)


def test_it_is_told_for_the_tagger_that_would_run_and_nothing_stays_loaded(tiny_tagger):
    told = lines(asked(tiny_tagger))["speed"]
    assert re.match(r"about [\d.e+]+ images/s by torch", told)
    assert "speed" in lines() and "speed" not in stops()  # the starter


def test_a_tagger_in_onnx_is_timed_in_what_runs_it(tmp_path):
    make_wd(tmp_path / "wd")
    assert "images/s by onnxruntime" in lines(asked(tmp_path / "wd"))["speed"]


@pytest.mark.skipif(not find_spec("openvino"), reason="openvino is not installed (pip install openvino)")
def test_openvino_is_timed_where_a_new_set_would_be_read_by_it(tiny_tagger, monkeypatch):
    monkeypatch.setattr(backend, "lacks", lambda: "")
    assert "images/s by openvino" in lines(asked(tiny_tagger))["speed"]


def test_where_openvino_would_be_faster_it_says_how_to_get_it(tiny_tagger, monkeypatch):
    assert "-> `pip install openvino`" in lines(asked(tiny_tagger))["speed"]
    assert "pip install" not in lines()["speed"]  # the starter is for trying prep out
    monkeypatch.setattr(backend, "lacks", lambda: "")
    assert "pip install" not in lines(asked(tiny_tagger, backend="torch"))["speed"]


def test_a_tagger_that_is_not_here_is_not_timed(monkeypatch):
    monkeypatch.setattr(examine, "timed", lambda *_, **__: pytest.fail("timed"))
    assert "speed" not in lines(Settings(tagger=TaggerSettings(model="deepdanbooru-v3")))


def test_weights_that_do_not_load_stop_a_run_and_are_a_line():
    target("deepdanbooru-v3").parent.mkdir(parents=True)
    torch.save({"n_Conv_0.weight": torch.zeros(1)}, target("deepdanbooru-v3"))
    assert stops() == ["speed"]
    assert "'tags' is missing -> prep reads the .pt file" in lines()["speed"]


def test_a_batch_that_fails_is_a_line_with_a_way_out(tiny_tagger, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("could not create a primitive\nat line 7")

    monkeypatch.setattr(examine, "timed", fails)
    told = lines(asked(tiny_tagger))["speed"]
    assert "could not create a primitive -> set tagger.device=cpu" in told and "line 7" not in told


def test_on_a_cpu_two_pictures_are_enough_and_on_a_card_a_batch_is_a_batch(tiny_tagger, reads_with):
    made = []

    def make(options):
        made.append(FakeTagger(options.batch))
        return made[-1]

    reads_with(make)
    for on_gpu in (False, True):
        found = timed(weights_of(tiny_tagger), asked(tiny_tagger, batch=5), on_gpu)
        assert isinstance(found, Speed) and found.images_per_second > 0 and found.by == "torch"
    assert [tagger.batch_size for tagger in made] == [2, 5] and made[0].scored == 6


def test_an_option_that_the_tagger_refuses_is_a_line(tiny_tagger, monkeypatch):
    def refuses(*_, **__):
        raise WeightsError("it is a different file", hint="fetch it again")

    monkeypatch.setattr(examine, "timed", refuses)
    assert "it is a different file -> fetch it again" in lines(asked(tiny_tagger))["speed"]
