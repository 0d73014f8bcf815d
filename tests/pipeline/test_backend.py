"""What runs the tagger's network: a set keeps what it was begun with, and what cannot run it is a sentence first."""

import pytest

from prep.errors import SettingsError, StoppedError
from prep.jobs.tag import tag_recipe
from prep.ledger import Ledger
from prep.models import backend
from prep.models.check import check_model
from prep.models.choose_models import MODEL, options_of, tagger_of
from prep.sections import Settings, TaggerSettings
from prep.taggers import TAGGERS
from tests.fakes import FakeTagger
from tests.support.onnx_taggers import make_wd
from tests.support.pictures import folder_of, tiny_checkpoint
from tests.support.runs import manifest, run_here

OPENVINO, TORCH = "tagger.backend=openvino", "tagger.backend=torch"


class Machine:
    """OpenVINO as this machine has it, and the backend of every tagger that was made."""

    def __init__(self) -> None:
        self.lacks = ""
        self.made: list[str] = []

    def tagger(self, options) -> FakeTagger:
        self.made.append(options.backend)
        return FakeTagger(options.batch)


@pytest.fixture
def machine(monkeypatch, reads_with):
    machine = Machine()
    reads_with(machine.tagger)
    monkeypatch.setattr(backend, "lacks", lambda: machine.lacks)
    monkeypatch.setattr(backend, "may_have", lambda device: False)
    return machine


@pytest.fixture
def runs(tmp_path, tiny_tagger, machine):
    """runs(setting, ...) -> the recipes in the manifest after another run over the same folder."""
    art = folder_of(tmp_path / "art", mira=3)

    def runs(*sets: str) -> set[str]:
        run_here(art, tmp_path / "out", tiny_tagger, *sets)
        return {row["recipe"] for row in manifest(tmp_path / "out") if row["origin"] == "source"}

    return runs


def test_a_new_set_is_read_by_openvino_where_it_is_installed(machine, runs):
    runs()
    assert machine.made == ["openvino"]


@pytest.mark.parametrize(("device", "gpu", "expected"), [
    ("auto", "", "openvino"), ("cpu", "", "openvino"), ("cpu", "cuda", "openvino"),
    ("auto", "cuda", "torch"), ("auto", "mps", "torch"), ("cuda", "cuda", "torch"),
])  # fmt: skip
def test_a_gpu_is_left_to_torch(machine, monkeypatch, device, gpu, expected):
    monkeypatch.setattr(backend, "may_have", lambda asked: asked == gpu)
    settings = Settings(tagger=TaggerSettings(device=device))
    assert backend.settled(settings, None).tagger.backend == expected


def test_a_set_that_torch_began_is_not_tagged_again_when_openvino_is_installed(machine, runs):
    machine.lacks = "openvino is not installed"
    before = runs()
    machine.lacks = ""
    assert runs() == before and machine.made == ["torch"]


def test_a_set_that_openvino_began_stays_with_it(machine, runs, tmp_path):
    before = runs(OPENVINO)
    folder_of(tmp_path / "art", mira=4)
    assert runs() == before and machine.made == ["openvino", "openvino"]


@pytest.mark.slow
def test_another_backend_is_another_recipe_and_the_old_scores_are_kept(machine, runs):
    first, second = runs(OPENVINO), runs(TORCH)
    assert first != second and machine.made == ["openvino", "torch"]
    assert runs() == second and runs(OPENVINO) == first and runs() == first
    assert machine.made == ["openvino", "torch"]


def test_without_the_setting_the_recipe_is_what_it_always_was(tmp_path, tiny_tagger):
    ledger = Ledger.begin(tmp_path / "out")
    bare = tagger_of(ledger, Settings(tagger=TaggerSettings(model=str(tiny_tagger))))
    assert bare.own_options == {} and ledger.rows(MODEL)["tagger"]["backend"] is None
    asked = tagger_of(ledger, Settings(tagger=TaggerSettings(model=str(tiny_tagger), backend="torch")))
    assert tag_recipe(asked) == tag_recipe(bare)
    assert "backend" not in Settings().model_dump(mode="json")["tagger"]


def test_a_set_of_openvino_on_a_machine_without_it_stops_only_if_something_is_left_to_tag(machine, runs, tmp_path):
    before = runs(OPENVINO)
    machine.lacks = "openvino is not installed"
    assert runs() == before
    folder_of(tmp_path / "art", mira=4)
    with pytest.raises(StoppedError, match="OpenVINO tagged this set, but openvino is not installed") as told:
        runs()
    assert "pip install openvino" in told.value.hint and "tagger.backend=torch" in told.value.hint
    assert runs(TORCH) != before


@pytest.mark.parametrize("why", ["openvino is not installed", "openvino 2026.4.1 does not know this processor (sparc)"])
def test_openvino_that_does_not_work_here_is_a_sentence_before_anything_is_touched(machine, runs, tmp_path, why):
    machine.lacks = why
    with pytest.raises(StoppedError, match="tagger.backend is openvino, but openvino") as told:
        runs(OPENVINO)
    assert why in told.value.message and "tagger.backend=torch" in told.value.hint
    assert not (tmp_path / "out").exists() and machine.made == []


def test_openvino_has_no_part_in_a_gpu(machine, runs, monkeypatch):
    monkeypatch.setattr("prep.models.check.may_have", lambda device: True)
    with pytest.raises(SettingsError, match="runs taggers on the CPU, but tagger.device is cuda"):
        runs(OPENVINO, "tagger.device=cuda")


def test_a_tagger_of_another_machine_is_not_run_by_openvino():
    spec, settings = TAGGERS.spec("a1111"), Settings(tagger=TaggerSettings(backend="openvino"))
    with pytest.raises(SettingsError, match="tagger.backend is openvino, which cannot run a1111"):
        backend.check_backend(spec, settings)
    assert options_of("tagger", spec, settings).backend == "torch"


def test_a_network_in_onnx_needs_no_onnxruntime_then(machine, tmp_path, monkeypatch):
    monkeypatch.setattr("prep.models.check.find_spec", lambda name: None)
    make_wd(tmp_path / "wd")
    check_model("tagger", Settings(tagger=TaggerSettings(model=str(tmp_path / "wd"), backend="openvino")))
    with pytest.raises(StoppedError, match="needs onnxruntime"):
        check_model("tagger", Settings(tagger=TaggerSettings(model=str(tmp_path / "wd"))))


@pytest.mark.slow
def test_each_reader_keeps_its_own(machine, runs, tmp_path):
    machine.lacks = "openvino is not installed"
    runs()
    machine.lacks = ""
    second = tiny_checkpoint(tmp_path / "second.safetensors", seed=1)
    runs(f"tagger.second={second}")
    runs(f"tagger.second={second}")
    assert machine.made == ["torch", "openvino"]


def test_a_set_from_before_there_was_a_choice_is_of_torch(machine):
    assert backend.settled(Settings(), {"name": "starter-tagger", "backend": None}).tagger.backend == "torch"
