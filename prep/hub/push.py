"""A set as a dataset on the Hugging Face Hub: shards first, then one commit.

The repo is compared with the set, and only what differs is sent. An interrupted push leaves the repo either unchanged
or complete.
"""

import difflib
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.errors import StoppedError, UsageError
from prep.hub.access import check_may_send, check_name
from prep.hub.card import Card
from prep.hub.card_yaml import has_pictures, licence_of
from prep.hub.client import TRIES, CompareAgain, Repo, State, addition
from prep.hub.rows import FAMILIES, REAL, REJECTED, Counts, Source
from prep.hub.shards import Progress, Shard, Shards
from prep.models.hub import hub_name
from prep.names import quantity
from prep.remote import retrying

OURS = re.compile(rf"data/(?:{'|'.join(FAMILIES)})-\d{{5}}\.parquet")
GIT_BYTES = 10_000_000  # the hub accepts no larger file outside LFS
# Those that the hub's documentation lists; `other` is for the rest.
LICENCES = (
    "mit apache-2.0 openrail openrail++ creativeml-openrail-m bigscience-openrail-m bigscience-bloom-rail-1.0 "
    "bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 "
    "cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 "
    "cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 "
    "cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl "
    "gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc intel-research h-research lppl-1.3c ms-pl apple-ascl apple-amlr "
    "mpl-2.0 odc-by odbl osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license "
    "fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma unknown other"
).split()


@dataclass(frozen=True)
class PushOptions:
    """What the user asks of a push."""

    repo: str  # user/name
    public: bool = False
    pictures: bool = False
    rejected: bool = False
    licence: str | None = None
    yes: bool = False


@dataclass
class _Sent:
    """What this push has sent so far."""

    files: int = 0  # that differed at the last comparison
    bytes: int = 0

    def counted(self, progress: Callable[[int], None]) -> Callable[[int], None]:
        def step(count: int) -> None:
            self.bytes += count
            progress(count)

        return step


@dataclass(frozen=True)
class Pushed:
    address: str
    files: int  # that differed, the card included
    bytes: int  # of shards, that were sent
    commit: str | None  # None: nothing differed


