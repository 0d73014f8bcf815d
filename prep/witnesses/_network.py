"""The starter witness' network: a few convolutions that look at a picture of about 160 x 160 px in cells of 16 px.

In: float32 [B, 3, H, W], RGB, 0-1, sides divisible by 16. Out: how broken each cell is, and the picture as a whole.
"""

import torch
from torch import Tensor, nn

CELL_PX = 16
WIDTHS = (16, 32, 64, 112)
MEAN, SPREAD = 0.5, 0.28  # of the pixels that it is given, about


class Block(nn.Module):
    """Two convolutions beside a straight way."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, 1, 1, bias=False) for _ in range(2))
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm1(self.first(x)).relu()
        return (x + self.norm2(self.second(inner))).relu()


def _down(width: int, wider: int) -> nn.Sequential:
    """Half the side, more channels."""
    return nn.Sequential(nn.Conv2d(width, wider, 3, 2, 1, bias=False), nn.BatchNorm2d(wider), nn.ReLU())


class WitnessNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = WIDTHS
        self.stages = nn.Sequential(
            _down(3, a),
            _down(a, b),
            Block(b),
            _down(b, c),
            Block(c),
            Block(c),
            _down(c, d),
            Block(d),
        )
        self.cells = nn.Conv2d(d, 1, 1)
        self.whole = nn.Linear(2 * d + 1, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """-> (logits [B] of the picture, logits [B, H / 16, W / 16] of its cells); above 0: broken."""
        features = self.stages((pictures - MEAN) / SPREAD)
        cells = self.cells(features)[:, 0]
        worst = cells.flatten(1).topk(3).values.mean(1, keepdim=True)
        seen = torch.cat([features.amax((2, 3)), features.mean((2, 3)), worst], 1)
        return self.whole(seen)[:, 0], cells
