"""Put a real profile of examples/characters into docs/HOW_IT_WORKS.md, between the two lines that mark its place.

python docs/make_profile.py
"""

import tempfile
from pathlib import Path

from shown import ROOT, prep

PAGE = ROOT / "docs" / "HOW_IT_WORKS.md"
COMMAND = "prep run examples/characters --profile"
BEGIN, END = "<!-- docs/make_profile.py writes from here -->\n", "<!-- to here -->\n"


def shown(output: str, out: str) -> str:
    """The profile in what a run prints, as the page has it. out: the folder of this run, as it was printed."""
    lines = output.replace(out, "outputs/characters").splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("where the time went"))
    last = next(at for at, line in enumerate(lines) if line.startswith("trace: "))
    return "".join(f"    {line}\n" for line in (f"$ {COMMAND}", "...", *lines[first : last + 1]))


def block(text: str) -> str:
    """What stands in the page's place for it."""
    return text.split(BEGIN)[1].split(END)[0].strip("\n") + "\n"


def profile(out: Path) -> str:
    """The transcript of a run into out."""
    return shown(prep("run", "examples/characters", "--out", str(out), "--profile"), str(out))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        transcript = profile(Path(folder) / "out")
    text = PAGE.read_text()
    PAGE.write_text(f"{text.split(BEGIN)[0]}{BEGIN}\n{transcript}\n{END}{text.split(END)[1]}")


if __name__ == "__main__":
    main()
