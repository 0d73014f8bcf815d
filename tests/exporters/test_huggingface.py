"""Publishing, with the real client on both ends and a small hub on loopback between them."""

import hashlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub.utils import _http
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from prep.cli import main
from prep.errors import ImageError
from prep.exporters._hub_card import BEGIN, END, Card, plain
from prep.exporters._hub_front import FRONT
from prep.exporters._hub_rows import Counts, Item, Source
from prep.exporters._hub_shards import Shards
from prep.exporters._hub_strip import stripped
from prep.images import open_image
from tests.exporters.published import CANARIES, published, rows_of, with_canaries
from tests.hub_server import READER, TOKEN, served_hub
from tests.pictures import drawing, encoded, folder_of

# The client gives files to its transport in a way that this one calls old.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

WITH = ("--with-images", "--yes", "--license", "cc-by-nc-4.0")
HOSTILE = [
    "fate/stay_night",
    ".hack//",
    "<|>_<|>",
    "../x",
    "a\"b'c",
    "line\nbreak",
    "---",
    "#x",
    "`|`",
    END,
    "a: b",
    "{x}",
    "$x$",
    "\u202e",
]
names = st.sampled_from(HOSTILE) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20
)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub, and this process's client pointed at it; nobody waits for anything."""
    (tmp_path / "large").mkdir()
    with served_hub(tmp_path / "large") as hub:
        for name, value in told(hub, tmp_path).items():
            monkeypatch.setenv(name, value)
        for name, value in {
            "ENDPOINT": hub.url,
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_DISABLE_TELEMETRY": True,
        }.items():
            monkeypatch.setattr(huggingface_hub.constants, name, value)
        monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda _: None))
        monkeypatch.setattr("prep.exporters._hub_client.PAUSE_SECONDS", 0)
        yield hub
        huggingface_hub.set_client_factory(_http.default_client_factory)


def told(hub, tmp_path) -> dict[str, str]:
    return {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "PREP_TOKEN_TO_MIRROR": "1", "HF_HUB_OFFLINE": "0",
            "NO_PROXY": "127.0.0.1", "HF_HOME": str(tmp_path / "hf")}  # fmt: skip


@pytest.fixture
def push(monkeypatch, capsys):
    """prep push, in this process -> what it said and its exit code."""

    def push(out, *arguments, repo="me/set", answer="") -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["prep", "push", str(out), repo, *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert TOKEN not in said.out + said.err and "Traceback" not in said.err
        return SimpleNamespace(code=left.value.code, out=said.out, err=said.err)

    return push


def apart(command: list, hub, tmp_path, cwd=None, **environment) -> subprocess.CompletedProcess:
    environment = {**os.environ, **told(hub, tmp_path), **environment}
    command = list(map(str, command))
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=cwd)


def card(hub, name="me/set") -> str:
    return hub.read(name, "README.md").decode()


def front(text: str) -> dict:
    return yaml.safe_load(FRONT.match(text)[1])


def shard(hub, path: str, name="me/set") -> list[dict]:
    return pq.read_table(io.BytesIO(hub.read(name, path))).to_pylist()


READ = """
import hashlib, json, sys
import numpy as np
from datasets import get_dataset_config_names, load_dataset
rows = load_dataset("me/set")["train"]
drawn = load_dataset("me/set", "generated", split="train")
flow = load_dataset("me/set", "real", split="train", streaming=True)
pixels = lambda row: hashlib.sha256(np.asarray(row["image"].convert("RGB")).tobytes()).hexdigest()
print(json.dumps({
    "configs": get_dataset_config_names("me/set"), "columns": rows.column_names, "texts": rows["text"][:],
    "drawn": drawn["origin"][:], "prompts": drawn["prompt"][:], "tags": rows[0]["tags"],
    "pixels": {row["image_id"]: pixels(row) for row in rows}, "streamed": [pixels(row) for row in flow],
}))
"""


