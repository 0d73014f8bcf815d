"""The words in which a sentence may say a tag, beside the tag's own and those of sentence_words.py; for faithful.py.

Phrases are without articles and possessives. A phrase of a garment, a body part or a thing that has no preposition may
also carry the adjectives that the tags give it.
"""

ALIKE = {  # one spelling for words that mean the same
    "gray": "grey", "blond": "blonde", "multicoloured": "multicolored", "coloured": "colored", "plain": "simple",
    "lengthy": "long", "purple-colored": "purple", "armour": "armor", "moustache": "mustache", "shut": "closed",
    "opened": "open", "blurred": "blurry", "bicoloured": "two-tone", "gradated": "gradient",
    "checkered": "checkered", "chequered": "checkered", "golden": "gold", "pyjamas": "pajamas", "frilled": "frilly",
    "towards": "toward", "parted": "parted", "medium-length": "medium",
    "viewers": "viewer", "spiky": "spiked", "camera": "viewer",
}  # fmt: skip

NOUNS = {  # a noun may be called so
    "thighhighs": ("thigh-highs", "thigh-high stockings", "thigh-high socks", "thigh highs"),
    "kneehighs": ("knee-highs", "knee-high socks", "knee highs"), "twintails": ("twin tails", "pigtails"),
    "shirt": ("top",), "pants": ("trousers",), "trousers": ("pants",), "sneakers": ("trainers",),
    "hairband": ("hair band",), "necktie": ("tie",), "tie": ("necktie",), "glasses": ("spectacles", "eyeglasses"),
    "jacket": (), "bangs": ("fringe",), "hairclip": ("hair clip", "clip"), "bowtie": ("bow tie",),
    "bikini": ("swimsuit",), "pantyhose": ("tights",), "panties": ("underwear",), "serafuku": ("sailor uniform",),
    "pajamas": ("nightclothes",), "sunglasses": ("shades",), "earrings": (), "eyewear": (), "hood": (),
    "tree": (), "house": (), "road": ("street", "path"), "flag": (), "couch": ("sofa",), "blackboard": ("chalkboard",),
    "cloud": (), "sidelocks": ("locks at sides",), "ahoge": ("strand of hair sticking up",), "torii": ("torii gate",),
    "cup": (), "rabbit": ("bunny",), "phone": ("telephone",), "gun": ("firearm",), "bag": (), "cat": (), "dog": (),
    "sweater": ("pullover", "jumper"), "overalls": ("dungarees",), "t-shirt": ("tee",), "cap": (), "cape": ("cloak",),
    "sparkle": ("sparkles",), "photo": ("photograph",), "headphones": ("headset",), "choker": (),
}  # fmt: skip


def _table(text: str) -> dict[str, tuple[str, ...]]:
    """`tag: phrase | phrase` lines; a line that begins with a space continues the one above."""
    lines = (line for line in text.replace("\n  ", " ").splitlines() if line and line[0] != "#")
    return {tag: tuple(phrases.split(" | ")) for tag, _, phrases in (line.partition(": ") for line in lines)}


