"""The hub's client: each of its errors as one sentence, and whom it shows the token."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from prep.errors import NetworkError, NoRoomError, StoppedError, UsageError
from prep.models import answers, fetch, known
from prep.models.hub import hub_cache, hub_name, hub_offline, resolve_url, sends_token, token_source
from tests.support.loopback import release_page
from tests.support.onnx_taggers import make_wd
from tests.support.weights import written

NAME, GATED = "sd35-medium", "sd35-large-turbo-fp8"
CANARY = "hf_canaryCanaryCanary"
SECRET = f"https://user:{CANARY}@mirror.example/x"


class ConnectTimeoutError(Exception):
    """The client's transport is httpx, httpx2 or requests, by its version; none of their errors is known to us."""


def answer(status: int) -> SimpleNamespace:
    return SimpleNamespace(status_code=status, headers={}, request=SimpleNamespace(url=SECRET))


@pytest.fixture
def hub(online, monkeypatch):
    """A hub whose client does what `hub.does` says, and keeps how it was called."""
    monkeypatch.setattr("prep.models.hub.check_room", lambda *_: None)

    class Hub:
        calls: list[dict] = []

        @staticmethod
        def does() -> str:
            raise AssertionError

    hub = Hub()
    hub.calls = []
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **asked: hub.calls.append(asked) or hub.does())
    return hub


def raising(error: BaseException):
    def does() -> str:
        raise error

    return does


def told(name: str = NAME) -> StoppedError:
    with pytest.raises(StoppedError) as caught:
        fetch(name)
    sentence = str(caught.value)
    assert "\n" not in sentence and CANARY not in sentence and caught.value.hint
    return caught.value


def test_what_the_client_gives_is_hashed_and_remembered(hub, tmp_path):
    path = written(tmp_path / "file")
    hub.does = lambda: str(path)
    assert fetch(NAME).path == path and hub.calls[0]["token"] is None and not hub.calls[0]["force_download"]
    assert hub.calls[0]["endpoint"] == "https://huggingface.co" and hub.calls[0]["cache_dir"] == hub_cache()


def test_again_is_passed_on(hub, tmp_path):
    hub.does = lambda: str(written(tmp_path / "file"))
    fetch(NAME, again=True)
    assert hub.calls[0]["force_download"]


def test_a_gate_says_where_to_accept_and_what_needs_none(hub):
    hub.does = raising(GatedRepoError(f"gated {SECRET}", response=answer(403)))
    error = told(GATED)
    assert "licence" in error.message and "auth login" in error.hint and "sd35-large-fp8" in error.hint
    assert known(GATED).page in error.hint


def test_a_gate_does_not_tell_to_log_in_who_is(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", CANARY)
    hub.does = raising(GatedRepoError("gated", response=answer(403)))
    assert "auth login" not in told(GATED).hint


def test_a_repo_that_is_hidden_or_gone(hub):
    hub.does = raising(RepositoryNotFoundError(f"401 {SECRET}", response=answer(401)))
    assert "accept the licence" in told(GATED).hint
    assert "by hand" in told(NAME).hint


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LocalEntryNotFoundError(f"offline {SECRET}"), "does not answer"),
        (EntryNotFoundError(f"gone {SECRET}"), "no longer has"),
        (HfHubHTTPError(f"500 {SECRET}", response=answer(500)), "answered 500"),
        (ConnectTimeoutError(f"slow {SECRET}"), "ConnectTimeoutError"),
        (OSError(f"odd {SECRET}"), "OSError"),
    ],
)
def test_every_other_error_is_one_sentence(hub, error, words):
    hub.does = raising(error)
    assert words in told().message


def test_a_full_disk_is_told_as_one(hub):
    hub_cache().mkdir(parents=True)
    hub.does = raising(OSError(28, "No space left on device"))
    assert isinstance(told(), NoRoomError)


def test_what_the_client_hides_behind_a_value_error_is_found(hub):
    error = ValueError("Force download failed due to the above error.")
    error.__cause__ = GatedRepoError("gated", response=answer(403))
    hub.does = raising(error)
    assert "licence" in told(GATED).message


def test_a_lasting_silence_is_a_network_error(hub):
    hub.does = raising(LocalEntryNotFoundError("offline"))
    assert isinstance(told(), NetworkError)


