"""The actors of one job on a Ray cluster. Nothing here knows how batches are shared out."""

import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from typing import Any

from prep.errors import PrepError, StoppedError
from prep.process.spans import Recording, recording
from prep.protocols import Job
from prep.runners._ray_nodes import Share, nodes_of, shares
from prep.runners._share import Died
from prep.runners._worker import Step, Worker, prepare_process

STARTS = 3  # attempts for an actor that dies before the job is open
ROOM_SECONDS = 60.0  # how long to wait for processors or cards that others use
NODES_SECONDS = 10.0  # between looks for new nodes
ALONE_SECONDS = 60.0  # how long to wait for a node when all are gone
SILENT_SECONDS = 5.0  # how long Ray may take to notice that a node is gone


class Actor(Worker):
    """In a process of its own, on a node."""

    def __init__(self, job: Job, name: str, recording: Recording | None) -> None:
        prepare_process(job.needs.keeps_memory)
        super().__init__(job, name, recording)

    def here(self) -> None:
        """It answers once it has its share of the node."""


class Place:
    """A share of a node, and the actor that has it now: it waits for room, then opens the job, then is open."""

    def __init__(self, job: Job, share: Share) -> None:
        self.job, self.share = job, share
        self.starts = 0
        self.start()

    def start(self) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self.starts += 1
        self.has_room = self.is_open = False
        there = NodeAffinitySchedulingStrategy(self.share.node, soft=False)
        wanted = {"num_cpus": self.share.cpus, "num_gpus": self.share.gpus, "scheduling_strategy": there}
        name = f"ray{secrets.token_hex(6)}"
        self.actor = ray.remote(Actor).options(**wanted).remote(self.job, name, recording(elsewhere=True))
        self.ask("here")

    def ask(self, what: str, *arguments: Any) -> None:
        self.asked: Future | None = getattr(self.actor, what).remote(*arguments).future()

    def end(self) -> None:
        import ray

        with suppress(Exception):  # it may be dead, and its node as well
            ray.kill(self.actor)


class RayCrew:
    """A crew whose workers are places. One whose node dies is given up; new nodes get places of their own."""

    def __init__(self, job: Job, check: Callable[[Sequence[dict[str, Any]]], None]) -> None:
        """check: raises for nodes that cannot work on this run."""
        self.job, self.check = job, check
        self.places: list[Place] = []
        self.known: set[str] = set()  # nodes that have places, or had
        self.looked = 0.0

    def open(self) -> None:
        """On all nodes before the first batch: one that lacks the weights is named before work begins."""
        self._fill()
        deadline = time.monotonic() + ROOM_SECONDS
        while not all(place.is_open for place in self.places):
            if time.monotonic() > deadline and all(place.is_open or not place.has_room for place in self.places):
                if any(place.is_open for place in self.places):
                    return  # the others join when there is room for them
                raise StoppedError(
                    f"{self.job.name}: no node has room for a worker, since others use all processors or cards",
                    hint="see `ray status`, and run again later",
                )
            self._wait(1.0)
            self._advance()

    def workers(self) -> list[Place]:
        if time.monotonic() - self.looked > NODES_SECONDS:
            self._fill()
        deadline = time.monotonic() + ALONE_SECONDS
        while not self.places:
            if time.monotonic() > deadline:
                raise StoppedError(
                    "no node of the Ray cluster is left", hint="finished work is kept: start nodes, and run again"
                )
            time.sleep(1)
            self._fill()
        return [place for place in self.places if place.is_open]

    def begin(self, worker: Place, batch: Sequence[Any]) -> None:
        worker.ask("begin", batch)

    def go_on(self, worker: Place) -> None:
        worker.ask("step")

    def steps(self) -> list[tuple[Place, Step | Died]]:
        self._wait(NODES_SECONDS)
        ready = [place for place in self.places if place.is_open and place.asked and place.asked.done()]
        found = [(place, self._answer(place)) for place in ready]
        self._advance()
        return found

    def close(self) -> list[Step]:
        opened = [place for place in self.places if place.is_open]
        for place in opened:
            place.ask("close")  # an actor does one thing after the other: first the step that it is at
        wait([place.asked for place in opened])
        for place in self.places:
            place.end()
        return [place.asked.result() for place in opened if not place.asked.exception()]

    def _fill(self) -> None:
        """Give places to nodes that have none."""
        self.looked = time.monotonic()
        nodes = nodes_of()
        self.check(nodes)
        if self.job.needs.elsewhere and self.places:
            return
        new = [share for share in shares(nodes, self.job.needs) if share.node not in self.known]
        self.places += [Place(self.job, share) for share in new]
        self.known |= {share.node for share in new}

    def _wait(self, seconds: float) -> None:
        wait([place.asked for place in self.places if place.asked], seconds, FIRST_COMPLETED)

    def _advance(self) -> None:
        """Take the next step in opening the job, wherever it is not open yet. Raises what the job raises there."""
        for place in [place for place in self.places if not place.is_open and place.asked.done()]:
            if error := place.asked.exception():
                self._again(place, error)
            elif not place.has_room:
                place.has_room = True
                place.ask("open")
            elif raised := place.asked.result().error:
                raise _at_node(place.share.where, raised)
            else:
                place.is_open, place.asked = True, None

    def _answer(self, place: Place) -> Step | Died:
        """One that died starts again, unless its node is gone."""
        error = place.asked.exception()
        if not error:
            step = place.asked.result()
            place.asked = None
            return step
        place.starts = 0
        return Died.ON_ITS_BATCH if self._again(place, error) else Died.WITH_ITS_NODE

    def _again(self, place: Place, error: BaseException) -> bool:
        """Start another actor -> whether its node lives. Raises StoppedError when no actor opens the job there."""
        place.end()
        if not _lives(place.share.node, error):
            self.places.remove(place)
            return False
        if place.starts == STARTS:
            reason = str(error).strip().split("\n")[-1][:200]
            raise StoppedError(
                f"{self.job.name}: no worker could be started on node {place.share.where}: {reason}",
                hint="free some memory there, and run again",
            )
        place.start()
        return True


def _lives(node: str, error: BaseException) -> bool:
    """Whether the node of an actor that died of this error lives. Raises StoppedError for what is no death."""
    from ray import exceptions

    deaths = ("RayActorError", "OutOfMemoryError", "WorkerCrashedError", "NodeDiedError", "LocalRayletDiedError",
              "ActorUnschedulableError")  # fmt: skip
    if not isinstance(error, tuple(getattr(exceptions, name) for name in deaths if hasattr(exceptions, name))):
        if not isinstance(error, exceptions.RayError):
            raise error
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise StoppedError(f"Ray gave up a worker: {reason}", hint="see `ray status`, and run again") from None
    deadline = time.monotonic() + (SILENT_SECONDS if isinstance(error, exceptions.ActorUnavailableError) else 0)
    while any(each["NodeID"] == node for each in nodes_of()):
        if time.monotonic() >= deadline:
            return True
        time.sleep(0.2)
    return False


def _at_node(where: str, error: Exception) -> Exception:
    """The error, with the node's name if it is one of prep's."""
    if isinstance(error, PrepError):
        error.message = f"node {where}: {error.message}"
    return error
