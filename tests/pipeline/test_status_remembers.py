"""What is remembered of captions and their files makes status quick, and never makes it say anything else."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prep.captions.compose import Composer
from prep.config import load_settings
from prep.edits import from_files
from prep.edits.placed import read_placement
from prep.edits.unchanged import Unchanged
from prep.ledger import DryLedger
from prep.pipeline.preview import preview
from prep.pipeline.status import diff_of, status_of
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import manifest, older, run_here, sidecar, tree


@pytest.fixture
def made(tmp_path, tiny_tagger, monkeypatch):
    """SRC and OUT after two runs. The second saw the captions when they had lain there for a while."""
    art, out = folder_of(tmp_path / "art", mira=4, noa=2), tmp_path / "out"
    (art / "prep.toml").write_text('[generator]\nmodel = "none"\n')
    older(art)
    run_here(art, out, tiny_tagger)
    with monkeypatch.context() as later:
        now = time.time_ns
        later.setattr(time, "time_ns", lambda: now() + 10_000_000_000)
        run_here(art, out, tiny_tagger)
    return art, out


def told(out: Path) -> list[str]:
    return [*status_of(out), *diff_of(out)]


def known(out: Path) -> list:
    """What status says, and all that a run would make of each picture."""
    art = out.parent / "art"
    rows = preview(art, out, load_settings(art)).record.rows
    shown = [(row.ref.path, row.status, row.flags, row.final_text, row.caption_source) for row in rows]
    return [*status_of(out), *shown, *((row.caption.tags, row.caption.removed) for row in rows if row.caption)]


@contextmanager
def forgetful() -> Iterator[None]:
    """Nothing that is remembered counts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Composer, "proof", lambda *_: os.urandom(8))
        patch.setattr(Unchanged, "has", lambda *_: False)
        yield


def test_a_status_reads_no_caption_and_composes_none_where_nothing_has_changed(made, monkeypatch):
    _, out = made
    with forgetful():
        expected = told(out)
    monkeypatch.setattr(from_files, "read_file", lambda *_: pytest.fail("a caption was read"))
    monkeypatch.setattr(Composer, "caption", lambda *_: pytest.fail("a caption was composed"))
    assert told(out) == expected


def test_what_a_run_wrote_long_before_its_end_needs_no_reading_after_it(tmp_path, tiny_tagger, monkeypatch):
    art, now = folder_of(tmp_path / "art", mira=3), time.time_ns
    with monkeypatch.context() as later:
        later.setattr(time, "time_ns", lambda: now() + 10_000_000_000)
        run_here(art, tmp_path / "out", tiny_tagger)
    monkeypatch.setattr(from_files, "read_file", lambda *_: pytest.fail("a caption was read"))
    assert told(tmp_path / "out")


def test_what_was_written_a_moment_ago_is_read_again(tmp_path, tiny_tagger, monkeypatch):
    art, read, paths = folder_of(tmp_path / "art", mira=3), from_files.read_file, []
    begun = time.time_ns()
    with monkeypatch.context() as earlier:
        earlier.setattr(time, "time_ns", lambda: begun)
        run_here(art, tmp_path / "out", tiny_tagger)
    monkeypatch.setattr(from_files, "read_file", lambda path, most: [paths.append(path), read(path, most)][1])
    assert told(tmp_path / "out") and len({*paths}) == 3


