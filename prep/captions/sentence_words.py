"""What Danbooru's tags are in an English sentence: tables for sentence.py, by the place that a tag takes in it.

Tags that are in no table are placed by their words: `striped_scarf` ends in a garment, `waving_flag` begins with an
action. `{her}` stands for her, his or their.
"""

# Of a girl's hair: `long_hair` and `orange_hair` are one phrase, and what it is arranged in follows.
LENGTHS = {
    "very_short_hair": "very short", "short_hair": "short", "medium_hair": "medium-length", "long_hair": "long",
    "very_long_hair": "very long", "absurdly_long_hair": "absurdly long", "big_hair": "big",
}  # fmt: skip
COLOURS = frozenset(
    "aqua beige black blonde blue brown cream dark dark_blue dark_brown dark_green dark_red gold golden green grey "
    "lavender light_blue light_brown light_green light_pink light_purple maroon navy olive orange peach pink "
    "platinum_blonde purple rainbow red silver tan teal violet white yellow".split()
)
HAIRDOS = {
    "ponytail": "in a ponytail", "high_ponytail": "in a high ponytail", "low_ponytail": "in a low ponytail",
    "side_ponytail": "in a side ponytail", "short_ponytail": "in a short ponytail", "twintails": "in twintails",
    "low_twintails": "in low twintails", "two_side_up": "tied up on two sides", "one_side_up": "tied up on one side",
    "braid": "in a braid", "single_braid": "in a single braid", "side_braid": "in a side braid",
    "twin_braids": "in twin braids", "french_braid": "in a French braid", "crown_braid": "in a crown braid",
    "hair_bun": "in a bun", "single_hair_bun": "in a single bun", "double_bun": "in two buns", "bun": "in a bun",
    "bob_cut": "in a bob cut", "hime_cut": "in a hime cut", "pixie_cut": "in a pixie cut", "drill_hair": "in drills",
    "twin_drills": "in twin drills", "hair_up": "worn up", "hair_down": "worn down", "ringlets": "in ringlets",
    "half_updo": "in a half updo", "dreadlocks": "in dreadlocks", "topknot": "in a topknot",
}  # fmt: skip

# Of the body: behind `with`.
LOOKS = {
    "bald": "a bald head", "heterochromia": "eyes of two colours", "bangs": "bangs", "ahoge": "an ahoge",
    "sidelocks": "sidelocks", "hair_intakes": "hair intakes", "hair_over_one_eye": "hair over one eye",
    "hair_over_eyes": "hair over the eyes", "hair_between_eyes": "hair between the eyes", "freckles": "freckles",
    "forehead": "a bare forehead", "beard": "a beard", "mustache": "a moustache", "facial_hair": "facial hair",
    "tan": "a tan", "dark_skin": "dark skin", "pale_skin": "pale skin", "barefoot": "bare feet",
    "muscular": "a muscular build", "petite": "a petite build", "elf": "the ears of an elf",
    "bare_shoulders": "bare shoulders", "bare_arms": "bare arms", "bare_legs": "bare legs", "halo": "a halo",
    "midriff": "a bare midriff", "collarbone": "a visible collarbone", "navel": "a visible navel",
    "cleavage": "visible cleavage", "animal_ears": "animal ears", "bags_under_eyes": "bags under {her} eyes",
    "hair_behind_ear": "hair behind {her} ear", "hair_slicked_back": "hair slicked back",
    "hair_pulled_back": "hair pulled back", "bangs_pinned_back": "bangs pinned back",
    "eyes_visible_through_hair": "eyes visible through {her} hair",
    "eyebrows_hidden_by_hair": "eyebrows hidden by {her} hair",
}  # fmt: skip
BODY = frozenset(
    "eyes hair ears ear horns horn tail tails wings wing skin pupils eyebrows eyelashes bangs breasts fang fangs mole "
    "scar tattoo freckles teeth markings mark nails fingernails braid braids twintails ponytail bun halo antlers "
    "claws muscle abs thighs legs feet sclera scales fins lips forehead shoulders back eyeshadow eyeliner sideburns "
    "stubble goatee".split()
)
PARTS = frozenset(  # on which or around which something may be: `jacket_on_shoulders`, `scar_on_face`
    "head face cheek cheeks nose mouth neck forehead shoulder shoulders chest arm arms hand hands stomach waist back "
    "thigh thighs leg legs knee knees feet eye ear headwear clothes pupils wings tail halo".split()
)

