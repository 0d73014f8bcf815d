"""Put what the README's first command says into the README, between the two lines that mark its place.

python docs/make_readme.py
"""

import tempfile
from pathlib import Path

from shown import ROOT, prep, steady

README = ROOT / "README.md"
BEGIN, END = "<!-- docs/make_readme.py writes from here -->\n", "<!-- to here -->\n"


def shown(output: str, out: str) -> str:
    """What `make dataset` prints, as the README has it. out: the folder of this run, as it was printed."""
    return "".join(f"    {line}\n" for line in steady(output).replace(out, "outputs/characters").splitlines())


def block(text: str) -> str:
    """What stands in the README's place for it."""
    return text.split(BEGIN)[1].split(END)[0].strip("\n") + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        output = prep("run", "examples/characters", "--out", str(out))
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{shown(output, str(out))}\n{END}{after}")


if __name__ == "__main__":
    main()
