"""TOML files and lists of words, bent in their grammar: keys, values, tables, brackets, numbers, quotes.

A prep.toml that is accepted is used for a whole run: nothing of it may be found out late, with a traceback.
"""

import functools
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from prep.checks.retag import read_exclusive
from prep.config import configs_folder, load_settings
from prep.drawing.vary import read_vary
from prep.errors import PrepError
from prep.lint.look import apply_fixes, lint
from prep.sections import Settings
from prep.tagging.filters import read_patterns
from prep.tagging.thresholds import read_overrides
from tests.faults.apart import typed
from tests.faults.fuzz import several
from tests.support.pictures import drawing, save

VALUES = (
    "0", "1", "-1", "0.5", "1e400", "nan", "-inf", "inf", "true", '""', '"x"', "[]", "{}", '["a", "b"]', "[[[1]]]",
    '"a\\nb"', '"\\u0000"', '"../x"', '"x.txt"', '"~nobody/x"', "1979-05-27", "0x7fffffffffffffff", "07:32:00",
    "9223372036854775808", "1" + "0" * 300, '"' + "y" * 3000 + '"', "'''\n'''", "1_000", "-0.0", '"none"', '"\\ud800"',
    '["1girl", "a, b"]', '"名前"', '"{a|b}"', '"|||"', "[1, 2, 3]", '["a\\nb"]',
    "{ smile = 0.6 }", '{ "long hair" = { simple = 0.5 }, long_hair = 1 }',
)  # fmt: skip
ODD = ("[", "]", "{", "}", '"', "'", "=", "\n", ",", ".", "#", "\t", "\0", "\r", "\ufeff", "\u202e", '"""', "[[", "]]")
DATASET = """\
[general]
caption_extension = ".txt"
enable_bucket = true
keep_tokens = 1

[[datasets]]
resolution = [1024, 768]
batch_size = 2
min_bucket_reso = 256

[[datasets.subsets]]
image_dir = "10_mira"
num_repeats = 10
class_tokens = "mira"
shuffle_caption = true
keep_tokens_separator = "|||"

[[datasets.subsets]]
image_dir = "2_noa"
caption_prefix = "best, "
"""
LIST = "# not wanted\ncomic, manga\nrating:*\n!rating:safe\nwhite_shirt # a reason\n^_^, <|>_<|>\n*hair*\n"
NAMES = ("comic", "rating:safe", "white shirt", "a[b]?c", "*", "")


@functools.cache
def shipped() -> dict[str, str]:
    """The lists and settings that ship, by name."""
    found = {path.name: path.read_text() for path in sorted(configs_folder().rglob("*.*")) if path.is_file()}
    return {name: text for name, text in found.items() if len(text) < 20_000}


def bent_toml(text: str, rng: random.Random) -> bytes:
    lines = text.splitlines()
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at = rng.randrange(len(lines) or 1)
        line = lines[at] if lines else ""
        match rng.randrange(7):
            case 0 | 1 | 2 if "=" in line:
                lines[at] = f"{line.partition('=')[0]}= {rng.choice(VALUES)}"
            case 3 if line:
                lines.insert(rng.randrange(len(lines)), line)
            case 4:
                place = rng.randrange(len(line) + 1)
                lines[at : at + 1] = [line[:place] + rng.choice(ODD) + line[place:]]
            case 5:
                lines.insert(at, f"{rng.choice(ODD) * rng.choice((1, 3, 400))}")
            case _:
                lines[at : at + 1] = []
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    return several(data, rng) if rng.random() < 0.15 else data


def settings_text(rng: random.Random) -> str:
    """Some sections with some of their keys, each with a value of anybody's."""
    lines = []
    for name in rng.sample(sorted(Settings.model_fields), rng.choice((1, 1, 2, 4))):
        section = Settings.model_fields[name].annotation
        if name == "characters":
            lines += [f"[characters.{rng.choice(('mira', 'MIRA', 'noa', 'x'))}]"]
            keys = ("trigger", "traits", "keep", "add", "remove")
        else:
            lines += [f"[{name}]"]
            keys = tuple(key for key in section.model_fields if key != "options")
        for key in rng.sample(keys, min(len(keys), rng.choice((0, 1, 1, 2)))):
            default = section.model_fields[key].default if name != "characters" else ["smile"]
            plain = str(default).lower() if isinstance(default, bool | int | float) else f'"{default}"'
            lines.append(f"{key} = {plain if rng.random() < 0.3 else rng.choice(VALUES)}")
    return "\n".join(lines)


def _one_sentence(error: PrepError) -> str:
    assert "\n" not in str(error), repr(str(error))
    return "refused"


def _asked(reader: Callable, *arguments: object) -> str:
    try:
        reader(*arguments)
    except PrepError as error:
        return _one_sentence(error)
    return "read"


def _settings(folder: Path, rng: random.Random, tagger: Path) -> str:
    src = folder / "art"
    for number, name in enumerate(("mira/0", "mira/1", "noa/2")):
        save(drawing(number, 64, 48), src / f"{name}.png")
    text = (
        rng.choice([text for name, text in shipped().items() if name.endswith(".toml")])
        if rng.random() < 0.2
        else settings_text(rng)
    )
    (src / "prep.toml").write_bytes(bent_toml(text, rng) if rng.random() < 0.6 else text.encode())
    if _asked(load_settings, src) == "refused":
        assert typed("run", src, "--out", folder / "out", "--plan").code == 2
        return "refused"
    sets = [f"tagger.model={tagger}", "generator.model=none"]
    said = typed(
        "run", src, "--out", folder / "out", "--runner", "fake", *(w for each in sets for w in ("--set", each))
    )
    assert said.code != 3, said.err
    if said.code == 2:
        return "refused before it began"
    typed("status", folder / "out")
    typed("lint", folder / "out")
    return "used for a run"


def _dataset(folder: Path, rng: random.Random, tagger: Path) -> str:
    for number, name in enumerate(("10_mira", "2_noa")):
        save(drawing(number, 64, 48), folder / name / "1.png")
        (folder / name / "1.txt").write_text(name)
    path = folder / "dataset.toml"
    path.write_bytes(bent_toml(DATASET, rng))
    report = lint(rng.choice((path, folder)))
    apply_fixes(folder)
    assert (folder / "10_mira" / "1.png").exists() and (folder / "2_noa" / "1.png").exists()
    return "found wrong" if report.wrong else "linted"


def _list(folder: Path, rng: random.Random, tagger: Path) -> str:
    path = folder / "list.txt"
    path.write_bytes(several(LIST.encode(), rng))

    def read() -> None:
        patterns = read_patterns(str(path), "filter.file")
        assert all((name in patterns) in (True, False) for name in NAMES)

    return _asked(read)


def _tables(folder: Path, rng: random.Random, tagger: Path) -> str:
    path = folder / "list.toml"
    reader, name = rng.choice(((read_vary, "vary.toml"), (read_exclusive, "exclusive.toml"), (read_overrides, "")))
    path.write_bytes(bent_toml(shipped().get(name, "smile = 0.6\n1girl = 0.3\n"), rng))
    return _asked(reader, str(path))


def settings_trial(tagger: Path, scratch: Path, number: int) -> str:
    """A trial for `apart.tried`."""
    rng = random.Random(number)
    folder = scratch / f"{number}"
    folder.mkdir()
    word = rng.choice((_settings, _dataset, _dataset, _list, _list, _tables, _tables))(folder, rng, tagger)
    shutil.rmtree(folder)
    return word
