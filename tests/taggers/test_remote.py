"""A tagger on another machine: a web UI on loopback that speaks as real ones do, and the broken kinds of it."""

import base64
import pickle
import subprocess
import sys

import numpy as np
import pytest

from prep import remote
from prep.config import load_settings
from prep.errors import NetworkError, SettingsError, StoppedError
from prep.images import open_image
from prep.models.choose import elsewhere
from prep.models.choose_models import options_of, tagger_for
from prep.taggers import _routes
from prep.taggers.remote import Remote, RemoteOptions, fixed_picture
from tests.support.pictures import drawing
from tests.support.web_ui import OPTIONS, TAGS, of_its_colour, serving, web_ui


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0)


def made(ui, **options) -> Remote:
    return Remote("a1111", {"url": ui.url}, RemoteOptions(batch=4, **options))


def read(tagger: Remote, *pictures) -> list[dict[str, float]]:
    scores = tagger.scores(np.stack([tagger.prepare(picture) for picture in pictures]))
    names = tagger.vocabulary.names
    return [{names[at]: round(float(row[at]), 3) for at in np.flatnonzero(row)} for row in scores]


def pictures(count: int) -> list[np.ndarray]:
    return [np.asarray(drawing(seed, 40, 30)) for seed in range(count)]


@pytest.mark.parametrize("kind", ["a1111", "sdnext", "wd14"])
def test_the_scores_are_the_servers_by_every_route_and_its_options_stay(kind, monkeypatch):
    monkeypatch.setattr(_routes, "MOST_TAGS", 4)  # SD.Next's 512 of 9,000
    with web_ui(kind) as ui:
        tagger = made(ui)
        known = {tag for tag in TAGS if kind != "a1111" or not tag.startswith("rating:")}  # A1111 tells no ratings
        assert set(tagger.vocabulary.names) == known
        for picture, found in zip(pictures(3), read(tagger, *pictures(3)), strict=True):
            assert found == {tag: each for tag, each in of_its_colour(picture).items() if each >= 0.02 and tag in known}
        assert ui.options == OPTIONS


def test_tags_with_brackets_and_colons_are_told_apart():
    assert _routes.ranks("(:d:0.500), (a_(b):0.25), (d:), (1girl:1.0)") is None
    assert _routes.ranks("(:d:0.500), (a_(b):0.25), (1girl:1.0)") == {":d": 0.5, "a_(b)": 0.25, "1girl": 1.0}
    assert _routes.ranks("1girl, solo") is None and _routes.ranks("") == {}


def test_a_large_picture_is_sent_smaller_and_a_small_one_as_it_is():
    with web_ui() as ui:
        tagger, small = made(ui), pictures(1)[0]
        read(tagger, np.zeros((1500, 3000, 3), np.uint8), small)
        sent = {open_image(base64.b64decode(body["image"])).pixels.shape for body in ui.posts(tagger.route.path)[1:]}
        assert sent == {(512, 1024, 3), small.shape}


def test_the_digest_names_the_model_and_not_where_it_is():
    with web_ui() as one, web_ui() as other, web_ui("sdnext") as third:
        assert made(one).digest == made(other).digest != made(third).digest
        assert made(one).is_model(made(other).digest) and not made(one).is_model(made(third).digest)


def test_another_model_of_the_same_tags_has_another_digest():
    def others(pixels):
        return {tag: 1 - score for tag, score in of_its_colour(pixels).items()} | {"solo": 0.001}

    with web_ui() as one, web_ui(read=others) as other:
        assert made(one).vocabulary == made(other).vocabulary and not made(one).is_model(made(other).digest)


def test_a_kernel_that_moves_scores_a_little_is_the_same_model():
    def moved(pixels):
        return {tag: max(0.0, score - 0.008) for tag, score in of_its_colour(pixels).items()}

    with web_ui() as one, web_ui(read=moved) as other:
        assert made(one).is_model(made(other).digest) and made(other).is_model(made(one).digest)


def test_a_model_that_is_changed_meanwhile_stops_the_run(monkeypatch):
    monkeypatch.setattr("prep.taggers.remote.ASKED_AGAIN", 2)
    with web_ui() as ui:
        tagger = made(ui)
        ui.changes_after = ui.readings
        read(tagger, pictures(1)[0])
        with pytest.raises(StoppedError, match="has another model now than when the run began"):
            read(tagger, pictures(1)[0])


