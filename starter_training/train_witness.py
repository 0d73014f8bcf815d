"""Trains the starter's witness of damage: `python -m starter_training.train_witness`. From a clone, on examples/.

Half of what it sees is whole and half is broken (damage.py), nearly all of it through the starter's own autoencoder:
what that does to a picture must not count as damage. Beside them are pictures that the starter generator really drew
(drawn.py), as far as somebody said which of them are broken (label.py). Steps, each kept in --folder: pairs; `undone`,
broken among the latents, where a generator errs; training, which ends in the file. The bound in the file is where nine
of ten whole pictures of each size pass that training did not see; with labelled ones, where LABELLED_PASS of those do.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from prep.generators.sd35.vae import load_vae
from prep.witnesses._network import CELL_PX, WitnessNetwork
from starter_training import album, damage
from starter_training.drawn import off_grid
from starter_training.small import Small
from starter_training.timed import train_for
from starter_training.train_generator import GENERATOR, PICTURES

WITNESS = Path(__file__).parents[1] / "prep" / "starter" / "witness.safetensors"
STEPS = ("pairs", "undone", "train")
SECONDS = 700  # of one core
RATE = 3e-3
BATCH = 32
BROKEN_TIMES = 2  # broken versions of each picture, each of another kind
MOVED = 0.35  # share of pictures that are moved off the generator's grid
AS_COMPOSED = 0.12  # share that does not go through the autoencoder
KEPT_APART = 16  # one picture in so many is not trained on: the bound is set with them
WHOLE_PASS = 0.9
LABELLED_PASS = 0.86
LABELLED_APART = 6  # one labelled picture in so many is not trained on: the bound is set with them
CELLS_COUNT = 0.6  # what the cells' loss counts, beside the picture's
LABELLED_SHARE = 0.4  # of the pictures of a step, if there are any


def pairs(count: int, albums: dict, model: Path, folder: Path, device: str) -> None:
    """Keep in the folder, by size: images uint8 [N, H, W, 3], broken uint8 [N, H / 16, W / 16], label uint8 [N], and
    which are kept apart, bool [N]. count: pictures of the albums that are used.
    """
    vae = load_vae(model, torch.bfloat16).to(device)
    kinds, number = [*damage.KINDS], 0
    total = sum(len(each.tags) for each in albums.values())
    for (width, height), pictures in albums.items():
        rng = np.random.default_rng((31, width, height))
        some = round(len(pictures.tags) * min(1, count / total))
        images, maps, apart, through = [], [], [], []
        for row in range(some):
            small = _of_album(pictures, row)
            person = "no_humans" not in small.tags
            if not person and rng.random() < 0.7:
                continue
            if person and rng.random() < MOVED:
                small = off_grid(small, rng)
            made = [(small.image, np.zeros((height, width), np.float32))]
            other = np.array(pictures.images[rng.integers(len(pictures.tags))])
            for _ in range(BROKEN_TIMES if person else 0):
                kind, number = kinds[number % len(kinds)], number + 1
                made.append(damage.broken(small.image, small.face, kind, rng, other))
            for image, where in made:
                images.append(image)
                maps.append(_cells(where))
                apart.append(row % KEPT_APART == 0)
                through.append(rng.random() >= AS_COMPOSED)
        found, rows = np.stack(images), np.flatnonzero(through)
        for at in range(0, len(rows), 16):
            found[rows[at : at + 16]] = round_trip(vae, found[rows[at : at + 16]])
        maps = np.stack(maps)
        np.savez(folder / f"pairs-{width}x{height}.npz", images=found, maps=maps, apart=np.array(apart))
        print(json.dumps({"size": [width, height], "pictures": len(found)}), flush=True)


def _of_album(pictures: album.Album, row: int) -> Small:
    face = tuple(map(int, pictures.faces[row]))
    return Small(np.array(pictures.images[row]), face, pictures.tags[row], pictures.figures[row])


def undone(count: int, albums: dict, model: Path, folder: Path, device: str) -> None:
    """Keep more broken ones in the folder, in the same form: their latents are mixed up at the figure before they are
    decoded, so that they are broken smoothly, as what a generator draws is.
    """
    vae = load_vae(model, torch.bfloat16).to(device)
    total = sum(len(each.tags) for each in albums.values())
    for (width, height), pictures in albums.items():
        rng = np.random.default_rng((37, width, height))
        persons = [row for row, tags in enumerate(pictures.tags) if "no_humans" not in tags]
        rows = persons[: round(len(pictures.tags) * min(1, count / total))]
        images, maps = [], []
        for at in range(0, len(rows), 16):
            some = rows[at : at + 16]
            smalls = [_of_album(pictures, row) for row in some]
            smalls = [off_grid(small, rng) if rng.random() < MOVED else small for small in smalls]
            others = np.stack([np.array(pictures.images[rng.choice(persons)]) for _ in some])
            where = np.stack([damage.somewhere((height, width), small.face, rng) for small in smalls])
            images += [*_mixed_up(vae, np.stack([small.image for small in smalls]), others, where, rng)]
            maps += [_cells(each) for each in where]
        apart = np.array([row % KEPT_APART == 0 for row in rows])
        np.savez(folder / f"undone-{width}x{height}.npz", images=np.stack(images), maps=np.stack(maps), apart=apart)
        print(json.dumps({"size": [width, height], "undone": len(images)}), flush=True)


@torch.inference_mode()
def _mixed_up(vae, images: np.ndarray, others: np.ndarray, where: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """images, others: uint8 [B, H, W, 3]; where: float32 [B, H, W] -> uint8 [B, H, W, 3]."""
    own, other = (vae.encode(_given(vae, each)).latent_dist.mode().float() for each in (images, others))
    spread = own.std((0, 2, 3), keepdim=True)
    found = []
    for latents, strange in zip(own.split(1), other.split(1), strict=True):
        moved = torch.roll(latents, (int(rng.integers(-2, 3)), int(rng.choice((-2, -1, 1, 2)))), (2, 3))
        blurred = F.avg_pool2d(F.pad(latents, (1, 1, 1, 1), mode="replicate"), 3, 1)
        noise = spread * torch.from_numpy(rng.normal(0, 1, latents.shape).astype(np.float32)).to(latents.device)
        wrong = [latents + rng.uniform(0.5, 1.1) * noise, 0.5 * (moved + latents), blurred, strange]
        first, second = rng.choice(len(wrong), 2, replace=False)
        share = rng.uniform(0.3, 0.7)
        found.append(share * wrong[first] + (1 - share) * wrong[second])
    mask = torch.from_numpy(
        np.stack([cv2.resize(each, own.shape[:1:-1], interpolation=cv2.INTER_AREA) for each in where])
    )
    mask = mask[:, None].to(own.device)
    return _shown(vae, own * (1 - mask) + torch.cat(found) * mask)


def _cells(where: np.ndarray) -> np.ndarray:
    """float32 [H, W], 0-1 -> uint8 [H / 16, W / 16], 0-255: the worst quarter of each cell."""
    height, width = where.shape
    quarter = cv2.resize(where, (2 * width // CELL_PX, 2 * height // CELL_PX), interpolation=cv2.INTER_AREA)
    cells = quarter.reshape(height // CELL_PX, 2, width // CELL_PX, 2).max((1, 3))
    return (255 * cells).astype(np.uint8)


@torch.inference_mode()
def round_trip(vae, images: np.ndarray) -> np.ndarray:
    """uint8 [B, H, W, 3] -> the same through the autoencoder."""
    return _shown(vae, vae.encode(_given(vae, images)).latent_dist.mode())


def _given(vae, images: np.ndarray) -> Tensor:
    pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    return pixels.to(vae.device, vae.dtype).contiguous()


def _shown(vae, latents: Tensor) -> np.ndarray:
    found = vae.decode(latents.to(vae.dtype)).sample.float().cpu()
    return ((found / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


def load_pairs(folder: Path) -> dict[tuple[int, int], dict[str, np.ndarray]]:
    """(width, height) -> images, maps, label, apart."""
    found = {}
    for path in sorted(folder.glob("pairs-*.npz")):
        held, more = dict(np.load(path)), path.with_name(path.name.replace("pairs-", "undone-"))
        if more.exists():
            held = {name: np.concatenate([held[name], part]) for name, part in np.load(more).items()}
        held["label"] = (held["maps"].max((1, 2)) > 0).astype(np.float32)
        found[tuple(map(int, path.stem.removeprefix("pairs-").split("x")))] = held
    return found


def labelled_of(piles: dict, folder: Path | None, apart: bool) -> dict:
    """By size, the drawn pictures of a folder that label.py wrote: those that are kept apart, or all others."""
    labels = json.loads((folder / "labels.json").read_text()) if folder else {}
    found = {size: {"images": [], "label": []} for size in piles}
    for name, broken in labels.items():
        # By its name, so that more labels move none of them to the other side.
        if (int(hashlib.sha256(name.encode()).hexdigest(), 16) % LABELLED_APART == 0) != apart:
            continue
        image = cv2.imread(str(folder / name))[..., ::-1]
        size = image.shape[1::-1]
        if broken is not None and size in found:
            found[size]["images"].append(image)
            found[size]["label"].append(float(broken))
    return {
        size: {"images": np.stack(held["images"]), "label": np.array(held["label"], np.float32)}
        for size, held in found.items()
        if held["images"]
    }


def lessons(piles: dict, labelled: dict, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
    """Yield without end (pictures float32 [B, 3, H, W], label [B], maps [B, H / 16, W / 16] or None): half whole, half
    broken. Now and then labelled drawings.
    """
    trained = {}
    for size, held in piles.items():
        rows = np.flatnonzero(~held["apart"])
        trained[size] = rows[held["label"][rows] == 0], rows[held["label"][rows] == 1]
    sizes = [*piles]
    weights = np.array([len(whole) + len(broken) for whole, broken in trained.values()], float)
    while True:
        size = sizes[rng.choice(len(sizes), p=weights / weights.sum())]
        if labelled and rng.random() < LABELLED_SHARE:
            own = [*labelled]
            chances = np.array([len(labelled[each]["label"]) for each in own], float)
            held = labelled[own[rng.choice(len(own), p=chances / chances.sum())]]
            label = held["label"]
            sides = [np.flatnonzero(label == side) for side in (0, 1)]
            rows = np.concatenate([rng.choice(side, BATCH // 2) for side in sides if len(side)])
            images, _ = changed(held["images"][rows], None, rng)
            yield tensor_of(images), torch.from_numpy(label[rows]), None
            continue
        held = piles[size]
        rows = np.concatenate([rng.choice(side, BATCH // 2) for side in trained[size]])
        images, maps = changed(held["images"][rows], held["maps"][rows], rng)
        yield tensor_of(images), torch.from_numpy(held["label"][rows]), torch.from_numpy(maps).float() / 255


def changed(images: np.ndarray, maps: np.ndarray | None, rng: np.random.Generator):
    """Mirrored, moved by up to half a cell, lighter or darker, through JPEG: nothing of it is damage."""
    found = []
    for image in images:
        if rng.random() < 0.6:
            gain = rng.uniform(0.8, 1.2) * rng.uniform(0.95, 1.05, 3)
            image = np.clip((image - 127.5) * gain + 127.5 + rng.uniform(-18, 18), 0, 255).astype(np.uint8)
        if rng.random() < 0.3:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))]
            image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
        if rng.random() < 0.5:
            turn = np.array([[1, 0, rng.uniform(-7, 7)], [0, 1, rng.uniform(-7, 7)]])
            image = cv2.warpAffine(image, turn, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
        found.append(image)
    images = np.stack(found)
    if rng.random() < 0.5:
        images = images[:, :, ::-1]
        maps = None if maps is None else maps[:, :, ::-1]
    return images, None if maps is None else np.ascontiguousarray(maps)


def tensor_of(images: np.ndarray) -> Tensor:
    """uint8 [B, H, W, 3] -> float32 [B, 3, H, W], 0-1."""
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float().div_(255)


def train(
    piles: dict, labelled: dict, seconds: float, device: str, latest: Path, further: Path | None = None
) -> tuple[WitnessNetwork, list]:
    """further: a witness whose weights it begins with, at half the rate. -> (the running average, the curve)."""
    torch.manual_seed(1)
    network = WitnessNetwork()
    if further:
        network.load_state_dict(load_file(further), strict=False)
    network = network.to(device, memory_format=torch.channels_last)

    def loss_of(batch: tuple) -> tuple[Tensor, float]:
        images, label, maps = batch
        images = images.to(device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            answer, cells = network(images)
        loss = F.binary_cross_entropy_with_logits(answer.float(), 0.02 + 0.96 * label.to(device))
        told = loss.item()
        if maps is not None:
            loss = loss + CELLS_COUNT * F.binary_cross_entropy_with_logits(cells.float(), maps.to(device))
        return loss, told

    return train_for(
        network,
        [torch.optim.AdamW(network.parameters(), lr=RATE * (0.5 if further else 1), weight_decay=0.02)],
        lessons(piles, labelled, np.random.default_rng(2 if further else 1)),
        loss_of,
        seconds=seconds,
        warm_steps=50,
        fall=1.4,
        average=0.99,
        latest=latest,
    )


def halfway(before: Path, trained: WitnessNetwork) -> WitnessNetwork:
    """The mean of both networks' weights: better than either on pictures of other seeds (arXiv 2109.01903)."""
    old = load_file(before)
    state = {
        name: (value.cpu() + old[name]) / 2 if name in old else value for name, value in trained.state_dict().items()
    }
    found = WitnessNetwork()
    found.load_state_dict(state)
    return found