def test_what_is_pushed_comes_back_by_load_dataset_and_by_streaming(hub, push, tmp_path):
    out = published(tmp_path / "out", ("mira", "fate/stay_night"))
    done = push(out, *WITH)
    assert done.code == 0 and done.out.splitlines()[-1] == f"{hub.url}/datasets/me/set"
    read = apart([sys.executable, "-c", READ], hub, tmp_path)
    assert read.returncode == 0, read.stderr
    back = json.loads(read.stdout.splitlines()[-1])
    assert back["configs"] == ["default", "real", "generated"]
    assert back["columns"][:2] == ["image", "text"] and "source" not in back["columns"]
    kept = [row for row in rows_of(out) if row["status"] == "kept"]
    trained = [row for row in kept if row["origin"] in ("source", "augmentation")]
    assert sorted(back["texts"]) == sorted(row["caption"] for row in trained)
    assert sorted(back["drawn"]) == ["augmentation"] * 2 + ["consistency"] * 2 and set(back["prompts"]) == {"a smile"}
    assert back["tags"] == ["1girl", "blue_hair", "^_^"]
    for row in trained:
        with Image.open(out / row["file"]) as image:
            pixels = hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()
        assert back["pixels"][row["image_id"]] == pixels
    assert set(back["streamed"]) < set(back["pixels"].values()) and len(back["streamed"]) == 6


def test_a_set_that_prep_made_can_be_pushed(hub, push, tmp_path, tiny_tagger):
    from tests.run_helpers import run_here

    run_here(folder_of(tmp_path / "art", mira=2), tmp_path / "out", tiny_tagger)
    assert push(tmp_path / "out", *WITH).code == 0
    assert [row["character"] for row in shard(hub, "data/real-00000.parquet")] == ["mira", "mira"]


def test_a_second_push_sends_nothing_and_makes_no_commit(hub, push, tmp_path):
    out = published(tmp_path / "out")
    push(out, *WITH)
    commits, asked = len(hub.repos["me/set"].commits), len(hub.asked)
    done = push(out, "--with-images", "--yes")
    assert done.code == 0 and "nothing was sent" in done.out
    assert len(hub.repos["me/set"].commits) == commits == 2
    assert not [line for line in hub.asked[asked:] if not line.startswith("GET")]


def test_shards_that_git_keeps_itself_are_not_sent_again(hub, push, tmp_path):
    hub.regular = True
    out = published(tmp_path / "out")
    assert push(out, *WITH).code == 0 and len(shard(hub, "data/real-00000.parquet")) == 3
    assert "nothing was sent" in push(out, *WITH).out and not hub.count("^PUT")


