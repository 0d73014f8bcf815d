"""What `prep doctor` prints, section by section. Every line that names a problem also says what to do next."""

import platform
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from prep.errors import PrepError, UsageError
from prep.machine.advice import plan_for
from prep.machine.compute import Compute, look
from prep.machine.speed import timed
from prep.models.backend import GPUS, faster_here, settled
from prep.models.captioners import captioner_of, is_grammar
from prep.models.check import WITH_SECTION, check_model
from prep.models.choose import ANSWER_SECONDS, choose_generator, choose_tagger, elsewhere
from prep.models.choose_models import options_of
from prep.models.detectors import detectors_told
from prep.models.fetch import answers, source_of
from prep.models.hashes import cache_folder
from prep.models.hub import hub_cache, hub_name, hub_offline, is_mirror, sends_token, token_source
from prep.models.known import known
from prep.models.locate import Weights, find, models_folder
from prep.models.matting import matting_told
from prep.models.witnesses import ABOUT, check_witnesses, chosen, lacks
from prep.process.hardware import disk_free, memory
from prep.registry import ModelSpec, Role, family, load
from prep.sections import Settings
from prep.system import cores

BY_HAND = "check the connection or the proxy; `prep models` lists the pages to download from by hand"
TIGHT_BYTES = 2 * 10**9  # with less, a set of a few thousand images does not fit


@dataclass(frozen=True)
class Line:
    """todo: the next step; every problem has one. stops: a run cannot begin."""

    label: str
    text: str
    todo: str = ""
    stops: bool = False


def examine(settings: Settings) -> Iterator[tuple[str, list[Line]]]:
    """Yield (title, lines) as they become known. Waits at most 5 s for the network; offline, it asks nothing."""
    wrong: list[Line] = []
    try:
        offline = settings.models.offline or hub_offline()
    except UsageError as error:  # HF_ENDPOINT is not an address
        offline, wrong = True, [Line("hub", error.message, error.hint)]
    yield "machine", list(_machine())
    with ThreadPoolExecutor(2) as pool:
        asked = {} if offline else {role: _asked(pool, _automatic(role)) for role in WITH_SECTION}
        compute = look()
        yield "torch", list(_torch(compute))
        reached = {name: answer.result() for name, answer in asked.items()}
    yield "network", wrong or list(_network(reached, offline))
    tagger, weights = _tagger(settings, reached.get("tagger", False))
    speed = _speed(weights, settings, compute) if weights else []
    generator = _generator(settings, compute)
    devices, matting = _device(settings, compute), _matting(settings)
    yield (
        "models",
        [tagger, *speed, *devices, generator, matting, *_witnesses(settings), *_crops(settings), *_captioner(settings)],
    )


def _asked(pool: ThreadPoolExecutor, spec: ModelSpec) -> Future:
    return pool.submit(answers, source_of(spec), ANSWER_SECONDS)


def _automatic(role: Role) -> ModelSpec:
    """The weights that `auto` would try first."""
    return known(family(role).automatic[0])


