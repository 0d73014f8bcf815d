"""The nodes of a Ray cluster: how many workers each has room for, and whether it sees the folders of a run."""

import os
import secrets
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from prep.errors import StoppedError
from prep.files import read_file, write_whole
from prep.protocols import Needs
from prep.system import remove

PACKAGE = "prep-lora"
LOOK_SECONDS = 60.0  # a node's first worker starts an interpreter
SHARED = "SRC and OUT must be on a file system that all nodes mount at the same path"


class Share(NamedTuple):
    """What one worker gets of a node."""

    node: str  # its id
    where: str  # its name, for people
    cpus: float
    gpus: int


def nodes_of() -> list[dict[str, Any]]:
    """Those that live, as Ray describes them."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def name_of(node: dict[str, Any]) -> str:
    host, address = node["NodeManagerHostname"], node["NodeManagerAddress"]
    return host if host == address else f"{host} ({address})"


def shares(nodes: Sequence[dict[str, Any]], needs: Needs) -> list[Share]:
    """The workers that a job gets: one per card if it uses cards and there are any, so that all its results come from
    the same kind of processor; else as many as have their processors and memory, at least one per node.
    """
    found = []
    by_card = needs.gpu and any(node["Resources"].get("GPU") for node in nodes)
    for node in nodes:
        cpus, gpus = node["Resources"].get("CPU", 0), int(node["Resources"].get("GPU", 0))
        if by_card:
            found += [Share(node["NodeID"], name_of(node), min(needs.cpus, cpus / gpus), 1) for _ in range(gpus)]
        elif cpus >= 1:
            memory = node["Resources"].get("memory", 0)
            room = int(memory // needs.memory_bytes) if needs.memory_bytes else int(cpus)
            many = max(1, min(int(cpus // needs.cpus), room))
            found += [Share(node["NodeID"], name_of(node), cpus // many, 0) for _ in range(many)]
    return found[:1] if needs.elsewhere else found


def check_nodes(nodes: Sequence[dict[str, Any]], src: Path, out: Path) -> None:
    """See that each node reads a file that was just written into OUT, and sees SRC. src, out: absolute.

    Raises StoppedError that names the first node that does not, or has another prep.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    token, path = secrets.token_hex(16), out / ".prep" / f"shared-{secrets.token_hex(4)}"
    sample = min((entry.name for entry in os.scandir(src)), default="")
    look = ray.remote(num_cpus=0, max_retries=1)(_look)
    write_whole(path, token.encode())
    try:
        asked = {}
        for node in nodes:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked[name_of(node)] = look.options(scheduling_strategy=there).remote(path, src / sample)
        for name, answer in asked.items():
            try:
                read, sees, other = ray.get(answer, timeout=LOOK_SECONDS)
            except ray.exceptions.GetTimeoutError:
                raise StoppedError(
                    f"node {name} does not answer within {LOOK_SECONDS:.0f} seconds", hint="see `ray status`"
                ) from None
            except ray.exceptions.RayError as error:
                reason = str(error).strip().split("\n")[-1][:200]
                raise StoppedError(
                    f"node {name} cannot run prep: {reason}", hint="install the same prep there, in Ray's environment"
                ) from None
            if other != version(PACKAGE):
                raise StoppedError(
                    f"node {name} has prep {other}, and this machine {version(PACKAGE)}",
                    hint="install the same prep on all nodes",
                )
            if read != token:
                raise StoppedError(f"node {name} does not see {out}, or not what was just written there", hint=SHARED)
            if not sees:
                raise StoppedError(f"node {name} does not see {src / sample}", hint=SHARED)
    finally:
        remove(path)


def _look(path: Path, sample: Path) -> tuple[str, bool, str]:
    """On a node -> (what it reads at path, whether it sees sample, its prep's version)."""
    try:
        read = read_file(path).decode("utf-8", "replace")
    except OSError:
        read = ""
    return read, os.path.lexists(sample), version(PACKAGE)
