"""prep restore: undo the decisions about pictures."""

from prep.cli._decide import decision

command = decision(
    "restore",
    "Undo the exclusion, acceptance or rejection of pictures.",
    "miku/3.png",
    "back to undecided",
    "the next `prep run` puts back what belongs there",
)
