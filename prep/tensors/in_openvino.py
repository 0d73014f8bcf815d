"""Networks that OpenVINO runs on the CPU, an extra: `pip install prep-lora[openvino]`. Inputs go through one by one,
two of them in flight, so that no result depends on a neighbour. Nothing here knows a tagger.
"""

import platform
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prep.errors import StoppedError, WeightsError
from prep.system import cores

if TYPE_CHECKING:
    from openvino import Model

INSTALL = "`pip install openvino`"
IN_FLIGHT = 2


def lacks() -> str:
    """Why OpenVINO cannot be used here, as a clause; empty: it can."""
    if not find_spec("openvino"):
        return "openvino is not installed"
    try:
        devices = core().available_devices
    except Exception as error:  # a broken library raises OSError, a processor without SSE4 RuntimeError
        return f"openvino cannot be loaded ({short(error)})"
    return "" if "CPU" in devices else f"openvino {version()} does not know this processor ({platform.machine()})"


def openvino() -> Any:
    """The module. Raises StoppedError where it cannot be used."""
    if why := lacks():
        raise StoppedError(f"tagger.backend is openvino, but {why}", hint=f"{INSTALL}, or set tagger.backend=torch")
    return _module()


def _module() -> Any:
    # openvino tells its makers of every import, over the network, unless this part of it is missing.
    sys.modules.setdefault("openvino_telemetry", None)
    import openvino

    return openvino


@cache
def core() -> Any:
    return _module().Core()


def version() -> str:
    return str(_module().get_version()).split("-")[0]


def multiplies_in_bf16() -> bool:
    """Whether this processor has units for it; without them float32 is faster as well as exact."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def read_onnx(path: Path, given: str, answer: str, shape: Sequence[int]) -> "Model":
    """The network of an ONNX file that takes `given` in this shape, and gives `answer` alone.

    Raises StoppedError without OpenVINO; WeightsError for a file that it cannot read.
    """
    module = openvino()
    try:
        model = core().read_model(path)
        model.reshape({given: list(shape)})
        return module.Model([model.output(answer)], model.get_parameters(), path.stem)
    except Exception as error:  # RuntimeError, and others of its own
        raise WeightsError(
            f"{path.name} is not an ONNX file that OpenVINO can run ({short(error)})",
            hint="fetch it again, or set tagger.backend=torch",
        ) from None


class Compiled:
    """A network with one input of a fixed shape and one output, on all cores."""

    def __init__(self, model: "Model", of: str, in_flight: int = IN_FLIGHT, bf16: bool | None = None) -> None:
        """of: the file. in_flight: inputs at once, each on its share of the cores. bf16: None where the CPU has units.

        Raises WeightsError for a network that OpenVINO cannot run.
        """
        count = max(1, min(in_flight, cores()))
        self.of = of
        self.bf16 = multiplies_in_bf16() if bf16 is None else bf16
        asked = {
            "PERFORMANCE_HINT": "THROUGHPUT" if count > 1 else "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if self.bf16 else "f32",
            "NUM_STREAMS": count,
            "INFERENCE_NUM_THREADS": cores() // count * count,  # equal shares: equal sums, wherever a picture goes
            "ENABLE_CPU_PINNING": False,  # two processes would be pinned to the same core
        }
        try:
            compiled = core().compile_model(model, "CPU", asked)
            self.requests = [compiled.create_infer_request() for _ in range(count)]
        except Exception as error:
            raise self._refused(error) from None

    def __call__(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """inputs: N float32 arrays of the network's shape -> float32 [N, ...].

        Raises WeightsError for a network that does not run.
        """
        found: list[np.ndarray] = []
        count = len(self.requests)
        try:
            for number, each in enumerate(inputs):
                if number >= count:
                    found.append(_answer(self.requests[number % count]))
                self.requests[number % count].start_async({0: each})
            found += [_answer(self.requests[number % count]) for number in range(len(found), len(inputs))]
        except RuntimeError as error:
            raise self._refused(error) from None
        return np.stack(found)

    def _refused(self, error: Exception) -> WeightsError:
        return WeightsError(f"{self.of} does not run in OpenVINO ({short(error)})", hint="set tagger.backend=torch")


def _answer(request: Any) -> np.ndarray:
    request.wait()
    return request.get_output_tensor(0).data.astype(np.float32)  # a copy: the next input overwrites it


def short(error: Exception) -> str:
    """The line of an error that says most: the first ones of OpenVINO's are places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Exception from", "Check '"))]
    return (told or lines or [type(error).__name__])[0][:120]
