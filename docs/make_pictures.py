"""Write docs/images/: what `make dataset SRC=examples/characters` leaves to look at, small.

python docs/make_pictures.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
WIDTH_PX = 960


def main() -> None:
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "characters"
        command = [sys.executable, "-m", "prep", "run", "examples/characters", "--out", str(out)]
        subprocess.run(command, cwd=ROOT, check=True)
        for sheet in sorted(out.glob("generated/*/sheet.png")):
            with Image.open(sheet) as image:
                height = round(image.height * WIDTH_PX / image.width)
                small = image.resize((WIDTH_PX, height), Image.Resampling.LANCZOS)
                small.save(images / f"{sheet.parent.name}.jpg", quality=88)


if __name__ == "__main__":
    main()
