"""One process per CUDA card of this machine. Nothing here knows how batches are shared out."""

import os
import pickle
from collections.abc import Iterable, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from prep.errors import StoppedError
from prep.process.signals import deferred, leave_interrupts_to_the_driver
from prep.protocols import Job
from prep.runners._share import Died
from prep.runners._worker import Step, Worker, leave_with, prepare_process

STARTS = 3  # attempts for a process that dies before the job is open


class Cards:
    """A crew whose workers are the places in `cards`."""

    def __init__(self, job: Job, cards: Sequence[str]) -> None:
        """cards: as CUDA_VISIBLE_DEVICES names them."""
        self.job, self.cards = job, cards
        self.processes: dict[int, _Process] = {}
        self.ready: set[int] = set()  # those that have opened the job

    def open(self) -> None:
        self._start(range(len(self.cards)))

    def workers(self) -> list[int]:
        self._start(at for at in range(len(self.cards)) if at not in self.processes)
        return sorted(self.processes)

    def begin(self, worker: int, batch: Sequence[Any]) -> None:
        self.processes[worker].ask("begin", batch)

    def go_on(self, worker: int) -> None:
        self.processes[worker].ask("step")

    def steps(self) -> list[tuple[int, Step | Died]]:
        busy = {each.answers: at for at, each in self.processes.items() if each.asked}
        return [(at, self._answer(at)) for at in map(busy.get, wait(busy))]

    def close(self) -> list[Step]:
        for at in {*self.processes} - self.ready:  # it has done nothing yet
            self.processes.pop(at).end()
        for process in self.processes.values():
            process.ask("close")
        found = [self._last(at) for at in sorted(self.processes)]
        for process in self.processes.values():
            process.process.join()
        return [step for step in found if isinstance(step, Step)]

    def _start(self, places: Iterable[int]) -> None:
        """Raises what the job raises when it opens, and StoppedError when a process dies again and again."""
        places = list(places)
        for _ in range(STARTS):
            for at in places:
                self.processes[at] = _Process(self.job, self.cards[at])
                self.processes[at].ask("open")
            died = []
            for at in places:
                step = self._answer(at)
                if step is Died.ON_ITS_BATCH:
                    died.append(at)
                elif step.error:
                    raise step.error
                else:
                    self.ready.add(at)
            places = died
            if not places:
                return
        raise StoppedError(
            f"no worker process could be started for CUDA card {self.cards[places[0]]}",
            hint="free some memory, and run again",
        )

    def _answer(self, at: int) -> Step | Died:
        """One that died is forgotten: workers() starts another one."""
        step = self.processes[at].answer()
        if step is Died.ON_ITS_BATCH:
            self.processes.pop(at).end()
            self.ready.discard(at)
        return step

    def _last(self, at: int) -> Step | Died:
        """Its last answer: before it, it may have been at a step."""
        process, step = self.processes[at], Died.ON_ITS_BATCH
        while process.asked:
            step = process.answer()
        return step


class _Process:
    """The other process, as this one sees it."""

    def __init__(self, job: Job, card: str) -> None:
        context = get_context("spawn")
        self.answers, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, card, os.getpid()), daemon=True)
        with deferred():  # a process that is just starting would answer a signal with a traceback
            self.process.start()
        theirs.close()
        self.asked = 0  # questions without an answer yet
        with suppress(OSError):  # it is dead: the answer says so
            self.answers.send_bytes(pickle.dumps(job))

    def ask(self, what: str, *arguments: Any) -> None:
        with deferred(), suppress(OSError):
            self.asked += 1
            self.answers.send((what, arguments))

    def answer(self) -> Step | Died:
        wait([self.answers])
        with deferred():  # half an answer would make the next one unreadable
            self.asked -= 1
            try:
                return self.answers.recv()
            except (EOFError, OSError):
                self.asked = 0
                return Died.ON_ITS_BATCH

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.answers.close()


def _serve(questions: Connection, card: str, parent: int) -> None:
    # Before the job is unpickled: whatever that imports sees this card alone.
    os.environ["CUDA_VISIBLE_DEVICES"] = card
    leave_interrupts_to_the_driver()
    leave_with(parent)
    with suppress(EOFError, OSError):  # nobody asks any more
        job: Job = pickle.loads(questions.recv_bytes())
        prepare_process(job.needs.keeps_memory)
        worker, what = Worker(job, f"card{os.getpid()}"), ""
        while what != "close":
            what, arguments = questions.recv()
            questions.send(getattr(worker, what)(*arguments))
