"""The device and dtype to draw with, and how to recognise an out-of-memory error."""

import gc
import logging
import warnings
from functools import cache

import torch

from prep.errors import SettingsError
from prep.process.hardware import nvidia_driver

NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "status_alloc_failed",
    "cublas_status_not_initialized",
    "unable to find an engine",
)  # as cuBLAS and cuDNN say on a full card
BF16_CAPABILITY = (8, 0)  # Ampere and later multiply in bfloat16


log = logging.getLogger(__name__)


def check_device(asked: str, setting: str) -> None:
    """asked: auto, cpu, cuda or mps. Raises SettingsError when torch sees no such device."""
    there = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if asked in there and not there[asked]():
        raise SettingsError(
            f"{setting} is {asked}, but torch sees no such device", hint="`auto` uses what this machine has"
        )


def pick_device(asked: str) -> torch.device:
    """asked: auto, cpu or cuda. Raises SettingsError when there is no such device."""
    check_device(asked, "generator.device")
    if asked == "auto":
        say_why_no_card()
    return largest_card() if asked != "cpu" and torch.cuda.is_available() else torch.device("cpu")


@cache
def say_why_no_card() -> None:
    """Once, a line where an NVIDIA driver is here, torch is built for it, and yet sees no card."""
    if not torch.version.cuda or not nvidia_driver():
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return
    reason = short_reason(caught[0].message) if caught else f"torch {torch.__version__} does not see it"
    log.info(f"the NVIDIA card is not used ({reason}): `prep doctor` says what to do")


def largest_card() -> torch.device:
    """The card with the most memory, of which `prep doctor` speaks, too; of equal ones the first."""
    sizes = [torch.cuda.get_device_properties(number).total_memory for number in range(torch.cuda.device_count())]
    return torch.device("cuda", sizes.index(max(sizes)))


def card_bytes(device: torch.device) -> int:
    """All of its memory, whoever uses it."""
    return torch.cuda.get_device_properties(device).total_memory


def best_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 if the processor multiplies in it, else float32; as for the taggers."""
    if device.type == "cuda":
        # Not torch.cuda.is_bf16_supported, which asks the first card.
        multiplies = torch.version.hip or torch.cuda.get_device_capability(device) >= BF16_CAPABILITY
        return torch.bfloat16 if multiplies else torch.float32
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return torch.bfloat16 if any(getattr(torch.cpu, probe, bool)() for probe in probes) else torch.float32


def short(dtype: torch.dtype) -> str:
    return {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}[dtype]


def card(device: torch.device) -> dict:
    """The card's name and this process's peak memory on it, in GB; empty on a CPU."""
    if device.type != "cuda":
        return {}
    held_gb = torch.cuda.max_memory_allocated(device) / 1e9
    return {"card": torch.cuda.get_device_name(device), "most_gb": round(held_gb, 2)}


def is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in NO_MEMORY)


def short_reason(error: object) -> str:
    """The first line of an error, for a line of a run."""
    return str(error).strip().split("\n")[0][:120] or "no more"


def give_back() -> None:
    """Free memory that is no longer used, also on the card."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
