"""Whether a sentence says what the tags say, and nothing else."""

VERSION = 1  # raised when the same sentence may get another verdict
