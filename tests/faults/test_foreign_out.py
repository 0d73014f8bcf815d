"""An OUT that came from somebody else: nothing outside it is written, removed, read into the set or published."""

import errno
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from prep.cli import group
from prep.dataset.finished import read_set
from prep.dataset.folders import check_folders
from prep.dataset.rows import manifest_facts, manifest_rows
from prep.errors import StoppedError, UsageError
from prep.files import read_file, real_folder, sweep, write_whole
from prep.hub.rows import Counts, Source
from prep.hub.shards import Shards
from prep.jobs.draw import DRAW
from prep.ledger import Ledger
from prep.lint.look import apply_fixes, lint
from prep.pipeline.road import prepare_out
from prep.pipeline.status import opened, problems_of
from prep.process.lock import locked
from prep.process.report import Report
from tests.lint.broken import clean_folder
from tests.support.finished import Maker, captions
from tests.support.pictures import drawing, save

SECRET = "a secret of this machine"


@pytest.fixture
def out(tmp_path) -> Path:
    """Two pictures of one character."""
    made = Maker(tmp_path / "out")
    made.add("Mira", "mira, 1girl, smile")
    made.add("Mira", "mira, 1girl, outdoors")
    return signed(made.finish())


def signed(out: Path) -> Path:
    """With prep's version in its manifest, as a push wants it."""
    table = pq.read_table(out / "manifest.parquet")
    metadata = {**table.schema.metadata, b"prep.version": b"0.1.0"}
    pq.write_table(table.replace_schema_metadata(metadata), out / "manifest.parquet")
    return out


HALF = ".prep-0123abcd-1-1"  # a name that a killed process leaves


