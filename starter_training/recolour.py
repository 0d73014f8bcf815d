"""Other hair, eyes, clothes and mouths for the same figure, and the tags that then hold.

It teaches the tagger to look at the colour itself instead of recognising the person. Every colour is clearly one
colour; those that people would call by two names are not made.
"""

from dataclasses import replace

import cv2
import numpy as np

from starter_training.art import Box, Figure

# Shadow, middle, light; RGB.
HAIR = {
    "black": ((8, 8, 12), (34, 34, 42), (90, 92, 105)),
    "blonde": ((150, 105, 40), (240, 205, 95), (255, 245, 190)),
    "brown": ((50, 26, 14), (112, 66, 38), (180, 125, 85)),
    "red": ((80, 5, 10), (185, 25, 28), (245, 95, 80)),
    "pink": ((165, 75, 110), (250, 150, 185), (255, 220, 232)),
    "orange": ((130, 55, 15), (230, 125, 35), (255, 200, 120)),
    "green": ((10, 70, 35), (50, 160, 80), (160, 235, 165)),
    "blue": ((15, 30, 100), (50, 95, 205), (150, 190, 250)),
    "purple": ((50, 15, 90), (130, 65, 185), (210, 165, 240)),
    "white": ((150, 155, 170), (228, 230, 236), (255, 255, 255)),
}
EYES = {
    "blue": ((10, 25, 90), (40, 90, 200), (130, 190, 250)),
    "red": ((70, 0, 5), (190, 25, 30), (250, 120, 110)),
    "green": ((5, 60, 20), (40, 150, 70), (150, 235, 160)),
    "purple": ((45, 10, 80), (125, 55, 180), (205, 160, 240)),
    "yellow": ((120, 80, 0), (225, 175, 30), (255, 240, 140)),
}
CLOTHES = {
    "blue": ((20, 45, 120), (65, 125, 220), (170, 210, 255)),
    "red": ((90, 5, 15), (205, 40, 45), (255, 140, 125)),
    "green": ((15, 90, 45), (95, 190, 100), (200, 245, 190)),
    "pink": ((170, 80, 120), (250, 160, 195), (255, 225, 238)),
    "black": ((5, 5, 8), (38, 38, 46), (95, 95, 108)),
    "white": ((165, 168, 180), (235, 236, 240), (255, 255, 255)),
}
CLOTHES_TAGS = frozenset(
    {"blue_shirt", "red_shirt", "green_shirt", "white_shirt", "blue_dress", "red_dress", "green_dress"}
)

# Where the hair is, as boxes, and what of other colours lies in them, by outfit.
_HAIR_BOXES = {
    "sylvie_blue": ((30, 0, 305, 295),),
    "sylvie_green": ((110, 0, 330, 215), (240, 190, 370, 380)),
    "eileen": ((20, 0, 300, 255),),
    "lucy_happy": ((60, 40, 395, 480),),
    "lucy_mad": ((5, 90, 415, 510),),
}
_NOT_HAIR = {
    "sylvie_blue": ((124, 172, 192, 310),),
    "sylvie_green": ((152, 180, 214, 265),),
    "lucy_happy": ((150, 160, 275, 212), (200, 275, 272, 425)),
    "lucy_mad": ((160, 210, 295, 275), (175, 312, 240, 460)),
}


def with_hair(figure: Figure, colour: str) -> Figure:
    tags = {tag: box for tag, box in figure.tags.items() if not (tag.endswith("_hair") and tag[:-5] in HAIR)}
    box = next(box for tag, box in figure.tags.items() if tag.endswith("_hair") and tag[:-5] in HAIR)
    rgba = _painted(figure.rgba, _hair_mask(figure), HAIR[colour])
    return replace(figure, rgba=rgba, tags=tags | {f"{colour}_hair": box})


def with_eyes(figure: Figure, colour: str) -> Figure:
    """Figures whose eyes are closed stay as they are."""
    worn = [tag for tag in figure.tags if tag.endswith("_eyes") and tag[:-5] in EYES]
    if not worn:
        return figure
    hue, saturation, value = _hsv(figure.drawn)
    iris = _near(hue, 95, 145) if worn[0] == "blue_eyes" else (_near(hue, 0, 10) | _near(hue, 160, 180)) & (value < 190)
    mask = iris & (saturation > 70) & _inside(figure.drawn, figure.eyes)
    tags = {tag: box for tag, box in figure.tags.items() if tag not in worn}
    return replace(figure, rgba=_painted(figure.rgba, mask, EYES[colour]), tags=tags | {f"{colour}_eyes": figure.face})


def with_clothes(figure: Figure, colour: str) -> Figure:
    """Another shirt, dress or cardigan. Where the vocabulary has no word for the colour, none is said."""
    hue, saturation, _ = _hsv(figure.drawn)
    height, width = hue.shape
    if figure.outfit == "sylvie_blue":
        mask, garment = _near(hue, 90, 136) & (saturation > 60) & _inside(figure.drawn, ((30, 192, 310, 480),)), "shirt"
    elif figure.outfit == "eileen":
        mask, garment = _near(hue, 98, 128) & (saturation > 55) & _inside(figure.drawn, ((0, 262, width, height),)), ""
    else:
        least = 50 if figure.outfit == "sylvie_green" else 8
        mask = _near(hue, 36, 96) & (saturation > least) & _inside(figure.drawn, ((0, 180, width, height),))
        garment = "dress"
    tags = dict(figure.tags)
    if garment:
        tags = {tag: box for tag, box in tags.items() if not tag.endswith(f"_{garment}")}
        if f"{colour}_{garment}" in CLOTHES_TAGS:
            tags[f"{colour}_{garment}"] = tags[garment]
    return replace(figure, rgba=_painted(figure.rgba, mask, CLOTHES[colour]), tags=tags)