# Of the face: what it does, and what follows `with`.
FACES = {
    "smile": "smiling", "light_smile": "smiling lightly", "grin": "grinning", "smirk": "smirking",
    "frown": "frowning", "pout": "pouting", "blush": "blushing", "light_blush": "blushing lightly",
    "laughing": "laughing", "crying": "crying", "scowl": "scowling", "glaring": "glaring", "wink": "winking",
    "one_eye_closed": "winking", "angry": "looking angry", "sad": "looking sad", "happy": "looking happy",
    "surprised": "looking surprised", "nervous": "looking nervous", "embarrassed": "looking embarrassed",
    "serious": "looking serious", "annoyed": "looking annoyed", "scared": "looking scared",
    "sleepy": "looking sleepy", "shy": "looking shy", "expressionless": "showing no expression",
    "worried": "looking worried", "bored": "looking bored", "drunk": "looking drunk", "smug": "looking smug",
    "evil_smile": "smiling wickedly", "sweat": "sweating", "^_^": "smiling with {her} eyes shut",
    ":d": "smiling broadly", ";d": "smiling broadly and winking", ":)": "smiling a little",
    ":q": "licking {her} lips", ":p": "sticking {her} tongue out", ";p": "winking and sticking {her} tongue out",
    ">_<": "squeezing {her} eyes shut", "tongue_out": "sticking {her} tongue out", ";)": "smiling and winking",
}  # fmt: skip
FEATURES = {
    "open_mouth": "an open mouth", "closed_mouth": "a closed mouth", "parted_lips": "parted lips",
    "closed_eyes": "closed eyes", "half-closed_eyes": "half-closed eyes", "narrowed_eyes": "narrowed eyes",
    "wide-eyed": "wide open eyes", "empty_eyes": "empty eyes", "v-shaped_eyebrows": "v-shaped eyebrows",
    "raised_eyebrows": "raised eyebrows", "furrowed_brow": "a furrowed brow", "tears": "tears",
    "tearing_up": "tears in {her} eyes", "tongue": "{her} tongue showing", "teeth": "{her} teeth showing",
    "clenched_teeth": "clenched teeth", "wavy_mouth": "a wavy mouth", ":o": "a small round open mouth",
    ":3": "a mouth like a cat's", ":<": "a small sulking mouth", ":/": "a crooked mouth", "=_=": "narrow tired eyes",
    "@_@": "dizzy eyes", "x_x": "eyes crossed out", "o_o": "round blank eyes", "-_-": "eyes like lines",
    "._.": "eyes like dots", ";_;": "eyes running with tears",
}  # fmt: skip

# Of the pose: postures, and what follows them with `with`.
POSTURES = frozenset(
    "standing sitting kneeling lying walking running jumping crouching squatting floating flying sleeping wariza "
    "seiza indian_style on_back on_side on_stomach all_fours standing_on_one_leg leaning_forward leaning_back".split()
)
PHRASED = {
    "wariza": "sitting with {her} legs bent outward", "seiza": "kneeling on {her} heels", "on_back": "on {her} back",
    "indian_style": "sitting cross-legged", "on_side": "on {her} side", "on_stomach": "on {her} stomach",
    "all_fours": "on all fours", "v": "making a V sign", "double_v": "making two V signs", "salute": "saluting",
    "looking_at_viewer": "looking at the viewer", "looking_at_another": "looking at somebody else",
    "looking_back": "looking back over {her} shoulder", "looking_to_the_side": "looking to the side",
    "looking_at_object": "looking at an object", "looking_away": "looking away", "solo": "alone",
    "holding_hands": "holding hands", "hug": "hugging", "kiss": "kissing", "waving": "waving", "dancing": "dancing",
    "thumbs_up": "giving a thumbs up", "index_finger_raised": "raising {her} index finger",
    "fighting_stance": "standing ready to fight", "holding": "holding something", "head_tilt": "tilting {her} head",
    "head_rest": "resting {her} head on a hand", "adjusting_hair": "adjusting {her} hair",
    "hand_in_own_hair": "running a hand through {her} hair", "playing_with_own_hair": "playing with {her} hair",
    "facing_viewer": "facing the viewer", "facing_away": "facing away", "arm_support": "leaning on an arm",
    "singing": "singing", "eating": "eating", "drinking": "drinking", "reading": "reading", "bowing": "bowing",
    "covering_mouth": "covering {her} mouth", "licking_lips": "licking {her} lips",
    "adjusting_eyewear": "adjusting {her} eyewear", "adjusting_clothes": "adjusting {her} clothes",
    "skirt_hold": "holding {her} skirt",
    "outstretched_hand": "reaching out a hand",
}  # fmt: skip
LIMBS = {
    "arms_behind_back": "{her} arms behind {her} back", "arms_behind_head": "{her} arms behind {her} head",
    "arms_up": "{her} arms up", "arm_up": "one arm up", "arms_at_sides": "{her} arms at {her} sides",
    "crossed_arms": "{her} arms crossed", "outstretched_arm": "one arm outstretched",
    "outstretched_arms": "{her} arms outstretched", "spread_arms": "{her} arms spread", "hand_up": "one hand up",
    "hands_up": "{her} hands up", "hand_on_hip": "one hand on {her} hip", "hand_on_own_hip": "one hand on {her} hip",
    "hands_on_hips": "{her} hands on {her} hips", "hands_on_own_hips": "{her} hands on {her} hips",
    "own_hands_together": "{her} hands together", "own_hands_clasped": "{her} hands clasped",
    "hand_in_pocket": "one hand in a pocket", "hands_in_pockets": "{her} hands in {her} pockets",
    "crossed_legs": "{her} legs crossed", "knees_up": "{her} knees up", "leg_up": "one leg up",
    "arm_behind_back": "one arm behind {her} back", "clenched_hand": "a clenched hand",
    "clenched_hands": "clenched hands", "hand_on_own_chest": "one hand on {her} chest",
    "hand_on_own_chin": "one hand on {her} chin", "hand_on_own_cheek": "one hand on {her} cheek",
    "hand_on_own_face": "one hand on {her} face",
    "hands_in_opposite_sleeves": "{her} hands in opposite sleeves",
    "knees_together_feet_apart": "{her} knees together and feet apart",
}  # fmt: skip