@pytest.fixture
def outside(tmp_path) -> Path:
    """A folder that is nobody's business, with a file in it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text(SECRET)
    (tmp_path / "outside" / HALF).write_text(SECRET)
    return tmp_path / "outside"


def linked(path: Path, target: Path) -> Path:
    """A link in the place of whatever is there."""
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name("was"))
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def untouched(outside: Path) -> bool:
    return {path.name: path.read_text() for path in outside.iterdir()} == {"secret.txt": SECRET, HALF: SECRET}


def raising(error: Exception):
    def call(*_, **__):
        raise error

    return call


def prep(*arguments) -> tuple[int, str]:
    """A command in this process -> (exit code, what was wrong)."""
    done = CliRunner().invoke(group, list(map(str, arguments)), standalone_mode=False)
    assert done.exception is None or isinstance(done.exception, (UsageError, StoppedError)), done.exception
    return getattr(done.exception, "exit_code", done.exit_code), str(done.exception)


def in_time(code: str, *arguments) -> str:
    """What the code prints in a process of its own that may not hang."""
    command = [sys.executable, "-c", f"import sys\nfrom pathlib import Path\n{code}", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()


# Folders and prep's own files

FOLDERS = (
    "kohya", "kohya/10_mira", "generated", "generated/mira", "generated/mira/rejected", ".prep", ".prep/ledger",
    ".prep/ledger/tag", ".prep/push", ".prep/export", ".prep/prompts", "export", "export/imagefolder",
    "export/imagefolder/train/deep", "set_aside",
)  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_is_a_link_is_refused_in_one_sentence(out, outside, name):
    linked(out / name, outside)
    for look in (check_folders, read_set, prepare_out, lambda out: Source(out, rejected=False)):
        with pytest.raises(UsageError, match=f"{out / name} is a link.* Remove it"):
            look(out)
    assert untouched(outside)


@pytest.mark.parametrize(
    "name", [".prep/lock", ".prep/log", ".prep/config.json", ".prep/run.json", ".prep/push/index.json"]
)
def test_every_command_refuses_an_out_whose_state_leads_elsewhere(out, outside, name):
    linked(out / name, outside / "secret.txt")
    art = save(drawing(1), out.parent / "art" / "mira" / "1.png").parent.parent
    for command in (
        ("export", out, "--to", "imagefolder"),
        ("push", out, "me/set", "--yes", "--license", "mit"),
        ("status", out),
        ("run", art, "--out", out, "--set", "generator.model=none"),
        ("run", art, "--out", out, "--plan"),
    ):
        code, wrong = prep(*command)
        assert code == 2 and f"{out / name} is a link" in wrong, command
    assert untouched(outside)


def test_a_file_where_a_folder_should_be_is_refused(out):
    (out / "export").write_text("")
    with pytest.raises(UsageError, match="export is not a folder"):
        check_folders(out)


def test_a_pipe_among_preps_own_files_is_refused(out):
    (out / ".prep" / "export").mkdir()
    os.mkfifo(out / ".prep" / "export" / "imagefolder.json")
    with pytest.raises(UsageError, match="imagefolder.json is neither a file nor a folder"):
        check_folders(out)


def test_an_out_that_is_itself_a_link_is_a_persons_own_choice(out):
    linked(out.parent / "other", out)
    assert read_set(out.parent / "other").images == 2


def test_the_lock_and_the_log_write_through_no_link(tmp_path, outside):
    for name in ("lock", "log"):
        linked(tmp_path / name, outside / "secret.txt")
    with pytest.raises(StoppedError, match=r"lock cannot be locked \(is a link\)"), locked(tmp_path / "lock"):
        pass
    with Report(tmp_path / "log", quiet=True) as report:
        report.note("; rm -rf ~")
    assert untouched(outside)


def test_a_pipe_in_the_place_of_the_lock_or_the_log_is_not_waited_for(tmp_path):
    for name in ("lock", "log"):
        os.mkfifo(tmp_path / name)
    code = (
        "from prep.process.lock import locked\nfrom prep.process.report import Report\nhere = Path(sys.argv[1])\n"
        "with Report(here / 'log', quiet=True) as report: report.note('line')\n"
        "try:\n  with locked(here / 'lock'): pass\n"
        "except Exception as error: print(error)"
    )
    assert "lock cannot be locked (is not a regular file)" in in_time(code, tmp_path)


def test_the_holder_of_a_lock_is_told_without_control_characters(tmp_path):
    with locked(tmp_path / "lock"):
        (tmp_path / "lock").write_bytes(b"process \x1b]0;mine\x07 \xff" + b"x" * 10)
        with pytest.raises(StoppedError) as stopped, locked(tmp_path / "lock"):
            pass
    assert r"process \x1b]0;mine\x07" in str(stopped.value)


def test_nothing_is_swept_or_made_behind_a_link(tmp_path, outside):
    sweep(linked(tmp_path / "folder", outside))
    with pytest.raises(StoppedError, match="folder is a link"):
        real_folder(tmp_path, "folder", "below")
    assert untouched(outside)


def test_only_what_a_killed_process_left_is_swept(tmp_path):
    """A folder of that name is no obstacle, and a person's files may begin as ours do."""
    (tmp_path / HALF).mkdir()
    (tmp_path / ".prep-0123abcd-1-2").write_bytes(b"half")
    (tmp_path / ".prep-0123abcd-1").write_bytes(b"")  # of check_writable
    (tmp_path / ".prep-0123abcd-1-3").symlink_to("picture.png")  # one that was about to be placed
    theirs = {HALF, ".prep-notes.txt", ".prep-1-1", ".prep-list", ".prep-0123abcd-1-2.txt", ".prep-0123ABCD-1-2"}
    for name in theirs - {HALF}:
        (tmp_path / name).write_text("mine")
    os.mkfifo(tmp_path / ".prep-0123abcd-1-4")
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == theirs | {".prep-0123abcd-1-4"}


def test_names_of_half_written_files_cannot_be_guessed(out, outside, monkeypatch):
    monkeypatch.setattr("prep.files._numbers", iter(range(100)))
    for number in range(3):
        linked(out / f".prep-{os.getpid()}-{number}", outside / "secret.txt")
    linked(out / f".prep-{os.getpid()}", outside / "secret.txt")
    write_whole(out / "new.txt", b"mira")
    prepare_out(out)
    assert untouched(outside) and (out / "new.txt").read_text() == "mira"


# The ledger


def test_a_part_that_is_a_link_is_not_read(tmp_path, outside):
    ledger = Ledger.begin(tmp_path / "ledger")
    ledger.write(DRAW, [{"subject": "a", "recipe": "r"}])
    [part] = ledger.parts(DRAW)
    linked(part.with_name("000002-main-000001.parquet"), part)
    with pytest.raises(StoppedError, match="000002-main-000001.parquet cannot be read: .*is a link"):
        ledger.table(DRAW)


def test_a_stage_that_is_a_link_is_not_written_to(tmp_path, outside):
    ledger = Ledger.begin(tmp_path / "ledger")
    linked(tmp_path / "ledger" / "draw", outside)
    with pytest.raises(StoppedError, match="draw is a link"):
        ledger.write(DRAW, [{"subject": "a", "recipe": "r"}])
    assert untouched(outside)


@pytest.mark.parametrize("name", ["mine.parquet", "\u00b2-main-1.parquet", "9" * 5000 + ".parquet"][:2])
def test_a_part_of_another_name_stops_no_run(tmp_path, name):
    (tmp_path / "draw").mkdir()
    (tmp_path / "draw" / name).write_bytes(b"")
    assert Ledger.begin(tmp_path).run == 1