def test_the_cards_own_code_makes_a_folder_to_train_with(hub, push, tmp_path):
    push(published(tmp_path / "out"), *WITH)
    code = re.search(r"```python\n(.*?)```", card(hub), re.S)[1]
    done = apart([sys.executable, "-c", code], hub, tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = sorted(path.suffix for path in (tmp_path / "train").iterdir())
    assert made == [".jpg", ".png", ".png", ".txt", ".txt", ".txt", ".txt", ".webp"]
    assert (tmp_path / "train" / "000000.txt").read_text() == "mira, 1girl, blue hair, ^ ^"


def test_the_same_set_elsewhere_gives_the_same_bytes(hub, push, tmp_path):
    push(published(tmp_path / "one"), *WITH)
    before = dict(hub.repos["me/set"].commits[-1][1])
    assert "nothing was sent" in push(published(tmp_path / "other" / "place"), *WITH).out
    assert hub.repos["me/set"].commits[-1][1] == before


def test_an_edited_caption_sends_one_shard(hub, push, tmp_path):
    out = published(tmp_path / "out")
    push(out, *WITH)
    next(iter((out / "kohya" / "2_mira").glob("*.txt"))).write_text("mira, by hand")
    puts = hub.count("^PUT")
    assert push(out, "--with-images", "--yes").code == 0
    assert hub.count("^PUT") == puts + 1
    assert "mira, by hand" in [row["text"] for row in shard(hub, "data/real-00000.parquet")]
    assert len(list((out / ".prep" / "push").glob("*.parquet"))) == 3  # the old one is gone


def test_without_images_only_the_manifest_crosses(hub, push, tmp_path):
    out = published(tmp_path / "out")
    assert push(out, "--yes", "--license", "mit").code == 0
    rows = shard(hub, "data/real-00000.parquet")
    assert len(rows) == 3 and "image" not in rows[0] and list(rows[0])[0] == "text"
    assert b"\x89PNG" not in b"".join(hub.crossed)


def test_pictures_that_would_be_taken_out_are_told_of(hub, push, tmp_path):
    out = published(tmp_path / "out")
    push(out, *WITH)
    assert "taken out" in push(out, "--yes").out


def test_rejected_rows_come_only_when_asked_for(hub, push, tmp_path):
    out = published(tmp_path / "out")
    push(out, *WITH)
    assert "data/rejected-00000.parquet" not in hub.files("me/set")
    push(out, "--with-rejected", *WITH)
    assert {row["reject_reason"] for row in shard(hub, "data/rejected-00000.parquet")} == {"off_character", "too_small"}
    push(out, *WITH)
    assert "data/rejected-00000.parquet" not in hub.files("me/set")


def test_a_picture_taken_out_by_hand_is_left_out(hub, push, tmp_path):
    out = published(tmp_path / "out")
    next(iter((out / "kohya" / "2_mira").glob("*.jpg"))).unlink()
    done = push(out, *WITH)
    assert "1 pictures are no longer" in done.out and len(shard(hub, "data/real-00000.parquet")) == 2


def test_a_file_outside_the_set_is_not_read(hub, push, tmp_path):
    out = published(tmp_path / "out", file="../secret.png")
    done = push(out, *WITH)
    assert done.code == 2 and "outside" in done.err and hub.asked == []


# Cut off


def test_cut_off_at_any_request_the_repo_is_as_it_was_or_whole(hub, push, tmp_path):
    out = published(tmp_path / "out", count=1)
    push(out, *WITH, repo="me/whole")
    whole, needed = hub.repos["me/whole"].commits[-1][1], len(hub.asked)
    for dies in range(needed):
        name = f"me/set{dies}"
        hub.repo(name, **{"notes.txt": "theirs"})
        before = dict(hub.repos[name].commits[-1][1])
        hub.dies_after = len(hub.asked) + dies
        cut = push(out, *WITH, repo=name)
        hub.dies_after = None
        assert cut.code in (0, 3) and len(cut.err.splitlines()) <= 1
        assert hub.repos[name].commits[-1][1] == before or cut.code == 0
        assert push(out, *WITH, repo=name).code == 0
        found = hub.repos[name].commits[-1][1]
        assert {path: each for path, each in found.items() if path.startswith("data/")} == {
            path: each for path, each in whole.items() if path.startswith("data/")
        }
        assert "notes.txt" in found and len(hub.repos[name].commits) == 2


def test_after_a_cut_only_what_is_missing_is_sent(hub, push, tmp_path):
    out = published(tmp_path / "out")
    hub.fail(r"POST .*/commit/", 500, times=99)
    cut = push(out, *WITH)
    assert cut.code == 3 and "answers 500" in cut.err and hub.files("me/set") == [".gitattributes"]
    assert hub.count("^PUT") == 3
    hub.faults.clear()
    assert push(out, *WITH).code == 0 and hub.count("^PUT") == 3 and len(hub.files("me/set")) == 5


@pytest.mark.parametrize("kind", [503, "cut", "drop", "lose"])
@pytest.mark.parametrize("line", ["PUT /lfs", "POST .*/commit/", "POST .*/batch", "GET .*/revision", "POST /api/repos"])
def test_one_fault_is_got_over(hub, push, tmp_path, kind, line):
    out = published(tmp_path / "out", count=1, drawn=False)
    hub.fail(line, kind)
    assert push(out, *WITH).code == 0 and len(hub.files("me/set")) == 3
    assert len(hub.repos["me/set"].commits) == 2  # also where the answer to the first was lost


def test_somebody_elses_commit_in_between_stays(hub, push, tmp_path):
    repo = hub.repo("me/set")

    def meanwhile() -> None:
        files = repo.commits[-1][1] | {"README.md": ("", hub.keep(b"# Mine\n\nwritten meanwhile\n"))}
        repo.commit(files)

    hub.fail("POST .*/commit/", meanwhile)
    assert push(published(tmp_path / "out"), *WITH).code == 0
    assert "written meanwhile" in card(hub) and BEGIN in card(hub) and len(repo.commits) == 3


def test_a_process_killed_while_it_writes_shards_goes_on_from_there(hub, push, tmp_path):
    out = published(tmp_path / "out")
    command = [sys.executable, "-m", "prep", "push", out, "me/set", *WITH]
    killed = apart(command, hub, tmp_path, PREP_CRASH="before rename:3")  # two files a shard
    assert killed.returncode == -signal.SIGKILL and hub.repos == {}
    stamps = {path: path.stat().st_mtime_ns for path in (out / ".prep" / "push").glob("*.parquet")}
    assert stamps and push(out, *WITH).code == 0
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert not list((out / ".prep" / "push").glob(".prep-*"))


def test_an_interrupted_push_leaves_the_repo_as_it_was(hub, push, tmp_path):
    out = published(tmp_path / "out")
    command = [sys.executable, "-m", "prep", "push", str(out), "me/set", *WITH]
    running = subprocess.Popen(command, env={**os.environ, **told(hub, tmp_path)}, stderr=subprocess.PIPE, text=True)
    hub.fail("PUT", lambda: running.send_signal(signal.SIGINT))
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and "interrupted" in said and "Traceback" not in said
    assert hub.files("me/set") == [".gitattributes"]
    assert push(out, *WITH).code == 0 and len(hub.files("me/set")) == 5


# Who may see it


def test_a_private_push_to_a_public_repo_is_refused(hub, push, tmp_path):
    repo = hub.repo("me/set", private=False)
    done = push(published(tmp_path / "out"), *WITH)
    assert done.code == 2 and "is public" in done.err and len(repo.commits) == 1 and not hub.count("^(PUT|POST)")


def test_a_new_repo_that_comes_out_public_gets_no_byte(hub, push, tmp_path):
    hub.create_as = False
    done = push(published(tmp_path / "out"), *WITH)
    assert done.code == 2 and "is public" in done.err and not hub.count("^PUT|preupload|commit/")


@pytest.mark.parametrize(("flags", "private"), [((), True), (("--public",), False)])
def test_the_visibility_of_a_new_repo_is_sent(hub, push, tmp_path, flags, private):
    done = push(published(tmp_path / "out"), *WITH, *flags)
    assert done.code == 0 and hub.repos["me/set"].private == private
    assert ("PUBLIC: everyone sees it" in done.out) != private
    [asked] = [
        json.loads(each.split(b"\n\n")[-1]) for each in hub.crossed if each.startswith(b"POST /api/repos/create")
    ]
    assert asked["visibility"] == ("private" if private else "public")


def test_a_private_repo_is_not_made_public(hub, push, tmp_path):
    hub.repo("me/set")
    done = push(published(tmp_path / "out"), "--public", *WITH)
    assert done.code == 2 and "is private" in done.err and hub.repos["me/set"].private


def test_it_is_asked_first_and_no_means_no(hub, push, tmp_path):
    out = published(tmp_path / "out")
    for answer in ("n\n", ""):
        done = push(out, "--license", "mit", answer=answer)
        assert done.code == 2 and "nothing was sent" in done.err and hub.repos == {}
        assert "private: me alone sees it" in done.out and "5 rows of 1 characters" in done.out
    assert push(out, "--license", "mit", answer="y\n").code == 0 and "me/set" in hub.repos


def test_a_trial_set_needs_yes_and_its_card_says_so(hub, push, tmp_path):
    out = published(tmp_path / "out", starter=True)
    done = push(out, "--license", "mit", answer="y\n")
    assert done.code == 2 and "trial" in done.err and hub.asked == []
    done = push(out, "--license", "mit", "--yes")
    assert done.code == 0 and "TRIAL" in done.out and "A trial set" in card(hub) and "trial" in front(card(hub))["tags"]


# Token, names, network


def test_a_wrong_token_is_one_sentence(hub, push, tmp_path, monkeypatch):
    out = published(tmp_path / "out")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    done = push(out, *WITH)
    assert done.code == 3 and "does not take the token from HF_TOKEN" in done.err
    assert "hf_wrong" not in done.out + done.err and len(done.err.splitlines()) == 1
    monkeypatch.setenv("HF_TOKEN", READER)
    assert "may only read" in push(out, *WITH).err
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = push(out, *WITH, repo="someone/set")
    assert done.code == 3 and "no right to write to someone/set" in done.err and hub.repos == {}


def test_the_login_file_is_read(hub, push, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    done = push(published(tmp_path / "out"), *WITH)
    assert done.code == 3 and "there is none" in done.err and hub.asked == []
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    assert push(tmp_path / "out", *WITH).code == 0


def test_a_mirror_gets_no_token_unless_told_so(hub, push, tmp_path, monkeypatch):
    monkeypatch.delenv("PREP_TOKEN_TO_MIRROR")
    done = push(published(tmp_path / "out"), *WITH)
    assert done.code == 3 and "mirror" in done.err and hub.asked == []


def test_offline_is_honoured(hub, push, tmp_path, monkeypatch):
    out = published(tmp_path / "out")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)  # TRANSFORMERS_OFFLINE does that, too
    done = push(out, *WITH)
    assert done.code == 3 and "offline" in done.err and hub.asked == []
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = push(out, *WITH)
    assert done.code == 3 and "HF_HUB_OFFLINE" in done.err and hub.asked == []


@pytest.mark.parametrize("name", ["set", "a/b/c", "me/..", "me/a b", "me/-x-/", "/x", "me/x.git"])
def test_a_wrong_name_is_a_usage_error(hub, push, tmp_path, name):
    done = push(published(tmp_path / "out"), *WITH, repo=name)
    assert done.code == 2 and len(done.err.splitlines()) == 1 and hub.asked == []


def test_no_network_is_one_sentence(hub, push, tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://user:canary-secret@127.0.0.1:{taken.getsockname()[1]}")
        done = push(published(tmp_path / "out"), *WITH)
    assert done.code == 3 and "127.0.0.1 does not answer" in done.err and len(done.err.splitlines()) == 1
    assert "canary-secret" not in done.out + done.err


# What crosses


def test_no_canary_crosses_and_the_token_goes_where_it_must(hub, push, tmp_path):
    out = published(tmp_path / "canary-folder", ("mira", "noa"), count=6)
    done = push(out, "--with-rejected", *WITH)
    assert done.code == 0
    crossed = b"".join(hub.crossed)
    tables = [pq.read_table(path) for path in hub.folder.iterdir()]
    crossed += repr([(table.to_pylist(), table.schema.metadata) for table in tables]).encode()
    for canary in (*CANARIES, str(tmp_path), socket.gethostname() * (len(socket.gethostname()) > 4), "/home/", "/root"):
        assert not canary or canary.encode() not in crossed, canary
    pictures = [row["image"] for table in tables for row in table.to_pylist() if row["image"]]
    assert len(pictures) == 18 and not [each for each in pictures if b"Exif" in each["bytes"] or "/" in each["path"]]
    for line, shown in hub.shown:
        assert shown == (None if line.startswith("PUT") else f"Bearer {TOKEN}"), line
    assert crossed.count(TOKEN.encode()) == sum(bool(shown) for _, shown in hub.shown)
    kept = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert TOKEN.encode() not in kept


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_stripping_leaves_every_pixel_and_nothing_else(tmp_path, suffix):
    data = with_canaries(tmp_path / f"a.{suffix}", 3).read_bytes()
    clean, form = stripped(data)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(clean)) as after:
        assert form == suffix and np.array_equal(np.asarray(before), np.asarray(after))
        assert not after.getexif() and not {"exif", "xmp", "comment", "parameters", "prep"} & set(after.info)
    assert not [canary for canary in CANARIES if canary.encode() in clean] and len(clean) < len(data)
    assert stripped(clean) == (clean, form)


@pytest.mark.parametrize(
    ("mode", "form", "options"),
    [
        ("RGB", "JPEG", {"progressive": True}),
        ("RGB", "JPEG", {"restart_marker_rows": 1, "dpi": (300, 300)}),
        ("CMYK", "JPEG", {}),
        ("L", "JPEG", {}),
        ("P", "PNG", {"transparency": 3}),
        ("I;16", "PNG", {}),
        ("RGBA", "PNG", {"dpi": (300, 300)}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "WEBP", {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}),
    ],
)
def test_every_kind_of_picture_keeps_its_pixels(mode, form, options):
    picture = drawing(5, 70, 50)
    picture = picture.convert("L").convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)
    exif = Image.Exif()
    exif[0x013B] = "canary-artist"
    data = encoded(picture, form, exif=exif, **options)
    clean, _ = stripped(data)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(clean)) as after:
        assert after.mode == before.mode and after.format == form
        assert np.array_equal(np.asarray(before), np.asarray(after)) and not {"exif", "icc_profile"} & set(after.info)
    assert b"canary" in data and b"canary" not in clean


