"""Sentences by a language model: at an address with the API of OpenAI, or in this process from a folder.

It only rephrases tags: an answer that says anything else (prep/captions/faithful.py) is refused, and so is the second;
then the grammar writes the sentence, and why is kept.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from prep.captioners._answer import Answer, Question, UnusableError
from prep.captioners._ask import Endpoint
from prep.captioners._at_once import at_once
from prep.captioners._clean import clean
from prep.captioners._prompt import SYSTEM, user_text
from prep.captioners.grammar import by_grammar
from prep.captions.faithful import unfaithful
from prep.errors import SettingsError, StoppedError
from prep.options import CaptionerOptions, Text, number, whole
from prep.remote import FailingError, RefusedCallError, TooLongError
from prep.types import Problem, Sentence, ToDescribe

log = logging.getLogger(__name__)
ATTEMPTS = 2
MOST_TAGS = 300  # longer captions fit no small model, and no text encoder
IN_A_ROW = 12  # questions that a server refuses or fails: then it is not the questions


class LlmOptions(CaptionerOptions):
    costs: ClassVar[tuple[str, ...]] = ("timeout", "parallel")

    model: Text = ""
    picture: bool = False
    temperature: number(0, 2) = 0.2
    timeout: whole(1, 86_400) = 120
    parallel: whole(1, 64) = 4


class Model(Protocol):
    """Wherever it runs."""

    model: str
    digest: str

    def ask(self, question: Question) -> Answer: ...

    def close(self) -> None: ...


class Llm:
    """Implements prep.protocols.Captioner."""

    costly = True

    def __init__(self, name: str, files: Mapping[str, str | Path], options: LlmOptions) -> None:
        """files: `url`, the address; else the files of a transformers model, which are in one folder.

        Raises StoppedError for a server that does not answer, WeightsError for a folder whose model cannot be used.
        """
        self.name = name
        self.parallel = options.parallel
        self.model: Model
        if "url" in files:
            self.model = Endpoint(str(files["url"]), options.model, options.temperature, options.timeout)
            self.where = self.model.server.address
        else:
            if options.picture:
                raise SettingsError(
                    "captioner.llm.picture: a model in a folder reads only text", hint="set captioner.llm.picture=false"
                )
            from prep.captioners._in_process import InProcess

            self.model = InProcess(Path(next(iter(files.values()))).parent)
            self.where, self.parallel = "this machine", 1
        self.digest = self.model.digest
        self.in_a_row = 0
        self.said = ""  # by the server, about the last question that it did not answer

    @property
    def about(self) -> str:
        """For one line of a run."""
        return f"{self.where} writes sentences with {self.model.model}"

    @property
    def kept(self) -> str:
        """What is kept of it between runs."""
        return json.dumps({"model": self.model.model})

    def is_model(self, digest: str) -> bool:
        return digest == self.digest

    def write(self, batch: Sequence[ToDescribe]) -> Iterator[Sentence | Problem]:
        for answer in at_once(self._described, batch, self.parallel):
            self.in_a_row = self.in_a_row + 1 if isinstance(answer, Problem) else 0
            if self.in_a_row >= IN_A_ROW:
                raise StoppedError(f"{self.said}, {IN_A_ROW} times in a row", hint=answer.hint)
            yield answer

    def close(self) -> None:
        self.model.close()

    def _described(self, what: ToDescribe) -> Sentence | Problem:
        if not what.tags:
            return by_grammar(what)
        if len(what.tags) > MOST_TAGS:
            return by_grammar(what, f"was not asked: {len(what.tags):,} tags are more than {MOST_TAGS}")
        wrong = ""
        for attempt in range(1, ATTEMPTS + 1):
            question = Question(SYSTEM, user_text(what, wrong), len(what.tags), attempt, what.picture)
            try:
                text = clean(self.model.ask(question))
            except UnusableError as error:
                wrong = str(error)
                continue
            except (RefusedCallError, FailingError, TooLongError) as error:
                return self._problem(error)
            wrong = unfaithful(text, what) or ""
            if not wrong:
                return Sentence(text, self.name)
        return by_grammar(what, wrong)

    def _problem(self, error: RefusedCallError | FailingError | TooLongError) -> Problem:
        """In fixed words: they are published with the set. What the server says is only logged, and shown when it is
        new.
        """
        log.log(logging.DEBUG if error.message == self.said else logging.INFO, f"caption: {error.message}")
        self.said = error.message
        if isinstance(error, TooLongError):
            kind, message = "failed", "the server's answer is longer than any caption"
        else:
            kind = "refused" if isinstance(error, RefusedCallError) else "failed"
            message = f"the server answers {error.status or 'without a message'}"
        return Problem("describe", kind, message, "see what the server prints, then run again with --retry")