def test_room_is_asked_for_before_anything_is_fetched(online, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Disk", (), {"free": 10**9})())
    with pytest.raises(NoRoomError, match="11.60 GB, but only 1.00 GB is free") as caught:
        fetch(NAME)
    assert "HF_HOME" in caught.value.hint


def test_a_mirror_gets_no_token_unless_the_user_says_so(hub, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", CANARY)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    hub.does = lambda: str(written(tmp_path / "file"))
    fetch(NAME, again=True)
    monkeypatch.setenv("PREP_TOKEN_TO_MIRROR", "1")
    fetch(NAME, again=True)
    assert [call["token"] for call in hub.calls] == [False, None]
    assert resolve_url(known(NAME).files[0]).startswith("https://mirror.example/Comfy-Org/")


@pytest.mark.parametrize("address", ["http://[", "mirror.example", f"{CANARY}@mirror.example"])
def test_a_mirror_whose_address_cannot_be_read_is_a_usage_error(hub, monkeypatch, address):
    """Before huggingface_hub is imported, which such an address ends with a traceback."""
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(UsageError, match="HF_ENDPOINT") as caught:
        fetch(NAME)
    assert hub.calls == [] and CANARY not in str(caught.value)
    for asked in (hub_cache, hub_offline):
        with pytest.raises(UsageError, match="HF_ENDPOINT"):
            asked()
    assert hub_name() == "HF_ENDPOINT" and not sends_token() and not answers(resolve_url(known(NAME).files[0]), 1)


def test_the_hub_by_its_own_address_is_no_mirror(hub, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", "https://huggingface.co/")
    hub.does = lambda: str(written(tmp_path / "file"))
    fetch(NAME)
    assert hub.calls[0]["token"] is None


def test_the_source_of_a_token_is_told_and_never_the_token(monkeypatch, tmp_path):
    assert token_source() is None
    login = written(tmp_path / "token", CANARY.encode())
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(login))
    assert token_source() == "the login file"
    monkeypatch.setenv("HF_TOKEN", CANARY)
    assert token_source() == "HF_TOKEN"


@pytest.mark.parametrize(
    ("environment", "offline"),
    [
        ({}, False),
        ({"HF_HUB_OFFLINE": "1"}, True),
        ({"HF_HUB_OFFLINE": "no"}, False),
        ({"TRANSFORMERS_OFFLINE": "yes"}, True),
    ],
)
def test_the_clients_own_variables_are_read_as_it_reads_them(tmp_path, environment, offline):
    told = in_a_new_process(
        "from prep.models.hub import hub_cache, hub_offline, token_source; "
        "print(hub_offline(), hub_cache(), token_source())",
        environment | {"HF_HOME": str(tmp_path), "HF_TOKEN_PATH": str(written(tmp_path / "mine"))},
    )
    assert told == f"{offline} {tmp_path / 'hub'} the login file"


def test_an_address_that_the_client_cannot_import_is_one_sentence():
    code = "from prep.cli import main; import sys; sys.argv = ['prep', 'models']; sys.stderr = sys.stdout; main()"
    told = in_a_new_process(code, {"HF_ENDPOINT": f"http://{CANARY}@["}, status=2)
    assert "HF_ENDPOINT is not a valid address" in told and len(told.splitlines()) == 1 and CANARY not in told


def in_a_new_process(code: str, environment: dict[str, str], status: int = 0) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status and not done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("allowed", [False, True])
def test_what_a_mirror_is_sent(online, tmp_path, allowed):
    """The real client, in a process of its own: it reads its variables when it is imported."""
    with release_page() as mirror:
        mirror.status = 404
        root = mirror.url.removesuffix("/model.pt")
        environment = {
            "HF_ENDPOINT": root,
            "HF_TOKEN": CANARY,
            "HF_HOME": str(tmp_path / "hf"),
            "PREP_CACHE": str(tmp_path / "cache"),
            "NO_PROXY": "127.0.0.1",
            "PREP_TOKEN_TO_MIRROR": "1" if allowed else "0",
        }
        code = (
            "import sys; from prep.models import hub; hub.check_room = lambda *_: None; "
            f"sys.argv = ['prep', 'models', 'get', '{GATED}']; from prep.cli import main; main()"
        )
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3 and "127.0.0.1" in done.stderr and "Traceback" not in done.stderr
    assert mirror.tokens and (f"Bearer {CANARY}" in mirror.tokens) == allowed
    assert CANARY not in done.stdout + done.stderr


def test_a_tagger_of_two_files_is_fetched_by_the_name_that_people_type(hub, monkeypatch, tmp_path):
    make_wd(tmp_path)
    asked = []
    monkeypatch.setattr(
        "huggingface_hub.hf_hub_download", lambda repo, name, **_: asked.append((repo, name)) or str(tmp_path / name)
    )
    found = fetch("wd-vit-tagger-v3")
    assert found.name == "wd-vit-v3" and set(found.files) == {"model", "tags"}
    assert asked == [("SmilingWolf/wd-vit-tagger-v3", name) for name in ("model.onnx", "selected_tags.csv")]
