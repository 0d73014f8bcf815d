"""Pictures by lot, with their tags: what the starter tagger learns from and is measured on. All from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from starter_training import art, recolour, skies, strangers
from starter_training.compose import Actor, Picture, Plain, View, compose, fit_window, stand

_ASPECTS = (9 / 16, 2 / 3, 3 / 4, 1.0, 1.0, 4 / 3, 3 / 2, 16 / 9)
_PLAIN = {
    "white": (255, 255, 255),
    "grey": (150, 150, 150),
    "black": (8, 8, 8),
    "blue": (90, 150, 225),
    "pink": (245, 170, 195),
}


@dataclass(frozen=True)
class Pool:
    """What may appear."""

    faces: tuple[tuple[str, str], ...]
    scenes: tuple[str, ...]
    recoloured: float = 0.0  # share of figures with other hair, eyes, clothes or mouth
    eyes: float = 0.0  # share of the other figures with other eyes alone
    drawn_mouths: float = 0.0  # share of figures with a drawn mouth in place of the artist's
    near: float = 0.0  # share of pictures that a face fills: where mouths are learnt
    relit: bool = False  # scenes in another light than the people before them
    people: tuple[float, ...] = (0.72, 0.06, 0.05, 0.08, 0.09)  # one, two, nobody, strangers, mannequins


def training_pool() -> Pool:
    return Pool(
        faces=tuple(pair for pair in art.faces() if pair not in art.HELD_OUT_FACES),
        scenes=tuple(name for name in art.scenes() if name not in art.HELD_OUT_SCENES),
        recoloured=0.4,
        eyes=0.4,
        drawn_mouths=0.3,
        near=0.2,
        relit=True,
    )


def known_pool() -> Pool:
    """What was trained on, in its own colours."""
    pool = training_pool()
    return Pool(pool.faces, pool.scenes, people=(0.9, 0.1, 0, 0, 0))


def recoloured_pool() -> Pool:
    """What was trained on, each figure with other hair, eyes or clothes."""
    return replace(known_pool(), recoloured=1.0)


def held_out_pool() -> Pool:
    return Pool(tuple(sorted(art.HELD_OUT_FACES)), tuple(sorted(art.HELD_OUT_SCENES)), people=(0.9, 0.1, 0, 0, 0))


def sample(pool: Pool, seed: Sequence[int], long_px: tuple[int, int]) -> Picture:
    """One picture whose longer side lies in long_px. seed: any ints; the same ones give the same picture."""
    rng = np.random.default_rng(list(seed))
    long_side, aspect = rng.integers(*long_px, endpoint=True), float(rng.choice(_ASPECTS))
    kind = rng.choice(5, p=pool.people)
    people = [_person(rng, pool) for _ in range((1, 2, 0, 0, 1)[kind])]
    if kind == 4:
        people = [strangers.mannequin(rng, people[0])]
    # As it lies on disk: a sprite in its own frame, on white or another colour.
    if len(people) == 1 and rng.random() < 0.14:
        return _unnamed(_as_is(rng, people[0], int(long_side)), kind == 4)
    if len(people) == 2:
        aspect = max(aspect, 1.0)
    width, height = round(long_side * min(1, aspect)), round(long_side * min(1, 1 / aspect))
    if kind == 3:
        return strangers.draw(rng, width, height)
    places = [rng.uniform(0.25, 0.75)] if len(people) == 1 else [rng.uniform(0.2, 0.35), rng.uniform(0.65, 0.8)]
    # In wide frames a person is small: nearer views more often, since an expression must stay large enough to read.
    chances = (0.45, 0.32, 0.15, 0.08) if aspect <= 1 else (0.25, 0.45, 0.22, 0.08)
    shot = rng.choice(["cowboy_shot", "upper_body", "portrait", "any"], p=chances)
    if rng.random() < pool.near:
        actors = [_near(rng, person, width, height) for person in people[:1]]
    else:
        pairs = zip(people, places, strict=False)
        actors = [_place(rng, person, width, height, shot, across) for person, across in pairs]
    background = _plain(rng) if rng.random() < 0.25 or not pool.scenes else _view(rng, pool, width, height)
    return _unnamed(compose(actors, background, width, height), kind == 4)


def _unnamed(picture: Picture, mannequin: bool) -> Picture:
    """Of a mannequin, what is said of people is open."""
    if not mannequin:
        return picture
    return Picture(picture.image, picture.tags - strangers.OPEN_PERSON, picture.unsure | strangers.OPEN_PERSON)


def worn(picture: Picture, rng: np.random.Generator) -> Picture:
    """The same picture after a life on the net: other light, softer, noisy, compressed. Colours keep their names."""
    image = picture.image.astype(np.float32)
    if rng.random() < 0.7:
        grey = image.mean(2, keepdims=True)
        image = grey + (image - grey) * rng.uniform(0.85, 1.15)
        image = (image - 128) * rng.uniform(0.88, 1.12) + 128 + rng.uniform(-12, 12)
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2))
    if rng.random() < 0.15:
        image += rng.normal(0, rng.uniform(2, 8), image.shape).astype(np.float32)
    image = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        image = compressed(image, *((".jpg", 50, 95) if rng.random() < 0.8 else (".webp", 50, 95)), rng)
    return Picture(image, picture.tags, picture.unsure)


def compressed(image: np.ndarray, ending: str, worst: int, best: int, rng: np.random.Generator) -> np.ndarray:
    flag = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}[ending]
    _, data = cv2.imencode(ending, image[..., ::-1], [flag, int(rng.integers(worst, best))])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def _person(rng: np.random.Generator, pool: Pool) -> art.Figure:
    outfits = sorted({outfit for outfit, _ in pool.faces})
    outfit = str(rng.choice(outfits))
    faces = [face for name, face in pool.faces if name == outfit]
    figure = art.figure(outfit, faces[int(rng.integers(len(faces)))])
    if rng.random() < pool.drawn_mouths:
        figure = recolour.with_mouth(figure, str(rng.choice(list(recolour.MOUTHS))))
    if rng.random() >= pool.recoloured:
        return recolour.with_eyes(figure, str(rng.choice(list(recolour.EYES)))) if rng.random() < pool.eyes else figure
    changes = rng.random(3) < (0.6, 0.4, 0.4)
    if changes[0]:
        figure = recolour.with_hair(figure, str(rng.choice(list(recolour.HAIR))))
    if changes[1]:
        figure = recolour.with_eyes(figure, str(rng.choice(list(recolour.EYES))))
    if changes[2]:
        figure = recolour.with_clothes(figure, str(rng.choice(list(recolour.CLOTHES))))
    return figure


def _place(rng: np.random.Generator, figure, width: int, height: int, shot: str, across: float) -> Actor:
    tall = figure.rgba.shape[0]
    first, last = figure.views.get(shot, (figure.views["portrait"][0], tall))
    lower = min(rng.uniform(first, last), tall - 2)
    headroom = rng.uniform(0.02, 0.2) if rng.random() < 0.9 else rng.uniform(-0.12, 0.02)
    return stand(figure, width, height, lower, headroom, across, bool(rng.random() < 0.5))


def _near(rng: np.random.Generator, figure: art.Figure, width: int, height: int) -> Actor:
    left, top, right, bottom = figure.face
    tall = bottom - top
    scale = min(height / (tall * rng.uniform(1.1, 3.0)), width / ((right - left) * rng.uniform(1.1, 1.6)))
    x = width * rng.uniform(0.42, 0.58) - (left + right) / 2 * scale
    mirror = bool(rng.random() < 0.5)
    if mirror:
        x = width - x - figure.rgba.shape[1] * scale
    return Actor(figure, scale, x, height * rng.uniform(0.94, 1.0) - (bottom + 0.05 * tall) * scale, mirror)


def _as_is(rng: np.random.Generator, figure: art.Figure, long_side: int) -> Picture:
    tall, wide = figure.rgba.shape[:2]
    scale = long_side / max(tall, wide)
    background = _plain(rng, "white") if rng.random() < 0.6 else _plain(rng)
    actor = Actor(figure, scale, 0, 0, bool(rng.random() < 0.3))
    return compose([actor], background, round(wide * scale), round(tall * scale))


def _view(rng: np.random.Generator, pool: Pool, width: int, height: int) -> View:
    scene = art.scene(str(rng.choice(pool.scenes)))
    if pool.relit and rng.random() < 0.4:
        scene = skies.changed(rng, scene)
    if pool.relit:
        scene = _relit(rng, scene)
    zoom = 1 + rng.exponential(0.25) if rng.random() < 0.8 else 1.0
    window = fit_window(scene, width, height, min(zoom, 2.2), rng.random(), rng.random())
    return View(scene, window, bool(rng.random() < 0.5))


def _relit(rng: np.random.Generator, scene: art.Scene) -> art.Scene:
    """Other light, contrast and colour, softer or not: a scene's kind is to be learnt, not its pixels. Where the hues
    have moved far, nobody can say whether the sky is blue."""
    rgb, maybe, parts = scene.rgb, scene.maybe, scene.parts
    image = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) if rng.random() < 0.4 else rgb
    if rng.random() < 0.35:
        turn = int(rng.integers(-20, 21))  # of 180
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + turn) % 180
        image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
        if abs(turn) > 8:
            maybe, parts = maybe | {"blue_sky"}, {tag: boxes for tag, boxes in parts.items() if tag != "blue_sky"}
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colour = rng.uniform(0.6, 1.35)
    image = cv2.addWeighted(image, colour, grey, 1 - colour, 0)
    levels = (np.arange(256) / 255) ** rng.uniform(0.65, 1.35) * 255
    levels = (levels - 110) * rng.uniform(0.75, 1.3) + 110 + rng.uniform(-25, 35)
    tint = rng.uniform(0.82, 1.18, 3) if rng.random() < 0.5 else np.ones(3)
    image = cv2.LUT(image, np.clip(levels[:, None] * tint, 0, 255).astype(np.uint8)[None])
    image = cv2.resize(image, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return replace(scene, rgb=image, maybe=maybe, parts=parts)


def _plain(rng: np.random.Generator, name: str | None = None) -> Plain:
    """A named colour with its tag, any colour without one, or a gradient."""
    kind = name or rng.choice([*_PLAIN, "white", "any", "gradient"])
    if kind == "white":
        shade = tuple(255 - rng.integers(0, 6, 3) * (rng.random() < 0.3))
        return Plain(shade, shade, frozenset({"simple_background", "white_background"}))
    colours = frozenset(f"{colour}_background" for colour in _PLAIN)
    if kind == "gradient":
        top, bottom = rng.integers(0, 256, 3), rng.integers(0, 256, 3)
        if np.abs(top - bottom).max() < 90:
            bottom = 255 - top
        both = frozenset({"simple_background", "gradient_background"})
        return Plain(tuple(top), tuple(bottom), both, colours)
    if kind == "any":
        shade = tuple(rng.integers(0, 256, 3))
        return Plain(shade, shade, frozenset({"simple_background"}), colours)
    shade = tuple(np.clip(np.array(_PLAIN[kind]) + rng.integers(-14, 15, 3), 0, 255))
    maybe = frozenset() if kind != "grey" else frozenset({"white_background"})
    return Plain(shade, shade, frozenset({"simple_background", f"{kind}_background"}), maybe)
