"""A small instruct model in this process, by transformers, from a folder on this machine. Only this file of the room
imports torch.
"""

import hashlib
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from prep.captioners._answer import Answer, Question
from prep.errors import WeightsError

OWN_TOKENS, TOKENS_PER_TAG, MOST_TOKENS = 64, 8, 1024  # of an answer
LEAST_CONTEXT = 64


class InProcess:
    def __init__(self, folder: Path) -> None:
        """Raises WeightsError."""
        self.model = folder.name
        self.digest = hashlib.sha256(str(folder).encode()).hexdigest()  # its files are hashed elsewhere
        hint = "name a folder with an instruct model as safetensors, its tokenizer and its chat template"
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            network = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype="auto"
            )
        except Exception as error:  # transformers raises what it likes for files that do not fit
            reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
            raise WeightsError(f"{folder} cannot be used: {reason}", hint=hint) from None
        if not self.tokenizer.chat_template:
            raise WeightsError(f"{folder} has no chat template: it answers no instructions", hint=hint)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = network.to(self.device).eval()

    def ask(self, question: Question) -> Answer:
        """Greedy: the same question gets the same answer."""
        messages = [{"role": "system", "content": question.system}, {"role": "user", "content": question.user}]
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        asked = self.tokenizer(text, return_tensors="pt", add_special_tokens=False).to(self.device)
        length = asked["input_ids"].shape[1]
        room = getattr(self.network.config, "max_position_embeddings", None) or length + MOST_TOKENS
        most = min(OWN_TOKENS + TOKENS_PER_TAG * question.tags, MOST_TOKENS, room - length)
        if most < LEAST_CONTEXT:
            return Answer("", cut=True)
        with torch.inference_mode():
            found = self.network.generate(
                input_ids=asked["input_ids"],
                attention_mask=asked["attention_mask"],
                max_new_tokens=most,
                do_sample=False,
                pad_token_id=self.tokenizer.pad_token_id or self.tokenizer.eos_token_id or 0,
            )[0][length:]
        return Answer(self.tokenizer.decode(found, skip_special_tokens=True), cut=len(found) >= most)

    def close(self) -> None:
        self.network = None
