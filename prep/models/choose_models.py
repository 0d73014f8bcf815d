"""Which models work on an OUT: it keeps the model that it was begun with, even if the weights are missing now."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pyarrow as pa

from prep.errors import PrepError, SettingsError, StoppedError, UsageError
from prep.ledger import Ledger, Shelf
from prep.models.backend import OPENVINO, TORCH, check_begun, settled
from prep.models.choose import choose_generator, choose_tagger, elsewhere, named, not_to_be_had, unasked, why_not
from prep.models.elsewhere import model_there, ref_elsewhere
from prep.models.fetch import answers, fetch
from prep.models.hashes import digest_of
from prep.models.hub import hub_offline
from prep.models.known import known
from prep.models.locate import Weights, find, locate
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.options import COMMON, Options
from prep.process.hardware import nvidia_driver
from prep.protocols import Card
from prep.registry import ModelSpec, Role, family, load
from prep.sections import Settings

MODEL = Shelf(
    "model",
    (
        pa.field("name", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("backend", pa.string()),  # null: torch, and in older parts
    ),
)
BY_PATH = ":"  # ends the remembered name of a model that the user named by path
log = logging.getLogger(__name__)


def no_sampler(name: str, sampler: str, samplers: Sequence[str]) -> SettingsError:
    return SettingsError(
        f"generator.sampler: {name} has no sampler {sampler}", hint=f"use one of {', '.join(samplers)}"
    )


def second_of(ledger: Ledger, settings: Settings, first: ModelRef, may_fetch: bool = True) -> ModelRef | None:
    """The second reader, like tagger_of; None: there is none. Raises SettingsError also for the first's model."""
    if not settings.tagger.second:
        return None
    with of_the_second():
        ref = tagger_of(ledger, settings_of_the_second(settings), may_fetch, as_second=True)
    if ref.spec.maker == first.spec.maker and ref.digest == first.digest and (ref.digest or not ref.given):
        raise the_same_twice(first.name)
    return ref


def settings_of_the_second(settings: Settings) -> Settings:
    """As if the second reader were the only one. Raises SettingsError for one that no setting names."""
    asked = settings.tagger.second
    if asked == "auto":
        raise SettingsError(
            "tagger.second is auto, which is the first tagger's", hint="name a tagger, or leave it empty"
        )
    return settings.model_copy(update={"tagger": settings.tagger.model_copy(update={"model": asked, "second": ""})})


@contextmanager
def of_the_second() -> Iterator[None]:
    """What is wrong inside is said of tagger.second."""
    try:
        yield
    except PrepError as error:
        said = (text.replace("tagger.model", "tagger.second") for text in (error.message, error.hint))
        raise type(error)(*said) from None


def the_same_twice(name: str) -> SettingsError:
    return SettingsError(
        f"tagger.second: {name} is the first tagger as well, so it would only agree with itself",
        hint="name another tagger, or leave it empty",
    )


def tagger_of(
    ledger: Ledger,
    settings: Settings,
    may_fetch: bool = True,
    before: Callable[[], str] = lambda: "",
    as_second: bool = False,
) -> ModelRef:
    """The tagger for this run, remembered for the next one. Without a digest if it is not fetched yet and may_fetch is
    False. A remembered tagger may not be on this machine: `fetched` gets it if anything is left to tag.

    before: the name of the tagger that read the set, for a ledger that has lost it; empty: none did. as_second: it is
    remembered as the second reader.

    Raises StoppedError or UsageError when none is available.
    """
    asked, subject = settings.tagger.model, "second" if as_second else "tagger"
    remembered = ledger.rows(MODEL).get(subject)
    settings = settled(settings, remembered)
    if there := elsewhere("tagger", asked):
        return _tagger_elsewhere(ledger, *there, settings, may_fetch, remembered, subject)
    if remembered and remembered["name"].endswith(BY_PATH) and asked == "auto":
        # The model is known, but not the path of its files; perhaps nothing is left to tag.
        name, taggers = remembered["name"].removesuffix(BY_PATH), family("tagger")
        spec = taggers.spec(name if name in taggers.names() else taggers.by_path)
        return ModelRef(spec, name, remembered["sha256"], options_of("tagger", spec, settings))
    if remembered and asked in ("auto", remembered["name"], remembered["name"].removesuffix("-tagger")):
        name = remembered["name"]
        taggers = family("tagger")
        spec = taggers.spec(name if name in taggers.names() else taggers.by_path)
        weights = locate(name) if spec.files else None
        if weights is None:
            # Perhaps nothing is left to tag; then the file is not needed.
            return ModelRef(spec, name, remembered["sha256"], options_of("tagger", spec, settings))
    else:
        if not remembered and asked == "auto":
            asked = _named_before(before())
        weights = _chosen(settings, may_fetch, asked)
        if weights is None:
            spec = named("tagger", asked)[0] if asked != "auto" else known(family("tagger").automatic[0])
            return ModelRef(spec, spec.name, "", options_of("tagger", spec, settings))
    name = weights.name + (BY_PATH if weights.source == "file" and weights.spec.files else "")
    if remembered and remembered["name"] == name and remembered["sha256"] != weights.digest:
        log.info(f"tag: {weights.path.name} is a different file than before; all images are tagged again")
    ref = ref_of(weights, options_of("tagger", weights.spec, settings))
    row = {"name": name, "sha256": weights.digest, "backend": OPENVINO if ref.options.backend == OPENVINO else None}
    if not remembered or any(remembered[column] != value for column, value in row.items()):
        ledger.write(MODEL, [{"subject": subject, "recipe": "", **row}])
    return ref


