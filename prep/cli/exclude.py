"""prep exclude: leave pictures out of the set."""

from prep.cli._decide import decision

command = decision(
    "exclude",
    "Leave pictures out of the set, as deleting them from kohya/ does.",
    "miku/3.png",
    "left out of the set",
)
