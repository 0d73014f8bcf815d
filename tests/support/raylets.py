"""A Ray cluster of raylets on this machine, one CPU each. Only where Ray is installed."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from prep.protocols import Runner
from prep.runners import load_runner

# Without one, anybody on the network could run code on these nodes.
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def cluster(nodes: int, **environment: str) -> Iterator["Raylets"]:
    with pytest.MonkeyPatch.context() as patched:
        for name, value in TOKEN.items():
            patched.setenv(name, value)
        found = Raylets(environment)
        try:
            for _ in range(nodes):
                found.add()
            yield found
        finally:
            found.end()


class Raylets:
    """`ray start --block` for each node, as a user types it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT), **environment}
        self.environment.pop("RAY_ADDRESS", None)
        self.nodes: list[subprocess.Popen] = []
        self.address = ""

    def add(self, hide: Path | None = None, **environment: str) -> None:
        """hide: a folder that is empty for this node."""
        first = not self.nodes
        if first:
            with socket.create_server(("127.0.0.1", 0)) as server:
                port = server.getsockname()[1]
            self.address = f"127.0.0.1:{port}"
        here = ["--head", f"--port={port}", "--include-dashboard=false"] if first else [f"--address={self.address}"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", *here]
        command += ["--object-store-memory=80000000", "--min-worker-port=0", "--max-worker-port=0"]
        if hide:
            command = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(hide), *command]
        self.nodes.append(
            subprocess.Popen(
                command,
                env=self.environment | environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        )
        deadline = time.monotonic() + 60
        while self._alive() < len(self.nodes):
            assert self.nodes[-1].poll() is None and time.monotonic() < deadline, "the node does not start"
            time.sleep(0.5)
        assert self.nodes[-1].poll() is None

    def kill_last(self) -> None:
        """kill -9 of its raylet, and of all else on that node."""
        _kill(self.nodes.pop())

    def end(self) -> None:
        while self.nodes:
            self.kill_last()

    def _alive(self) -> int:
        code = f"import ray; ray.init({self.address!r}, log_to_driver=False, logging_level='ERROR'); "
        code += "print('NODES', sum(node['Alive'] for node in ray.nodes()))"
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(
                [sys.executable, "-c", code], env=self.environment, capture_output=True, text=True, timeout=30
            )
            if "NODES" in done.stdout:
                return int(done.stdout.split()[-1])
        return 0


def begun(raylets: Raylets, out: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """A runner in this process, connected to the cluster."""
    import ray

    monkeypatch.setenv("RAY_ADDRESS", raylets.address)
    runner = load_runner("ray")
    (out / ".prep").mkdir()
    runner.begin(out, out)
    yield runner
    ray.shutdown()


def _kill(node: subprocess.Popen) -> None:
    below = psutil.Process(node.pid).children(recursive=True)
    for process in sorted(below, key=lambda each: "raylet" not in each.name()):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    node.kill()
    node.wait()