SAID = _table("""
# hair and body
dark-skinned_female: dark-skinned | dark skin
dark-skinned_male: dark-skinned | dark skin
ponytail: tied back in ponytail
twintails: pigtails | twin tails | in pigtails | in twin tails | in two tails
braid: braided hair | in braid | braided
twin_braids: two braids | in two braids
single_braid: one braid
hair_bun: bun
double_bun: double buns | two buns | two hair buns
bob_cut: bob | in bob
hime_cut: princess cut
barefoot: bare feet | no shoes | without shoes
freckles: freckled
dark_skin: dark-skinned
pale_skin: pale-skinned
heterochromia: heterochromatic eyes
hair_over_one_eye: hair covering one eye | hair falling over one eye
cat_ears: ears of cat | cat's ears
collarbone: visible collarbone
midriff: bare midriff | exposed midriff
bare_shoulders: exposed shoulders | shoulders bare
navel: belly button
# face
smile: with smile | smiling
light_smile: slight smile | faint smile | smiling slightly | smiling faintly
blush: flushed cheeks | cheeks flushed | blushing cheeks | pink cheeks
open_mouth: mouth open | open-mouthed | mouth slightly open
closed_mouth: mouth closed | closed-mouth | closed-mouthed | closed lips | lips closed
closed_eyes: eyes closed | closing eyes
half-closed_eyes: eyes half closed | eyes half-closed | half-lidded eyes
one_eye_closed: closing one eye | with one eye closed
tears: tears in eyes | teary eyes
crying: in tears | weeping
expressionless: no expression | without expression | without any expression | blank expression | blank face | neutral
  expression
surprised: in surprise
angry: in anger
parted_lips: lips parted
tongue_out: sticking out tongue
:d: broad smile | wide smile | big smile | smiling widely | open-mouthed smile
# pose
standing: on feet
sitting: seated
kneeling: on knees
lying: lying down
looking_at_viewer: gazing at viewer | looking toward viewer | eyes on viewer | gaze on viewer | gazing toward viewer |
  meeting viewer's gaze | meeting viewer's eyes | eye contact with viewer | making eye contact with viewer | looking
  into viewer's eyes | looking directly at viewer | staring at viewer
looking_back: looking over shoulder | glancing back | looking behind
looking_away: gazing away | averting gaze | averting eyes
looking_to_the_side: looking to side | glancing to side | looking sideways | glancing sideways
looking_up: gazing up | looking upward | looking upwards
looking_down: gazing down | looking downward | looking downwards
head_tilt: head tilted | tilting head | tilt of head | with tilt of head
arms_behind_back: hands behind back
crossed_arms: arms crossed | arms folded | folding arms | crossing arms | folded arms
arms_up: arms raised | raising arms | raised arms | arms in air
arm_up: arm raised | raising arm | raised arm | raising one arm | one arm raised
hand_up: hand raised | raising hand | raised hand | raising one hand | one hand raised
hands_up: hands raised | raising hands | raised hands
hand_on_own_hip: hand on hip
hands_on_own_hips: hands on hips
crossed_legs: legs crossed | crossing legs
outstretched_arms: arms outstretched | stretching out arms | arms stretched out
spread_arms: arms spread | spreading arms | arms spread wide | arms wide open
own_hands_together: hands together | hands clasped together | putting hands together
hand_on_own_chest: hand on chest
hand_on_own_cheek: hand on cheek
hand_on_own_chin: hand on chin
leg_up: leg raised | raising leg | one leg raised
v: v sign | peace sign | making peace sign | making v sign | giving peace sign | flashing peace sign
waving: waving hand
holding_hands: hand in hand
hug: hugging | embracing | in hug
kiss: kissing | sharing kiss | in kiss
leaning_forward: bending forward
salute: saluting | giving salute
index_finger_raised: raising index finger
holding: holding something | holding object
solo: alone | by herself | by himself | on own | no one else
fighting_stance: in fighting stance | taking fighting stance
hand_on_own_face: hand on face
skirt_hold: holding skirt
# clothes
sleeveless: no sleeves | without sleeves
off_shoulder: off shoulders | off-shoulder
strapless: no straps | without straps
school_uniform: uniform of school | school clothes
serafuku: sailor uniform | sailor school uniform | sailor suit | sailor-style school uniform | sailor-style uniform
maid: maid outfit | maid uniform | maid costume | maid's outfit | maid's uniform | maid's dress
miko: shrine maiden's outfit | shrine maiden outfit | shrine maiden's clothes
casual: casual clothes | casual clothing | casually dressed | casual outfit
japanese_clothes: japanese clothing | traditional japanese clothes | traditional japanese clothing
hair_flower: flower in hair
hair_ornament: ornament in hair | hair accessory
hair_ribbon: ribbon in hair
hair_bow: bow in hair
hairclip: hair clip | clip in hair
frills: frilly trim | ruffles
striped: stripes
plaid: plaid pattern
polka_dot: polka dots
nude: naked | no clothes | without clothes
topless: no shirt | without shirt
no_shoes: shoeless | not wearing shoes | not wearing any shoes
no_hat: not wearing hat
:o: small round mouth | round mouth
grin: with grin
# picture and place
backlighting: backlit | with backlighting
street: on street | in street | down street | along street | by street
road: on road | down road | along road
poolside: at poolside | by poolside
back: from back
park: at park
portrait: in portrait | portrait of | as portrait
upper_body: from waist up | upper body of | waist up | upper body shot of | in upper body shot | in half-length view
cowboy_shot: from thighs up | from mid-thigh up | in cowboy shot | cowboy shot of | from thigh up | thighs up
full_body: in full | whole body | full-length | from head to toe | full body of | full-body view of | full-body shot
  of | full-length view of | in full-body view | in full-body shot | at full length | in full length | head to toe |
  full body in view | in full-length view
close-up: close up | in close-up | close-up of | close-up view of | up close | from close up
wide_shot: from distance | from far away | wide shot of | in wide shot | from afar
from_behind: from back
from_side: in side view | side view of
from_above: from high angle | from overhead | from higher up
from_below: from low angle
dutch_angle: at tilted angle | tilted angle | at slant | in tilted view
profile: in profile | profile of
outdoors: outside | in open air | out of doors
indoors: inside
day: by day | during day | in daytime | during daytime | in daylight | in broad daylight
night: at night | at night-time | by night | during night | in night | at nighttime
sunset: at sunset | during sunset
rain: in rain | in falling rain | it is raining | rain is falling
snow: in snow
snowing: in falling snow | it is snowing | snow is falling | as snow falls | falling snow
beach: on beach | at beach | by sea on beach
ocean: by ocean | by sea
sky: under sky | beneath sky | under open sky
night_sky: under night sky | beneath night sky
rooftop: on rooftop | on roof
field: in field
stage: on stage
pool: by pool | at pool | beside pool
underwater: under water
wind: in wind | wind is blowing
sunlight: in sunlight
moonlight: in moonlight
dusk: at dusk
evening: in evening | at evening
summer: in summer | in summertime
winter: in winter
autumn: in autumn | in fall
blurry_background: background is out of focus | out-of-focus background
stairs: on stairs
balcony: on balcony
bridge: on bridge
nature: in nature
monochrome: in monochrome | in black and white | in single colour | in single color
greyscale: in greyscale | in shades of grey | in grayscale
sketch: as sketch | sketch of | sketched | in sketch
chibi: in chibi style | in chibi proportions | chibi style
lineart: line art | in line art
pixel_art: in pixel art
traditional_media: in traditional media
scenery: in landscape | landscape
no_humans: no people | without people | nobody | no one | without humans | without anyone | without anybody | empty of
  people
""")
PAIRS = {  # tags that one phrase says
    ("smile", "looking_at_viewer"): ("smiling at viewer",),
    ("reading", "book"): ("reading book",),
    ("reading", "books"): ("reading books",),
}

