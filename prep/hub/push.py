"""A set as a dataset on the Hugging Face Hub: shards first, then one commit, and nothing where nothing differs.

The repo is compared with what should be there and what differs is sent; where the answer to the commit is lost, it is
compared again. Cut off anywhere, it is as it was or whole.
"""

import difflib
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.errors import StoppedError, UsageError
from prep.hub import client
from prep.hub.body import many
from prep.hub.card import Card
from prep.hub.client import Again, Repo, State, addition, check_may_send
from prep.hub.front import has_pictures, licence_of
from prep.hub.rows import FAMILIES, REAL, REJECTED, Counts, Source
from prep.hub.shards import Progress, Shard, Shards
from prep.models.hub import hub_name

OURS = re.compile(rf"data/(?:{'|'.join(FAMILIES)})-\d{{5}}\.parquet")
GIT_BYTES = 10_000_000  # the hub keeps no larger file outside LFS
# What the hub knows, by its documentation; `other` is for the rest.
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
class Wish:
    """What was asked for."""

    repo: str  # user/name
    public: bool = False
    pictures: bool = False
    rejected: bool = False
    licence: str | None = None
    yes: bool = False


@dataclass(frozen=True)
class Pushed:
    address: str
    files: int  # that differed, the card among them
    bytes: int  # that crossed, of shards
    commit: str | None  # None: nothing differed


