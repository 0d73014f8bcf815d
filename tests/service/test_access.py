"""Who may ask: passwords, and what a web page of somebody else can do."""

import base64

import pytest

from prep.errors import UsageError
from prep.web.access import Access, is_loopback, read_logins
from prep.web.refused import Refused
from tests.support.runs import prep
from tests.support.serving import served_here


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def refused(access: Access, **headers: str) -> int:
    with pytest.raises(Refused) as caught:
        access.check({"host": "localhost:7860", **headers})
    return caught.value.status


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860", "127.0.0.1", "LOCALHOST:1"])
def test_a_program_on_this_machine_may_ask(host):
    assert Access({}).check({"host": host}) is None


@pytest.mark.parametrize("host", ["evil.example:7860", "localhost.evil.example", "", "[::1", "127.0.0.1.nip.io"])
def test_a_name_that_was_made_to_lead_here_is_refused(host):
    assert refused(Access({}), host=host) == 421


def test_names_in_the_settings_are_known():
    assert Access({}, ("studio.local",)).check({"host": "studio.local:7860"}) is None


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:3000", "https://localhost", "http://["]
)
def test_a_page_of_another_origin_is_refused(origin):
    assert refused(Access({}), origin=origin) == 403
    assert refused(Access({"me": "x"}), origin=origin, **basic("me:x")) == 403


def test_our_own_page_may_ask_and_another_sites_image_may_not():
    assert Access({}).check({"host": "localhost:7860", "origin": "http://localhost:7860"}) is None
    assert refused(Access({}), **{"sec-fetch-site": "cross-site"}) == 403


@pytest.mark.parametrize("given", ["me:wrong", "you:secret", "me:", ":", "me", "me:secret2", "mé:secret"])
def test_a_wrong_password_is_401(given):
    assert refused(Access({"me": "secret"}), **basic(given)) == 401


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Bearer abc", "basic bWU6"])
def test_what_is_no_login_is_401(header):
    assert refused(Access({"me": "secret"}), authorization=header) == 401


def test_a_right_password_may_have_colons():
    assert Access({"me": "a:b"}).check({"host": "x", **basic("me:a:b")}) == "me"


def test_logins_are_read_from_a_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("PREP_AUTH", raising=False)
    assert read_logins(None) == {}
    monkeypatch.setenv("PREP_AUTH", "me:secret")
    assert read_logins(None) == {"me": "secret"}
    (tmp_path / "auth").write_text("a:1\n\nb:2:3\n")
    assert read_logins(tmp_path / "auth") == {"a": "1", "b": "2:3"}


@pytest.mark.parametrize("text", ["", "me", "me:", ":secret"])
def test_a_file_without_logins_is_one_sentence(text, tmp_path):
    (tmp_path / "auth").write_text(text)
    with pytest.raises(UsageError, match="user:password"):
        read_logins(tmp_path / "auth")
    with pytest.raises(UsageError, match="cannot be read"):
        read_logins(tmp_path / "none")


@pytest.mark.parametrize(("host", "is_it"), [("127.0.0.1", 1), ("::1", 1), ("localhost", 1), ("0.0.0.0", 0), ("::", 0)])
def test_loopback(host, is_it):
    assert is_loopback(host) == bool(is_it)


def test_another_address_without_a_password_is_refused():
    said = prep("serve", "--host", "0.0.0.0", "--port", "0")
    assert said.returncode == 2 and "there is no password" in said.stderr and "PREP_AUTH" in said.stderr


def test_every_route_asks_for_the_password(tmp_path):
    with served_here(tmp_path, "generator.model=none", logins={"me": "secret"}) as served:
        known = served.get("/openapi.json", auth=("me", "secret")).json()["paths"]
        paths = [path for path in known if path not in ("/health", "/ready")]
        assert len(paths) > 8
        for path in [*paths, "/docs", "/nothing"]:
            answer = served.get(path)
            assert (answer.status_code, answer.json()) == (401, {"detail": "Incorrect username or password"}), path
            assert answer.headers["www-authenticate"] == "Basic"
        assert served.get("/v1/models", auth=("me", "wrong")).status_code == 401
        assert served.get("/v1/models", auth=("me", "secret")).json()["tagger"]["tags"] == 90
        assert served.get("/health").text == "ok\n" and served.get("/ready").text == "ready\n"
