"""Where the time went, for people: a table of stages and kinds of work, and what to change, in a sentence or two."""

from collections.abc import Iterator, Mapping

from prep.process.spans import OTHER
from prep.process.trace import Spent, Sums

LEAST = 0.01  # of its stage, and of the run for a stage: what took less has no line
BUSY = 0.6  # of a stage: from here on the network is what it waits for
MUCH = 0.3  # of a stage, or of a run
IN_USE = 0.7  # of the cores: from here on more of them help
STARTING = ("load", "start")  # takes as long for a large folder as for a small one
CORES = ("decode", "measure", "prepare")  # work that takes a core per picture
HELP = {
    "read": "a faster disk or network helps",
    "draw": "fewer pictures (`augmentation.share`) or steps (`generator.steps`) make it shorter",
    "encode": "the next run uses them again",
    "describe": "what was written is kept for the next run",
    "infer": "`prep doctor` says whether something runs it faster here",
}


def table(sums: Sums, wall: float, cpu: float, cores: int) -> Iterator[str]:
    """wall, cpu: seconds of the whole run. Seconds of work are those of all threads and processes together."""
    yield f"where the time went: {wall:,.1f} s, and {cpu:,.1f} s of CPU, on {cores} core{'s' * (cores != 1)}"
    yield f"{'stage':<10}{'work':<10}{'times':>8}{'seconds':>10}{'CPU':>10}{'of the time':>13}{'of all cores':>14}"
    between = Spent(
        1,
        max(0.0, wall - sum(each.seconds for each in sums.stages.values())),
        max(0.0, cpu - sum(each.cpu for each in sums.stages.values())),
    )
    for stage, whole in {**sums.stages, "": between}.items():
        used = whole.cpu / (whole.seconds * cores) if whole.seconds else 0.0
        yield _line(stage or "between", "", "", whole, wall, used)
        for kind, each in sums.of(stage).items() if whole.seconds >= LEAST * wall else ():
            if each.seconds >= LEAST * whole.seconds:
                of_cores = each.seconds / (whole.seconds * cores)
                yield _line("", kind, f"{each.times:,}", each, whole.seconds, of_cores)


def advice(sums: Sums, cores: int) -> Iterator[str]:
    """A sentence about what would take as long with more pictures, if that is much; and one about the longest stage."""
    whole = sum(each.seconds for each in sums.stages.values())
    starting = sum(each.seconds for (_, kind), each in sums.kinds.items() if kind in STARTING)
    if starting > MUCH * whole:
        yield (
            f"Loading models and starting workers took {_percent(starting / whole)} of the time. It takes as long for "
            "more pictures: profile a larger folder."
        )
    working = {name: _working(sums, name) for name in sums.stages}
    stage = max(working, key=working.__getitem__, default="")
    if stage and working[stage] > 0:
        yield _about(stage, sums.of(stage), working[stage], sums.stages[stage], cores)


def _working(sums: Sums, stage: str) -> float:
    """Its wall seconds without loading and starting."""
    return sums.stages[stage].seconds - sum(each.seconds for kind, each in sums.of(stage).items() if kind in STARTING)


def _about(stage: str, kinds: Mapping[str, Spent], working: float, whole: Spent, cores: int) -> str:
    """working: seconds that the stage took without loading."""
    infer, wait = (min(1.0, kinds[kind].seconds / working) if kind in kinds else 0.0 for kind in ("infer", "wait"))
    used = whole.cpu / (whole.seconds * cores)
    if infer >= BUSY:
        return (
            f"{stage}: the network was busy {_percent(infer)} of the time, so decoding is not what you wait for: "
            f"{HELP['infer']}."
        )
    if infer and wait >= MUCH:
        work = _longest({kind: each for kind, each in kinds.items() if kind in ("read", *CORES)})
        return f"{stage}: the network waited {_percent(wait)} of the time for pictures, {_because(work, used)}."
    work = _longest({kind: each for kind, each in kinds.items() if kind not in (*STARTING, "wait", OTHER)})
    return f"{stage} took the longest, {_because(work, used)}."


def _because(work: str, used: float) -> str:
    """work: what took the longest. used: share of all cores, 0-1."""
    if not work:
        return f"and used {_percent(used)} of all cores"
    if work in CORES:
        told = f"most of all to {work} pictures, and used {_percent(used)} of all cores"
        return told + (": more cores or smaller pictures help" if used >= IN_USE else "")
    return f"most of all for `{work}`" + (f": {HELP[work]}" if work in HELP else "")


def _longest(kinds: Mapping[str, Spent]) -> str:
    return max(kinds, key=lambda kind: kinds[kind].seconds, default="")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _line(stage: str, work: str, times: str, spent: Spent, whole: float, of_cores: float) -> str:
    """whole: seconds that `of the time` is a share of."""
    shares = f"{_percent(spent.seconds / whole if whole else 0):>13}{_percent(of_cores):>14}"
    return f"{stage:<10}{work:<10}{times:>8}{spent.seconds:>10,.2f}{spent.cpu:>10,.2f}{shares}"
