"""Put what the README's first command says into the README, between the two lines that mark its place.

python docs/make_readme.py
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BEGIN, END = "<!-- docs/make_readme.py writes from here -->\n", "<!-- to here -->\n"
HOW_LONG = re.compile(r"\d+ of \d+, about .* left$")  # ends a line that says how far a stage has come


def shown(output: str, out: str) -> str:
    """What `make dataset` prints, as the README has it. out: the folder of this run, as it was printed."""
    lines = (line for line in output.replace(out, "outputs/characters").splitlines() if not HOW_LONG.search(line))
    return "".join(f"    {line}\n" for line in lines)


def block(text: str) -> str:
    """What stands in the README's place for it."""
    return text.split(BEGIN)[1].split(END)[0].strip("\n") + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "prep", "run", "examples/characters", "--out", str(out)]
        output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{shown(output, str(out))}\n{END}{after}")


if __name__ == "__main__":
    main()
