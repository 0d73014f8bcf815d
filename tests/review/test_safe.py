"""Who may ask, and what is answered to what is foreign, broken, gone or hostile."""

import json
import shutil
import socket

import numpy as np
import pyarrow.parquet as pq
import pytest
import requests
from PIL import Image

from prep.errors import PrepError, SettingsError
from prep.review.session import Session
from tests.support.person import small
from tests.support.reviewing import TOKEN, reviewed
from tests.support.runs import prep, tree


def test_only_this_page_on_this_machine_may_ask(page):
    assert requests.get(page.url, timeout=9).ok
    root = page.url.removesuffix(f"{TOKEN}/")
    for address in ("", "api/set", "wrong/api/set", f"{TOKEN}", f"{TOKEN}x/api/set"):
        answer = requests.get(root + address, timeout=9)
        assert answer.status_code == 404 and "lacks its token" in answer.text, address
    for name, value, status in (
        ("Host", "evil.example", 421), ("Host", f"evil.example:{root.split(':')[2][:-1]}", 421),
        ("Origin", "http://evil.example", 403), ("Origin", "null", 403), ("Sec-Fetch-Site", "cross-site", 403),
    ):  # fmt: skip
        answer = requests.post(page.url + "api/undo", headers={name: value}, timeout=9)
        assert answer.status_code == status, name
    own = requests.post(page.url + "api/list", headers={"Origin": root.removesuffix("/")}, timeout=9)
    assert own.status_code == 405  # asked, and not refused


def test_the_page_may_load_nothing_from_elsewhere(page):
    answer = requests.get(page.url, timeout=9)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["referrer-policy"] == "no-referrer"
    assert "http" not in answer.text.replace("http-equiv", "") and "<script>" not in answer.text
    for name in ("main.js", "style.css"):
        text = requests.get(f"{page.url}page/{name}", timeout=9).text
        assert "//cdn" not in text and "https://" not in text and "innerHTML" not in text
    assert page.get("page/..%2Fapp.py").status_code == 404 and page.get("page/none.js").status_code == 404


def test_a_body_that_is_large_or_no_json_is_refused(page):
    assert page.post("api/rows", ids=["x" * 9_000_000]).status_code == 413
    for data in (b"{", b"[]", b"null", b"\xff", b'{"ids": [1]}'):
        answer = requests.post(
            page.url + "api/rows", data=data, headers={"Content-Type": "application/json"}, timeout=9
        )
        assert answer.status_code in (400, 422) and answer.json()["detail"].endswith("Load the page again.")


def test_a_picture_that_is_gone_is_a_sentence_and_the_page_goes_on(page):
    (one,) = page.ids("name:001")
    page.art.image("001").unlink()
    (page.art.art / "mira" / "001.png").unlink()
    for path in (f"image/{one}", f"thumb/{one}"):
        answer = page.get(path)
        assert answer.status_code == 404 and "001" in answer.json()["detail"]
    assert page.read(f"api/picture/{one}")["name"] == "001.png"
    assert page.get("image/none").status_code == 400 and page.get("api/picture/none").status_code == 400


def test_a_thumbnail_is_made_once_and_kept(page):
    (one,) = page.ids("name:001")
    answer = page.get(f"thumb/{one}")
    assert answer.headers["content-type"] == "image/webp" and answer.ok
    (kept,) = (page.art.out / ".prep" / "thumbnails").rglob("*.webp")
    assert kept.read_bytes() == answer.content
    page.art.image("001").unlink()
    (page.art.art / "mira" / "001.png").unlink()
    assert page.get(f"thumb/{one}").content == answer.content
    again = requests.get(f"{page.url}thumb/{one}", headers={"If-None-Match": answer.headers["etag"]}, timeout=9)
    assert again.status_code == 304


def test_what_browsers_do_not_show_is_sent_as_png(art):
    path = art.art / "mira" / "004.tif"
    Image.fromarray(np.full((50, 60, 3), 90, np.uint8)).save(path)
    art.run()
    with reviewed(art.out) as page:
        (one,) = page.ids("name:004")
        assert page.get(f"image/{one}").headers["content-type"] == "image/png"
        assert page.row("004.tif")["width"] == 60


def rewritten(out, **values):
    """A manifest that somebody else wrote: column -> value of its first row."""
    path = out / "manifest.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[0] |= values
    pq.write_table(type(table).from_pylist(rows, table.schema), path, write_page_checksum=True)


@pytest.mark.parametrize("place", ["../secret.png", "/etc/passwd", "kohya/../../secret.png", "a\0b", "."])
def test_a_path_that_leaves_out_shows_nothing(art, place):
    small(3, art.out.parent / "secret.png")
    rewritten(art.out, file=place, source=place)
    with reviewed(art.out) as page:
        for id_ in page.ids():
            row = page.do("api/rows", ids=[id_])["rows"][0]
            if row["place"] == place:
                assert page.get(f"image/{id_}").status_code == 404 and page.get(f"thumb/{id_}").status_code in (
                    200,
                    404,
                )


