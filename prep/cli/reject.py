"""prep reject: reject accepted pictures."""

from prep.cli._decide import decision

command = decision(
    "reject",
    "Reject pictures that were accepted, such as a drawn one that does not show the character.",
    "kohya/4_miku-drawn/0f12-404a15e475ed.png",
    "rejected",
)