def _tagger_elsewhere(
    ledger: Ledger,
    spec: ModelSpec,
    address: str,
    settings: Settings,
    may_ask: bool,
    remembered: dict | None,
    subject: str,
) -> ModelRef:
    name = spec.name + BY_PATH
    before = remembered["sha256"] if remembered and remembered["name"] == name else ""
    ref = ref_elsewhere(spec, address, options_of("tagger", spec, settings), may_ask, before)
    if may_ask and ref.digest != before:
        if before:
            log.info("tag: the server has another tagger than before; all images are tagged again")
        ledger.write(MODEL, [{"subject": subject, "recipe": "", "name": name, "sha256": ref.digest}])
    return ref


def tagger_for(settings: Settings) -> ModelRef:
    """The tagger in these settings, without a set that remembers one. Raises like tagger_of."""
    if there := elsewhere("tagger", settings.tagger.model):
        return ref_elsewhere(*there, options_of("tagger", there[0], settings), may_ask=True)
    weights = _chosen(settings, True, settings.tagger.model)
    return ref_of(weights, options_of("tagger", weights.spec, settings))


def _named_before(name: str) -> str:
    """What to ask for when the ledger has lost the set's tagger and the manifest has its name."""
    if not name or name in family("tagger").names():
        return name or "auto"
    raise StoppedError(
        f"{name} tagged this set before, but the path of its file is lost; another tagger would change all captions",
        hint="set tagger.model=/path/to/weights",
    )


def _chosen(settings: Settings, may_fetch: bool, asked: str) -> Weights | None:
    offline, fallback = settings.models.offline or hub_offline(), settings.models.fallback
    return choose_tagger(asked, offline, fallback, lambda line: log.info(f"tagger: {line}"), may_fetch)


def generator_of(settings: Settings, may_fetch: bool = True) -> ModelRef | None:
    """None when nothing is to be drawn. may_fetch False: without a digest if it is not on this machine.

    Raises StoppedError, UsageError, WeightsError.
    """
    asked = settings.generator.model
    if there := elsewhere("generator", asked):
        return ref_elsewhere(*there, options_of("generator", there[0], settings), may_fetch)
    weights = choose_generator(
        asked, nvidia_driver(), lambda line: log.info(f"generate: {line}"), may_fetch, settings.models.offline
    )
    if weights is None:
        if asked in ("auto", "none"):
            return None
        spec = named("generator", asked)[0]
        return ModelRef(spec, spec.name, "", options_of("generator", spec, settings))
    return ref_of(weights, options_of("generator", weights.spec, settings))


def card_of(ref: ModelRef) -> Card:
    """The generator's card; for one that is not fetched yet, as far as its family is known.

    Raises SettingsError when nothing is known before its files are on this machine.
    """
    if ref.digest:
        with MEMORY.lend(ref) as generator:
            return generator.card
    if not ref.spec.absent:
        raise SettingsError(
            f"{ref.name} is not on this machine, and only its files say what it draws", hint="fetch it first"
        )
    return load(ref.spec.absent)(ref.name, ref.options)