def _machine() -> Iterator[Line]:
    yield Line("prep", f"{_version()} on Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    yield Line("cores", f"{cores()}")
    total, free = memory()
    yield Line("memory", f"{_gb(total)}, {_gb(free)} free")
    yield _disk("outputs", Path("outputs").absolute(), "name a folder with more space with --out")
    try:
        yield _disk("weights", cache_folder(), "set PREP_CACHE to a folder with more space")
        yield _disk("hub files", hub_cache(), "set HF_HOME to a folder with more space")
    except PrepError as error:
        yield Line("weights", error.message, error.hint)
    try:
        if folder := models_folder():
            yield Line("PREP_MODELS", str(folder)) if folder.is_dir() else _no_folder(folder)
    except UsageError as error:
        yield Line("PREP_MODELS", error.message, error.hint)


def _no_folder(folder: Path) -> Line:
    return Line("PREP_MODELS", f"{folder} is not a folder", "create it, or unset PREP_MODELS")


def _disk(label: str, folder: Path, todo: str) -> Line:
    free = disk_free(folder)
    return Line(label, f"{_gb(free)} free in {folder}", todo if free is not None and free < TIGHT_BYTES else "")


def _torch(compute: Compute) -> Iterator[Line]:
    if compute.version is None:
        yield Line("torch", compute.problem, compute.hint, stops=True)
        return
    yield Line("torch", compute.version)
    try:
        yield Line("diffusers", version("diffusers"))
    except PackageNotFoundError:
        yield Line("diffusers", "not installed; drawing needs it", "`pip install -e .` in the clone of prep")
    yield Line("CPU", f"bf16 by {compute.bf16}" if compute.bf16 else "no bf16 units: float32, about four times slower")
    for gpu in compute.gpus:
        shape = f", {_gb(gpu.bytes)}, {_gb(gpu.free)} free" if gpu.bytes else ", in the machine's memory"
        sm = f", SM {gpu.capability[0]}.{gpu.capability[1]}" if gpu.capability else ""
        yield Line("GPU", f"{gpu.name} ({gpu.kind}{sm}){shape}; bf16 {'yes' if gpu.bf16 else 'no'}; FP8 {gpu.fp8}")
    if compute.problem:
        yield Line("GPU", compute.problem, compute.hint)
    elif not compute.gpus:
        yield Line("GPU", "none; FP8 is for storage only: it saves memory, not time")


def _network(reached: dict[str, bool], offline: bool) -> Iterator[Line]:
    if offline:
        yield Line("offline", "yes: models.offline, HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set")
    for label, host, role in (("release page", "github.com", "tagger"), ("hub", hub_name(), "generator")):
        if role in reached:
            yield Line(label, f"{host} answers") if reached[role] else Line(label, f"{host} does not answer", BY_HAND)
    source = token_source()
    text = f"yes, from {source}" if source else "none; only gated files need one (`hf auth login`)"
    if source and is_mirror():
        text += f"; {'sent' if sends_token() else 'not sent'} to {hub_name()}, the mirror in HF_ENDPOINT"
    yield Line("token", text)


def _tagger(settings: Settings, reached: bool) -> tuple[Line, Weights | None]:
    """Which tagger a run with these settings would use, and its weights if they are on this machine."""
    why: list[str] = []
    offline, fallback = settings.models.offline, settings.models.fallback
    try:
        check_model("tagger", settings)
        if there := elsewhere("tagger", settings.tagger.model):
            return Line("tagger", _told_elsewhere(*there, settings)), None
        chosen = choose_tagger(
            settings.tagger.model, offline, fallback, why.append, may_fetch=False, reach=lambda *_: reached
        )
    except PrepError as error:
        return Line("tagger", error.message, error.hint, stops=True), None
    if not why:
        return Line("tagger", f"{chosen.path}, as tagger.model says"), chosen
    starter = chosen and chosen.name == family("tagger").trial
    return Line("tagger", why[0], _get(_automatic("tagger")) if starter else ""), chosen


def _speed(weights: Weights, settings: Settings, compute: Compute) -> list[Line]:
    """How fast it reads. Nothing where a run could not begin for another reason, which has its own line."""
    device = settings.tagger.device
    if compute.version is None or device in GPUS and device not in [gpu.kind for gpu in compute.gpus]:
        return []
    settings = settled(settings, None)
    try:
        found = timed(weights, settings, on_gpu=bool(compute.gpus) and device != "cpu")
    except PrepError as error:
        return [Line("speed", error.message, error.hint, stops=True)]
    except Exception as error:  # a broken library may raise anything
        reason = (str(error).strip().split("\n")[0] or type(error).__name__)[:120]
        todo = "set tagger.device=cpu and tagger.backend=torch"
        return [Line("speed", f"a batch of {weights.name} fails here: {reason}", todo, stops=True)]
    text = f"about {found.images_per_second:.3g} images/s by {found.by}, the network alone"
    starter = weights.name == family("tagger").trial
    return [Line("speed", text, "" if starter else faster_here(weights.spec, settings))]


def _told_elsewhere(spec: ModelSpec, address: str, settings: Settings) -> str:
    """What another machine says that it can. Raises StoppedError, SettingsError."""
    made = load(spec.maker, spec.name)(spec.name, {"url": address}, options_of(spec.role, spec, settings))
    made.close()
    return made.about


def _device(settings: Settings, compute: Compute) -> Iterator[Line]:
    asked = settings.tagger.device
    if compute.version and asked not in ("auto", "cpu", *(gpu.kind for gpu in compute.gpus)):
        yield Line(
            "device",
            f"tagger.device is {asked}, but this machine has no such device",
            "set tagger.device=auto",
            stops=True,
        )


def _generator(settings: Settings, compute: Compute) -> Line:
    """Which generator a run with these settings would use, and the plan for SD3.5 on this machine."""
    plan = plan_for(compute.gpus, memory()[0])
    why: list[str] = []
    try:
        check_model("generator", settings)
        if there := elsewhere("generator", settings.generator.model):
            return Line("generator", _told_elsewhere(*there, settings))
        chosen = choose_generator(settings.generator.model, bool(compute.gpus), why.append, may_fetch=False)
    except PrepError as error:
        return Line("generator", error.message, error.hint, stops=True)
    if chosen:
        return Line("generator", f"{chosen.name} is on this machine and draws; {plan.text}", plan.todo)
    if settings.generator.model == "none":
        return Line("generator", "generator.model is none: nothing is drawn")
    here = next((name for name in family("generator").automatic if find(known(name))), None)
    if here:
        return Line(
            "generator", f"{here} is on this machine; {plan.text}", plan.todo or f"set generator.model={here} to draw"
        )
    if plan.todo:
        return Line("generator", f"SD3.5 is not on this machine, so nothing is drawn, and {plan.text}", plan.todo)
    others = "; smaller: sd35-medium; 4 steps instead of 28, but gated: sd35-large-turbo-fp8"
    return Line(
        "generator",
        f"SD3.5 is not on this machine, so nothing is drawn; {plan.text}",
        _get(_automatic("generator")) + others,
    )


def _matting(settings: Settings) -> Line:
    """What gives a character another place without changing it."""
    try:
        return Line("matting", *matting_told(settings))
    except PrepError as error:
        return Line("matting", error.message, error.hint, stops=True)


def _crops(settings: Settings) -> Iterator[Line]:
    """What would find heads and bodies, if crops are wanted."""
    if settings.crops.kinds:
        try:
            yield Line("crops", *detectors_told(settings))
        except PrepError as error:
            yield Line("crops", error.message, error.hint, stops=True)


def _witnesses(settings: Settings) -> Iterator[Line]:
    """What would look at drawn pictures beside the tagger."""
    asked = settings.generator.model
    starter = family("generator").aliases.get(asked, asked) == family("generator").trial
    try:
        check_witnesses(settings)
        choices = [chosen(about, settings, starter) for about in ABOUT]
    except PrepError as error:
        yield Line("witnesses", error.message, error.hint, stops=True)
        return
    for choice in choices:
        if choice.spec is None:
            yield Line(choice.about, choice.why, choice.todo)
        elif lack := lacks(choice.spec):
            yield Line(choice.about, f"{lack}: it is not measured", f"`pip install {choice.spec.needs}`")
        else:
            yield Line(choice.about, f"{choice.spec.name} looks at what is drawn")


def _captioner(settings: Settings) -> Iterator[Line]:
    """Who writes sentences, if it is not the grammar."""
    try:
        found = captioner_of(settings, may_ask=False)
        if is_grammar(found):
            return
        if found.spec.remote:
            yield Line("captioner", _told_elsewhere(found.spec, dict(found.given)["url"], settings))
        else:
            yield Line("captioner", f"{settings.captioner.model}, a model in a folder, writes sentences")
    except PrepError as error:
        yield Line("captioner", error.message, error.hint, stops=True)


def _get(model: ModelSpec) -> str:
    gate = "" if model.files[0].url else ", no login" if not model.gated else ", after accepting its licence"
    return f"`prep models get {model.name}` ({model.size}{gate}; licence: {model.licence}, {model.licence_url})"


def _gb(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e9:.1f} GB"


def _version() -> str:
    try:
        return version("prep-lora")
    except PackageNotFoundError:
        return "not installed"