# State that is read


@pytest.mark.parametrize("data", [b"[" * 100_000, b"\xff", b"{}", b'{"src": "\\ud800", "settings": {}}', b'{"src": 1}'])
def test_a_config_that_prep_did_not_write_is_a_sentence(out, data):
    (out / ".prep" / "config.json").write_bytes(data)
    with pytest.raises(UsageError, match="config.json (is not|has|lacks) .*writes it again"):
        opened(out)


def test_a_pipe_in_out_is_not_waited_for(out):
    (out / "manifest.parquet").unlink()
    for name in ("problems.txt", "manifest.parquet"):
        os.mkfifo(out / name)
    (out / ".prep" / "config.json").write_text(json.dumps({"src": "x", "settings": {}}))
    code = (
        "from prep.dataset.rows import manifest_rows\nfrom prep.errors import PrepError\n"
        "from prep.pipeline.status import problems_of\n"
        "for read in (manifest_rows, problems_of):\n"
        "  try: list(read(Path(sys.argv[1])))\n"
        "  except PrepError as error: print(error)"
    )
    said = in_time(code, out).splitlines()
    assert len(said) == 2 and all("is not a regular file" in line for line in said)


def test_problems_are_told_from_a_file_of_outs_own(out, outside):
    (out / ".prep" / "config.json").write_text(json.dumps({"src": "x", "settings": {}}))
    linked(out / "problems.txt", outside / "secret.txt")
    with pytest.raises(UsageError, match=r"problems.txt cannot be read \(is a link\)"):
        list(problems_of(out))


def test_a_file_that_never_ends_is_read_to_its_bound():
    with pytest.raises(OSError, match="is not a regular file"):
        read_file(Path("/dev/zero"), follow=True)


def test_a_file_is_read_to_its_bound(tmp_path):
    (tmp_path / "large").write_bytes(b"12345")
    assert read_file(tmp_path / "large", 5) == b"12345"
    with pytest.raises(OSError) as raised:
        read_file(tmp_path / "large", 4)
    assert raised.value.errno == errno.EFBIG


# Captions and pictures


def test_a_caption_that_is_a_link_is_neither_exported_nor_published(out, outside):
    caption = sorted((out / "kohya").glob("*/*.txt"))[0]
    linked(caption, outside / "secret.txt")
    found = read_set(out)
    assert SECRET not in str(found) and found.images == 1
    assert [why for why in found.left_out.values()] == ["its caption cannot be read (is a link)"]
    items = list(Source(out, rejected=False).items(counts := Counts()))
    assert len(items) == 1 and SECRET not in str(items)
    assert counts.foreign == {"has a caption that is a link": 1}


def test_a_picture_that_is_a_link_is_taken_when_it_is_the_one_that_the_set_means(out, tmp_path):
    one, other = sorted((out / "kohya").glob("*/*.png"))
    (tmp_path / "art.png").write_bytes(one.read_bytes())
    linked(one, tmp_path / "art.png")
    assert read_set(out).images == 2
    assert len(list(Source(out, rejected=False).items())) == 2
    save(drawing(77, 32, 48), tmp_path / "private.png")
    linked(other, tmp_path / "private.png")
    found = read_set(out)
    assert found.images == 1
    assert list(found.left_out.values()) == ["is a link to something other than this set's picture"]
    assert len(list(Source(out, rejected=False).items(counts := Counts()))) == 1 and counts.foreign.total() == 1


def test_a_picture_that_is_a_pipe_is_left_out(out):
    path = sorted((out / "kohya").glob("*/*.png"))[0]
    path.unlink()
    os.mkfifo(path)
    assert list(read_set(out).left_out.values()) == ["is not a regular file"]


@pytest.mark.parametrize(
    "file", ["other/1.png", ".prep/config.json", "kohya/../x.png", "/etc/passwd", "kohya/a/b/c.png"]
)
def test_a_manifest_that_names_another_file_is_refused(tmp_path, file):
    made = Maker(tmp_path / "out")
    made.add("Mira", "mira")
    made.rows[0]["file"] = file
    with pytest.raises(UsageError, match="outside its folder"):
        list(Source(signed(made.finish()), rejected=False).items())