def fetched(ref: ModelRef, settings: Settings) -> ModelRef:
    """The same model with its files on this machine: fetched if missing and allowed. Raises StoppedError, also where
    what runs it cannot.
    """
    check_begun(ref)
    if ref.given or (ref.spec.files and find(ref.spec)):
        return ref
    if not ref.spec.files:
        if ref.spec.remote:
            ref.make()  # raises: it has no address
        raise StoppedError(
            f"the {ref.spec.role} of this set was given by its path, so prep cannot fetch it by name",
            hint=f"set {ref.spec.role}.model=/path/to/weights again",
        )
    offline = settings.models.offline or hub_offline()
    if why := why_not(ref.spec, offline, answers):
        raise not_to_be_had(ref.spec, why)
    log.info(
        f"{ref.spec.role}: {ref.name} is not on this machine and will be fetched: {ref.spec.size}, "
        f"licence: {ref.spec.licence}"
    )
    fetch(ref.spec.name)
    return ref


def would_draw(settings: Settings) -> tuple[bool, str]:
    """(whether a run draws, why not, in one sentence). Loads and fetches nothing."""
    why: list[str] = []
    asked = settings.generator.model
    try:
        if elsewhere("generator", asked):
            return True, ""
        chosen = choose_generator(asked, nvidia_driver(), why.append, False, settings.models.offline)
    except PrepError as error:
        return False, str(error)
    if chosen or asked not in ("auto", "none"):  # a name whose weights would be fetched
        return True, ""
    return False, why[-1].removeprefix("nothing is drawn: ") if why else "generator.model is none"


def fetched_first(ref: ModelRef, settings: Settings) -> str:
    """What a run would do about a model that it needs and that is not on this machine, as the end of a sentence. Asks
    nobody; empty: it is here, or given by its path.
    """
    if ref.given or not ref.spec.files or find(ref.spec):
        return ""
    if why := why_not(ref.spec, settings.models.offline or hub_offline(), unasked):
        return f", which is not on this machine and {why}"
    auto = ref.spec.role == "tagger" and settings.tagger.model == "auto" and not ref.digest
    otherwise = ", or read them with the starter tagger" if auto and settings.models.fallback == "starter" else ""
    return f", which a run would fetch first ({ref.spec.size}){otherwise}"


@cache
def is_trial(ref: ModelRef) -> bool:
    """Whether these are starter weights, under any name: they know only three characters."""
    starter = family(ref.spec.role).trial
    if starter in (ref.spec.name, model_there(ref)):
        return True
    here = find(known(starter))
    return bool(here and ref.digest) and digest_of(here[1]) == ref.digest


def ref_of(weights: Weights, options: Options) -> ModelRef:
    """What a job carries. Files that the options name belong to the model and its digest.

    Raises UsageError for a missing one.
    """
    files = dict(weights.files)
    for name, path in option_files(weights.spec, options).items():
        if not path.is_file():
            raise UsageError(
                f"{weights.spec.role}.{weights.spec.section}.{name}: {path} is not a file",
                hint=f"name the file that contains {name}",
            )
        files[name] = path
    given = [name for name in files if weights.source == "file" or name not in weights.files]
    return ModelRef(
        weights.spec,
        weights.name,
        digest_of(files) if len(files) > len(weights.files) else weights.digest,
        options,
        tuple((name, str(files[name].absolute())) for name in given),
    )


def option_files(spec: ModelSpec, options: Options) -> dict[str, Path]:
    """Part -> file, for the options that name one."""
    return {name: Path(value) for name in spec.parts if (value := getattr(options, name))}


def options_of(role: Role, spec: ModelSpec, settings: Settings) -> Options:
    """The options for this model in these settings: the family's own, and those of its section. A backend that is not
    settled is torch.
    """
    section = getattr(settings, role)
    common = COMMON[role]
    values = {name: getattr(section, name) for name in common.model_fields if name in type(section).model_fields}
    if role == "tagger" and "batch" not in section.model_fields_set:
        del values["batch"]  # a card's memory then decides (prep/taggers/deepdanbooru.py)
    if "offline" in common.model_fields:
        values["offline"] = settings.models.offline
    if "backend" in common.model_fields:
        values["backend"] = OPENVINO if spec.openvino and section.backend == OPENVINO else TORCH
    model = load(spec.options) if spec.options else common
    return model(**values, **(section.options.get(spec.section, {}) if spec.options else {}))
