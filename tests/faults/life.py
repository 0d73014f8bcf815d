"""A random life of a training set: what a person does to SRC and OUT between, and during, runs that may be killed.

Everything follows from the seed. `Life(...).steps` is what was done, to be read when one fails.
"""

import contextlib
import hashlib
import io
import os
import random
import shutil
import signal
import sys
import traceback
from collections.abc import Collection
from pathlib import Path

from PIL import Image, ImageOps

from prep import files as prep_files
from prep.edits.edits import Edits
from prep.edits.merge import items, key
from prep.edits.placed import read_placement
from prep.edits.sidecar import caption_text
from prep.errors import ImageError, UsageError
from prep.ledger import Ledger
from prep.process.report import Report
from tests.faults.claims import Claims, Findings, Home, Word
from tests.support.pictures import drawing, encoded
from tests.support.runs import run_here

PICTURES = (".png", ".jpg", ".webp", ".bmp")
CRASHES = ("before rename", "after rename", "removal", "settled", "drawn")
SIZES = ((64, 80), (80, 64), (72, 72), (40, 90))
FORMS = {".png": "PNG", ".jpg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}


class BrokenError(AssertionError):
    """Something of a person's is not where it may be."""


class Life:
    def __init__(self, root: Path, seed: int, tagger: Path, sets: tuple[str, ...] = ()) -> None:
        """sets: settings of all its runs, such as a generator."""
        self.root = root
        self.rng = random.Random(seed)
        self.tagger = tagger
        self.sets = sets
        self.src, self.out, self.outside = root / "art", root / "out", root / "outside"
        self.claims = Claims()
        self.steps: list[str] = []
        self.number = 0  # of words and drawings
        self.pictures: dict[str, str] = {}  # sha256 -> number of a picture of SRC
        self.known: dict[str, str] = {}  # path in SRC -> sha256, when a whole run last ended
        self.taken: list[tuple[Path, bytes, bytes | None]] = []  # out of SRC: path, bytes, sidecar
        self.away: list[tuple[Path, dict[str, bytes], str]] = []  # out of kohya/: folder, files, picture
        self.options: dict[str, str] = {}
        self.dirty = False  # a run was killed since one ended
        self.outside.mkdir(parents=True)
        (self.outside / "mine.txt").write_text("nobody touches this")
        names = self.rng.sample(["mira", "noa", "Rei Ito"], self.rng.choice((2, 2, 3)))
        for name in names:
            for at in range(self.rng.randint(3, 5)):
                self._draw(self.src / name / f"{at:03d}.png")
        for path in self.rng.sample(self._sources(), 2):
            self._twin(path)
        if self.rng.random() < 0.3:  # one picture of two characters
            shared = self.rng.choice([path for path in self._sources() if path.parent.name == names[0]])
            (self.src / names[1] / f"shared{shared.suffix}").write_bytes(shared.read_bytes())
        if self.rng.random() < 0.4:
            path = self.rng.choice(self._sources())
            self._write_sidecar(path, f"{path.parent.name}, solo, {self._word(self._home(path))}")

    # What there is

    def _word(self, home: Home) -> str:
        self.number += 1
        word = f"mark {self.number:04d}"
        self.claims.words[word] = Word(word, home)
        return word

    def _draw(self, path: Path) -> None:
        self.number += 1
        picture = drawing(self.number, *self.rng.choice(SIZES))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture, FORMS[path.suffix]))
        self.pictures[_sha256(path)] = str(self.number)

    def _twin(self, path: Path) -> None:
        """The same picture in another container."""
        twin = path.with_name(f"{path.stem}-twin.bmp")
        with Image.open(path) as image:
            twin.write_bytes(encoded(image.convert("RGB"), "BMP"))
        self.pictures[_sha256(twin)] = self.pictures[_sha256(path)]

    def _sources(self) -> list[Path]:
        return sorted(path for path in self.src.rglob("*") if path.suffix in PICTURES)

    def _home(self, path: Path) -> Home:
        return path.parent.name, self.pictures[_sha256(path)]

    def home_of(self, picture: str) -> Home:
        character, _, sha256 = picture.rpartition("/")
        home = character, self.pictures.get(sha256, sha256)
        seen = set()
        while home in self.claims.newer and home not in seen:  # it has moved since the last run
            seen.add(home)
            home = self.claims.newer[home]
        return home

    def _placed(self) -> dict[Path, str]:
        """Path of a picture in kohya/, whether it lies there or not -> its image key."""
        placement = read_placement(self.out / "kohya", Ledger(self.out / ".prep" / "ledger"))
        found = {}
        for state in ("excluded", "unplaced", "leaving", "placed"):
            for picture, placed in placement.known.items():
                if placed.state == state and placement.folder(placed.group):
                    found[placement.folder(placed.group) / placed.stem] = picture
        return found

    def _captions(self) -> list[tuple[Path, str]]:
        """(caption in kohya/, its image key)."""
        placed = self._placed()
        texts = sorted((self.out / "kohya").glob("*/*.txt"))
        return [(path, placed[path.with_suffix("")]) for path in texts if path.with_suffix("") in placed]

    def _in_kohya(self) -> list[tuple[Path, str]]:
        """(picture in kohya/, its image key)."""
        placed = self._placed()
        there = sorted(path for path in (self.out / "kohya").glob("*/*") if path.suffix in PICTURES)
        return [(path, placed[path.with_suffix("")]) for path in there if path.with_suffix("") in placed]

    # Runs

    def sets_now(self) -> list[str]:
        sets = dict(pair.split("=", 1) for pair in ("scan.min_side_px=16", "thresholds.mode=fixed", *self.sets))
        sets |= {"thresholds.fixed": "0.5", "generator.model": sets.get("generator.model", "none")} | self.options
        there = {path.parent.name for path in self._sources()}
        return [f"{name}={value}" for name, value in sets.items() if not name.startswith("characters.")
                or name.split('.')[1] in there]  # fmt: skip

    def run(self, meddle=None, **options) -> None:
        """A run to its end, and what must hold after it. meddle: what a person does after so many files are written."""
        self.steps.append(f"run {' '.join(self.sets_now())} {options or ''}")
        known_before = {*self.claims.words, *self.claims.strangers}
        before, moved_before = list(self.claims.words.values()), list(self.claims.newer)
        untouched = _tree(self.src) if self.options.get("captions.sidecars") != "source" else None
        if options.get("restore"):
            self.claims.unsure |= self.claims.excluded
            self.claims.excluded.clear()
        known = {str(path): _sha256(path) for path in self._sources()}
        said = io.StringIO()
        with contextlib.redirect_stdout(said), _meddling(*(meddle or (0, None))) as met:
            result = run_here(self.src, self.out, self.tagger, *self.sets_now(), **options)
        if meddle:
            self.steps.append("  met" if met() else "  came too late")
        elif untouched is not None and _tree(self.src) != untouched:
            raise BrokenError("a run wrote into SRC")
        if result.exit_code not in (0, 1):
            raise BrokenError(f"ended with {result.exit_code}")
        for home in moved_before:
            self.claims.newer.pop(home, None)
        self.known = known
        self.dirty = False
        self._check({*self.claims.words, *self.claims.strangers} - known_before)
        if meddle and not met():
            meddle[1]()
        for word in before:
            word.seen = True
        if not meddle:
            self.claims.mixed.clear()
            for tags in self.claims.removed.values():
                tags.update(dict.fromkeys(tags, True))

    def _check(self, fresh: Collection[str] = ()) -> None:
        if (self.outside / "mine.txt").read_text() != "nobody touches this":
            raise BrokenError("a file outside was changed")
        if wrong := Findings(self.src, self.out, self.home_of).wrong(self.claims, fresh):
            raise BrokenError("\n".join(wrong))

    def killed(self) -> None:
        point = f"{self.rng.choice(CRASHES)}:{self.rng.choice((self.rng.randint(1, 12), self.rng.randint(1, 60)))}"
        told = self.root / "told"
        pid = os.fork()
        if not pid:
            self._die(point, told)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.steps.append(
            f"run {' '.join(self.sets_now())} killed at {point}" + ("" if code else ": it came to its end")
        )
        if code not in (0, -signal.SIGKILL):
            raise BrokenError(f"a run that was to be killed ended with {code}: {told.read_text()}")
        self.dirty = True

    def _die(self, point: str, told: Path) -> None:
        try:
            os.environ["PREP_CRASH"] = point
            prep_files._passed.clear()
            with told.open("w") as sys.stdout:
                run_here(self.src, self.out, self.tagger, *self.sets_now())
        except BaseException:
            told.write_text(traceback.format_exc())
            os._exit(99)
        os._exit(0)

    # What a person does

    def live(self, count: int) -> None:
        self.run()
        while count:
            count -= 1
            act = self.rng.choices(list(ACTS), [ACTS[each] for each in ACTS])[0]
            act(self)
            if self.rng.random() < 0.4:
                self.edit_caption()
            if self.rng.random() < 0.45:
                self.run()
        self.run()
        self._bring_all_back()

    def _bring_all_back(self) -> None:
        """All is in SRC again, under the settings of the beginning: then everything is in the set."""
        self.options.clear()
        while self.taken:
            self.bring_back()
        self.claims.unsure |= self.claims.excluded
        self.claims.excluded.clear()
        self.run(restore=True)
        self.run(restore=True)

    def edit_caption(self) -> None:
        captions = self._captions()
        if not captions:
            return
        path, picture = self.rng.choice(captions)
        home, data = self.home_of(picture), path.read_bytes()
        try:
            text = caption_text(data)
        except ImageError:
            return
        tags = items(text)
        how = self.rng.choice(("add", "add", "add", "take out", "sentence", "empty", "utf-16", "foreign", "bom"))
        if how == "take out":
            mine = [tag for tag in tags[1:] if not tag.startswith("mark")]
            if not mine or "\n" in text or "." in text:
                return
            tag = self.rng.choice(mine)
            path.write_text(", ".join(each for each in tags if each != tag))
            self.claims.removed.setdefault(home, {})[key(tag)] = False
            self.steps.append(f"take {tag!r} out of {self._short(path)}")
            return
        if how == "foreign":
            data = self.rng.choice(
                [f"café {text} {self.number}".encode("cp1252", "ignore"), f"蓝色头发{self.number}".encode("gbk"),
                 f"水着{self.number}".encode("shift-jis")]
            )  # fmt: skip
            path.write_bytes(data)
            self.claims.lost_unseen(text)
            self.claims.files[hashlib.sha256(data).hexdigest()] = f"the foreign caption of {home}"
            self.steps.append(f"foreign bytes into {self._short(path)}")
            return
        word = self._word(home) if how != "empty" else ""
        new = {"sentence": f"A picture with {word} in it.", "empty": ""}.get(how) or ", ".join([*tags, word])
        new = "" if how == "empty" else new
        encoding = {"utf-16": "utf-16", "bom": "utf-8-sig"}.get(how, "utf-8")
        path.write_bytes((new + ("\r\n" if how == "bom" else "")).encode(encoding))
        self.claims.wrote(home, text, new)
        self.steps.append(f"{how} {word} in {self._short(path)}, of {home}")

    def edit_source(self) -> None:
        path = self.rng.choice(self._sources())
        sidecar = path.with_suffix(".txt")
        before = _read(sidecar) if sidecar.exists() else ""
        if before is None:
            return
        if sidecar.exists() and self.rng.random() < 0.15:
            data = f"水着{self.number}".encode("shift-jis")
            sidecar.write_bytes(data)
            self.claims.lost_unseen(before)
            self.steps.append(f"foreign bytes beside {self._short(path)}")
            return
        word = self._word(self._home(path))
        how = self.rng.choice(("add", "sentence"))
        new = f"A source with {word}." if how == "sentence" else ", ".join([*(items(before) or ["solo"]), word])
        self._write_sidecar(path, new, before)
        self.steps.append(f"{how} {word} beside {self._short(path)}, of {self._home(path)}")

    def _write_sidecar(self, path: Path, text: str, before: str = "") -> None:
        path.with_suffix(".txt").write_text(text)
        self.claims.wrote(self._home(path), before, text)

    def delete_caption(self) -> None:
        if captions := self._captions():
            path, _ = self.rng.choice(captions)
            self._away_with(path)
            self.steps.append(f"delete {self._short(path)}")

    def delete_picture(self) -> None:
        if there := self._in_kohya():
            path, picture = self.rng.choice(there)
            self._take_picture(path, picture)
            self.steps.append(f"delete {self._short(path)}, of {self.home_of(picture)}")

    def _take_picture(self, path: Path, picture: str) -> None:
        home = self.home_of(picture)
        self.claims.files.pop(_sha256(path), None)
        path.unlink()
        whole = not self.dirty and home[1] in self.pictures.values() and self._trains(picture)
        (self.claims.excluded if whole and home not in self.claims.unsure else self.claims.unsure).add(home)

    def _trains(self, picture: str) -> bool:
        """Whether the last run had it in the set, and prep can know it by now."""
        return any(row["status"] == "kept" and f"{row['character']}/{row['image_id']}" == picture
                   for row in Findings(self.src, self.out, self.home_of).rows)  # fmt: skip

    def take_away(self) -> None:
        """Picture and caption out of kohya/, to be put back later."""
        if there := self._in_kohya():
            path, picture = self.rng.choice(there)
            files = {path.name: path.read_bytes()}
            text = path.with_suffix(".txt")
            sha256 = _sha256(path)
            mine = sha256 in self.claims.files
            if text.exists():
                files[text.name] = text.read_bytes()
                self._away_with(text)
            self._take_picture(path, picture)
            self.away.append((path.parent, files, picture, mine))
            self.steps.append(f"take {self._short(path)} and its caption away, of {self.home_of(picture)}")

    def put_back(self) -> None:
        if not self.away:
            return
        folder, files, picture, mine = self.away.pop()
        home = self.home_of(picture)
        if not folder.is_dir() or any((folder / name).exists() for name in files):
            return
        for name, data in files.items():
            if name.endswith(".txt"):
                text = caption_text(data) if _decodes(data) else ""
                if _decodes(data) and self.rng.random() < 0.6:
                    word = self._word(home)
                    self.claims.words[word].roams = True
                    new = f"{text}, {word}" if text else word
                    for other in self.claims.words.values():
                        if other.home == home and other.text != word and other.state != "free":
                            other.state = "free"  # an old text is back: what came since is out of it again
                    data = new.encode()
                elif _decodes(data):
                    for other in self.claims.words.values():
                        if other.home == home:
                            other.state = "free"
                else:
                    self.claims.files[hashlib.sha256(data).hexdigest()] = f"the foreign caption of {home}"
                self.claims.removed.pop(home, None)
            else:
                if mine:
                    self.claims.files[hashlib.sha256(data).hexdigest()] = f"the retouched {name}"
                self.claims.excluded.discard(home)
                self.claims.unsure.add(home)
            (folder / name).write_bytes(data)
        self.steps.append(f"put {', '.join(files)} back into {folder.name}, of {home}")

    def retouch(self, folder: str = "kohya") -> None:
        there = [path for path, _ in self._in_kohya()] if folder == "kohya" else sorted(
            path for path in (self.out / "generated").glob("*/*/*.png"))  # fmt: skip
        if not there:
            return
        path = self.rng.choice(there)
        before = _sha256(path)
        how = self.rng.choice(("retouch", "crop", "convert"))
        try:
            with Image.open(path) as image:
                image = image.convert("RGB")
                image = (
                    image.crop((3, 3, *image.size))
                    if how == "crop"
                    else ImageOps.solarize(image, self.rng.randint(90, 160))
                )
        except OSError:
            return
        target = path.with_suffix({".png": ".jpg"}.get(path.suffix, ".png")) if how == "convert" else path
        if target.exists() and target != path:
            return
        self.number += 1
        image.putpixel((0, 0), (self.number % 256, self.number // 256, 1))
        data = encoded(image, FORMS[target.suffix])
        self.claims.files.pop(before, None)
        path.unlink() if target != path else None
        drawn = [self.home_of(key) for key in self._placed().values() if key.endswith(f"/{before}")]
        target.write_bytes(data)
        if folder == "generated" and target == path:  # another version of it is another picture, with what it had
            for home in drawn:
                self.claims.follow(home, (home[0], hashlib.sha256(data).hexdigest()))
        self.claims.files[hashlib.sha256(data).hexdigest()] = f"the picture of {how} in {path.parent.name}/{path.name}"
        self.steps.append(f"{how} {self._short(path)}")

    def retouch_drawn(self) -> None:
        self.retouch("generated")

    def stranger(self) -> None:
        folders = [path for path in (self.out / "kohya").glob("*/") if path.is_dir()]
        if not folders:
            return
        self.number += 1
        path = self.rng.choice(sorted(folders)) / f"found{self.number}.{self.rng.choice(('png', 'jpg'))}"
        path.write_bytes(encoded(drawing(self.number, 64, 64), FORMS[path.suffix]))
        self.claims.strangers[_sha256(path)] = path.name
        if self.rng.random() < 0.5:
            path.with_suffix(".txt").write_text(f"a stranger's own words {self.number}")
            self.claims.strangers[_sha256(path.with_suffix(".txt"))] = path.with_suffix(".txt").name
        self.steps.append(f"a stranger's {self._short(path)}")

    def repaint_source(self) -> None:
        """Another picture under the same path in SRC."""
        path = self.rng.choice(self._sources())
        old, sha256 = self._home(path), _sha256(path)
        self.number += 1
        data = encoded(drawing(self.number, *self.rng.choice(SIZES)), FORMS[path.suffix])
        alone = self._alone(path)
        path.write_bytes(data)
        self.pictures[_sha256(path)] = str(self.number)
        if alone and self.known.get(str(path)) == sha256:
            self.claims.follow(old, self._home(path))
            self.claims.unsure.discard(self._home(path)) if old not in self.claims.unsure else None
        else:
            self._unsure(old, self._home(path))
        self.steps.append(f"another picture in SRC as {self._short(path)}: {old} -> {self._home(path)}")

    def _alone(self, path: Path) -> bool:
        """Whether no other file, here or away, has its picture."""
        number = self.pictures[_sha256(path)]
        others = [each for each in self._sources() if each != path and self.pictures[_sha256(each)] == number]
        away = [data for _, data, _ in self.taken if self.pictures[hashlib.sha256(data).hexdigest()] == number]
        return not others and not away

    def _unsure(self, *homes: Home) -> None:
        for home in homes:
            self.claims.free(home)
            self.claims.mixed.add(home)

    def rename_character(self) -> None:
        folders = sorted(path for path in self.src.iterdir() if path.is_dir())
        folder = self.rng.choice(folders)
        self.number += 1
        name = folder.name.swapcase() if self.rng.random() < 0.4 else f"name{self.number}"
        if (self.src / name).exists() or any(
            path.name.casefold() == name.casefold() != folder.name.casefold() for path in folders
        ):
            return
        moved = [(path, self._home(path)) for path in self._sources() if path.parent == folder]
        # What was there twice, or is to come back under the old name, may stay with the one or go with the other.
        clear = {path for path, _ in moved if self._known_and_alone(path)}
        folder.rename(self.src / name)
        self.known = {str(self.src / name / Path(path).name) if Path(path).parent == folder else path: sha256
                      for path, sha256 in self.known.items()}  # fmt: skip
        for path, old in moved:
            new = (name, old[1])
            self.claims.follow(old, new) if path in clear else self._unsure(old, new)
            self.claims.newer[old] = new
        for path, data, _ in self.taken:
            if path.parent == folder:  # comes back under the new name, and what it had follows it there
                picture = self.pictures[hashlib.sha256(data).hexdigest()]
                self.claims.follow((folder.name, picture), (name, picture))
        self.taken = [
            (self.src / name / path.name if path.parent == folder else path, *rest) for path, *rest in self.taken
        ]
        self.steps.append(f"rename {folder.name} to {name}")

    def _known_and_alone(self, path: Path) -> bool:
        return self._alone(path) and self.known.get(str(path)) == _sha256(path)

    def move_picture(self) -> None:
        path = self.rng.choice(self._sources())
        others = sorted(each for each in self.src.iterdir() if each.is_dir() and each != path.parent)
        if not others:
            return
        self.number += 1
        folder = self.rng.choice(others)
        target = folder / f"moved{self.number}{path.suffix}"
        old, clear = self._home(path), self._known_and_alone(path)
        path.rename(target)
        if path.with_suffix(".txt").exists() and not self._shares_stem(path):
            path.with_suffix(".txt").rename(target.with_suffix(".txt"))
        new = self._home(target)
        self.known.pop(str(path), None)
        self.claims.follow(old, new) if clear else self._unsure(old, new)
        self.steps.append(f"move {path.parent.name}/{path.name} to {folder.name}/{target.name}: {old} -> {new}")

    def _shares_stem(self, path: Path) -> bool:
        return any(each != path and each.with_suffix("") == path.with_suffix("") for each in self._sources())

    def take_out_of_src(self) -> None:
        sources = self._sources()
        chosen = [self.rng.choice(sources)]
        if self.rng.random() < 0.3:
            chosen = [path for path in sources if path.parent == chosen[0].parent]
        if len(chosen) >= len(sources) - 1:
            return
        for path in chosen:
            sidecar = path.with_suffix(".txt")
            data = sidecar.read_bytes() if sidecar.exists() else None
            if data is not None:
                self.claims.lost_unseen(_read(sidecar) or "")
                sidecar.unlink()
            if not self._alone(path):
                # Its twin takes over, or had words of its own.
                same = [each for each in self._sources() if self._home(each)[1] == self._home(path)[1]]
                self._unsure(*{self._home(each) for each in same})
            self.taken.append((path, path.read_bytes(), data))
            path.unlink()
        self.steps.append(f"out of SRC: {', '.join(map(self._short, chosen))}")

    def bring_back(self) -> None:
        if not self.taken:
            return
        path, data, sidecar = self.taken.pop(self.rng.randrange(len(self.taken)))
        if path.exists():
            path = path.with_name(f"back{len(self.steps)}{path.suffix}")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        if sidecar is not None and not path.with_suffix(".txt").exists():
            path.with_suffix(".txt").write_bytes(sidecar)
            if _decodes(sidecar):
                for word in self.claims.words.values():
                    if word.state == "gone" and word.text in caption_text(sidecar):
                        word.state = "free"
        if not self._alone(path):
            self._unsure(self._home(path))
        self.steps.append(f"back in SRC: {self._short(path)}")

    def change_settings(self) -> None:
        names = sorted({path.parent.name for path in self._sources()})
        name, value = self.rng.choice([
            ("thresholds.fixed", "0.3"), ("thresholds.fixed", "0.8"), ("scan.max_aspect", "1.2"),
            ("scan.min_side_px", "60"),
            ("captions.sidecars", "source"), ("export.metadata", "keep"), ("captions.max_tags", "3"),
            (f'characters.{self.rng.choice(names)}.trigger', f"trigger{self.rng.randint(1, 3)}"),
        ])  # fmt: skip
        if self.options.pop(name, None) is None:
            self.options[name] = value
        stems = [path.with_suffix("") for path in self._sources()]
        if len(set(stems)) < len(stems):
            self.options.pop("captions.sidecars", None)

    def rebalance(self) -> None:
        self.run(rebalance=True)

    def restore_all(self) -> None:
        self.run(restore=True)

    def rename_folder(self) -> None:
        folders = sorted(path for path in (self.out / "kohya").glob("*_*/") if path.is_dir())
        if folders:
            folder = self.rng.choice(folders)
            new = folder.with_name(f"{self.rng.randint(1, 90)}_{folder.name.partition('_')[2]}")
            if not new.exists():
                folder.rename(new)
                self.away = [(new if at == folder else at, *rest) for at, *rest in self.away]
                self.steps.append(f"rename kohya/{folder.name} to {new.name}")

    def delete_folder(self) -> None:
        folders = sorted(path for path in (self.out / "kohya").glob("*/") if path.is_dir())
        if not folders:
            return
        chosen = folders if self.rng.random() < 0.4 else [self.rng.choice(folders)]
        for folder in chosen:
            for path in folder.iterdir():
                self._away_with(path)
            folder.rmdir()
        self.steps.append(f"delete {', '.join(folder.name for folder in chosen)} of kohya/")
        self.claims.unsure |= self._unseen_removals(chosen)

    def _unseen_removals(self, folders: list[Path]) -> set[Home]:
        """Pictures taken out of a folder that is gone as well before a run saw it: it is rebuilt whole."""
        groups = {folder.name.partition("_")[2] for folder in folders}
        homes = {self.home_of(picture) for path, picture in self._placed().items()
                 if path.parent.name.partition("_")[2] in groups}  # fmt: skip
        homes &= self.claims.excluded
        self.claims.excluded -= homes
        return homes

    def _away_with(self, path: Path) -> None:
        """A file that a person removes is theirs to remove."""
        sha256 = _sha256(path)
        self.claims.files.pop(sha256, None)
        self.claims.strangers.pop(sha256, None)
        if path.suffix == ".txt":
            picture = self._placed().get(path.with_suffix(""))
            self.claims.lost_unseen(_read(path) or "", picture and self.home_of(picture))
            if picture:
                unseen = {tag for tag, seen in self.claims.removed.get(self.home_of(picture), {}).items() if not seen}
                for tag in unseen:
                    self.claims.removed[self.home_of(picture)].pop(tag)
        path.unlink(missing_ok=True)

    def decide(self) -> None:
        """Through the door of commands."""
        trained = [row for row in Findings(self.src, self.out, self.home_of).rows if row["image_id"]]
        if not trained or self.dirty and not (self.out / "manifest.parquet").exists():
            return
        row = self.rng.choice(trained)
        picture = f"{row['character']}/{row['image_id']}"
        home = self.home_of(picture)
        verb = self.rng.choice(("exclude", "restore", "accept", "reject", "undo", "redo", "rename", "caption"))
        with contextlib.redirect_stdout(io.StringIO()), Report(None, quiet=True):
            edits = Edits(self.out, Ledger.begin(self.out / ".prep" / "ledger"))
            edits.look()
            self.steps.append(f"{verb} {home}")
            if verb == "exclude":
                edits.exclude([picture])
                present = any(self._home(path) == home for path in self._sources())
                if present and row["status"] != "duplicate":
                    self.claims.unsure.discard(home)
                    self.claims.excluded.add(home)
                else:
                    self.claims.unsure.add(home)
            elif verb in ("restore", "accept", "reject"):
                getattr(edits, verb)([picture])
                self.claims.excluded.discard(home)
                self.claims.unsure.add(home)
            elif verb in ("undo", "redo"):
                self.claims.undone(getattr(edits, verb)(self.rng.choice((1, 1, 2))), self.home_of)
            elif verb == "rename":
                live = [word for word in self.claims.words.values() if word.state == "live" and word.home == home]
                text = edits.text(picture) or ""
                live = [word for word in live if word.text in items(text)]
                if live:
                    new = self._word(home)
                    if edits.rename({live[0].text: new}, [picture]):
                        live[0].state = "gone"
                        self.steps[-1] += f": {live[0].text} -> {new}"
                    else:
                        del self.claims.words[new]
            elif text := edits.text(picture):
                new = self._word(home)
                with contextlib.suppress(UsageError):
                    edits.caption(picture, f"{text}, {new}")
                self.steps[-1] += f": {new}"

    def killed_and_edited(self) -> None:
        self.killed()
        for _ in range(self.rng.randint(0, 2)):
            self.rng.choice((Life.edit_caption, Life.edit_caption, Life.edit_source, Life.retouch, Life.stranger))(self)

    def edited_meanwhile(self) -> None:
        """Something is done while a run goes on: after so many files are written."""
        act = self.rng.choice(MEANWHILE)
        self.dirty = True  # what is taken out meanwhile may come too late for this run, or before it has begun to place
        self.run(meddle=(self.rng.randint(1, 45), lambda: act(self)))

    def copy_out(self) -> None:
        self.number += 1
        new = self.root / f"out{self.number}"
        keep = self.rng.random() < 0.5
        shutil.copytree(self.out, new, symlinks=True, copy_function=shutil.copy2 if keep else shutil.copy)
        shutil.rmtree(self.out)
        self.away = [(new / at.relative_to(self.out), *rest) for at, *rest in self.away]
        self.out = new
        self.steps.append(f"copy OUT to {new.name}")

    def _short(self, path: Path) -> str:
        return str(path.relative_to(self.root))


ACTS = {
    Life.edit_caption: 10,
    Life.edit_source: 4,
    Life.delete_caption: 2,
    Life.delete_picture: 3,
    Life.take_away: 3,
    Life.put_back: 4,
    Life.retouch: 3,
    Life.retouch_drawn: 1,
    Life.stranger: 2,
    Life.repaint_source: 2,
    Life.rename_character: 2,
    Life.move_picture: 3,
    Life.take_out_of_src: 3,
    Life.bring_back: 3,
    Life.change_settings: 5,
    Life.rebalance: 1,
    Life.restore_all: 1,
    Life.rename_folder: 2,
    Life.delete_folder: 2,
    Life.decide: 5,
    Life.killed_and_edited: 5,
    Life.edited_meanwhile: 4,
    Life.copy_out: 1,
}


MEANWHILE = (
    *(Life.edit_caption,) * 6,
    *(Life.edit_source, Life.delete_caption, Life.delete_picture, Life.take_away, Life.put_back, Life.retouch),
    *(Life.retouch_drawn, Life.stranger, Life.rename_folder, Life.delete_folder, Life.rename_character),
    *(Life.move_picture, Life.repaint_source, Life.take_out_of_src, Life.bring_back),
)


@contextlib.contextmanager
def _meddling(number: int, act):
    """act once, after the number-th file was renamed into its place. -> a function: whether it came to that."""
    real, passed, met = prep_files.crash_point, [0], []

    def crash_point(name: str) -> None:
        passed[0] += name == "after rename"
        if act and not met and passed[0] == number:
            met.append(True)
            act()
        real(name)

    prep_files.crash_point = crash_point
    try:
        yield lambda: bool(met)
    finally:
        prep_files.crash_point = real


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tree(folder: Path) -> dict[str, str]:
    return {str(path): _sha256(path) for path in folder.rglob("*") if path.is_file()}


def _decodes(data: bytes) -> bool:
    try:
        caption_text(data)
    except ImageError:
        return False
    return True


def _read(path: Path) -> str | None:
    return caption_text(path.read_bytes()) if _decodes(path.read_bytes()) else None
