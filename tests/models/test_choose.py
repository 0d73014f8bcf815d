"""Which tagger reads, and the sentence that says why."""

import pytest

from prep.errors import NetworkError, SettingsError, StoppedError, UsageError
from prep.models import answers
from prep.models.choose import choose_generator, choose_tagger
from tests.support.pictures import folder_of
from tests.support.runs import run_here
from tests.support.weights import basename, change_file, target, written

NAME = "deepdanbooru-v3"


def chosen(asked="auto", offline=False, fallback="starter", may_fetch=True, reach=lambda *_: False):
    """(the weights, what was said)."""
    said: list[str] = []
    return choose_tagger(asked, offline, fallback, said.append, may_fetch, reach), said


def never(*_):
    pytest.fail("the network was asked")


def test_deepdanbooru_that_is_here_reads_and_nobody_is_asked():
    written(target(NAME))
    weights, said = chosen(reach=never)
    assert weights.name == NAME and said == [f"{NAME} is on this machine (cache)"]


def test_one_that_changed_since_it_was_fetched_is_said(page):
    choose_tagger("auto", False, "error", print)
    written(target(NAME), b"other")
    _, said = chosen()
    assert "changed since" in said[0]


def test_it_is_fetched_where_the_page_answers(page):
    weights, said = chosen(reach=answers)
    assert weights.digest == page.sha256 and "will be fetched: 1 MB, licence: MIT" in said[0]


def test_what_may_not_fetch_only_says_so(page):
    weights, said = chosen(reach=answers, may_fetch=False)
    assert weights is None and "will be fetched" in said[0] and page.asked == []


def test_without_an_answer_the_starter_reads_and_says_what_it_is(online):
    weights, said = chosen()
    assert weights.source == "package" and "does not answer" in said[0] and "starter" in said[0]


def test_a_page_that_is_gone_does_not_count_as_an_answer(page):
    page.status = 404
    weights, _ = chosen(reach=answers)
    assert weights.name == "starter-tagger"


@pytest.mark.parametrize("offline", [True, False])
def test_offline_asks_nobody(offline):
    """By the setting, or by HF_HUB_OFFLINE, which tests have set."""
    weights, said = chosen(offline=offline, reach=never)
    assert weights.name == "starter-tagger" and "fetching is switched off" in said[0]


def test_fallback_error_stops_and_says_what_to_do(online):
    with pytest.raises(StoppedError, match="does not answer") as caught:
        chosen(fallback="error")
    assert caught.value.exit_code == 3 and f"prep models get {NAME}" in caught.value.hint


def test_who_names_deepdanbooru_gets_no_starter(online):
    with pytest.raises(StoppedError):
        chosen(NAME)


def test_a_download_that_fails_is_not_replaced_by_the_starter(page):
    page.faults = ["busy"] * 5
    with pytest.raises(NetworkError):
        chosen(reach=answers)


def test_a_file_is_taken_as_it_is(tmp_path):
    path = written(tmp_path / "mine.pt")
    assert chosen(str(path), reach=never) == (chosen(str(path))[0], [])
    assert chosen(str(path))[0].path == path


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path / "mine.pt")
    assert chosen("~/mine.pt")[0].path == tmp_path / "mine.pt"


@pytest.mark.parametrize("name", ["nothing.pt", "."])
def test_a_file_that_is_none_is_a_usage_error(tmp_path, name):
    with pytest.raises(UsageError, match="does not exist|is a folder"):
        chosen(f"{tmp_path}/{name}")


def test_a_typo_gets_the_nearest_name():
    with pytest.raises(UsageError) as caught:
        chosen("deepdanboru-v3")
    assert NAME in caught.value.hint


def test_what_draws_does_not_read():
    with pytest.raises(SettingsError, match="is a generator, not a tagger"):
        chosen("sd35-medium")


def test_a_package_without_its_starter_says_so(monkeypatch):
    change_file(monkeypatch, "starter-tagger", name="gone.safetensors")
    with pytest.raises(StoppedError, match="fetching is switched off"):
        chosen(reach=never)
    with pytest.raises(StoppedError) as caught:
        chosen("starter", reach=never)
    assert "install prep again" in caught.value.hint


def test_an_address_that_cannot_be_spelt_does_not_answer(online):
    for url in ("http://", "nonsense", f"http://{'a' * 70}.invalid/", "http://127.0.0.1:1/"):
        assert not answers(url, 0.5)


def drawing(asked, **options):
    said = []
    return choose_generator(asked, options.pop("gpu", True), said.append, **options), said


def test_nothing_is_fetched_for_drawing_when_nothing_may_be(monkeypatch):
    monkeypatch.setattr("prep.models.choose.fetch", lambda name: pytest.fail(f"fetched {name}"))
    with pytest.raises(StoppedError, match="sd35-medium is not on this machine and fetching is switched off"):
        drawing("sd35-medium", offline=True)


def test_auto_draws_with_what_is_here_on_a_gpu_alone(tmp_path, monkeypatch):
    chosen, said = drawing("auto")
    assert chosen is None and "SD3.5 is not on this machine" in said[0]
    (tmp_path / basename("sd35-medium")).write_bytes(b"weights")
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    assert drawing("auto")[0].name == "sd35-medium"
    chosen, said = drawing("auto", gpu=False)
    assert chosen is None and "generator.model=sd35-medium draws on the CPU" in said[0]
    assert drawing("sd35-medium", gpu=False)[0].name == "sd35-medium"
    assert drawing("none") == (None, [])


def test_a_tagger_does_not_draw():
    with pytest.raises(SettingsError, match="deepdanbooru-v3 is a tagger, not a generator"):
        drawing("deepdanbooru-v3")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("starter:", "has no path"),
        ("~nobody-here/x.pt", "begins with an unknown user"),
        ("x" * 300 + ".pt", "does not exist"),
    ],
)
def test_a_path_that_is_none_is_one_sentence(asked, says):
    with pytest.raises(UsageError, match=says):
        chosen(asked, reach=never)


def test_weights_that_a_set_was_read_with_by_path_stay_its_own(tmp_path, tiny_tagger, capsys):
    """Also when they are given as another version of a model that ships."""
    art, out = folder_of(tmp_path / "art", mira=2), tmp_path / "out"
    run_here(art, out, f"starter:{tiny_tagger}", "generator.model=none")
    capsys.readouterr()
    run_here(art, out, "auto", "generator.model=none")
    assert "all 2 images were tagged before" in capsys.readouterr().out
