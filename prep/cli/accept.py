"""prep accept: take rejected pictures."""

from prep.cli._decide import decision

command = decision(
    "accept",
    "Take pictures that the scan or the check rejected: a small one, a drawn one.",
    "generated/miku/rejected/5b3c.png",
    "accepted",
    "the next `prep run` puts what was not there into kohya/",
)
