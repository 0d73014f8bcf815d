"""Trains the starter generator: `python -m starter_training.train_generator`. From a clone, on the art in examples/.

Steps, each kept in --folder so that it need not be made twice: pictures, VAE, latents, transformer with its CLIPs, the
VAE's decoder once more (its encoder, and so the latents, stay). What comes out is one file as SD3.5's are; the same in
bfloat16 stays in --folder, to measure what FP8 costs (starter_training.evaluate_generator).
"""

import argparse
import json
from pathlib import Path

import torch

from prep.generators.sd35.vae import load_vae
from starter_training import album, train_transformer, train_vae, words
from starter_training.single_file import write_single_file

GENERATOR = Path(__file__).parents[1] / "prep" / "starter" / "generator.safetensors"
PICTURES = 12_000
SECONDS = {"vae": 1320, "transformer": 7200, "decoder": 2100}  # of one core
RATES = {"vae": 2e-3, "transformer": 1.5e-3, "decoder": 1e-3}
FURTHER = 0.5  # of the rate, for weights that have learnt most already
SAMPLING = {"steps": 16, "guidance": 3.0, "shift": 1.0, "resolution": 160, "step": 16}
STEPS = ("vae", "transformer", "decoder", "file")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual training time")
    parser.add_argument("--threads", type=int, default=1, help="two beside any other load are slower than one")
    parser.add_argument("--device", default="cpu", help="of the transformer, such as cuda")
    parser.add_argument("--further", type=Path, help="a starter generator whose parts are trained further")
    parser.add_argument("--folder", type=Path, default=Path("outputs/starter"), help="keeps what was drawn and trained")
    parser.add_argument("--out", type=Path, default=GENERATOR)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    albums = album.draw(options.pictures, options.folder, options.threads)
    vae, model = train_vae.new_vae(), train_transformer.Model()
    if options.further:
        vae = load_vae(options.further, torch.float32)
        model.load(options.further)
    run(options.steps, albums, vae, model, options)


def run(steps, albums: dict, vae, model: train_transformer.Model, options: argparse.Namespace) -> None:
    folder, share, out = options.folder, options.share, options.out
    settled, drawn, decoded = folder / "vae.pt", folder / "transformer.pt", folder / "decoder.pt"
    seconds = {name: share * SECONDS[name] for name in SECONDS}
    if "vae" in steps:
        curve = train_vae.train(vae, albums, seconds["vae"], RATES["vae"], folder / "vae.latest.pt")
        train_vae.settle(vae, albums)
        torch.save(vae.state_dict(), settled)
        _keep(folder, "vae", curve)
    if settled.exists():
        vae.load_state_dict(torch.load(settled))
    if "transformer" in steps:
        latents = train_transformer.latents_of(vae, albums)
        rate = RATES["transformer"] * (FURTHER if options.further else 1)
        model, curve = train_transformer.train(
            model.to(options.device), latents, albums, seconds["transformer"], rate, folder / "transformer.latest.pt"
        )
        model = model.cpu()
        torch.save(model.state_dict(), drawn)
        _keep(folder, "transformer", curve)
    if "decoder" in steps:
        latents = train_transformer.latents_of(vae, albums)
        curve = train_vae.train_decoder(
            vae, latents, albums, seconds["decoder"], RATES["decoder"], folder / "decoder.latest.pt"
        )
        torch.save(vae.state_dict(), decoded)
        _keep(folder, "decoder", curve)
    if "file" in steps:
        model.load_state_dict(torch.load(drawn))
        if made := next((path for path in (decoded, settled) if path.exists()), None):
            vae.load_state_dict(torch.load(made))
        clips = {"clip_l": model.clip_l, "clip_g": model.clip_g}
        for path, eight in ((out, True), (folder / "bf16.safetensors", False)):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_single_file(path, model.transformer, vae, clips, SAMPLING, eight)
            words.make_tokenizer().save_pretrained(path.parent / "tokenizer")
        print(json.dumps({"file": out.name, "bytes": out.stat().st_size}))


def _keep(folder: Path, name: str, curve: list) -> None:
    (folder / f"{name}-curve.json").write_text(json.dumps(curve))


if __name__ == "__main__":
    main()
