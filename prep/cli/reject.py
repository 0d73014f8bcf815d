"""prep reject: refuse accepted pictures."""

from prep.cli._decide import decision

command = decision(
    "reject",
    "Refuse pictures that were accepted: a drawn one that is not the character.",
    "kohya/4_miku-drawn/0f12-404a15e475ed.png",
    "rejected",
)
