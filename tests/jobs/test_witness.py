"""A witness looks at each picture once, real or drawn; what it saw and measured stays in the ledger."""

import hashlib

import pytest

from prep.checks.witnessed import MOST_REFERENCES
from prep.config import load_settings
from prep.jobs.witness import (
    MEASURED,
    WITNESS,
    ToLook,
    WitnessJob,
    keep_measures,
    open_witnessed,
    to_look,
    witness_recipe,
)
from prep.ledger import Ledger
from prep.models.witnesses import witnesses_of
from prep.types import Check, ImageRef
from tests.fakes import FakeRunner
from tests.jobs.test_fresh_process import alone
from tests.support.pictures import folder_of
from tests.support.witness_files import tiny_ccip, tiny_corrupted

KEPT = Check(1.0, True, None)


@pytest.fixture
def witnesses(tmp_path, monkeypatch):
    tiny_ccip(tmp_path / "models" / "ccip")
    tiny_corrupted(tmp_path / "models" / "ai-corrupted")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path / "models"))
    return witnesses_of(load_settings(), False)


@pytest.fixture
def ledger(tmp_path):
    return Ledger.begin(tmp_path / "ledger")


def refs(root) -> list[ImageRef]:
    return [
        ImageRef(hashlib.sha256(path.read_bytes()).hexdigest(), path.relative_to(root).as_posix(), "mira", 320, 400,
                 "png", 1, 0.1, 1.0, "0", ())
        for path in sorted(root.rglob("*.png"))
    ]  # fmt: skip


@pytest.fixture
def set_of(tmp_path):
    """(SRC, OUT, its real pictures, its drawn ones)"""
    src, out = folder_of(tmp_path / "art", mira=4), folder_of(tmp_path / "out", generated=3)
    real, drawn = refs(src), refs(out)
    return src, out, [ref for ref in real if ref.sha256 not in {each.sha256 for each in drawn}], drawn


def looked(ledger, witness, set_of) -> list:
    src, out, real, drawn = set_of
    work = to_look(ledger, witness, drawn, {"mira": real})
    outcomes = list(FakeRunner().map(WitnessJob(src, out, ledger, witness, 10**8), work))
    assert [outcome.subject for outcome in outcomes] == [each.ref.sha256 for each in work]
    return outcomes


def test_each_picture_is_looked_at_once_and_damage_needs_no_real_ones(ledger, witnesses, set_of):
    *_, real, drawn = set_of
    for witness, count in zip(witnesses, (len(real) + len(drawn), len(drawn)), strict=True):
        assert len(looked(ledger, witness, set_of)) == count
        assert looked(ledger, witness, set_of) == []
        assert len(ledger.rows(WITNESS, witness_recipe(witness))) == count
    assert to_look(ledger, witnesses[0], [], {"mira": real}) == []


def test_only_as_many_real_pictures_as_are_compared(ledger, witnesses, set_of):
    drawn = set_of[-1]
    many = [drawn[0]._replace(sha256=f"{number:064x}") for number in range(100)]
    assert len(to_look(ledger, witnesses[0], drawn, {"mira": many})) == len(drawn) + MOST_REFERENCES


def test_verdicts_come_from_the_ledger_and_a_second_run_compares_nothing(ledger, witnesses, set_of, monkeypatch):
    *_, real, drawn = set_of
    for witness in witnesses:
        looked(ledger, witness, set_of)
    reals = [ref.sha256 for ref in real]
    first = open_witnessed(ledger, witnesses)
    found = [first.judge(KEPT, ref.sha256, reals) for ref in drawn]
    assert all(check.identity is not None and check.damage is not None for check in found)
    keep_measures(ledger, first, witnesses)
    keep_measures(ledger, first, witnesses)
    assert sum(len(ledger.rows(MEASURED, witness_recipe(each))) for each in witnesses) == 2 * len(drawn)
    monkeypatch.setattr("prep.tensors.onnx_network.open_onnx", lambda path: pytest.fail("opened"))
    second = open_witnessed(ledger, witnesses)
    assert [second.judge(KEPT, ref.sha256, reals) for ref in drawn] == found and second.new == {}


def test_another_file_looks_and_measures_again(ledger, witnesses, set_of, tmp_path):
    looked(ledger, witnesses[1], set_of)
    tiny_corrupted(tmp_path / "models" / "ai-corrupted", threshold=0.7)
    other = witnesses_of(load_settings(), False)[1]
    assert witness_recipe(other) != witness_recipe(witnesses[1]) and len(looked(ledger, other, set_of)) == 3


def test_a_picture_that_is_gone_or_none_is_a_problem_and_the_others_are_seen(ledger, witnesses, set_of):
    src, out, _, drawn = set_of
    (out / drawn[0].path).unlink()
    (out / drawn[1].path).write_bytes(b"no picture")
    outcomes = looked(ledger, witnesses[1], set_of)
    assert [outcome.problem and outcome.problem.kind for outcome in outcomes][::2] == ["gone", None]
    assert outcomes[1].problem.stage == "check" and len(ledger.rows(WITNESS)) == 1


def test_it_goes_to_a_process_that_has_nothing_but_its_pickle(ledger, witnesses, set_of):
    src, out, real, drawn = set_of
    job = WitnessJob(src, out, ledger, witnesses[0], 10**8)
    work = [ToLook(drawn[0], True), ToLook(real[0], False)]
    assert alone(job, work) == [drawn[0].sha256, real[0].sha256, "{}"]
    assert job.needs.cpus >= 1 and job.needs.memory_bytes > 0 and not job.needs.gpu
    assert {len(row["seen"]) for row in ledger.rows(WITNESS, job.recipe).values()} == {768}