# Of the clothes: what follows `wearing`, by the last word, and what follows the clothes with `with`.
CLOTHES = frozenset(
    "dress sundress minidress shirt t-shirt blouse sweater cardigan hoodie jacket coat raincoat vest waistcoat blazer "
    "top camisole skirt miniskirt pants jeans shorts trousers leggings pantyhose tights thighhighs kneehighs socks "
    "stockings legwear shoes boots sneakers loafers sandals slippers heels footwear gloves mittens scarf shawl cape "
    "cloak hood robe kimono yukata hakama haori uniform serafuku gakuran suit tuxedo armor armour apron bikini "
    "swimsuit leotard bodysuit underwear bra panties lingerie pajamas hat cap beret helmet crown tiara headband "
    "hairband headdress headwear headphones hairclip hairpin scrunchie ribbon bow bowtie necktie tie ascot "
    "neckerchief necklace choker collar pendant brooch earring earrings bracelet bangle bangles ring jewelry glasses "
    "sunglasses goggles eyewear eyepatch mask veil belt sash obi corset overalls suspenders cuffs bandage bandages "
    "bandaid badge wristband wristwatch watch armband turtleneck tabard poncho gown clothes costume outfit garter "
    "garters neckwear bag backpack handbag ornament flower_crown maid_headdress bodice bolero jumpsuit tracksuit "
    "cheongsam qipao pinafore bloomers buruma gauntlets geta zouri tabi pumps flip-flops capelet headgear headpiece "
    "headset earphones earmuffs anklet armlet bandana blindfold beanie circlet monocle petticoat undershirt nightgown "
    "tunic sarashi sarong fundoshi breastplate pauldrons epaulettes vambraces greaves warmers glove sock shoe boot "
    "thighhigh piercing piercings swimwear sportswear".split()
)
CLOTHES_NAMED = {
    "hair_ornament": "a hair ornament", "hair_flower": "a flower in {her} hair", "hair_bobbles": "hair bobbles",
    "school_uniform": "a school uniform", "maid": "a maid's clothes", "china_dress": "a China dress",
    "animal_ear_headphones": "headphones with animal ears", "fake_animal_ears": "fake animal ears",
    "casual": "casual clothes", "japanese_clothes": "Japanese clothes", "chinese_clothes": "Chinese clothes",
    "hood_up": "{her} hood up", "hood_down": "{her} hood down", "nude": "nothing",
    "topless": "nothing above the waist", "lipstick": "lipstick", "makeup": "makeup", "nail_polish": "nail polish",
    "cosplay": "a costume", "hair_tubes": "hair tubes", "sailor_collar": "a sailor collar", "earrings": "earrings",
    "miko": "a shrine maiden's clothes", "detached_sleeves": "detached sleeves", "mary_janes": "Mary Janes",
}  # fmt: skip
CLOTHES_STATES = frozenset(
    ("open_clothes", "torn_clothes", "wet_clothes", "see-through_clothes", "revealing_clothes")
)  # of what is worn
TAKEN_OFF = {  # in `eyewear_removed`: what is then not worn
    "eyewear": ("glasses", "sunglasses", "goggles", "eyewear"), "glasses": ("glasses",), "mask": ("mask",),
    "headwear": ("hat", "cap", "beret", "helmet", "crown", "tiara", "headwear"), "hat": ("hat", "cap"),
    "shoes": ("shoes", "boots", "sneakers", "loafers", "sandals", "heels", "footwear"), "helmet": ("helmet",),
    "jacket": ("jacket",), "coat": ("coat",), "gloves": ("gloves",), "glove": (), "shoe": (),
    "footwear": ("shoes", "boots", "sneakers", "loafers", "sandals", "heels", "footwear"),
}  # fmt: skip
UPPER = frozenset(
    "dress sundress minidress shirt t-shirt blouse sweater cardigan hoodie jacket coat vest blazer kimono yukata "
    "serafuku uniform leotard pajamas turtleneck gown robe clothes".split()
)  # what has sleeves
DETAILS = {
    "sleeveless": "no sleeves", "strapless": "no straps", "off_shoulder": "bare shoulders", "frills": "frills",
    "lace": "lace", "lace_trim": "a trim of lace", "striped": "stripes", "plaid": "a plaid pattern",
    "polka_dot": "polka dots", "floral_print": "a floral print",
    "sleeves_past_wrists": "sleeves past {her} wrists", "sleeves_rolled_up": "sleeves rolled up",
    "short_over_long_sleeves": "short sleeves over long sleeves",
}  # fmt: skip
SLEEVES = ("sleeves", "straps", "shoulders")  # words of details that only what has sleeves may have
DETAIL_NOUNS = frozenset("sleeves pockets buttons zipper trim print straps neckline hem".split())