ROLES = frozenset(  # tags of what somebody is, or is dressed as
    "nurse maid witch android knight samurai ninja elf angel demon vampire princess prince idol pirate soldier cyborg "
    "robot mermaid miko nun student cheerleader waitress butler chef detective magician dancer queen king fairy ghost "
    "police policewoman doctor teacher assassin warrior archer monk cowboy santa playboy_bunny magical_girl "
    "monster_girl "
    "demon_girl cat_girl fox_girl dog_girl wolf_girl rabbit_girl shrine_maiden office_lady race_queen".split()
)
STATES = frozenset(  # adjectives of a person
    "barefoot freckled muscular dark-skinned pale-skinned expressionless open-mouthed closed-mouthed nude naked "
    "topless alone solo shoeless smiling".split()
)
WORN_TOO = frozenset("jersey sportswear swimwear clothing attire jewelry headgear harness".split())
VERBS_TOO = frozenset(("floating", "swinging"))
PREPOSITIONS = frozenset(
    "in on at of by under over behind between with without from up down out through around against above below beside "
    "near before inside into toward past as off to is".split()
)
ANSWERS = frozenset("image picture illustration photo artwork caption prompt tags tag depicts depicting".split())
HEADWEAR = frozenset("hat cap beret helmet crown tiara headband hairband headdress".split())
NEGATIONS = frozenset("no not without never nor neither lacks lacking isn't aren't doesn't hasn't nothing none".split())
