"""prep restore: take back what was decided of pictures."""

from prep.cli._decide import decision

command = decision(
    "restore",
    "Take back that pictures were excluded, accepted or rejected.",
    "miku/3.png",
    "as if nothing was decided",
    "the next `prep run` puts back what belongs there",
)
