"""Which rows of a stored tensor a layer takes. Knows no particular model."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Rows:
    """Which rows of a stored tensor a layer takes: `parts` of its `of` equal parts, in this order."""

    parts: tuple[int, ...] = (0,)
    of: int = 1

    def spans(self, height: int) -> list[tuple[int, int]]:
        """(start, stop) of each part, for a tensor with this many rows."""
        part_height = height // self.of
        return [(part * part_height, (part + 1) * part_height) for part in self.parts]

    def of_tensor(self, tensor: "torch.Tensor") -> "torch.Tensor":
        """tensor: [rows, ...]. One part is a view; more are a copy. A scale that all rows share ([1, 1]) stays."""
        if self.of == 1 or len(tensor) == 1:
            return tensor
        return joined([tensor[start:stop] for start, stop in self.spans(len(tensor))])


def joined(parts: "list[torch.Tensor]") -> "torch.Tensor":
    """One part as it is; several concatenated as bytes, since not every torch can concatenate float8."""
    import torch

    if len(parts) == 1:
        return parts[0]
    return torch.cat([part.view(torch.uint8) for part in parts]).view(parts[0].dtype)


ALL = Rows()
THIRDS = tuple(Rows((part,), 3) for part in range(3))
SWAPPED = Rows((1, 0), 2)
