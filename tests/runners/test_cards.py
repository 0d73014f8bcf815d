"""Several CUDA cards in one machine: a process per card, which sees that card alone. The cards here are only names."""

import os
import signal
import threading
import time

import pytest

from prep.errors import Interrupted, StoppedError, WeightsError
from prep.process import hardware, spans
from prep.process.signals import interruptible
from prep.process.trace import put_together
from prep.protocols import Notes, Outcome
from prep.runners.local import LocalRunner
from tests.support.card_job import CardJob


@pytest.fixture(autouse=True)
def _two_cards(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-5a")
    monkeypatch.setattr(hardware, "nvidia_driver", lambda: True)


def told(folder, what: str) -> list[str]:
    lines = [line for path in folder.glob("*.txt") for line in path.read_text().splitlines()]
    return sorted(line.removeprefix(what).strip() for line in lines if line.startswith(what))


def test_each_card_has_a_process_that_sees_it_alone_from_the_start(tmp_path):
    items = [f"{number:02d}" for number in range(20)]
    (tmp_path / "spans").mkdir()
    with spans.recorded(tmp_path / "spans"), spans.stage("tag"):
        found = list(LocalRunner().map(CardJob(tmp_path), items))
    profile = put_together(tmp_path / "spans", tmp_path / "trace.json", os.getpid(), 0)
    assert profile.kinds["tag", "write"].times == 20 and profile.kinds["tag", "start"].times == 1
    assert profile.kinds["tag", "workers"].times >= 4 and not profile.elsewhere  # 5 batches, two at most at once; end
    outcomes = [each for each in found if isinstance(each, Outcome)]
    assert sorted(each.subject for each in outcomes) == items and not any(each.problem for each in outcomes)
    notes = [each.found for each in found if isinstance(each, Notes)]
    assert sorted(each["card"] for each in notes) == ["3", "GPU-5a"] and len({each["worker"] for each in notes}) == 2
    assert told(tmp_path, "open") == ["3", "GPU-5a"] and told(tmp_path, "item") == items
    assert len(told(tmp_path, "close")) == 2


def test_a_process_that_dies_is_replaced_and_its_batch_is_done_again(tmp_path):
    items = ["slow", "once", "a", "b", "c", "d", "e", "f"]  # the slow one is told before its process dies
    found = list(LocalRunner().map(CardJob(tmp_path), items))
    outcomes = [each for each in found if isinstance(each, Outcome)]
    assert sorted(each.subject for each in outcomes) == sorted(items)  # each once, also those done before it died
    assert not any(each.problem for each in outcomes) and len(told(tmp_path, "open")) == 3


def test_the_one_item_that_kills_its_process_is_lost_and_the_others_are_done(tmp_path):
    items = ["a", "fatal", "b", "c", "d", "e", "f", "g"]
    outcomes = [each for each in LocalRunner().map(CardJob(tmp_path), items) if isinstance(each, Outcome)]
    assert sorted(each.subject for each in outcomes) == sorted(items)
    assert [each.problem.kind for each in outcomes if each.problem] == ["crash"]
    assert set(items) - set(" ".join(told(tmp_path, "on disk")).split()) == {"fatal"}


@pytest.mark.parametrize("where", ["opens", "runs"])
def test_what_a_job_raises_there_is_raised_here(tmp_path, where):
    if where == "opens":
        (tmp_path / "refused").touch()
    with pytest.raises(WeightsError) as caught:
        list(LocalRunner().map(CardJob(tmp_path), ["a", "b", "bad", "c"]))
    assert caught.value.hint


@pytest.mark.slow
def test_processes_that_never_start_stop_the_run(tmp_path):
    (tmp_path / "never").touch()
    with pytest.raises(StoppedError, match="no worker process could be started for CUDA card 3"):
        list(LocalRunner().map(CardJob(tmp_path), ["a", "b"]))
    assert len(told(tmp_path, "open")) == 6


def test_an_interrupt_closes_the_job_after_the_item_at_hand(tmp_path):
    def when_an_item_is_done() -> None:
        while not told(tmp_path, "item"):
            time.sleep(0.05)
        signal.raise_signal(signal.SIGINT)

    with interruptible(), pytest.raises(Interrupted):
        threading.Thread(target=when_an_item_is_done).start()
        list(LocalRunner().map(CardJob(tmp_path), [f"slow {number}" for number in range(16)]))
    assert len(told(tmp_path, "close")) == 2 and len(told(tmp_path, "item")) <= 4


def test_one_card_a_remote_model_and_a_processor_are_used_in_this_process(tmp_path, monkeypatch):
    notes = list(LocalRunner().map(CardJob(tmp_path, elsewhere=True), ["a", "b"]))[-1]
    assert notes.found["worker"] == "main"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert list(LocalRunner().map(CardJob(tmp_path), ["a", "b"]))[-1].found["worker"] == "main"


@pytest.mark.parametrize(
    ("named", "cards"),
    [("", ()), ("0", ("0",)), ("1, 0", ("1", "0")), ("0,-1,2", ("0",)), ("MIG-a,GPU-b", ("MIG-a", "GPU-b"))],
)
def test_cards_are_counted_as_cuda_reads_its_variable(monkeypatch, named, cards):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert hardware.cuda_cards() == cards


def test_without_the_variable_the_driver_counts_them(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(hardware, "_nvidia_cards", lambda: 3)
    assert hardware.cuda_cards() == ("0", "1", "2")
    monkeypatch.undo()
    monkeypatch.setattr(hardware, "nvidia_driver", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")  # as exported for another program
    assert hardware.cuda_cards() == ()