def test_colours_of_its_own_are_brought_to_srgb():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"----"), (b"gXYZ", b"rXYZ"), (b"----", b"gXYZ")):  # red and green change places
        own = own.replace(old, new)
    own = own.replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be"))
    for form in ("PNG", "JPEG", "WEBP"):
        data = encoded(drawing(5, 70, 50), form, icc_profile=own)
        clean, suffix = stripped(data)
        with Image.open(io.BytesIO(clean)) as image, Image.open(io.BytesIO(data)) as before:
            assert suffix == "png" and not image.info
            assert np.array_equal(np.asarray(image), open_image(data).pixels)
            assert not np.array_equal(np.asarray(image), np.asarray(before.convert("RGB")))


def test_what_moves_becomes_its_first_picture():
    clips = [drawing(number, 40, 30) for number in range(3)]
    for form in ("WEBP", "PNG"):
        data = encoded(clips[0], form, save_all=True, append_images=clips[1:], lossless=True)
        with Image.open(io.BytesIO(stripped(data)[0])) as image:
            assert getattr(image, "n_frames", 1) == 1
            assert np.array_equal(np.asarray(image.convert("RGB")), np.asarray(clips[0]))


def test_a_turned_picture_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    clean, form = stripped(encoded(drawing(1, 60, 40), "JPEG", exif=exif))
    with Image.open(io.BytesIO(clean)) as image:
        assert form == "png" and image.size == (40, 60) and not image.info


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.integers(0, 10**6), st.binary(max_size=4))
def test_a_damaged_picture_is_an_image_error_or_a_picture(form, place, damage):
    data = bytearray(encoded(drawing(1, 40, 30), form))
    place %= len(data)
    data[place : place + len(damage)] = damage
    try:
        clean, _ = stripped(bytes(data))
    except ImageError:
        return
    assert clean


