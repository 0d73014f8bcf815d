"""`prep doctor` on machines that are well, small, offline or broken."""

import sys
import tomllib
import warnings
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from prep import remote
from prep.cli import group
from prep.config import configs_folder, load_settings
from prep.machine import compute, examine, torch_build
from prep.machine.advice import plan_for
from prep.machine.compute import STORAGE, Compute, Gpu
from prep.machine.expected import GIB, PRESETS, card_lines, preset_lines
from prep.machine.speed import Speed
from prep.models import all_known, known
from prep.process import hardware
from prep.sections import Models, Settings, TaggerSettings
from prep.tensors import device
from tests.support.fetching import allow_fetching, without_home
from tests.support.runs import prep
from tests.support.speaking import speaking
from tests.support.weights import basename, target
from tests.support.witness_files import tiny_ccip

SMALL_CPU = (16 * 10**9, 8 * 10**9)
NAME = "deepdanbooru-v3"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No tagger is loaded to time it; test_doctor_speed.py is about that."""
    monkeypatch.setattr(examine, "timed", lambda *_, **__: Speed(12.3, "torch"))


@pytest.fixture
def online(monkeypatch):
    """Allowed to ask; -> the addresses that were asked, and nobody answers."""
    asked = []
    allow_fetching(monkeypatch)
    monkeypatch.setattr(examine, "answers", lambda url, seconds: bool(asked.append(url)))
    return asked


def lines(settings=None):
    """label -> all its lines, as told."""
    told = {}
    for _, section in examine.examine(settings or Settings()):
        for line in section:
            told[line.label] = told.get(line.label, "") + f"{line.text} -> {line.todo}\n"
    return told


def stops(settings=None):
    return [line.label for _, section in examine.examine(settings or Settings()) for line in section if line.stops]


def test_whole_command_offline_has_every_section_and_no_traceback():
    done = prep("doctor")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line[0] != " "] == ["machine", "torch", "network", "models"]
    assert torch.__version__ in done.stdout and "HF_HUB_OFFLINE" in done.stdout
    assert "Traceback" not in done.stderr


def test_config_file_decides_and_a_bad_one_is_a_usage_error(tmp_path):
    (tmp_path / "mine.toml").write_text('[tagger]\nmodel = "deepdanbooru-v3"\n')
    done = prep("doctor", "--config", tmp_path / "mine.toml")
    assert (
        done.returncode == 1
        and "deepdanbooru-v3 is not on this machine" in done.stdout
        and "-> `prep models get" in done.stdout
    )
    assert prep("doctor", "--config", tmp_path / "none.toml").returncode == 2


def test_offline_asks_nobody(online):
    told = lines(Settings(models=Models(offline=True)))
    assert online == [] and "yes: models.offline" in told["offline"]
    assert "starter" in told["tagger"]


def test_both_are_asked_and_silence_says_what_to_do(online):
    told = lines()
    assert sorted(online) == sorted([known(NAME).files[0].url, examine.source_of(known("sd35-large-fp8"))])
    assert "by hand" in told["release page"] and "by hand" in told["hub"]


def test_starter_reads_and_the_real_one_is_offered_with_size_and_licence(online):
    told = lines()["tagger"]
    assert "using the starter tagger" in told
    assert f"prep models get {NAME}" in told and "644 MB" in told and "MIT" in told


def test_answering_page_would_be_fetched_from_but_is_not(monkeypatch, online):
    monkeypatch.setattr(examine, "answers", lambda url, seconds: True)
    assert "will be fetched: 644 MB" in lines()["tagger"]
    assert not target(NAME).exists()


def test_deepdanbooru_that_is_here_reads(online):
    target(NAME).parent.mkdir(parents=True)
    torch.save({"n_Conv_0.weight": torch.zeros(1)}, target(NAME))
    assert f"{NAME} is on this machine (cache)" in lines()["tagger"]


def test_a_file_that_is_no_weights_stops_a_run_and_is_said(online):
    target(NAME).parent.mkdir(parents=True)
    target(NAME).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert "is a Git LFS pointer" in lines()["tagger"] and f"`prep models get {NAME} --again`" in lines()["tagger"]


def test_no_trial_allowed_stops_a_run(online):
    settings = Settings(models=Models(fallback="error"))
    assert stops(settings) == ["tagger"]
    assert "prep models get" in lines(settings)["tagger"]


def test_checkpoint_of_ones_own(tiny_tagger, tmp_path):
    assert str(tiny_tagger) in lines(Settings(tagger=TaggerSettings(model=str(tiny_tagger))))["tagger"]
    assert "does not exist" in lines(Settings(tagger=TaggerSettings(model=str(tmp_path / "none.pt"))))["tagger"]


def test_sd35_that_is_here_comes_with_its_plan(tmp_path, monkeypatch):
    (tmp_path / basename("sd35-medium")).write_bytes(b"weights")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    monkeypatch.setattr(examine, "memory", lambda: (32 * 10**9, 10**9))
    assert "sd35-medium is on this machine; --config configs/cpu.toml: on the CPU" in lines()["generator"]


def test_token_is_told_and_never_shown(monkeypatch, tmp_path):
    assert "none" in lines()["token"]
    (tmp_path / "token").write_text("hf_canary")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    assert "yes, from the login file" in lines()["token"]
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    assert "yes, from HF_TOKEN" in lines()["token"]
    monkeypatch.setenv("HF_ENDPOINT", "https://me:hf_canary@mirror.example")
    told = lines()
    assert "not sent to mirror.example" in told["token"]
    monkeypatch.setenv("PREP_TOKEN_TO_MIRROR", "1")
    assert "; sent to mirror.example" in lines()["token"]
    assert "hf_canary" not in str(told)


def test_torch_that_cannot_be_imported_stops_and_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert stops() == ["torch"]
    assert "pip install -e ." in lines()["torch"] and "starter" in lines()["tagger"]


def test_device_that_is_not_here_stops_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr(examine, "look", lambda: Compute("9.9", "AMX"))
    settings = Settings(tagger=TaggerSettings(device="cuda"))
    assert stops(settings) == ["device"] and "tagger.device=auto" in lines(settings)["device"]
    assert stops(Settings(tagger=TaggerSettings(device="cpu"))) == []


def test_what_would_draw_is_said_and_its_library_is_told(monkeypatch):
    told = lines()
    assert "SD3.5 is not on this machine, so nothing is drawn" in told["generator"]
    assert told["diffusers"].startswith(version("diffusers")[:2])
    monkeypatch.setattr(examine, "version", missing)
    assert "pip install -e ." in lines()["diffusers"]


def missing(name):
    raise PackageNotFoundError(name)


def test_a_torch_without_cuda_beside_a_card_is_told_with_the_command_that_mends_it(monkeypatch):
    monkeypatch.setattr(compute, "nvidia_driver", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", None)
    told = lines()["GPU"]
    assert f"torch {torch.__version__} is built without CUDA, so it cannot use the NVIDIA card here -> `python" in told
    plain = torch.__version__.partition("+")[0]
    assert f"torch=={plain}+cu130 --index-url https://download.pytorch.org/whl/cu130" in told
    assert "https://pytorch.org/get-start" in told


def test_a_driver_that_torch_does_not_see(monkeypatch):
    monkeypatch.setattr(compute, "nvidia_driver", lambda: True)
    monkeypatch.setitem(sys.modules, "torch", cuda(is_available=lambda: False))
    assert "torch 9.9+cu99 does not see the NVIDIA card -> restart the machine, or install a newer" in lines()["GPU"]


VERSIONS = [("None", True), ("'12.6'", False)]


@pytest.mark.parametrize(("cuda_version", "told"), VERSIONS)
def test_a_run_begins_with_that_line_and_needs_no_torch_for_it(cuda_version, told, monkeypatch, tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise RuntimeError('imported')")
    text = f"__version__ = '2.13.0'\ncuda: Optional[str] = {cuda_version}\nhip: Optional[str] = None\n"
    (tmp_path / "torch" / "version.py").write_text(text)
    origin = SimpleNamespace(origin=str(tmp_path / "torch" / "__init__.py"))
    monkeypatch.setattr(torch_build.importlib.util, "find_spec", lambda name: origin)
    assert torch_build.without_cuda() == ""  # no card's driver here
    monkeypatch.setattr(torch_build, "nvidia_driver", lambda: True)
    wanted = "torch 2.13.0 is built without CUDA, so it cannot use the NVIDIA card here: `python -m pip install torch=="
    said = torch_build.without_cuda()
    assert said.startswith(f"{wanted}2.13.0+cu130 ") if told else said == ""
    (tmp_path / "src").mkdir()
    done = CliRunner().invoke(group, ["run", str(tmp_path / "src"), "--out", str(tmp_path / "out")])
    assert done.output.startswith(wanted if told else "")
    assert ("without CUDA" in done.output) == told
    quiet = ["--set", "tagger.device=cpu", "--set", "generator.device=cpu"]
    done = CliRunner().invoke(group, ["run", str(tmp_path / "src"), "--out", str(tmp_path / "out"), *quiet])
    assert "without CUDA" not in done.output


def test_a_driver_that_is_too_old_is_told_once_where_it_would_draw(monkeypatch, caplog):
    def warned():
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old\nmore", stacklevel=1)
        return False

    monkeypatch.setattr(torch.version, "cuda", "12.9")
    monkeypatch.setattr(torch.cuda, "is_available", warned)
    monkeypatch.setattr(device, "nvidia_driver", lambda: True)
    device.say_why_no_card.cache_clear()
    caplog.set_level("INFO", "prep.tensors")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert device.pick_device("auto") == device.pick_device("auto") == torch.device("cpu")
    device.say_why_no_card.cache_clear()
    assert caplog.messages == [
        "the NVIDIA card is not used (CUDA initialization: The NVIDIA driver on your system is too old): "
        "`prep doctor` says what to do"
    ]


def cuda(**answers):
    """A torch with a card that answers like this."""
    known = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "mem_get_info": lambda number: (20 * 10**9, 25 * 10**9),
        "get_device_capability": lambda number: (8, 6),
        "get_device_name": lambda number: "A card",
    }
    return SimpleNamespace(
        __version__="9.9+cu99",
        cuda=SimpleNamespace(**(known | answers)),
        version=SimpleNamespace(cuda="12.9", hip=None),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False)),
    )


def test_card_is_told_with_memory_and_what_it_multiplies(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", cuda())
    told = lines()["GPU"]
    assert "A card (cuda, SM 8.6), 25.0 GB, 20.0 GB free; bf16 yes; FP8 storage only" in told


def test_card_without_a_working_driver_is_a_problem_with_a_way_out(monkeypatch):
    def warned():
        import warnings

        warnings.warn("The NVIDIA driver on your system is too old\nmore", stacklevel=1)
        return False

    monkeypatch.setitem(sys.modules, "torch", cuda(is_available=warned))
    assert lines()["GPU"].startswith("The NVIDIA driver on your system is too old -> install the driver")


def test_card_that_dies_when_asked_is_a_problem_with_a_way_out(monkeypatch):
    def dead(number):
        raise RuntimeError("CUDA error: unknown error\nCompile with ...")

    monkeypatch.setitem(sys.modules, "torch", cuda(mem_get_info=dead))
    assert lines()["GPU"].startswith("the GPU does not answer: CUDA error: unknown error -> ")


def test_fp8_probe_multiplies_for_real():
    """torch's CPU has FP8 products by tensor; whether by row too is the version's."""
    assert compute.fp8_products(torch, torch.device("cpu")).startswith("products by tensor")


def test_fp8_probe_tells_products_that_fail(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("no kernel\nfor this card")

    monkeypatch.setattr(torch, "_scaled_mm", fails)
    assert compute.fp8_products(torch, torch.device("cpu")) == f"{STORAGE}: products fail (no kernel)"


@pytest.mark.parametrize(
    ("gigabytes", "told"),
    [
        (25, "configs/gpu-24gb.toml"),
        (16.9, "configs/gpu-16gb.toml"),
        (12.6, "configs/gpu-12gb.toml"),
        (8.5, "configs/gpu-8gb.toml"),
        (6.4, "configs/cpu.toml"),
    ],
)
def test_plan_follows_the_memory_of_the_card(gigabytes, told):
    gpu = Gpu("A card", "cuda", int(gigabytes * 1e9), None)
    text = plan_for([gpu], 32 * 10**9).text
    assert told in text and (configs_folder().parent / told).is_file()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.config)
def test_what_doctor_promises_of_products_the_preset_asks_for(preset):
    gpu = Gpu("A card", "cuda", preset.card_gb * GIB, None, (8, 9), True, "products by tensor")
    assert "with FP8 products" in plan_for([gpu], None).text and preset.fp8_products
    assert "with FP8 as storage" in plan_for([replace(gpu, fp8=STORAGE)], None).text


def test_of_two_cards_the_larger_one_is_planned_for():
    small, large = (Gpu(f"{size} GB", "cuda", size * GIB, None) for size in (8, 16))
    assert "on 16 GB: --config configs/gpu-16gb.toml" in plan_for([small, large], None).text


def test_time_and_memory_of_a_card_are_told_as_computed():
    gpu = Gpu("A card", "cuda", int(12.6e9), None, tflops=100.0)
    text = plan_for([gpu], None).text
    assert "5.5 GB of weights, 8.1 GB at the peak; 35 to 70 s per picture at 1024 px, from 100 TFLOPS in bf16" in text
    assert "(computed, not measured on a card)" in text
    assert "is unknown" in plan_for([Gpu("A card", "cuda", int(12.6e9), None)], None).text
    assert (
        "7.9 GB (6.9 GB with the VAE in tiles) at the peak"
        in plan_for([Gpu("A card", "cuda", int(8.5e9), None)], None).text
    )


def test_the_page_on_real_models_has_the_doctors_numbers():
    page = (configs_folder().parent / "docs" / "REAL_MODELS.md").read_text().splitlines()
    assert not [line for line in (*preset_lines(), *card_lines()) if line not in page]
    for model in all_known():
        if not model.packaged:
            row = next(line for line in page if line.startswith(f"| `{model.name}` |"))
            assert model.size in row
            for file in model.files:
                assert file.name in row and (file.repo or "TorchDeepDanbooru") in row


def test_every_preset_holds_what_its_configuration_says():
    for preset in PRESETS:
        own = tomllib.loads((configs_folder() / preset.config).read_text())["generator"]
        assert own["batch"] == preset.batch and own["sd35"].get("adaln_cache", False) == ("adaLN cache" in preset.how)
        assert own["sd35"].get("compile", False) == ("compiled" in preset.how)
        assert own["sd35"].get("fp8_products", False) == preset.fp8_products
        assert min(preset.peak_gb, preset.tiled_gb) < preset.card_gb * 1.05


def test_a_product_is_timed_for_real_or_not_told():
    assert compute.timed_tflops(torch, "cpu", 64) > 0
    assert compute.timed_tflops(None, "cpu") is None


def test_machine_that_is_too_small_says_what_would_do(monkeypatch):
    assert plan_for([], SMALL_CPU[0]).todo
    monkeypatch.setattr(examine, "memory", lambda: SMALL_CPU)
    monkeypatch.setattr(examine, "look", lambda: Compute("9.9", ""))
    told = lines()
    assert "too little memory" in told["generator"] and "GPU of 8 GB or more" in told["generator"]
    assert "float32" in told["CPU"]


def test_memory_is_the_containers_where_that_is_smaller(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    machine = SimpleNamespace(total=1_024_000_000, available=512_000_000)
    monkeypatch.setattr("psutil.virtual_memory", lambda: machine)
    assert hardware.memory() == (1_024_000_000, 512_000_000)
    (tmp_path / "memory.max").write_text("max\n")
    assert hardware.memory() == (1_024_000_000, 512_000_000)
    (tmp_path / "memory.max").write_text("4000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert hardware.memory() == (4_000_000, 3_000_000)


def test_machine_that_tells_nothing(tmp_path, monkeypatch):
    def unknown(*_):
        raise OSError

    monkeypatch.setattr(hardware, "CGROUP", tmp_path)
    monkeypatch.setattr("psutil.virtual_memory", unknown)
    monkeypatch.setattr("shutil.disk_usage", unknown)
    told = lines()
    assert "unknown" in told["memory"] and "unknown" in told["outputs"]


def test_disk_that_is_nearly_full_says_where_else_to_go(monkeypatch):
    monkeypatch.setattr(examine, "disk_free", lambda folder: 10**9)
    told = lines()
    assert "--out" in told["outputs"] and "PREP_CACHE" in told["weights"] and "HF_HOME" in told["hub files"]


def test_no_home_folder_is_a_line(monkeypatch):
    without_home(monkeypatch)
    told = lines()
    assert "no home folder" in told["weights"] and "PREP_CACHE" in told["weights"]


def test_a_mirror_that_is_no_address_is_a_line(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://[")
    assert "HF_ENDPOINT is not a valid address -> write it as https://" in lines()["hub"]


def test_prep_models_that_is_no_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PREP_MODELS", str(tmp_path / "none"))
    assert "is not a folder -> create it" in lines()["PREP_MODELS"]


def test_a_card_without_bfloat16_gets_a_plan_that_fits_in_float32():
    t4 = Gpu("Tesla T4", "cuda", 16 * GIB, None, (7, 5))
    assert "configs/gpu-12gb.toml" in plan_for([t4], None).text and "in float32" in plan_for([t4], None).text
    assert plan_for([Gpu("RTX 2060", "cuda", 6 * GIB, None, (7, 5))], None).todo


def test_the_folder_of_models_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PREP_MODELS", "~/models")
    assert "is not a folder" in lines()["PREP_MODELS"]
    (tmp_path / "models").mkdir()
    assert lines()["PREP_MODELS"].partition(" -> ")[0].endswith(str(tmp_path / "models"))


def test_what_would_look_at_drawn_pictures_and_what_is_missing_for_it(tmp_path, monkeypatch):
    told = lines()
    for about, name in (("identity", "ccip"), ("damage", "ai-corrupted")):
        assert f"{name} is not on this machine: {about} is not measured -> `prep models get {name}`" in told[about]
    starter = load_settings(sets=("generator.model=starter",))
    assert "starter-witness looks at what is drawn" in lines(starter)["damage"]
    tiny_ccip(tmp_path / "ccip")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    assert "ccip looks at what is drawn" in lines()["identity"]
    monkeypatch.setattr("prep.models.witnesses.find_spec", lambda name: None)
    assert "it is not measured -> `pip install onnxruntime`" in lines()["identity"]


def test_a_witness_of_the_wrong_kind_stops_a_run_and_is_told(tmp_path, monkeypatch):
    tiny_ccip(tmp_path / "ccip")
    (tmp_path / "ccip" / "metrics.json").write_text("[]")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    assert stops() == ["witnesses"] and "metrics.json is not a table" in lines()["witnesses"]


def test_a_captioner_is_told_if_it_is_not_the_grammar(monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0.0)
    assert "captioner" not in lines()
    with speaking(lambda asked: "") as speaker:
        settings = load_settings(sets=(f"captioner.model=llm:{speaker.url}",))
        assert f"{speaker.url} writes sentences with tiny-instruct" in lines(settings)["captioner"]
    gone = load_settings(sets=(f"captioner.model=llm:{speaker.url}", "captioner.llm.timeout=1"))
    assert stops(gone) == ["captioner"] and "does not answer" in lines(gone)["captioner"]