def test_a_tag_that_the_model_did_not_have_stops_the_run_at_once():
    with web_ui() as ui:
        tagger = made(ui)
        ui.read = lambda pixels: of_its_colour(pixels) | {"green_hair": 0.9}
        with pytest.raises(StoppedError, match="has another model now than when the run began"):
            read(tagger, pictures(1)[0])


def test_a_job_in_another_process_reads_with_the_same_model_or_stops():
    with web_ui() as ui:
        ref = tagger_for(load_settings(sets=(f"tagger.model=a1111:{ui.url}", "tagger.a1111.timeout=5")))
        assert ref.own_options == {} and ui.url not in ref.digest
        code = "import pickle, sys; print(len(pickle.load(sys.stdin.buffer).make().vocabulary.names))"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, input=pickle.dumps(ref), capture_output=True, check=True)
        assert int(done.stdout) == sum(not tag.startswith("rating:") for tag in TAGS)
        ui.changes_after = 0
        with pytest.raises(StoppedError, match="has another model now"):
            ref.make()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("no_api", "has no /sdapi/v1/options. Start it there with --api"),
        ("page", "answers with a page for people"),
        ("deaf", "answers without a score for each tag"),
        ("prose", "answers without a score for each tag"),
    ],
)
def test_what_is_no_tagger_is_refused_in_a_sentence(kind, said):
    with web_ui(kind) as ui, pytest.raises(StoppedError) as caught:
        made(ui)
    assert said in str(caught.value) and caught.value.exit_code == 3 and "\n" not in str(caught.value)


def test_a_server_that_only_draws_says_which_ones_read():
    with web_ui() as ui:
        ui.get = lambda path: {} if path == "/sdapi/v1/options" else 404
        with pytest.raises(StoppedError, match="has no route that reads tags.*Use AUTOMATIC1111, Forge, SD.Next"):
            made(ui)


def test_a_server_that_fails_now_and_then_is_asked_again():
    with web_ui() as ui:
        tagger = made(ui)
        ui.faults += ["500", "cut", "500"]
        assert read(tagger, *pictures(2)) and not ui.faults


def test_one_that_always_fails_says_what_it_said_and_leaves_its_options():
    with web_ui() as ui:
        tagger = made(ui)
        ui.faults += [""] + ["500"] * remote.TRIES
        with pytest.raises(NetworkError, match="answers 500: CUDA out of memory"):
            read(tagger, pictures(1)[0])
        assert ui.options == OPTIONS


def test_one_that_hangs_is_left_after_its_time():
    with web_ui() as ui:
        tagger = made(ui, timeout=1)
        tagger.server.timeout_seconds = 0.05
        ui.faults += [""] + ["silent"] * remote.SILENT_TRIES
        with pytest.raises(NetworkError, match="does not answer"):
            read(tagger, pictures(1)[0])


@pytest.mark.parametrize("part", ["header", "body"])
def test_one_whose_answer_trickles_without_an_end_is_left_after_its_time_and_can_be_asked_again(part):
    with web_ui() as ui:
        tagger = made(ui, timeout=1)
        tagger.server.timeout_seconds = 0.3
        ui.faults += [""] + [f"slow {part}"] * remote.SILENT_TRIES
        with pytest.raises(NetworkError, match="in time" if part == "header" else "sends its answer too slowly"):
            read(tagger, pictures(1)[0])
        tagger.server.timeout_seconds = 60
        assert read(tagger, pictures(1)[0]) and not ui.faults


def test_an_sdnext_that_ignores_what_to_leave_out_gives_the_tags_of_one_answer(monkeypatch):
    monkeypatch.setattr(_routes, "MOST_TAGS", 4)
    with web_ui("sdnext") as ui:
        tagger, heeds = made(ui), ui.post
        ui.post = lambda path, body: heeds(path, {**body, "exclude_tags": ","})
        before = len(ui.asked)
        best = sorted(of_its_colour(pictures(1)[0]).items(), key=lambda each: -each[1])
        assert read(tagger, pictures(1)[0]) == [dict(best[:4])] and len(ui.asked) - before == 2