# The card


def test_what_a_person_wrote_into_the_card_stays(hub, push, tmp_path):
    theirs = (
        "---\n# my note\nlicense: mit\nlanguage:\n- ja   # of the captions\ntags: [mine]\n"
        "configs:\n- config_name: own\n  data_files: own.csv\n---\n# My title\n\nMy words.\n"
    )
    hub.repo("me/set", **{"README.md": theirs})
    out = published(tmp_path / "out")
    assert push(out, "--with-images", "--yes").code == 0  # the card names the licence
    text = card(hub)
    assert text.startswith("---\n# my note\nlicense: mit\nlanguage:\n- ja   # of the captions\n")
    told = front(text)
    assert told["tags"][0] == "mine" and "prep" in told["tags"] and told["configs"][0]["config_name"] == "own"
    assert text.index("# My title\n\nMy words.\n") < text.index(BEGIN)
    edited = (
        text.replace("My words.", "Other words.")
        .replace(END, END + "\n\nAfter it.")
        .replace("pretty_name: set", "pretty_name: Mine")
    )
    repo = hub.repos["me/set"]
    repo.commit(repo.commits[-1][1] | {"README.md": ("", hub.keep(edited.encode()))})
    assert "nothing was sent" in push(out, "--with-images", "--yes").out and card(hub) == edited
    next(iter((out / "kohya" / "2_mira").glob("*.txt"))).write_text("mira, hat")
    push(out, "--with-images", "--yes")
    assert "Other words." in card(hub) and "After it." in card(hub) and "pretty_name: Mine" in card(hub)
    assert "mira, hat" in card(hub) and card(hub).count(BEGIN) == 1


