"""prep accept: accept rejected pictures."""

from prep.cli._decide import decision

command = decision(
    "accept",
    "Accept pictures that the scan or the check rejected, such as a small or a drawn one.",
    "generated/miku/rejected/5b3c.png",
    "accepted",
    "the next `prep run` adds to kohya/ what is trained on",
)