def test_only_pictures_are_sent(art):
    (art.out / "kohya" / "notes.png").write_text("a secret")
    rewritten(art.out, file="kohya/notes.png", source="none.png")
    with reviewed(art.out) as page:
        (one,) = page.ids("name:none")
        answer = page.get(f"image/{one}")
        assert answer.status_code == 404 and "secret" not in answer.text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\u202eb", "x" * 5000, "‮mira"])
def test_hostile_names_are_text(art, name):
    rewritten(art.out, character=name, reason=name, variant=name, flags=[name])
    with reviewed(art.out) as page:
        assert name in [each["name"] for each in page.read("api/set")["characters"]]
        assert page.do("api/rows", ids=page.ids())["rows"]
        page.read("api/traits")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda out: shutil.rmtree(out / ".prep"), "was not made by prep"),
        (lambda out: (out / "manifest.parquet").unlink(), "is not finished"),
        (lambda out: (out / "manifest.parquet").write_bytes(b"PAR1"), "cannot be read"),
        (lambda out: (out / ".prep" / "config.json").unlink(), "config.json is missing"),
        (lambda out: (out / ".prep" / "config.json").write_text("{}"), "config.json lacks"),
        (lambda out: shutil.rmtree(out / ".prep" / "ledger"), "deleted"),
        (lambda out: shutil.rmtree(out), "was not made by prep"),
    ],
)
def test_a_foreign_or_half_written_out_is_a_sentence(art, broken, says):
    broken(art.out)
    with pytest.raises(PrepError, match=says):
        Session(art.out)


def test_a_port_that_is_taken_is_a_sentence(art):
    before = tree(art.out)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = prep("review", art.out, "--no-browser", "--port", str(taken.getsockname()[1]))
    assert said.returncode == 2 and "cannot be listened on" in said.stderr and "--port" in said.stderr
    assert tree(art.out) == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('next = "j"\n', "next is not a list of keys"),
        ('fly = ["f"]\n', "'fly' is no action"),
        ('next = ["j"]\nprevious = ["j"]\n', "'j' is for next and for previous"),
        ('next = ["Hyper+j"]\n', "there is no Hyper"),
        ("next = [\n", "TOML"),
    ],
)
def test_keys_come_from_one_file_and_a_wrong_one_is_a_sentence(art, text, says):
    (art.art / "keys.toml").write_text(text)
    toml = art.art / "prep.toml"
    toml.write_text(toml.read_text() + '[review]\nkeys = "keys.toml"\n')
    with pytest.raises(SettingsError, match="review.keys") as error:
        Session(art.out)
    assert says in str(error.value)
    (art.art / "keys.toml").write_text('next = ["n", "+"]\n')
    with reviewed(art.out) as page:
        keys = page.read("api/set")["keys"]
        assert keys["next"] == ["n", "+"] and keys["accept"] == []


def test_looking_writes_nothing_but_thumbnails(page):
    before = tree(page.art.out), tree(page.art.art)
    kept = {path for path in (page.art.out / ".prep" / "ledger").rglob("*")}
    first = page.ids()[0]
    names = "set list tags traits thresholds buckets problems history complete changes".split()
    for path in ("", *(f"api/{name}" for name in names), f"api/picture/{first}", f"thumb/{first}"):
        assert page.get(path).ok, path
    assert (tree(page.art.out), tree(page.art.art)) == before
    assert {path for path in (page.art.out / ".prep" / "ledger").rglob("*")} == kept


def test_problems_say_what_to_do_and_it_is_done_from_the_page(art):
    (art.art / "mira" / "bad.png").write_bytes(b"not a picture")
    small(1, art.art / "mira" / "000_copy.jpg")
    art.run("scan.min_side_px=60")
    with reviewed(art.out) as page:
        problems = page.read("api/problems")["problems"]
        bad = next(each for each in problems if each["where"] == "mira/bad.png")
        assert bad["kind"] == "not_an_image" and bad["actions"] == [] and bad["hint"]
        small_one = next(each for each in problems if each["kind"] == "too_small")
        assert small_one["actions"] == ["accept"]
        assert page.do("api/edit", op="accept", ids=[small_one["id"]])["rows"][0]["verdict"] == "accepted"
        answer = page.post("api/edit", op="accept", ids=[bad["id"]])
        assert answer.status_code == 400 and "cannot be read" in answer.json()["detail"]
    art.run("scan.min_side_px=60")
    assert art.row(small_one["where"])["status"] == "kept"


def test_an_old_manifest_without_the_newer_columns_is_shown(art):
    path = art.out / "manifest.parquet"
    table = pq.read_table(path)
    new = ["manner", "asked", "changes", "check_identity", "check_damage", "check_alike", "variant"]
    pq.write_table(table.drop_columns(new), path, write_page_checksum=True)
    with reviewed(art.out) as page:
        assert json.dumps(page.read(f"api/picture/{page.ids()[0]}")) and len(page.rows()) == 4
