"""What a language model is told: to say the tags in plain English, and nothing else."""

from prep.captions.compose import prompt_text
from prep.types import ToDescribe

SYSTEM = (
    "You turn tags of an anime picture into plain English for the training of an image model. Say every tag, in its "
    "own words, each once, and nothing that no tag says: no colour, garment, object, place, feeling, action or person "
    "beside them. Keep each colour with its own thing. Do not say what is absent unless a tag does. Do not write "
    "`the image shows`, give no opinion, and use no quotes, lists or markdown. Answer with the text alone."
)
LENGTHS = {
    "short": "Write one short sentence.",
    "medium": "Write one or two sentences.",
    "long": "Write two to four sentences.",
}


def user_text(what: ToDescribe, wrong: str = "") -> str:
    """wrong: what was wrong with the first answer, as the end of a sentence."""
    lines = [f"Tags: {', '.join(map(prompt_text, what.tags))}", LENGTHS[what.length]]
    if what.dropped:
        lines.insert(1, f"Do not mention: {', '.join(sorted(map(prompt_text, what.dropped)))}")
    if wrong:
        lines.append(f"Your last answer {wrong}. Write it again.")
    return "\n".join(lines)