# Of the picture: how it is framed, where it is set, what is there, how it is drawn.
VIEWS = {  # in the order in which they are said
    "close-up": "shown close up", "portrait": "shown in a portrait", "upper_body": "shown from the waist up",
    "lower_body": "shown below the waist", "cowboy_shot": "shown from the thighs up",
    "full_body": "shown from head to toe", "wide_shot": "shown from afar", "very_wide_shot": "shown from very far",
    "from_behind": "seen from behind", "from_side": "seen from the side", "from_above": "seen from above",
    "from_below": "seen from below", "profile": "seen in profile", "straight-on": "seen straight on",
    "three_quarter_view": "seen from a three-quarter angle", "dutch_angle": "seen at a tilted angle",
    "pov": "seen through the viewer's eyes", "backlighting": "lit from behind", "sidelighting": "lit from the side",
    "underlighting": "lit from below", "back": "with {her} back in view", "face": "with {her} face in view",
    "head_out_of_frame": "with {her} head out of the frame", "feet_out_of_frame": "with {her} feet out of the frame",
    "cropped_torso": "with the torso cropped",
}  # fmt: skip
PLACES = {
    "outdoors": "outdoors", "indoors": "indoors", "day": "by day", "night": "at night", "sunset": "at sunset",
    "sunrise": "at sunrise", "dusk": "at dusk", "dawn": "at dawn", "evening": "in the evening", "rain": "in the rain",
    "snow": "in the snow", "snowing": "in falling snow", "wind": "in the wind", "sky": "under the sky",
    "night_sky": "under the night sky", "underwater": "under water", "space": "in space", "nature": "in nature",
    "summer": "in summer", "winter": "in winter", "autumn": "in autumn", "spring_(season)": "in spring",
    "scenery": "in a wide landscape", "on_bed": "on a bed", "on_chair": "on a chair", "on_couch": "on a couch",
    "on_floor": "on the floor", "on_ground": "on the ground", "on_grass": "on the grass", "in_water": "in the water",
    "beach": "on a beach", "ocean": "by the ocean", "sea": "by the sea", "rooftop": "on a rooftop",
    "stage": "on a stage", "stairs": "on stairs", "balcony": "on a balcony", "bridge": "on a bridge",
    "street": "on a street", "pool": "by a pool", "field": "in a field", "hill": "on a hill",
    "cityscape": "before a cityscape", "moon": "under the moon", "full_moon": "under a full moon",
    "sun": "in the sun", "sunlight": "in sunlight", "moonlight": "in moonlight", "river": "by a river",
    "lake": "by a lake", "blurry_background": "before a blurry background",
    "against_wall": "against a wall",
}  # fmt: skip
ROOMS = frozenset(
    "classroom bedroom kitchen library cafe bathroom hallway office gym room shop restaurant train_interior forest "
    "city cave garden park shrine temple church castle ruins meadow desert alley village town stadium hospital school "
    "courtyard onsen bamboo_forest flower_field train car".split()
)
THINGS = frozenset(
    "tree trees chair armchair flag desk table window building buildings house cloud clouds grass road flower flowers "
    "plant curtains curtain door mountain mountains water bed couch bench lamp lantern fence wall tower bookshelf book "
    "books cat dog bird petals leaves leaf star stars umbrella statue rock rocks bush vase cup teacup plate food cake "
    "clock mirror pillow computer phone notebook blackboard chalkboard sword weapon gun microphone guitar piano ball "
    "balloon bag box bottle palm_tree horse fish butterfly snowflakes bubbles sparkle sparkles fire smoke torii "
    "rabbit sign poster bouquet rose roses sunflower feathers fireworks candle doll towel blanket basket gift card "
    "envelope camera smartphone cellphone laptop television instrument violin drum fan rope mug bowl tray spoon fork "
    "chopsticks fruit apple strawberry bread rice ramen noodles onigiri sandwich burger pizza ice_cream candy lollipop "
    "chocolate cookie doughnut tea coffee katana knife dagger spear polearm staff rifle handgun shield axe scythe wand "
    "broom motorcycle bicycle airplane ship boat tank fox wolf snake dragon rod pan machine wheel".split()
)
SMALL_WORDS = frozenset("back up down away out one ahead".split())  # that begin no object of an action
OBJECTS = frozenset(  # of actions, beside things and clothes: sitting on a lap, taking a picture
    "object person animal lap picture kiss hand finger cheek head penis face nipple breast foot throne bed".split()
)
TO_ONESELF = frozenset(  # what is done to an own part of the body: brushing her teeth
    "covering turning wiping brushing tying tucking rubbing twirling averting rolling drying soaking shading".split()
)
STYLES = {
    "monochrome": "in monochrome", "greyscale": "in shades of grey", "sketch": "as a sketch",
    "lineart": "in line art", "comic": "as a comic", "chibi": "in chibi proportions",
    "traditional_media": "in traditional media", "watercolor_(medium)": "in watercolour",
    "spot_color": "with spots of colour", "limited_palette": "in a limited palette", "flat_color": "in flat colours",
    "anime_coloring": "in anime colouring", "retro_artstyle": "in a retro style",
    "1990s_(style)": "in the style of the 1990s", "1980s_(style)": "in the style of the 1980s",
    "pixel_art": "as pixel art", "realistic": "in a realistic style", "sepia": "in sepia", "parody": "as a parody",
    "official_art": "as official art", "game_cg": "as game art", "silhouette": "as a silhouette", "3d": "in 3D",
    "foreshortening": "with foreshortening", "hatching_(texture)": "with hatching", "crosshatching": "with hatching",
    "shading": "with shading", "lighting": "with lighting", "lens_flare": "with a lens flare",
    "depth_of_field": "with depth of field",
}  # fmt: skip