def test_an_sdnext_that_always_has_another_tag_is_not_asked_for_ever(monkeypatch):
    monkeypatch.setattr(_routes, "MOST_TAGS", 4)
    monkeypatch.setattr(_routes, "MOST_ANSWERS", 5)
    with web_ui("sdnext") as ui:
        tagger = made(ui)
        before = len(ui.asked)
        ui.post = lambda path, body: {"tags": "x", "scores": {f"{tag}{len(ui.asked)}": 0.5 for tag in "abcd"}}
        assert len(tagger.route.read("", 0.1)) == 4 * (len(ui.asked) - before) == 4 * (1 + 5)
        assert len(tagger.route.all_tags("")) == 4 * 2 * 5


def test_a_password_comes_from_the_environment_or_netrc_and_is_never_shown(monkeypatch, tmp_path):
    with web_ui() as ui:
        ui.password = "mira:sécret"
        with pytest.raises(StoppedError, match="it asks for a password. Set PREP_A1111_AUTH=user:password"):
            made(ui)
        monkeypatch.setenv("PREP_A1111_AUTH", "mira:wrong")
        with pytest.raises(StoppedError, match="are refused") as caught:
            made(ui)
        assert "wrong" not in str(caught.value)
        monkeypatch.setenv("PREP_A1111_AUTH", ui.password)
        assert made(ui).vocabulary
        monkeypatch.delenv("PREP_A1111_AUTH")
        ui.password = "mira:plain"
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login mira password plain\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        assert made(ui).vocabulary
    monkeypatch.setenv("PREP_A1111_AUTH", "no colon")
    with pytest.raises(SettingsError, match="PREP_A1111_AUTH has no `:`"):
        made(ui)


def test_a_proxy_is_not_asked_about_this_machine(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with web_ui() as ui:
        assert made(ui).vocabulary


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("localhost:7860", "http://localhost:7860"),
        ("http://there:7860/", "http://there:7860"),
        ("https://there/ui/", "https://there/ui"),
        ("http://there/sdapi/v1/", "http://there"),
        ("http://[::1]:7860", "http://[::1]:7860"),
    ],
)
def test_an_address_is_understood_as_people_type_it(typed, meant, tmp_path):
    assert remote.address_of(typed) == meant
    (tmp_path / "run.toml").write_text(f'[tagger]\nmodel = "a1111:{typed}"\n')
    settings = load_settings(config=tmp_path / "run.toml")
    assert settings.tagger.model == f"a1111:{typed}" and elsewhere("tagger", settings.tagger.model)[1] == typed


@pytest.mark.parametrize("typed", ["ftp://there", "http://", "http://there:port", "http://the re", "http://there?x=1"])
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(SettingsError, match="`tagger.model` is not an address. Write it as http://HOST:7860"):
        load_settings(sets=(f"tagger.model=a1111:{typed}",))


def test_a_password_in_the_address_is_refused_with_the_way_to_give_it():
    with pytest.raises(SettingsError, match="has a user name or a password in its address. Set PREP_A1111_AUTH"):
        load_settings(sets=("generator.model=a1111:http://mira:secret@there:7860",))


def test_a_prep_toml_from_anybody_names_no_other_machine(tmp_path):
    (tmp_path / "prep.toml").write_text('[tagger]\nmodel = "a1111:http://there:7860"\n')
    with pytest.raises(SettingsError, match="names another machine, http://there:7860, which this file may not"):
        load_settings(tmp_path)
    (tmp_path / "prep.toml").write_text('[tagger]\nmodel = "a1111:http://127.0.0.1:7860"\n')
    assert load_settings(tmp_path).tagger.model == "a1111:http://127.0.0.1:7860"


def test_options_that_only_cost_time_are_no_part_of_a_recipe():
    with web_ui() as ui:
        sets = (f"tagger.model=a1111:{ui.url}", "tagger.a1111.timeout=9", "tagger.a1111.threshold=0.1")
        ref = tagger_for(settings := load_settings(sets=sets))
    assert ref.own_options == {"threshold": 0.1} and options_of("tagger", ref.spec, settings).timeout == 9


def test_the_fixed_picture_is_the_same_everywhere():
    picture = fixed_picture()
    assert picture.shape == (512, 512, 3) and picture.dtype == np.uint8
    assert (int(picture.astype(np.int64).sum()), picture[290, 256].tolist()) == (142_007_324, [250, 222, 205])


def test_a_server_that_was_started_again_is_the_same():
    with web_ui() as ui:
        digest, port = made(ui).digest, int(ui.url.rpartition(":")[2])
    with serving(ui, port):
        assert made(ui).is_model(digest)
