"""prep exclude: leave pictures out of the set."""

from prep.cli._decide import decision

command = decision(
    "exclude",
    "Leave pictures out of the set, like deleting them from kohya/.",
    "miku/3.png",
    "left out of the set",
)
