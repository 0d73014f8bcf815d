"""Reading over HTTP: pictures a second from 1, 8 and 64 clients, against the tag stage over the same files.

    python benchmarks/bench_serve.py [--images 64] [--requests 5000]

The full-size network with made-up weights (644 MB, in a temporary folder) reads 1 MP JPEGs, sent as forms by a process
of its own, whose CPU time is told apart; meanwhile somebody asks for /health and notes the time to the first byte.
(Made-up weights see thousands of tags in each picture: a threshold of 1 leaves nothing to write about them, which the
tag stage does not do either.) Then the starter tagger answers --requests small ones, and the server's memory is looked
at on the way. What counts are `ratio`, 64 clients against the tag stage in this run, and `memory_growth`. The last line
is JSON.
"""

import argparse
import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench_tagging import alone, as_prep_does, pictures

from tests.support.pictures import drawing, encoded
from tests.v3.make_checkpoint import make

CLIENTS = (1, 8, 64)
WARM = 0.2  # share of the small requests after which memory is first looked at
EDGE = "prep-bench-edge"
ROOT = Path(__file__).parent.parent


def form(data: bytes) -> bytes:
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="threshold"\r\n\r\n1\r\n'
    head += f'--{EDGE}\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n'
    return head.encode() + data + f"\r\n--{EDGE}--\r\n".encode()


def ask_all(port: int, bodies: list[bytes], clients: int) -> tuple[float, float]:
    """(seconds, CPU seconds of this process) until all were read. Each client keeps its connection."""
    todo, guard = list(bodies), threading.Lock()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        while True:
            with guard:
                if not todo:
                    return
                body = todo.pop()
            connection.request("POST", "/v1/read", body, {"Content-Type": f"multipart/form-data; boundary={EDGE}"})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text

    started, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(client) for _ in range(clients)]:
            done.result()
    return time.perf_counter() - started, time.process_time() - cpu


def asked_alone(port: int, folder: Path, clients: int) -> tuple[float, float]:
    """The same in a process of its own, which reads the files before it begins."""
    return ask_all(port, [form(path.read_bytes()) for path in sorted(folder.glob("*.jpg"))], clients)


@contextlib.contextmanager
def server(folder: Path, *sets: str) -> Iterator[tuple[int, psutil.Process]]:
    """(port, the process)."""
    arguments = [part for text in ("generator.model=none", f"serve.folder={folder}/serve", *sets)
                 for part in ("--set", text)]  # fmt: skip
    command = [sys.executable, "-m", "prep", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        line = next(line for line in process.stdout if line.startswith("serving on "))
        threading.Thread(target=process.stdout.read, daemon=True).start()  # so that it never waits for us
        yield int(line.split()[2].rpartition(":")[2]), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def first_bytes(port: int, until: threading.Event) -> list[float]:
    """Seconds to the first byte of /health, again and again."""
    found = []
    while not until.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        started = time.perf_counter()
        connection.request("GET", "/health")
        connection.getresponse().read(1)
        found.append(time.perf_counter() - started)
        connection.close()
        until.wait(0.05)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--requests", type=int, default=5000)
    options = parser.parse_args()
    found: dict[str, object] = {"images": options.images}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights, art = folder / "v3.pt", folder / "art"
        art.mkdir()
        make(weights, 1)
        refs = pictures(art, options.images)
        stage = options.images / alone(as_prep_does, weights, art, refs)
        found["stage_a_second"] = round(stage, 2)
        with server(folder, f"tagger.model=deepdanbooru-v3:{weights}") as (port, _):
            ask_all(port, [form(path.read_bytes()) for path in sorted(art.glob("*.jpg"))[:8]], 8)  # warm
            for clients in CLIENTS:
                over = threading.Event()
                with ProcessPoolExecutor(1, get_context("spawn")) as pool, ThreadPoolExecutor(1) as beside:
                    times = beside.submit(first_bytes, port, over)
                    seconds, cpu = pool.submit(asked_alone, port, art, clients).result()
                    over.set()
                found[f"clients_{clients}"] = {
                    "a_second": round(options.images / seconds, 2),
                    "clients_cpu_seconds": round(cpu, 2),
                    "first_byte_ms": [round(1000 * value, 1) for value in np.quantile(times.result(), (0.5, 0.95))],
                }
                print(json.dumps({clients: found[f"clients_{clients}"]}), flush=True)
        found["ratio"] = round(found["clients_64"]["a_second"] / stage, 3)
        with server(folder, "tagger.model=starter") as (port, process):
            bodies = [form(encoded(drawing(number, 96, 96))) for number in range(16)]
            warm = round(WARM * options.requests)
            ask_all(port, (bodies * (warm // 16 + 1))[:warm], 8)
            before = process.memory_info().rss
            ask_all(port, (bodies * (options.requests // 16 + 1))[: options.requests - warm], 8)
            after = process.memory_info().rss
        found["memory_mb"] = [round(each / 1e6, 1) for each in (before, after)]
        found["memory_growth"] = round(after / before, 3)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