def test_the_card_tells_what_the_set_is(hub, push, tmp_path):
    push(published(tmp_path / "out", ("mira", "noa")), *WITH)
    text, told = card(hub), front(card(hub))
    assert told["license"] == "cc-by-nc-4.0" and told["size_categories"] == ["n<1K"] and "synthetic" in told["tags"]
    assert [info["config_name"] for info in told["dataset_info"]] == ["default", "real", "generated"]
    for words in (
        "| mira | mira | 3 | 2 |",
        "4 of 10 (40%)",
        "0.55",
        "Stability AI Community License",
        "load_dataset(",
    ):
        assert words in text
    assert "blue hair" in text and "canary" not in text


def test_a_first_push_needs_a_licence_that_the_hub_knows(hub, push, tmp_path):
    out = published(tmp_path / "out")
    done = push(out, "--yes")
    assert done.code == 2 and "licence" in done.err and hub.repos == {}
    done = push(out, "--yes", "--license", "cc-by-nc4")
    assert done.code == 2 and "Did you mean cc-by-nc-4.0?" in done.err


def test_a_card_whose_yaml_cannot_be_read_is_left_alone(hub, push, tmp_path):
    hub.repo("me/set", **{"README.md": "---\n: [\n---\n"})
    assert push(published(tmp_path / "out"), *WITH).code == 3 and card(hub) == "---\n: [\n---\n"


