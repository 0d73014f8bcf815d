"""How the threads of a network wait for one another. Called when a process starts, before torch loads."""

import os

SPINS = 2_000  # some microseconds: what the next layer takes to come


def let_threads_sleep() -> None:
    """OpenMP's threads spin for milliseconds while they wait. Where other work runs beside them, as decoders do, one
    that spins takes the core that the one it waits for needs: beside three busy processes on two cores the starter
    tagger read 21 images a second. Threads that sleep at once read 60, but alone 160 where those that spin read 190;
    after 2,000 spins it is 50 and 186 (benchmarks/bench_threads.py).

    What the user has set is respected.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))  # of libgomp, which torch has on Linux