MARK = 24  # difference in a channel from which a pixel is not skin any more
MOUTHS = {
    "laugh": {"smile", "open_mouth"},
    "o": {":o", "open_mouth"},
    "smile": {"smile", "closed_mouth"},
    "frown": {"frown", "closed_mouth"},
}


def with_mouth(figure: Figure, kind: str) -> Figure:
    """A drawn mouth in place of the artist's: so that no person is known by one expression. The chin stays."""
    left, top, right, bottom = figure.mouth
    rgba = figure.rgba.copy()
    face = rgba[..., :3].copy()
    centre, wide = ((left + right) // 2, (top + bottom) // 2), (right - left) / 2
    skin = np.median(rgba[top - 6 : top, left + 8 : right - 8, :3].reshape(-1, 3), axis=0)
    around = face[top:bottom, left:right]
    gone = cv2.GaussianBlur(_marks(around, skin), (3, 3), 0)[..., None]
    around[:] = (skin * gone + around * (1 - gone)).round()
    line, red = (110, 50, 55), (205, 75, 80)
    if kind == "laugh":
        size = (round(wide * 0.5), round(wide * 0.42))
        above = (centre[0], centre[1] - size[1] // 2)
        cv2.ellipse(face, above, size, 0, 0, 180, red, -1, cv2.LINE_AA)
        cv2.ellipse(face, above, size, 0, 0, 180, line, 1, cv2.LINE_AA)
        cv2.line(face, (above[0] - size[0], above[1]), (above[0] + size[0], above[1]), line, 1, cv2.LINE_AA)
    elif kind == "o":
        size = (round(wide * 0.22), round(wide * 0.3))
        cv2.ellipse(face, centre, size, 0, 0, 360, red, -1, cv2.LINE_AA)
        cv2.ellipse(face, centre, size, 0, 0, 360, line, 1, cv2.LINE_AA)
    else:
        size = (round(wide * 0.5), round(wide * 0.22))
        start = 10 if kind == "smile" else 190
        shift = -size[1] // 2 if kind == "smile" else size[1] // 2
        cv2.ellipse(face, (centre[0], centre[1] + shift), size, 0, start, start + 160, line, 1, cv2.LINE_AA)
    rgba[..., :3] = face
    old = set().union(*MOUTHS.values()) | {"grin"}
    tags = {tag: box for tag, box in figure.tags.items() if tag not in old}
    # An angry brow stays what it is; whether it is still `angry` over a smile, nobody can say.
    maybe = (figure.maybe - old) | ({"angry"} if "v-shaped_eyebrows" in tags else set())
    tags.pop("angry", None)
    return replace(figure, rgba=rgba, tags=tags | dict.fromkeys(MOUTHS[kind], figure.face), maybe=frozenset(maybe))


def _marks(face: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """float32 [H, W], 1 at what is drawn on the skin and ends inside: a mouth does, the line of a chin goes on."""
    drawn = (np.abs(face - skin).max(-1) > MARK).astype(np.uint8)
    _, parts = cv2.connectedComponents(drawn)
    going_on = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    ending = (drawn * ~np.isin(parts, going_on)).astype(np.uint8)
    found, _ = cv2.findContours(ending, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(ending, found, -1, 1, cv2.FILLED)
    return cv2.dilate(ending, np.ones((5, 5), np.uint8)).astype(np.float32)


def _hair_mask(figure: Figure) -> np.ndarray:
    hue, saturation, value = _hsv(figure.drawn)
    if figure.outfit.startswith("lucy"):
        mask = (value < 120) & (saturation < 110)
    elif figure.outfit == "eileen":
        mask = (_near(hue, 0, 14) | _near(hue, 160, 180)) & (saturation > 68)
    else:
        mask = (_near(hue, 0, 27) | _near(hue, 138, 180)) & (saturation > 85)
    away = (*_NOT_HAIR.get(figure.outfit, ()), figure.mouth)
    return mask & _inside(figure.drawn, _HAIR_BOXES[figure.outfit]) & ~_inside(figure.drawn, away)


def _painted(rgba: np.ndarray, mask: np.ndarray, ramp: tuple) -> np.ndarray:
    """The masked pixels by their brightness, from the ramp's shadow over its middle to its light."""
    painted = rgba.copy()
    mask = mask & (rgba[..., 3] > 0)
    if not mask.any():
        return painted
    luma = cv2.cvtColor(rgba[..., :3], cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(luma[mask], (4, 97))
    level = np.clip((np.arange(256) - low) / max(high - low, 1), 0, 1)
    colours = np.stack([np.interp(level, (0, 0.5, 1), [step[c] for step in ramp]) for c in range(3)], axis=1)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0.7)
    touched = soft > 0
    share = soft[touched][:, None]
    painted[touched, :3] = (colours[luma[touched]] * share + rgba[touched][:, :3] * (1 - share)).round()
    return painted


def _hsv(rgba: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hue 0-180, saturation and value 0-255, as OpenCV has them."""
    return tuple(cv2.split(cv2.cvtColor(rgba[..., :3], cv2.COLOR_RGB2HSV)))


def _near(hue: np.ndarray, low: int, high: int) -> np.ndarray:
    return (hue >= low) & (hue <= high)


def _inside(rgba: np.ndarray, boxes: tuple[Box, ...]) -> np.ndarray:
    mask = np.zeros(rgba.shape[:2], bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask
