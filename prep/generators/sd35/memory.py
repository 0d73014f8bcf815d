"""What to do, step by step, when memory runs out: halve the batch, tile the VAE, then offload weights.

The noise stays the same, and so does the picture, except with a tiled VAE (whose tiles are blended at the edges).
"""

from dataclasses import asdict, dataclass, replace

from prep.errors import StoppedError


@dataclass(frozen=True)
class Level:
    """How much memory drawing uses."""

    batch: int  # pictures at once
    tiling: bool = False
    offload: str = "none"  # none, model, group

    @property
    def notes(self) -> dict:
        return asdict(self)

    def lower(self, rows: int, on_card: bool) -> "Level":
        """The next level, after this many pictures did not fit. Raises StoppedError when there is none."""
        if rows > 1:
            return replace(self, batch=rows // 2)
        if not self.tiling:
            return replace(self, tiling=True)
        after = {"none": "model", "model": "group"}
        if on_card and self.offload in after:
            return replace(self, offload=after[self.offload])
        raise StoppedError(
            "there is not enough memory for a single picture, even with the VAE in tiles"
            + (" and offloaded weights" if on_card else ""),
            hint="set a smaller `generator.resolution`, or a smaller model",
        )