def test_a_status_after_each_kind_of_change_says_what_a_fresh_look_says(made):
    art, out = made
    texts = {name: sidecar(out, name) for name in ("mira/000.png", "mira/001.png", "mira/002.png", "noa/000.png")}
    own, words = art / "prep.toml", art / "filter.txt"
    words.write_text("comic\n")

    def settings(text: str) -> None:
        own.write_text(f'[generator]\nmodel = "none"\n[filter]\nfile = "filter.txt"\n{text}')

    def in_place(path: Path, text: str) -> None:
        """As an editor does that keeps a file, its size and its time."""
        stat = path.stat()
        assert len(text) == stat.st_size
        with path.open("r+") as file:
            file.write(text)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    def replaced(path: Path, text: str) -> None:
        """As an editor does that writes another file and renames it."""
        stat, other = path.stat(), path.with_suffix(".new")
        other.write_text(text)
        os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        other.replace(path)

    def linked(path: Path) -> None:
        path.rename(art.parent / "mine.txt")
        path.symlink_to(art.parent / "mine.txt")

    one, two, three, four = texts.values()
    first = manifest(out)[0]["tags"][0]["name"]
    changes = (
        ("a caption is edited", lambda: one.write_text(f"{one.read_text()}, red scarf")),
        ("one in place, its size and time kept", lambda: in_place(two, two.read_text()[:-1] + "x")),
        ("one replaced by another of its size and time", lambda: replaced(three, three.read_text()[:-1] + "x")),
        ("one is a link to what it was", lambda: linked(four)),
        ("one is removed", lambda: one.unlink()),
        ("another threshold", lambda: settings("[thresholds]\nsimple = 0.2\nmedium = 0.2\ncomplex = 0.2\n")),
        ("the filter's file has another word", lambda: words.write_text(f"{first}\n")),
        ("another trigger", lambda: settings('[characters.mira]\ntrigger = "mirabel"\n')),
        ("traits are named", lambda: settings('[characters.mira]\ntraits = ["smile", "solo", "1girl"]\n')),
        ("tags are added", lambda: settings('[characters.noa]\nadd = ["silver_ring"]\n')),
        ("fewer tags", lambda: settings("[captions]\nmax_tags = 2\n")),
        ("a picture more", lambda: save(drawing(77), art / "mira" / "new.png")),
        ("a picture fewer", lambda: (art / "noa" / "001.png").unlink()),
    )
    before = known(out)
    for what, change in changes:
        change()
        now = known(out)
        with forgetful():
            assert now == known(out), what
        assert now != before, what
        before = now


def test_rehash_reads_captions_too(made, tiny_tagger, monkeypatch):
    art, out = made
    read, paths = from_files.read_file, []
    monkeypatch.setattr(from_files, "read_file", lambda path, most: [paths.append(path), read(path, most)][1])
    run_here(art, out, tiny_tagger)
    assert not paths
    run_here(art, out, tiny_tagger, rehash=True)
    assert len({*paths}) == 6


def test_a_link_has_no_time_of_change_that_could_be_remembered(made):
    _, out = made
    text = sidecar(out, "mira/000.png")
    text.rename(out.parent / "mine.txt")
    text.symlink_to(out.parent / "mine.txt")
    listings = read_placement(out / "kohya", DryLedger(out / ".prep" / "ledger")).listings
    assert [name for names in listings.values() for name, stat in names.items() if not stat.changed_ns] == [text.name]


def test_a_run_writes_the_same_bytes_whether_it_remembers_or_not(made, tiny_tagger):
    art, out = made
    (art / "prep.toml").write_text('[generator]\nmodel = "none"\n[characters.mira]\ntrigger = "mirabel"\n')
    before = tree(out)
    run_here(art, out, tiny_tagger)
    remembered = tree(out)
    assert remembered != before
    with forgetful():
        run_here(art, out, tiny_tagger)
    assert tree(out) == remembered


def test_other_settings_that_change_no_caption_are_remembered_without_announcing_a_file(made, tiny_tagger, monkeypatch):
    art, out = made
    (art / "prep.toml").write_text('[generator]\nmodel = "none"\n[captions]\nmax_tags = 39\n')
    before = tree(out)
    run_here(art, out, tiny_tagger)
    assert {path: digest for path, digest in tree(out).items() if path.endswith(".txt")} == {
        path: digest for path, digest in before.items() if path.endswith(".txt")
    }
    monkeypatch.setattr(Composer, "caption", lambda *_: pytest.fail("a caption was composed"))
    assert told(out)