@torch.inference_mode()
def scores(network: WitnessNetwork, images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, 3] -> float32 [N], 0-1: how broken."""
    network = network.eval().cpu().float()
    parts = [network(tensor_of(images[at : at + 16]))[0] for at in range(0, len(images), 16)]
    return torch.cat(parts).sigmoid().numpy()


def measure(network: WitnessNetwork, piles: dict, labelled: dict) -> dict:
    """Of the pictures kept apart: the area under the curve, the bound, and what it rejects. labelled: those that are
    kept apart.
    """
    found, label, bounds = [], [], []
    for held in piles.values():
        found.append(scores(network, held["images"][held["apart"]]))
        label.append(held["label"][held["apart"]])
        bounds.append(np.quantile(found[-1][label[-1] == 0], WHOLE_PASS))
    found, label = np.concatenate(found), np.concatenate(label)
    whole, broken = np.sort(found[label == 0]), np.sort(found[label == 1])
    if labelled:
        drawn = np.concatenate([scores(network, held["images"]) for held in labelled.values()])
        broken_ones = np.concatenate([held["label"] for held in labelled.values()]) == 1
        bounds = [np.quantile(drawn[~broken_ones], LABELLED_PASS)]
    bound = float(max(bounds))
    return {
        "pictures": len(label),
        "auc": round(float(np.searchsorted(whole, broken).mean() / len(whole)), 4),
        "bound": round(bound, 4),
        "rejected": round(float((broken > bound).mean()), 4),
    }


def write(network: WitnessNetwork, bound: float, path: Path) -> None:
    tensors = {name: value.contiguous() for name, value in network.cpu().float().state_dict().items()}
    tensors = {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}
    save_file(tensors, path, {"witness": "starter", "bound": f"{bound:.4f}"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--model", type=Path, default=GENERATOR, help="the starter generator")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="of the album")
    parser.add_argument("--used", type=int, default=5_000, help="of them")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--device", default="cpu", help="such as cuda")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--album", type=Path, default=Path("outputs/starter"), help="where train_generator draws")
    parser.add_argument("--labelled", type=Path, help="a folder of drawn pictures with labels.json")
    parser.add_argument("--further", type=Path, help="a witness that is trained further; the result is halfway")
    parser.add_argument("--folder", type=Path, default=Path("outputs/witness"), help="keeps what was made and trained")
    parser.add_argument("--out", type=Path, default=WITNESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    if {"pairs", "undone"} & {*options.steps}:
        albums = album.draw(options.pictures, options.album, options.threads)
    if "pairs" in options.steps:
        pairs(options.used, albums, options.model, options.folder, options.device)
    if "undone" in options.steps:
        undone(options.used // 3, albums, options.model, options.folder, options.device)
    if "train" in options.steps:
        piles = load_pairs(options.folder)
        labelled = labelled_of(piles, options.labelled, apart=False)
        network, curve = train(
            piles, labelled, options.seconds, options.device, options.folder / "latest.pt", options.further
        )
        if options.further:
            network = halfway(options.further, network)
        figures = measure(network, piles, labelled_of(piles, options.labelled, apart=True))
        write(network, figures["bound"], options.out)
        (options.folder / "curve.json").write_text(json.dumps(curve))
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
