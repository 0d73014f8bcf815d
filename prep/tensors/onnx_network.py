"""One ONNX file with one input and one output, opened when it is first run, and the JSON files that lie beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from prep.documents import DocumentError, read_json
from prep.errors import WeightsError
from prep.tensors.onnx_file import open_onnx


def read_beside(path: Path) -> Any:
    """A JSON file of the model. Raises WeightsError."""
    try:
        return read_json(path, follow=True)
    except (FileNotFoundError, DocumentError) as error:
        text = "is missing" if isinstance(error, FileNotFoundError) else str(error)
        raise WeightsError(f"{path.name} {text}", hint="fetch the file again") from None


def read_table(path: Path) -> Mapping[str, Any]:
    """A JSON file that contains a table. Raises WeightsError."""
    found = read_beside(path)
    if not isinstance(found, dict):
        raise WeightsError(f"{path.name} is not a table", hint="fetch the file again")
    return found


class Network:
    """One ONNX file with one input and one output. It is opened when it is first run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.session: Any = None

    def __call__(self, given: np.ndarray) -> np.ndarray:
        """float32, in and out. Raises StoppedError without onnxruntime, WeightsError for another network, and for one
        whose answer is not finite.
        """
        session = self.opened()
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if len(inputs) != 1 or len(inputs[0].shape) != given.ndim:
            raise WeightsError(
                f"{self.path.name} is another network: {len(inputs)} inputs, the first of shape {inputs[0].shape}; "
                f"expected one of {given.ndim} dimensions",
                hint="fetch it again, or name another file",
            )
        try:
            found = session.run([outputs[0].name], {inputs[0].name: given})[0]
        except Exception as error:  # onnxruntime's own kinds, of which it exports none
            reason = str(error).strip().split("\n")[0][:120]
            raise WeightsError(f"{self.path.name} does not take such pictures ({reason})",
                               hint="fetch it again, or name another file") from None  # fmt: skip
        found = np.asarray(found, np.float32)
        if not np.isfinite(found).all():
            raise WeightsError(
                f"{self.path.name} answers with numbers that are not finite",
                hint="its file may be damaged: fetch it again, or name another one",
            )
        return found

    def opened(self) -> Any:
        """The session. Raises StoppedError without onnxruntime, WeightsError for a file that it cannot open."""
        if self.session is None:
            self.session = open_onnx(self.path)
        return self.session

    def close(self) -> None:
        self.session = None
