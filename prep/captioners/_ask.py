"""A language model at an address: the HTTP API of OpenAI, as Ollama, LM Studio, llama.cpp and vLLM have it."""

import base64
import hashlib
import json
from typing import Any

from prep.captioners._answer import Answer, Question
from prep.errors import StoppedError
from prep.remote import LANGUAGE_MODEL, AbsentError, FailingError, Server, address_of

CHAT, MODELS = "/chat/completions", "/models"
OWN_TOKENS, TOKENS_PER_TAG, MOST_TOKENS = 512, 8, 4096  # of an answer; some models think aloud first


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
        """Raises StoppedError; RefusedCallError and FailingError where only this question may be at fault."""
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
        return Answer(text if isinstance(text, str) else "", ended == "length")

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