class HuggingFaceExporter:
    """Pushes one OUT. say: a line. ask: a question -> yes or no. sending: bytes in all -> what is told each step."""

    name = "huggingface"

    def __init__(self, wish: Wish, say: Callable[[str], None], ask: Callable[[str], bool], progress: Progress,
                 sending: Callable[[int], Callable[[int], None]]) -> None:  # fmt: skip
        self.wish, self.say, self.ask, self.progress, self.sending = wish, say, ask, progress, sending

    def push(self, out: Path) -> Pushed:
        """Raises UsageError with nothing sent, StoppedError with the repo as it was or whole."""
        wish = self.wish
        _check_licence(wish.licence)
        source, counts = Source(out, wish.rejected), Counts()
        shards = Shards(source, wish.pictures)
        shards.plan(source.items(counts))
        if not counts.images:
            raise UsageError(f"{out} has nothing to push", hint="see `prep status`")
        if counts.starter and not wish.yes:
            raise UsageError(
                "this is a trial set, read or drawn by the starter models, and not fit for others",
                hint="use real models (see `prep doctor`), or push it all the same with --yes",
            )
        repo = Repo(wish.repo, check_may_send(wish.repo))
        repo.check_token()
        state = repo.state()
        self._check_visibility(state)
        if not wish.licence and not licence_of(state.card if state else None):
            raise UsageError(
                "a first push needs a licence, and only you can say which",
                hint="--license cc-by-nc-4.0, for example; --license other where none fits",
            )
        self._tell(repo, state, counts)
        if not wish.yes and not self.ask("push it?"):
            raise UsageError("nothing was sent: you did not say yes")
        shards.write(self.progress)
        if state is None:
            repo.create(private=not wish.public)
        card = Card(wish.repo, counts, source.settings, source.version, shards.shards, shards.features(), wish.pictures,
                    wish.licence)  # fmt: skip
        return self._bring(repo, shards, card)

    def _bring(self, repo: Repo, shards: Shards, card: Card) -> Pushed:
        """Send what differs until nothing does."""
        files, sent = 0, 0
        for attempt in range(client.TRIES):
            state = repo.state()
            if state is None:
                raise StoppedError(f"{hub_name()} shows no dataset {repo.name}", hint="see whose it is, and push again")
            self._check_visibility(state)
            text = card.text(state.card)
            additions = [shard for shard in shards.shards if not _is_there(shard, state)]
            stale = self._stale(state, shards)
            if not (additions or stale or text != state.card):
                return Pushed(repo.address, files, sent, state.sha if files else None)
            files = len(additions) + len(stale) + (text != state.card)
            size = sum(shard.bytes for shard in additions)
            told, counted = self.sending(size), _Counter()
            operations = [
                addition(shard.name, shard.path, shard.sha256, lambda n, told=told, counted=counted: told(counted(n)))
                for shard in additions
            ]
            repo.check_not_ignored([shard.name for shard in additions], state)
            repo.send(operations)
            sent += counted.bytes
            try:
                commit = repo.commit(self._operations(operations, stale, text, state), _message(card.counts), state.sha)
                return Pushed(repo.address, files, sent, commit)
            except Again as error:
                if attempt == client.TRIES - 1:
                    raise error.last from None
                time.sleep(client.PAUSE_SECONDS * 2**attempt)
        raise AssertionError

    def _operations(self, shards: list[Any], stale: list[str], text: str, state: State) -> list[Any]:
        from huggingface_hub import CommitOperationDelete

        made = [*shards, *(CommitOperationDelete(name, is_folder=False) for name in stale)]
        if text != state.card:
            made.append(addition("README.md", text.encode(), hashlib.sha256(text.encode()).hexdigest(), lambda _: None))
        return made

    def _stale(self, state: State, shards: Shards) -> list[str]:
        """Shards of ours from a push before that are no longer part of the set. Nobody else's file is touched."""
        there = {shard.name for shard in shards.shards}
        return sorted(name for name in state.files if OURS.fullmatch(name) and name not in there)

    def _check_visibility(self, state: State | None) -> None:
        wish = self.wish
        if state and not state.private and not wish.public:
            raise UsageError(
                f"{wish.repo} is public, and a private push was meant",
                hint="--public pushes it for everyone to see; or make it private on its settings page, or name another",
            )
        if state and state.private and wish.public:
            raise UsageError(
                f"{wish.repo} is private, and --public was asked",
                hint="make it public on its settings page (all its history with it), or push without --public",
            )

    def _tell(self, repo: Repo, state: State | None, counts: Counts) -> None:
        wish, owner = self.wish, self.wish.repo.split("/")[0]
        held = (
            f"with their pictures ({counts.picture_bytes / 1e6:,.1f} MB)" if wish.pictures else "without their pictures"
        )
        told = f", {counts.drawn:,} of them drawn" if counts.drawn else ""
        told += f", {counts.rows[REJECTED]:,} of them rejected" if counts.rows[REJECTED] else ""
        self.say(f"push: {many(counts.images, 'row')} of {many(len(counts.by_character), 'character')}{told}, {held}")
        if counts.gone:
            are = "is" if counts.gone == 1 else "are"
            self.say(f"push: {many(counts.gone, 'picture')} {are} no longer in kohya/ and {are} left out")
        seen = (
            "everyone sees it and may copy it"
            if wish.public
            else f"{owner} alone sees it (of an organisation, its members)"
        )
        self.say(f"push: to {repo.address}, {'there' if state else 'new'}, "
                 f"{'PUBLIC' if wish.public else 'private'}: {seen}")  # fmt: skip
        self.say("push: in it: captions, tags, names of characters and of models, prompts, seeds")
        self.say(
            "push: not in it: how your pictures' files are called and where they lie; EXIF, GPS and such in pictures"
        )
        if state and not wish.pictures and has_pictures(state.card):
            self.say("push: the pictures there are taken out (its history has them); --with-images keeps them")
        if counts.starter:
            self.say("push: TRIAL: the starter models read or drew this; its card says so")
        if REAL not in counts.rows:
            self.say("push: no real picture is in it")


class _Counter:
    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, count: int) -> int:
        self.bytes += count
        return count


def _is_there(shard: Shard, state: State) -> bool:
    oid = state.files.get(shard.name, "")
    if len(oid) == 64:
        return oid == shard.sha256
    if not oid:
        return False
    hashed = hashlib.sha1(b"blob %d\0" % shard.bytes)  # a small file that git itself keeps
    return shard.bytes < GIT_BYTES and (hashed.update(shard.path.read_bytes()) or hashed.hexdigest() == oid)


def _check_licence(licence: str | None) -> None:
    if licence is not None and licence not in LICENCES:
        close = difflib.get_close_matches(licence.lower(), LICENCES, 1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else "such as cc-by-4.0, cc-by-nc-4.0, mit; other where none fits"
        raise UsageError(f"{licence} is no licence that the hub knows", hint=hint)


def _message(counts: Counts) -> str:
    return f"prep: {many(counts.images, 'row')} of {many(len(counts.by_character), 'character')}"