class HuggingFaceExporter:
    """Pushes one OUT. say: prints a line. ask: question -> yes or no. sending: total bytes -> progress of each step."""

    name = "huggingface"

    def __init__(self, options: PushOptions, say: Callable[[str], None], ask: Callable[[str], bool], progress: Progress,
                 sending: Callable[[int], Callable[[int], None]]) -> None:  # fmt: skip
        self.options, self.say, self.ask, self.progress, self.sending = options, say, ask, progress, sending

    def push(self, out: Path) -> Pushed:
        """Raises UsageError before anything is sent, StoppedError with the repo either unchanged or complete."""
        options = self.options
        _check_licence(options.licence)
        check_name(options.repo)
        source, counts = Source(out, options.rejected), Counts()
        shards = Shards(source, options.pictures)
        shards.plan(source.items(counts))
        if not counts.images:
            raise UsageError(f"{out} has nothing to push", hint="see `prep status`")
        if counts.starter and not options.yes:
            raise UsageError(
                "this is a trial set, read or drawn by the starter models, and not fit to publish",
                hint="use real models (see `prep doctor`), or push it anyway with --yes"
                + ("" if options.licence else "; a first push also needs a licence, such as --license cc-by-nc-4.0"),
            )
        repo = Repo(options.repo, check_may_send())
        repo.check_token()
        state = repo.state()
        reasons = [*self._wrong_visibility(state), *self._no_licence(state)]
        if reasons:  # all at once: each new try contacts the hub again
            raise UsageError(
                "; besides, ".join(message for message, _ in reasons), "; ".join(hint for _, hint in reasons)
            )
        self._say_summary(repo, state, counts)
        if not options.yes and not self.ask("push it?"):
            raise UsageError("nothing was sent: you did not say yes")
        shards.write(self.progress)
        if state is None:
            repo.create(private=not options.public)
        card = Card(options.repo, counts, source.settings, source.version, shards.shards, shards.features(),
                    options.pictures, options.licence)  # fmt: skip
        try:
            compared_again = retrying(TRIES, lambda error: isinstance(error, CompareAgain))
            return compared_again(self._compare_and_send, repo, shards, card, _Sent())
        except CompareAgain as error:
            raise error.last from None

    def _compare_and_send(self, repo: Repo, shards: Shards, card: Card, sent: _Sent) -> Pushed:
        """Send what differs, in one commit. Raises CompareAgain when it is unknown whether the commit was made."""
        state = repo.state()
        if state is None:
            raise StoppedError(
                f"{hub_name()} has no dataset {repo.name} that this token can see",
                hint="check its owner, and push again",
            )
        for reason in self._wrong_visibility(state):
            raise UsageError(*reason)
        text = card.text(state.card)
        missing = [shard for shard in shards.shards if not _is_there(shard, state)]
        old = self._old_shards(state, shards)
        if not (missing or old or text != state.card):
            return Pushed(repo.address, sent.files, sent.bytes, state.sha if sent.files else None)
        sent.files = len(missing) + len(old) + (text != state.card)
        repo.check_not_ignored([shard.name for shard in missing], state)
        progress = sent.counted(self.sending(sum(shard.bytes for shard in missing)))
        additions = [addition(shard.name, shard.path, shard.sha256, progress) for shard in missing]
        repo.send(additions)
        commit = repo.commit(self._operations(additions, old, text, state), _message(card.counts), state.sha)
        return Pushed(repo.address, sent.files, sent.bytes, commit)

    def _operations(self, additions: list[Any], old: list[str], text: str, state: State) -> list[Any]:
        from huggingface_hub import CommitOperationDelete

        operations = [*additions, *(CommitOperationDelete(name, is_folder=False) for name in old)]
        if text != state.card:
            digest = hashlib.sha256(text.encode()).hexdigest()
            operations.append(addition("README.md", text.encode(), digest, lambda _: None))
        return operations

    def _old_shards(self, state: State, shards: Shards) -> list[str]:
        """Shards of an earlier push that are no longer part of the set. Nobody else's file is touched."""
        there = {shard.name for shard in shards.shards}
        return sorted(name for name in state.files if OURS.fullmatch(name) and name not in there)

    def _wrong_visibility(self, state: State | None) -> Iterator[tuple[str, str]]:
        """(message, hint)."""
        options = self.options
        if state and not state.private and not options.public:
            yield (
                f"{options.repo} is public, but --public was not given",
                "add --public to publish for all, make the repo private on its settings page, or name another",
            )
        if state and state.private and options.public:
            yield (
                f"{options.repo} is private, but --public was given",
                "make the repo public on its settings page (its whole history with it), or push without --public",
            )

    def _no_licence(self, state: State | None) -> Iterator[tuple[str, str]]:
        if not self.options.licence and not licence_of(state.card if state else None):
            yield (
                "a first push needs a licence, and only you can choose it",
                "for example --license cc-by-nc-4.0, or --license other if none fits",
            )

    def _say_summary(self, repo: Repo, state: State | None, counts: Counts) -> None:
        options, owner = self.options, self.options.repo.split("/")[0]
        summary = f"push: {quantity(counts.images, 'row')} of {quantity(len(counts.by_character), 'character')}"
        summary += f", {counts.drawn:,} of them drawn" if counts.drawn else ""
        summary += f", {counts.rows[REJECTED]:,} of them rejected" if counts.rows[REJECTED] else ""
        size = f"with their pictures ({counts.picture_bytes / 1e6:,.1f} MB)"
        self.say(f"{summary}, {size if options.pictures else 'without their pictures'}")
        if counts.gone:
            are = "is" if counts.gone == 1 else "are"
            self.say(f"push: {quantity(counts.gone, 'picture')} {are} no longer in kohya/ and {are} left out")
        for why, count in counts.foreign.items():
            self.say(f"push: {quantity(count, 'picture')} left out: {why}")
        audience = (
            "everyone can see and copy it"
            if options.public
            else f"only {owner} can see it (for an organisation, its members)"
        )
        self.say(f"push: to {repo.address}, {'there' if state else 'new'}, "
                 f"{'PUBLIC' if options.public else 'private'}: {audience}")  # fmt: skip
        self.say("push: published: captions, tags, names of characters and of models, prompts, seeds")
        self.say("push: not published: your file and folder names; EXIF, GPS and other metadata in pictures")
        if state and not options.pictures and has_pictures(state.card):
            self.say("push: the pictures in the repo are removed (its history keeps them); --with-images keeps them")
        if counts.starter:
            self.say("push: TRIAL: the starter models read or drew this; its card says so")
        if REAL not in counts.rows:
            self.say("push: it contains no real picture")


def _is_there(shard: Shard, state: State) -> bool:
    oid = state.files.get(shard.name, "")
    if len(oid) == 64:
        return oid == shard.sha256
    if not oid:
        return False
    if shard.bytes >= GIT_BYTES:
        return False
    blob = b"blob %d\0" % shard.bytes + shard.path.read_bytes()  # as git itself stores a small file
    return hashlib.sha1(blob).hexdigest() == oid


def _check_licence(licence: str | None) -> None:
    if licence is not None and licence not in LICENCES:
        close = difflib.get_close_matches(licence.lower(), LICENCES, 1, cutoff=0.5)
        hint = (
            f"did you mean {close[0]}?"
            if close
            else "use one such as cc-by-4.0, cc-by-nc-4.0 or mit; `other` if none fits"
        )
        raise UsageError(f"{licence} is not a licence that the hub knows", hint=hint)


def _message(counts: Counts) -> str:
    return f"prep: {quantity(counts.images, 'row')} of {quantity(len(counts.by_character), 'character')}"
