"""benchmarks/card.py in its tiny size on a CPU: every section that a card runs, with the same lines."""

import json
import subprocess
import sys

import pytest

from benchmarks.card_run import Run, Section, run_section
from benchmarks.made_up import ROOT

SECTIONS = [
    "environment", "small", "file", "encode", "draw-fp8", "draw-gpu-24gb", "draw-bf16", "draw-products",
    "draw-gpu-12gb", "memory", "tagger", "draw-fp8-compiled", "draw-bf16-compiled",
]  # fmt: skip
COMPILED = ["draw-gpu-24gb", "draw-fp8-compiled", "draw-bf16-compiled"]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(the process, card.jsonl), of one run for all tests."""
    out = tmp_path_factory.mktemp("card")
    command = [sys.executable, ROOT / "benchmarks" / "card.py", "--out", out, "--size", "tiny", "--device", "cpu"]
    process = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=300)
    return process, (out / "card.jsonl").read_text()


@pytest.fixture(scope="module")
def lines(done):
    return [json.loads(line) for line in done[1].splitlines()]


def of(lines: list[dict], section: str, key: str) -> list[dict]:
    """The section's lines that have the key."""
    return [line for line in lines if line.get("section") == section and key in line]


def test_a_section_runs_by_itself(tmp_path):
    command = [sys.executable, ROOT / "benchmarks" / "card.py", "--out", tmp_path, "--size", "tiny", "--device", "cpu"]
    process = subprocess.run([*map(str, command), "--only", "tagger"], capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stdout + process.stderr
    assert json.loads(process.stdout.splitlines()[-1])["failed"] == []


@pytest.mark.slow
def test_no_section_fails_and_the_last_line_says_so(done, lines):
    process, written = done
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout == written
    assert lines[-1]["benchmark"] == "card" and lines[-1]["seconds"] > 0
    assert lines[-1]["failed"] == [] and lines[-1]["skipped"] == COMPILED


@pytest.mark.slow
def test_every_section_has_its_lines_in_order(lines):
    assert list(dict.fromkeys(line["section"] for line in lines[:-1])) == SECTIONS == lines[-1]["sections"]


@pytest.mark.slow
def test_a_cpu_draws_what_a_cpu_draws(lines):
    by_sampler = of(lines, "small", "levels_off_the_cpu")
    assert {line["sampler"] for line in by_sampler} == {"euler", "euler_a", "heun", "dpmpp_2m"}
    assert len(by_sampler) == 8 and {line["levels_off_the_cpu"] for line in by_sampler} == {0}
    assert {line["levels_off_plain"] for line in of(lines, "small", "levels_off_plain")} == {0}


@pytest.mark.slow
def test_weights_are_written_once_and_prompts_encoded(lines):
    (file,), (encoded,) = of(lines, "file", "file_gb"), of(lines, "encode", "encode_s")
    assert 0.001 < file["file_gb"] < 0.1
    assert encoded["prompts"] == 4 and encoded["with_t5"]


@pytest.mark.parametrize(
    "section, batches",
    [("draw-fp8", [1, 4]), ("draw-bf16", [1]), ("draw-products", [1]), ("draw-gpu-12gb", [1, 2])],
)
@pytest.mark.slow
def test_drawing_is_timed_for_every_batch(lines, section, batches):
    paces = of(lines, section, "step_s")
    assert [line["batch"] for line in paces] == batches
    assert all(line["level"]["offload"] == "none" and not line["level"]["tiling"] for line in paces)
    assert of(lines, section, "precision")[0]["precision"] == "fp8-scaled/bf16"


@pytest.mark.slow
def test_whole_pictures_are_timed_from_text_and_from_a_picture(lines):
    whole = of(lines, "draw-fp8", "whole_picture_s")
    assert [line["strength"] for line in whole] == [None, 0.6]
    assert all(line["whole_picture_s"] > 0 for line in whole)


@pytest.mark.slow
def test_every_preset_of_a_card_draws(lines):
    plans = of(lines, "memory", "draw_s")
    presets = sorted(path.stem for path in (ROOT / "configs").glob("gpu-*.toml"))
    assert {line["plan"] for line in plans} == set(presets)


@pytest.mark.slow
def test_the_tagger_answers_as_on_a_cpu(lines):
    (found,) = of(lines, "tagger", "scores_off")
    assert found["scores_off"] == 0 and found["images_per_s"] > 0


def run_of(tmp_path, limit_seconds: float) -> Run:
    return Run("tiny", "cpu", tmp_path, tmp_path, limit_seconds)


def test_a_section_that_fails_is_a_finding_and_the_next_one_runs(tmp_path):
    run = run_of(tmp_path, 60)
    run_section(run, Section("broken", 0, lambda run: run.say(ratio=1 / 0)))
    run_section(run, Section("whole", 0, lambda run: run.say(ratio=1)))
    broken, whole, _ = map(json.loads, (tmp_path / "card.jsonl").read_text().splitlines())
    assert broken["failed"] == "ZeroDivisionError: division by zero" and "1 / 0" in broken["where"]
    assert whole["ratio"] == 1 and run.failed == ["broken"]


def test_a_section_that_does_not_fit_into_the_time_is_skipped_with_a_line(tmp_path):
    run = run_of(tmp_path, 10)
    run_section(run, Section("long", 60, lambda run: run.say(never=True)))
    (line,) = map(json.loads, (tmp_path / "card.jsonl").read_text().splitlines())
    assert line["skipped"] == "it needs 60 s, and 10 are left" and run.skipped == ["long"] and run.failed == []