def test_what_the_hub_has_against_a_card_is_told(hub, push, tmp_path):
    hub.errors = [{"message": '"license" must be one of [mit]'}]
    done = push(published(tmp_path / "out"), *WITH)
    assert done.code == 3 and '"license" must be one of [mit]' in done.err and len(done.err.splitlines()) == 1


def test_a_card_that_is_no_text_is_left_alone(hub, push, tmp_path):
    repo = hub.repo("me/set")
    repo.commit(repo.commits[-1][1] | {"README.md": ("", hub.keep(b"# M\xfcller"))})
    done = push(published(tmp_path / "out"), *WITH)
    assert done.code == 3 and "not UTF-8" in done.err and hub.read("me/set", "README.md") == b"# M\xfcller"


def a_card(characters: list[str], texts: list[str]) -> Card:
    counts, empty = Counts(), dict.fromkeys(("flags", "tagger", "generator", "rating", "complexity"))
    for character, text in zip(characters, texts, strict=True):
        row = {
            "character": character,
            "text": text,
            "tags": [text],
            "removed_tags": [character],
            "removed_because": ["trait"],
        }
        counts.add(Item("real", empty | row | {"origin": "source"}, None, None))
    return Card("me/set", counts, {}, "1", [], [], True, "mit")


@settings(max_examples=60, deadline=None)
@given(st.lists(names, min_size=1, max_size=4, unique=True), names, st.none() | names)
def test_hostile_names_do_nothing_to_the_card(characters, text, before):
    made = a_card(characters, [text] * len(characters))
    once = made.text(before if before is None or not FRONT.match(before) else None)
    assert made.text(once) == once  # nothing in it is taken for a marker, or for YAML
    assert front(once)["license"] == "mit"
    own = once[once.rindex(BEGIN) : once.rindex(END)]
    table = own.split("| character |")[1].split("\n\n")[0].splitlines()
    assert len(table) == 2 + len(characters)
    for line in table[2:]:
        assert len([at for at, char in enumerate(line) if char == "|" and line[at - 1] != "\\"]) == 6
    assert before is None or FRONT.match(before) or before.rstrip("\n") in once


@settings(max_examples=100, deadline=None)
@given(names)
def test_plain_is_one_line_without_markup(text):
    shown = plain(text)
    assert "\n" not in shown and "<" not in shown and ">" not in shown


def test_hostile_names_come_back_as_they_were(tmp_path):
    out = published(tmp_path / "out", tuple(HOSTILE), count=1, drawn=False, tags=tuple(HOSTILE))
    source = Source(out, rejected=False)
    shards = Shards(source, pictures=True)
    shards.plan(source.items())
    shards.write(lambda _, items, __: items)
    rows = [row for each in shards.shards for row in pq.read_table(each.path).to_pylist()]
    assert {row["character"] for row in rows} == set(HOSTILE) and rows[0]["tags"] == HOSTILE
    assert not [row for row in rows if "/" in row["image"]["path"] or ".." in row["file"]]


def test_a_card_on_crlf_keeps_its_front_matter():
    once = a_card(["mira"], ["mira"]).text("---\r\nlicense: mit\r\nlanguage: ja\r\n---\r\n# Mine\r\n")
    assert front(once)["language"] == "ja" and "# Mine" in once and once.count("license") == 1


def test_shards_end_where_the_rows_say(tmp_path, monkeypatch):
    """A picture more changes one shard, not all that follow."""
    monkeypatch.setattr("prep.exporters._hub_shards.LEAST_BYTES", 8_000)
    monkeypatch.setattr("prep.exporters._hub_shards.CUT", 4)
    plans = []
    for count in (60, 61):
        source = Source(published(tmp_path / str(count), count=count, drawn=False), rejected=False)
        shards = Shards(source, pictures=False)
        shards.plan(source.items())
        plans.append({each.key for each in shards.shards})
    assert len(plans[0]) > 5 and len(plans[0] & plans[1]) >= len(plans[0]) - 1