@pytest.mark.parametrize(
    "column, values",
    [
        ("character", [1, 2]),
        ("flags", ["x", "y"]),
        ("character", [None, "a"]),
        ("width", ["1", "2"]),
        ("tags", [1, 2]),
        ("file", None),
    ],
)
def test_a_manifest_of_another_kind_is_a_sentence(out, column, values):
    (out / ".prep" / "config.json").write_text(json.dumps({"src": "x", "settings": {}}))
    table = pq.read_table(out / "manifest.parquet")
    table = table.drop_columns([column])
    pq.write_table(table.append_column(column, pa.array(values)) if values else table, out / "manifest.parquet")
    for command in (("status", out), ("export", out, "--to", "imagefolder")):
        code, wrong = prep(*command)
        assert code == 2 and "manifest.parquet cannot be read: " in wrong and column in wrong


def test_a_manifest_with_flipped_bits_is_rows_or_a_sentence(out):
    """Seeds by chance, and the types that a footer can be made to name: 128 bits, no bits."""
    whole = (out / "manifest.parquet").read_bytes()
    said = 0
    for seed in range(200):
        chance, data = random.Random(seed), bytearray(whole)
        for _ in range(1 + seed % 6):
            data[-1 - chance.randrange(len(data) if seed % 2 else 9_000)] ^= 1 << chance.randrange(8)
        (out / "manifest.parquet").write_bytes(data)
        try:
            list(manifest_rows(out))
            manifest_facts(out)
        except UsageError as error:
            said += "manifest.parquet cannot be read" in str(error)
    assert said > 50


def test_a_manifest_of_what_arrow_cannot_read_is_a_sentence(out, monkeypatch):
    monkeypatch.setattr("pyarrow.parquet.ParquetFile", raising(pa.ArrowNotImplementedError("more than 64 bits")))
    with pytest.raises(UsageError, match="manifest.parquet cannot be read: more than 64 bits"):
        list(manifest_rows(out))


def test_lint_of_an_out_whose_kohya_leads_elsewhere_reads_nothing_there(out, outside):
    linked(out / "kohya", outside)
    code, wrong = prep("lint", out)
    assert code == 2 and wrong.startswith(f"{out / 'kohya'} is a link: prep reads and writes only inside {out}.")


def test_shards_of_somebody_elses_making_are_no_obstacle(out):
    folder = out / ".prep" / "push"
    folder.mkdir()
    source = Source(out, rejected=False)
    shards = Shards(source, pictures=False)
    shards.plan(source.items())
    for kept in ("x", {}, {"mark": 3}):
        (folder / "index.json").write_text(json.dumps({"shards": {shards.shards[0].key: kept}, "features": {}}))
        shards = Shards(source, pictures=False)
        shards.plan(source.items())
        assert shards.missing == 2


# prep lint


def test_a_fix_writes_only_inside_the_folder_that_was_named(tmp_path):
    for place in ("set", "elsewhere"):
        clean_folder(tmp_path / place)
    inside = tmp_path / "set"
    [picture] = list((tmp_path / "elsewhere").glob("*/*.png"))[:1]
    picture.with_suffix(".txt").write_bytes(b"")
    linked(inside / "5_far", picture.parent)
    (toml := inside / "dataset.toml").write_text(
        f'[general]\ncaption_extension = ".txt"\n[[datasets]]\nresolution = 512\n[[datasets.subsets]]\n'
        f'image_dir = "{picture.parent}"\n'
    )
    for path in (inside, toml):
        report, done, failed = apply_fixes(path)
        assert done == 0 and report.wrong and "name that folder itself" in failed[0]
        assert picture.with_suffix(".txt").read_bytes() == b""
    toml.unlink()
    assert apply_fixes(inside)[1] == 0
    assert apply_fixes(picture.parent)[1] == 1


def test_lint_waits_for_no_pipe(tmp_path):
    clean_folder(tmp_path)
    os.mkfifo(tmp_path / "dataset.toml")
    code = "from prep.lint.look import lint\nprint([finding.what for finding in lint(Path(sys.argv[1])).findings])"
    assert "cannot be read (is not a regular file)" in in_time(code, tmp_path)


def test_a_dataset_toml_that_is_a_link_is_read_and_not_written(tmp_path):
    clean_folder(tmp_path / "set")
    (tmp_path / "mine.toml").write_text('[[datasets]]\nresolution = 512\nbatch_size = "8"\n')
    toml = linked(tmp_path / "set" / "dataset.toml", tmp_path / "mine.toml")
    before = (tmp_path / "mine.toml").read_bytes()
    assert lint(tmp_path / "set").wrong
    assert any("is a link" in why for why in apply_fixes(tmp_path / "set")[2])
    assert toml.is_symlink() and (tmp_path / "mine.toml").read_bytes() == before


def test_export_leaves_what_the_set_says_alone(out):
    assert prep("export", out, "--to", "imagefolder")[0] == 0
    assert len(captions(out)) == 2
