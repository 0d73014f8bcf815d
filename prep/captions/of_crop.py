"""What the caption of a crop cannot say: clothes and limbs that the crop does not show, and how the picture was framed.

By the tables of sentence_words.py and the words below. Pure: tags in, a profile out, from which the caption follows as
any other: traits, and what the settings add and remove, stay.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import cache

from prep.captions.groups import group_of
from prep.types import Part, Profile

# The tag that says how a crop is framed, in place of all others of its kind. A whole figure may be framed in any way.
VIEW = {"head": "portrait", "upper": "upper_body"}
FRAMINGS = frozenset(
    "portrait upper_body lower_body cowboy_shot full_body close-up wide_shot very_wide_shot cropped_torso cropped_legs "
    "cropped_shoulders cropped_arms head_out_of_frame feet_out_of_frame multiple_views".split()
)
# The last words of tags, by how far below the head it is. Singular and plural are one.
_LEGS = frozenset(
    "skirt miniskirt microskirt pants jeans short trouser legging pantyhose tight thighhigh kneehigh sock stocking "
    "legwear shoe boot sneaker loafer sandal slipper heel footwear garter bloomer buruma panty thigh leg knee foot toe "
    "toenail sole ankle barefoot bare_leg thighband thighlet zettai_ryouiki underskirt anklet".split()
)
_BODY = frozenset(
    "belt sash obi apron corset glove mitten bracelet bangle wristband wristwatch watch cuff bag backpack handbag "
    "midriff navel stomach abs hip waist hand finger fingernail nail arm elbow sleeve pocket hem tail bare_arm armband "
    "wrist groin crotch ass".split()
)
_LOWER_POSES = frozenset(
    "standing sitting kneeling walking running jumping crouching squatting wariza seiza indian_style all_fours "
    "standing_on_one_leg crossed_legs knees_up leg_up knees_together_feet_apart skirt_hold spread_legs "
    "legs_apart invisible_chair fighting_stance".split()
)
_UPPER_POSES = frozenset(
    "arms_behind_back arm_behind_back arms_at_sides crossed_arms hand_on_hip hand_on_own_hip hands_on_hips "
    "hands_on_own_hips hand_in_pocket hands_in_pockets leaning_forward own_hands_together own_hands_clasped "
    "lying on_back on_side on_stomach".split()
)
_AT_THE_HEAD = ("hand_on_own_chin", "hand_on_own_cheek", "hand_on_own_face", "hand_in_own_hair", "hand_on_own_head",
                "arms_up", "arm_up", "hand_up", "hands_up", "arms_behind_head", "hand_over_own_mouth")  # fmt: skip


def for_crop(profile: Profile, part: Part, read: Collection[str], of_parent: Collection[str]) -> Profile:
    """The profile that the caption of a crop follows from. read: the names that the tagger gave the crop any score
    above its floor; of_parent: those that it gave the parent. What it did not see there at all is a doubtful reading.
    """
    unseen = frozenset(name for name in read if name not in of_parent or is_unseen(part, name))
    view = VIEW.get(part)
    always = profile.always
    if view and view not in profile.never and view not in always:
        always = (*always, view)
    unseen -= {view}
    return replace(profile, unseen=unseen, always=always)


@cache
def is_unseen(part: Part, name: str) -> bool:
    """Whether a crop cannot show this. name: underscored."""
    if name in FRAMINGS:
        return part in VIEW and name != VIEW[part]
    if part == "figure" or name in _AT_THE_HEAD:
        return False
    if name in _LOWER_POSES or _last(name) in _LEGS or name in _LEGS:
        return True
    if part == "upper" or group_of(name) in ("hair", "eyes"):
        return False
    return name in _UPPER_POSES or name in _BODY or _last(name) in _BODY


def _last(name: str) -> str:
    """Its last word, in the singular."""
    word = name.rpartition("_")[2]
    if word in ("feet", "panties"):
        return {"feet": "foot", "panties": "panty"}[word]
    return word if word.endswith("ss") or word == "abs" else word.removesuffix("s")
