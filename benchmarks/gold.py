"""What a user gets, as hashes of all bytes: recorded before a change, compared after it, on one machine.

    python benchmarks/gold.py record FILE
    python benchmarks/gold.py compare FILE      # leaves with 1, and names what differs

Runs the examples, runs them again, edits a caption, sets another threshold; asks for status and lint; writes every
export; pushes to a hub on loopback. What prep says is kept in FILE for reading, and only exit codes are compared:
a sentence may change. Scores differ in their last bits between kinds of processors, so FILE is good on one machine.
The last line is JSON.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
EXAMPLES = ROOT / "examples" / "characters"
FORMATS = ("imagefolder", "onetrainer", "ai-toolkit", "simpletuner", "webdataset")
EDIT = ", holding a red umbrella"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("file", type=Path)
    asked = parser.parse_args()
    before = json.loads(asked.file.read_text()) if asked.what == "compare" else None
    home = Path(tempfile.gettempdir()) / "prep-gold"  # always the same: some exports hold absolute paths
    shutil.rmtree(home, ignore_errors=True)
    try:
        now = recorded(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if before is None:
        asked.file.write_text(json.dumps(now, indent=1, ensure_ascii=False))
        print(json.dumps({"recorded": len(now["bytes"])}))
        return
    names = sorted(set(before["bytes"]) | set(now["bytes"]))
    apart = [name for name in names if before["bytes"].get(name) != now["bytes"].get(name)]
    for name in apart:
        print(f"{name}: {before['bytes'].get(name, 'was not there')} -> {now['bytes'].get(name, 'is gone')}")
    print(json.dumps({"compared": len(names), "different": len(apart)}))
    sys.exit(1 if apart else 0)


def recorded(home: Path) -> dict[str, dict[str, str]]:
    """`bytes`: step and file -> sha256, or an exit code; `said`: step -> what prep told."""
    from tests.support.hub_server import served_hub
    from tests.support.pushing import apart

    found: dict[str, str] = {}
    said: dict[str, str] = {}
    out = home / "set"
    environment = {**os.environ, "PREP_CACHE": str(home / "cache"), "HF_HOME": str(home / "hf"), "HF_HUB_OFFLINE": "1",
                   "OMP_NUM_THREADS": "1"}  # fmt: skip

    def keep(step: str, done: subprocess.CompletedProcess) -> None:
        found[f"{step}: exit code"] = str(done.returncode)
        said[step] = done.stdout + done.stderr

    def prep(step: str, *arguments: object) -> None:
        command = [sys.executable, "-m", "prep", *map(str, arguments)]
        keep(step, subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True))

    def files(step: str, folder: Path) -> None:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and ".prep" not in path.relative_to(folder).parts:
                found[f"{step}: {path.relative_to(folder)}"] = digest(path.read_bytes())
        if (folder / ".prep").is_dir():
            found[f"{step}: keys of the ledger"] = digest(json.dumps(keys(folder / ".prep" / "ledger")).encode())

    for step in ("first run", "second run"):
        prep(step, "run", EXAMPLES, "--out", out)
        files(step, out)
    caption = min(path for path in (out / "kohya").glob("*/*.txt") if not path.parent.name.endswith("-drawn"))
    caption.write_text(caption.read_text().rstrip("\n") + EDIT)
    prep("edited caption", "run", EXAMPLES, "--out", out)
    files("edited caption", out)
    for step, arguments in {"status": (), "diff": ("--diff",), "problems": ("--problems",)}.items():
        prep(step, "status", out, *arguments)
    prep("lint", "lint", out)
    for name in FORMATS:
        prep(f"export {name}", "export", out, "--to", name)
    files("exports", out)
    with served_hub() as hub:
        command = [sys.executable, "-m", "prep", "push", out, "me/set", "--with-images", "--with-rejected", "--yes",
                   "--license", "cc-by-nc-4.0"]  # fmt: skip
        keep("push", apart(command, hub, home, cwd=ROOT))
        for name in hub.files("me/set"):
            found[f"push: {name}"] = digest(hub.read("me/set", name))
    other = home / "other"
    shutil.copytree(out, other, symlinks=True)
    prep("another threshold", "run", EXAMPLES, "--out", other, "--set", "thresholds.mode=fixed",
         "--set", "thresholds.fixed=0.9")  # fmt: skip
    files("another threshold", other)
    return {"bytes": found, "said": said}


def keys(ledger: Path) -> list:
    """Every (stage, subject, recipe) that is marked as done: a changed one would be done again."""
    found = set()
    for part in ledger.glob("*/*.parquet"):
        with part.open("rb") as file:
            table = pq.read_table(file, columns=["subject", "recipe"]).to_pydict()
        found |= {(part.parent.name, *each) for each in zip(table["subject"], table["recipe"], strict=True)}
    return sorted(found)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main()
