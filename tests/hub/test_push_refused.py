"""What a push will not do, and how it says so: visibility, trial sets, tokens, names, networks, licences."""

import json
import socket

import huggingface_hub.constants
import pytest

from prep.hub.client import TIMEOUT_SECONDS, Repo
from tests.support.hub_server import READER, TOKEN
from tests.support.published import published
from tests.support.pushing import WITH, card, front


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
    assert ("PUBLIC: everyone can see" in done.out) != private
    [asked] = [
        json.loads(each.split(b"\n\n")[-1]) for each in hub.crossed if each.startswith(b"POST /api/repos/create")
    ]
    assert asked["visibility"] == ("private" if private else "public")


def test_a_private_repo_is_not_made_public(hub, push, tmp_path):
    hub.repo("me/set")
    done = push(published(tmp_path / "out"), "--public", *WITH)
    assert done.code == 2 and "is private" in done.err and hub.repos["me/set"].private


def test_a_repo_that_ignores_parquet_files_gets_no_byte(hub, push, tmp_path):
    repo = hub.repo("me/set", **{".gitignore": "*.csv\n*.parquet\n"})
    done = push(published(tmp_path / "out"), *WITH)
    assert done.code == 3 and ".gitignore" in done.err and len(repo.commits) == 1 and not hub.count("^PUT|commit/")


def test_a_repo_that_ignores_other_files_gets_the_set(hub, push, tmp_path):
    hub.repo("me/set", **{".gitignore": "*.csv\n"})
    assert push(published(tmp_path / "out"), *WITH).code == 0 and "data/real-00000.parquet" in hub.files("me/set")


def test_it_is_asked_first_and_no_means_no(hub, push, tmp_path):
    out = published(tmp_path / "out")
    for answer in ("n\n", ""):
        done = push(out, "--license", "mit", answer=answer)
        assert done.code == 2 and "nothing was sent" in done.err and hub.repos == {}
        assert "private: only me can see it" in done.out and "5 rows of 1 character," in done.out
    assert push(out, "--license", "mit", answer="y\n").code == 0 and "me/set" in hub.repos


def test_a_trial_set_needs_yes_and_its_card_says_so(hub, push, tmp_path):
    out = published(tmp_path / "out", starter=True)
    done = push(out, "--license", "mit", answer="y\n")
    assert done.code == 2 and "trial" in done.err and hub.asked == []
    done = push(out, "--license", "mit", "--yes")
    assert done.code == 0 and "TRIAL" in done.out and "A trial set" in card(hub) and "trial" in front(card(hub))["tags"]


def test_a_wrong_token_is_one_sentence(hub, push, tmp_path, monkeypatch):
    out = published(tmp_path / "out")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    done = push(out, *WITH)
    assert done.code == 3 and "rejected the token from HF_TOKEN" in done.err
    assert "hf_wrong" not in done.out + done.err and len(done.err.splitlines()) == 1
    monkeypatch.setenv("HF_TOKEN", READER)
    assert "is read-only" in push(out, *WITH).err
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = push(out, *WITH, repo="someone/set")
    assert done.code == 3 and "may not write to someone/set" in done.err and hub.repos == {}


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


def test_a_first_push_needs_a_licence_that_the_hub_knows(hub, push, tmp_path):
    out = published(tmp_path / "out")
    done = push(out, "--yes")
    assert done.code == 2 and "licence" in done.err and hub.repos == {}
    done = push(out, "--yes", "--license", "cc-by-nc4")
    assert done.code == 2 and "Did you mean cc-by-nc-4.0?" in done.err


def test_all_that_is_missing_is_said_at_once(hub, push, tmp_path):
    """A trial without a licence; a public repo without one."""
    done = push(published(tmp_path / "trial", starter=True))
    assert done.code == 2 and "with --yes; a first push also needs a licence" in done.err and hub.asked == []
    hub.repo("me/set", private=False)
    done = push(published(tmp_path / "out"), "--yes")
    assert done.code == 2 and "is public, but --public was not given; besides, a first push needs a licence" in done.err


def test_no_answer_is_waited_for_without_end(hub):
    """The client makes itself anew after a broken connection: that one has the same time-out."""
    Repo("me/set", "HF_TOKEN")
    for _ in range(2):
        assert huggingface_hub.get_session().timeout.read == TIMEOUT_SECONDS
        huggingface_hub.close_session()
