"""What to do, step by step, when memory runs out: each level needs less than the one before.

While denoising: an edit's source and target one after the other, half the batch, the weights on the card only for a
batch, then only block by block. An adaLN cache stays. While the VAE works, which is after denoising: once more with
freed memory, in tiles, on the CPU; latents are kept meanwhile. The noise stays the same, and so does the picture, but
for a VAE in tiles (which are blended at their edges) or on the CPU (which rounds in its own way).
"""

from dataclasses import asdict, dataclass, replace

from prep.errors import StoppedError

AFTER = {"none": "model", "model": "group"}
HINT = "set a smaller `generator.resolution`, or a smaller model"


@dataclass(frozen=True)
class Level:
    """How much memory drawing uses."""

    batch: int  # pictures at once
    tiling: bool = False  # the VAE in tiles
    offload: str = "none"  # none, model, group
    vae_on_cpu: bool = False
    split: bool = False  # edits: source and target one after the other

    @property
    def notes(self) -> dict:
        return asdict(self)

    def lower(self, rows: int, on_card: bool, edits: bool = False) -> "Level":
        """The next level, after this many pictures could not be denoised. 0: the weights themselves did not fit.
        edits: whether these were edits.

        Raises StoppedError when there is none.
        """
        if rows and edits and not self.split:
            return replace(self, split=True)
        if rows > 1:
            return replace(self, batch=rows // 2)
        if on_card and self.offload in AFTER:
            return replace(self, offload=AFTER[self.offload])
        raise StoppedError(
            "there is not enough memory for a single picture"
            + (", even with weights that are on the card block by block" if on_card else ""),
            hint=HINT,
        )

    def lower_vae(self, on_card: bool) -> "Level":
        """The next level for the VAE. Raises StoppedError when there is none."""
        if not self.tiling:
            return replace(self, tiling=True)
        if on_card and not self.vae_on_cpu:
            return replace(self, vae_on_cpu=True)
        where = ", nor on the CPU" if on_card else ""
        raise StoppedError(f"there is not enough memory for the VAE, not even in tiles{where}", hint=HINT)