MASS = frozenset(  # nouns without an article, besides plurals
    "hair skin armor armour lingerie underwear clothing jewelry eyewear headwear footwear legwear neckwear swimwear "
    "grass water food fire smoke makeup lipstick lace pantyhose headgear geta zouri tabi sarashi sportswear fruit "
    "bread rice ramen candy chocolate tea coffee eyeshadow eyeliner stubble blood cum".split()
)
PLURALS = frozenset(("leaves", "feet", "teeth"))  # without -s, or in more than -s
SINGULAR = frozenset(("canvas", "christmas"))  # in -s, besides those in -ss, -us, -is
NOT_DOING = frozenset(  # words in -ing and tags that are no action, or are one of what follows
    "floating glowing flowing dripping falling burning sparkling shining wagging bleeding blooming hanging king ring "
    "earring wing string swing spring building ceiling painting drawing clothing lightning evening morning piercing "
    "stocking bling thing nothing something wedding sling viking sibling pudding bedding railing lighting backlighting "
    "sidelighting underlighting foreshortening shading hatching crosshatching coloring colouring lettering rigging "
    "icing dumpling inkling octoling o-ring g-string drawstring bodystocking incoming matching flaming steaming "
    "streaming bouncing sagging twitching training boxing diving wrestling vending washing steering shopping trading "
    "gatling magnifying playing_card playing_cards folding_fan folding_chair drinking_glass drinking_straw frying_pan "
    "fishing_rod watering_can riding_crop riding_boots cooking_pot mixing_bowl cutting_board rolling_suitcase "
    "sliding_doors shooting_star plunging_neckline winding_key dowsing_rod weighing_scale smoking_pipe "
    "flying_sweatdrops revealing unmoving standing_split mating_press cheating_(relationship)".split()
)
NUMBERS = "no one two three four five six seven eight nine ten".split()
