"""A language model at an address: the HTTP API of OpenAI, as Ollama, LM Studio, llama.cpp and vLLM have it."""

import base64
import hashlib
import json
from typing import Any

from prep.captioners._answer import Answer, Question, UnusableError
from prep.errors import StoppedError
from prep.remote import LANGUAGE_MODEL, AbsentError, FailingError, Server, address_of

CHAT, MODELS = "/chat/completions", "/models"
OWN_TOKENS, TOKENS_PER_TAG, MOST_TOKENS = 512, 8, 4096  # of an answer; some models think aloud first
KINDS = {
    type(None): "null",
    bool: "a truth value",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


class Endpoint:
    """Made, it knows the model's name there."""

    def __init__(self, url: str, model: str, temperature: float, timeout_seconds: float) -> None:
        """model: empty: the first that the server lists. Raises StoppedError."""
        self.server = Server(_base(url), timeout_seconds, api=LANGUAGE_MODEL)
        self.temperature = temperature
        self.model = model or self._first()

    @property
    def digest(self) -> str:
        """Nothing about where the server is."""
        return hashlib.sha256(json.dumps(["llm", self.model]).encode()).hexdigest()

    def ask(self, question: Question) -> Answer:
        """Raises UnusableError, StoppedError; RefusedCallError, FailingError and TooLongError where only this question
        may be at fault.
        """
        content: Any = question.user
        if question.picture:
            image = "data:image/jpeg;base64," + base64.b64encode(question.picture).decode()
            content = [{"type": "text", "text": question.user}, {"type": "image_url", "image_url": {"url": image}}]
        body = {
            "model": self.model,
            "messages": [{"role": "system", "content": question.system}, {"role": "user", "content": content}],
            "temperature": self.temperature,
            "max_tokens": min(OWN_TOKENS + TOKENS_PER_TAG * question.tags, MOST_TOKENS),
            "seed": question.attempt,
            "stream": False,
        }
        return self._answer(self.server.post(CHAT, body))

    def close(self) -> None:
        self.server.close()

    def _answer(self, found: Any) -> Answer:
        try:
            choice = found["choices"][0]
            text, ended = choice["message"]["content"], choice.get("finish_reason")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise FailingError(
                f"{self.server.address} ({CHAT}) answers without a message", hint="see what it prints"
            ) from None
        said = _text(text)
        if self.server.repeats_secret(said):  # why a sentence is refused may quote it
            raise UnusableError("repeats the key")
        return Answer(said, ended == "length")

    def _first(self) -> str:
        name = "name the model with captioner.llm.model"
        try:
            found = self.server.get(MODELS)
        except AbsentError as error:
            raise StoppedError(error.message, hint=f"{name}; {error.hint}") from None
        listed = found.get("data") if isinstance(found, dict) else None
        ids = [each.get("id") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        names = [each for each in ids if isinstance(each, str) and each.isprintable() and each.strip()]
        writing = [each for each in names if "embed" not in each.lower()]
        if not writing:
            raise StoppedError(f"{self.server.address} lists no model that writes", hint=f"load one there, or {name}")
        return writing[0]


def _base(url: str) -> str:
    """With the path that these APIs have, for an address that was typed without one."""
    address = address_of(url).removesuffix(CHAT)
    return address if address.count("/") > 2 else f"{address}/v1"


def _text(content: Any) -> str:
    """Of a message: a text, or a list of parts with one, between which thoughts may be. Raises UnusableError."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise UnusableError(f"was {KINDS[type(content)]}, not text")
    texts = [part.get("text", "") if isinstance(part, dict) else part for part in content]
    if others := [text for text in texts if not isinstance(text, str)]:
        raise UnusableError(f"was a list with {KINDS[type(others[0])]}, not text")
    return "".join(texts)
