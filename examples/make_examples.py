"""Makes the compositions in examples/characters from the sprites and scenes beside them.

Run as `python examples/make_examples.py`.
The same pictures each time (byte for byte with the same OpenCV and Pillow). Nothing is drawn by lot.
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFilter

from starter_training.art import figure, scene
from starter_training.compose import Picture, View, compose, fit_window, stand

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Shot:
    file: str
    outfit: str
    face: str
    scene: str
    width: int
    height: int
    lower: float  # the sprite's row at the frame's lower edge, in sprite pixels
    headroom: float  # free space above the hair, in frame heights
    across: float  # where the face is, in frame widths
    window: tuple[float, float, float] = (1, 0.5, 1)  # zoom into the scene, its place across and down
    mirror: bool = False
    crisp: bool = False  # sharpened: busy enough for the level `complex`, which this art hardly reaches otherwise


# fmt: off
SHOTS = (
    Shot("sylvie/sylvie_meadow_1.jpg", "sylvie_blue", "giggle", "bg_meadow", 1536, 1024, 640, 0.08, 0.36),
    Shot("sylvie/sylvie_club_1.jpg", "sylvie_blue", "smile", "bg_club", 768, 576, 620, 0.08, 0.7, (1, 0.0, 0),
         crisp=True),
    Shot("sylvie/sylvie_washington_1.png", "sylvie_green", "normal", "bg_washington", 832, 1216, 680, 0.1, 0.46,
         (1, 0.86, 1)),
    Shot("sylvie/sylvie_lecturehall_1.webp", "sylvie_green", "surprised", "bg_lecturehall", 1024, 1024, 440, 0.08, 0.45,
         (1.1, 0.5, 0.8), mirror=True),
    Shot("eileen/eileen_club_1.jpg", "eileen", "vhappy", "bg_club", 1216, 832, 500, 0.07, 0.6, (1.1, 0.3, 0.6)),
    Shot("eileen/eileen_washington_1.webp", "eileen", "happy", "bg_washington", 896, 1344, 700, 0.14, 0.42,
         (1, 0.78, 1)),
    Shot("eileen/eileen_lecturehall_1.png", "eileen", "concerned", "bg_lecturehall", 1152, 768, 520, 0.06, 0.4),
    Shot("eileen/eileen_meadow_1.jpg", "eileen", "happy", "bg_meadow", 768, 768, 310, 0.06, 0.5, (1.6, 0.7, 0.3), True),
    Shot("lucy/lucy_cave_1.webp", "lucy_mad", "", "bg_cave", 1280, 960, 705, 0.06, 0.52),
    Shot("lucy/lucy_club_1.jpg", "lucy_happy", "", "bg_club", 896, 1344, 690, 0.1, 0.36, (1, 0.4, 1), True),
    Shot("lucy/lucy_whitehouse_1.png", "lucy_happy", "", "bg_whitehouse", 1200, 800, 500, 0.08, 0.34),
)
# fmt: on


def composed(shot: Shot) -> Picture:
    """The picture with its true tags."""
    person, place = figure(shot.outfit, shot.face), scene(shot.scene)
    actor = stand(person, shot.width, shot.height, shot.lower, shot.headroom, shot.across, shot.mirror)
    view = View(place, fit_window(place, shot.width, shot.height, *shot.window))
    return compose([actor], view, shot.width, shot.height)


def save(shot: Shot) -> None:
    image = Image.fromarray(composed(shot).image)
    if shot.crisp:
        image = image.filter(ImageFilter.UnsharpMask(radius=1.2, percent=90, threshold=2))
    path = HERE / "characters" / shot.file
    options = {".png": {"optimize": True}, ".jpg": {"quality": 92}, ".webp": {"quality": 90}}[path.suffix]
    image.save(path, **options)


if __name__ == "__main__":
    for each in SHOTS:
        save(each)
        print(each.file)
