"""What torch can do on this machine. Each check is separate, so that one broken part hides no other."""

import time
import warnings
from dataclasses import dataclass

from prep.machine.torch_build import mend
from prep.process.hardware import nvidia_driver

FP8_CAPABILITY = (8, 9)  # Ada and later multiply in FP8; Ampere (8.0, 8.6) only stores it
STORAGE = "storage only"


@dataclass(frozen=True)
class Gpu:
    name: str
    kind: str  # cuda | mps
    bytes: int | None  # of memory; None where it shares the machine's
    free: int | None
    capability: tuple[int, int] | None = None
    bf16: bool = False
    fp8: str = STORAGE  # or which FP8 products work
    tflops: float | None = None  # of bf16 products, timed


@dataclass(frozen=True)
class Compute:
    version: str | None  # torch's; None: it cannot be imported
    bf16: str  # how the CPU multiplies in bf16, or empty
    gpus: tuple[Gpu, ...] = ()
    problem: str = ""
    hint: str = ""


def look() -> Compute:
    """Ask torch, whose import takes seconds. Never raises."""
    try:
        import torch
    except Exception as error:  # a broken library raises OSError, a wrong NumPy any error at all
        return Compute(
            None,
            "",
            problem=f"torch cannot be imported: {_line(error)}",
            hint="`pip install -e .` in the clone of prep",
        )
    gpus, problem = _cuda(torch)
    hint = ""
    if problem:
        hint = "install the driver that this torch needs, or run on the CPU"
    elif not gpus and nvidia_driver():
        problem, hint = _unseen(torch)
    return Compute(torch.__version__, _cpu_bf16(torch), gpus + _mps(torch), problem, hint)


def _unseen(torch) -> tuple[str, str]:
    """(the problem, what to do) where a driver is here and torch has no card."""
    if torch.version.cuda or torch.version.hip:
        return (
            f"torch {torch.__version__} does not see the NVIDIA card",
            "restart the machine, or install a newer driver",
        )
    problem = f"torch {torch.__version__} is built without CUDA, so it cannot use the NVIDIA card here"
    return problem, mend(torch.__version__)


def _cpu_bf16(torch) -> str:
    """As the taggers check it: AMX or AVX-512 BF16, and a torch built to use them."""
    units = {"_is_amx_tile_supported": "AMX", "_is_avx512_bf16_supported": "AVX-512 BF16"}
    try:
        if not torch.backends.mkldnn.is_available() or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            return ""
        return next((unit for probe, unit in units.items() if getattr(torch.cpu, probe, bool)()), "")
    except Exception:  # private names, which a version may lack
        return ""


def _cuda(torch) -> tuple[tuple[Gpu, ...], str]:
    """(the cards, what is wrong). torch reports a missing or old driver by a warning."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if not torch.cuda.is_available():
                built = torch.version.cuda or torch.version.hip
                return (), str(caught[0].message).split("\n")[0][:160] if built and caught else ""
            return tuple(_card(torch, number) for number in range(torch.cuda.device_count())), ""
    except Exception as error:
        return (), f"the GPU does not answer: {_line(error)}"


def _card(torch, number: int) -> Gpu:
    free, total = torch.cuda.mem_get_info(number)
    capability = torch.cuda.get_device_capability(number)
    fp8 = fp8_products(torch, torch.device("cuda", number)) if capability >= FP8_CAPABILITY else STORAGE
    bf16 = capability >= (8, 0)
    tflops = timed_tflops(torch, f"cuda:{number}") if bf16 else None
    return Gpu(torch.cuda.get_device_name(number), "cuda", total, free, capability, bf16, fp8, tflops)


def timed_tflops(torch, device: str, side: int = 4096) -> float | None:
    """The rate of a product of two bfloat16 matrices, in TFLOPS; None: it failed."""
    try:
        a = torch.ones(side, side, dtype=torch.bfloat16, device=device)
        times = []
        for _ in range(5):  # the first ones warm the card up
            started = time.perf_counter()
            float((a @ a)[0, 0])  # waits for it
            times.append(time.perf_counter() - started)
        return 2 * side**3 / min(times) / 1e12
    except Exception:
        return None


def fp8_products(torch, device) -> str:
    """Try two small products: a card may have FP8 units that this torch cannot use (row scaling failed on SM 12.0)."""
    one = torch.ones((), device=device)
    if failed := _product_fails(torch, device, one, one):
        return f"{STORAGE}: products fail ({failed})"
    rows = torch.ones(16, 1, device=device)
    return f"products by tensor{'' if _product_fails(torch, device, rows, rows.t()) else ' and by row'}"


def _product_fails(torch, device, scale_a, scale_b) -> str:
    try:
        a, b = (torch.ones(16, 32, device=device).to(torch.float8_e4m3fn) for _ in range(2))
        product = torch._scaled_mm(a, b.t(), scale_a=scale_a, scale_b=scale_b, out_dtype=torch.bfloat16)
        return "" if bool((product == 32).all()) else "wrong numbers"
    except Exception as error:
        return _line(error)


def _mps(torch) -> tuple[Gpu, ...]:
    try:
        return (Gpu("Apple GPU", "mps", None, None),) if torch.backends.mps.is_available() else ()
    except Exception:
        return ()


def _line(error: BaseException) -> str:
    return (str(error).strip().split("\n")[0] or type(error).__name__)[:160]
