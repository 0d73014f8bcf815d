"""Batches on a Ray cluster, or on a Ray that is started for this run alone: `--runner ray`.

Ray carries batches to actors and outcomes back, nothing else. Rows and pictures are written by the actors, into the OUT
that all nodes share; so which images are done is known by the ledger alone, as in a run on one machine.
"""

import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from prep.errors import Interrupted, StoppedError, UsageError
from prep.protocols import Job, Notes, Outcome
from prep.runners._ray_crew import RayCrew
from prep.runners._ray_nodes import check_nodes, nodes_of, shares
from prep.runners._share import share

CLIENT = "ray://"
ANSWER_SECONDS = 5.0
HEALTH_SECONDS = 20.0  # most of them start an interpreter
STORE_BYTES = 100_000_000  # of a Ray of our own: a batch and its outcomes take some kilobytes


class RayRunner:
    def __init__(self, address: str = "") -> None:
        """address: `ray://HOST:PORT`; empty: what RAY_ADDRESS names, or a Ray of its own on this machine.

        Raises UsageError.
        """
        if not find_spec("ray"):
            raise UsageError("`--runner ray` needs Ray, which is not installed", hint="`pip install 'ray[client]'`")
        self.address = address or os.environ.get("RAY_ADDRESS", "") or "local"
        if self.address.startswith(CLIENT) and not find_spec("grpc"):
            raise UsageError(
                f"the address {self.address} needs Ray's client, which is not installed",
                hint="`pip install 'ray[client]'`",
            )
        self.src = self.out = Path()
        self.checked: set[str] = set()  # nodes

    def begin(self, src: Path, out: Path) -> None:
        """Connect, and see that each node shares the folders. Raises StoppedError."""
        self.src, self.out = src, out
        connect(self.address)
        self._check(nodes_of())

    def map(self, job: Job, work: Sequence[Any]) -> Iterator[Outcome | Notes]:
        """Yield one outcome per item, in the order of completion."""
        if work:
            crew = RayCrew(job, self._check)
            yield from share(job, work, len(shares(nodes_of(), job.needs)), crew)

    def _check(self, nodes: Sequence[dict[str, Any]]) -> None:
        """Each node once."""
        if new := [node for node in nodes if node["NodeID"] not in self.checked]:
            check_nodes(new, self.src, self.out)
            self.checked |= {node["NodeID"] for node in new}


def connect(address: str) -> None:
    """Once per process. Raises StoppedError when no Ray answers there."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is reported to anybody
    if address == "local":
        # It listens on all of this machine's addresses: others on the network need a token that nobody has.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    else:
        _check_answers(address)
    import ray

    if ray.is_initialized():
        return
    with contextlib.suppress(ImportError, AttributeError):
        # Ray has no public switch for the pages that it prints when a node dies; a run says it in a sentence.
        from ray._private import worker

        worker._worker_logs_enabled = False
    ours = {} if address.startswith(CLIENT) else {"logging_level": logging.ERROR}  # which the client's server refuses
    if address == "local":
        ours |= {"include_dashboard": False, "object_store_memory": STORE_BYTES}
    try:
        with _signals_kept(), _loggers_silenced(), warnings.catch_warnings(action="ignore"):
            ray.init(address, log_to_driver=False, **ours)
    except (Exception, SystemExit) as error:  # Ray raises what it likes
        if isinstance(error, SystemExit) and error.code == signal.SIGTERM:
            raise Interrupted(128 + signal.SIGTERM) from None
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        if address == "local":
            raise StoppedError(f"Ray could not be started: {reason}", hint="try `--runner local`") from None
        raise _no_ray(address, reason) from None


def _check_answers(address: str) -> None:
    """Ray's own attempt would take two minutes, and end the process. Raises StoppedError."""
    if address != "auto":
        _connect(address)
    if address.startswith(CLIENT):
        return  # its client gives up by itself
    at = [] if address == "auto" else ["--address", address]
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", *at]
    try:
        healthy = subprocess.run(command, capture_output=True, timeout=HEALTH_SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        healthy = False
    if not healthy:
        raise _no_ray(address, f"what listens there does not pass `{' '.join(['ray health-check', *at])}`")


def _connect(address: str) -> None:
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise _no_ray(address, "it is no HOST:PORT")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:  # ValueError: of a host that no name can be
        raise _no_ray(address, getattr(error, "strerror", None) or "there is no such host") from None


def _no_ray(address: str, reason: str) -> StoppedError:
    return StoppedError(
        f"no Ray cluster can be reached at {address}: {reason}",
        hint="start one (`ray start --head`), correct the address, or set RAY_AUTH_MODE=token if it asks for a token; "
        "without RAY_ADDRESS, `--runner ray` uses this machine alone",
    )


@contextlib.contextmanager
def _loggers_silenced() -> Iterator[None]:
    """Ray's client sets the level of its loggers anew when it connects."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself, and a run must still end in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
