"""How the threads of a network wait for one another. Called when a process starts, before torch loads."""

import os


def let_threads_sleep() -> None:
    """OpenMP's threads spin while they wait. Where other work runs beside them, and decoders always do, a thread that
    spins takes the core that the one it waits for needs: the starter tagger beside three busy processes on two cores
    read 2 images a second, and 50 with threads that sleep. Alone it is as fast (benchmarks/bench_threads.py).

    A policy set by the user is respected.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
