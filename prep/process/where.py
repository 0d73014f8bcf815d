"""Where the time went, for people: a table of stages and kinds of work, and what to change, in a sentence or two."""

from collections.abc import Iterator, Mapping

from prep.process.spans import OTHER, WAIT
from prep.process.trace import Network, Spent, Sums

LEAST = 0.01  # of its stage, and of the run for a stage: what took less has no line
LEAST_SECONDS = 0.005  # a stage that took less had nothing to do
BUSY = 0.6  # of a network's time: from here on it is what the others wait for
MUCH = 0.3  # of a stage, of a network's time, or of a run
IN_USE = 0.7  # of the cores: from here on more of them help
STARTING = ("load", "start")  # takes as long for a large folder as for a small one
WAITING = (WAIT, "hold", "workers", "start")  # a thread that waits takes no core
CORES = ("decode", "measure", "prepare")  # work that takes a core per picture
HELP = {
    "read": "a faster disk or network helps",
    "draw": "fewer pictures (`augmentation.share`) or steps (`generator.steps`) make it shorter",
    "infer": "a faster card helps, or for a tagger on a CPU OpenVINO (`tagger.backend=openvino`)",
}


def table(sums: Sums, wall: float, cpu: float, cores: int) -> Iterator[str]:
    """wall, cpu: seconds of the whole run. Seconds of work are those of all threads and processes together."""
    used = "workers elsewhere, whose CPU is not counted" if sums.elsewhere else f"{cpu:,.1f} s of CPU"
    yield (
        f"where the time went: {wall:,.1f} s of the run itself, without Python's start and what follows it; {used}; "
        f"{cores} core{'s' * (cores != 1)}"
    )
    yield f"{'stage':<10}{'work':<10}{'times':>8}{'seconds':>10}{'CPU':>10}{'of the time':>13}{'of all cores':>14}"
    between = Spent(
        1,
        max(0.0, wall - sum(each.seconds for each in sums.stages.values())),
        max(0.0, cpu - sum(each.cpu for each in sums.stages.values())),
    )
    worked = {stage: whole for stage, whole in sums.stages.items() if whole.seconds >= LEAST_SECONDS}
    for stage, whole in {**worked, "": between}.items():
        counted = not sums.elsewhere if stage == "" else stage not in sums.elsewhere
        in_use = whole.cpu / (whole.seconds * cores) if counted and whole.seconds else None
        yield _line(stage or "between", "", "", whole, wall, in_use, counted)
        for kind, each in sums.of(stage).items() if whole.seconds >= LEAST * wall else ():
            if each.seconds >= LEAST * whole.seconds:
                works = counted and kind not in (*WAITING, OTHER)
                of_cores = each.seconds / (whole.seconds * cores) if works else None
                yield _line("", kind, f"{each.times:,}", each, whole.seconds, of_cores)


def advice(sums: Sums, wall: float, cores: int) -> Iterator[str]:
    """A sentence about what would take as long with more pictures, if that is much; and one about the longest stage, if
    there is something to change. wall: seconds of the whole run.
    """
    starting = sum(_starting(sums, stage) for stage in ("", *sums.stages))
    if starting > MUCH * wall:
        yield (
            f"Loading models and starting workers took {_percent(starting / wall)} of the time. It takes as long for "
            "more pictures: profile a larger folder."
        )
    working = {name: whole.seconds - _starting(sums, name) for name, whole in sums.stages.items()}
    stage = max(working, key=working.__getitem__, default="")
    if stage and working[stage] > 0:
        yield from _about(stage, sums, working[stage], cores)


def _starting(sums: Sums, stage: str) -> float:
    """Seconds that the driver loaded models, or waited for workers to start; these do so at the same time."""
    return sum(each.seconds for (name, kind), each in sums.driver.items() if name == stage and kind in STARTING)


def _about(stage: str, sums: Sums, working: float, cores: int) -> Iterator[str]:
    """working: seconds that the stage took without loading."""
    whole = sums.stages[stage]
    kinds = {kind: each for kind, each in sums.of(stage).items() if each.seconds >= MUCH * working}
    in_use = 0.0 if stage in sums.elsewhere else whole.cpu / (whole.seconds * cores)
    network = sums.networks.get(stage, Network())
    if network.seconds >= MUCH * working:  # otherwise its time is not what the stage took
        busy, waited = network.busy / network.seconds, network.waited / network.seconds
        if busy >= BUSY:
            yield f"{stage}: the network was busy {_percent(busy)} of its time: {HELP['infer']}."
            return
        if waited >= MUCH:
            work = _longest({kind: each for kind, each in kinds.items() if kind in ("read", *CORES)})
            if change := _change(work, in_use):
                yield f"{stage}: the network waited {_percent(waited)} of its time for pictures, {change}."
            return
    work = _longest({kind: each for kind, each in kinds.items() if kind not in (*STARTING, *WAITING, OTHER)})
    if change := _change(work, in_use):
        yield f"{stage} took the longest, {change}."


def _change(work: str, in_use: float) -> str:
    """What to change where this work took the longest; empty if nothing is known to help. in_use: of all cores, 0-1."""
    if work in CORES and in_use >= IN_USE:
        return (
            f"most of all to {work} pictures, and used {_percent(in_use)} of all cores: more cores or smaller "
            "pictures help"
        )
    return f"most of all for `{work}`: {HELP[work]}" if work in HELP else ""


def _longest(kinds: Mapping[str, Spent]) -> str:
    return max(kinds, key=lambda kind: kinds[kind].seconds, default="")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _line(
    stage: str, work: str, times: str, spent: Spent, whole: float, of_cores: float | None, counted: bool = True
) -> str:
    """whole: seconds that `of the time` is a share of. Of what is None or not counted, nothing is said."""
    cpu = f"{spent.cpu:,.2f}" if counted else ""
    cores = "" if of_cores is None else _percent(of_cores)
    share = _percent(spent.seconds / whole if whole else 0)
    return f"{stage:<10}{work:<10}{times:>8}{spent.seconds:>10,.2f}{cpu:>10}{share:>13}{cores:>14}".rstrip()
