"""A language model at an address: a real server on loopback, that errs as real ones do."""

import pickle
import re
import threading

import pytest

from prep import remote
from prep.captioners.llm import IN_A_ROW
from prep.config import load_settings
from prep.errors import NetworkError, SettingsError, StoppedError
from prep.jobs.describe import DescribeJob, SentenceBook, ToWrite, describe_recipe, sentence_key
from prep.ledger import Ledger
from prep.models.captioners import captioner_of
from prep.models.residency import MEMORY
from prep.runners.local import LocalRunner
from prep.types import Problem, Sentence, ToDescribe
from tests.support.speaking import Said, speaking

TAGS = ("1girl", "smile", "red_dress", "classroom")
WHAT = ToDescribe(TAGS, frozenset({"orange_hair"}), ("mira",))
TRUE = "In a classroom, a girl in a red dress is smiling."
GRAMMAR = "A girl is wearing a red dress and smiling, in a classroom."
KEY = "sk-not-to-be-seen-anywhere"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0.0)
    monkeypatch.delenv("PREP_CAPTIONER_KEY", raising=False)


def captioner_at(url, *more):
    return captioner_of(load_settings(sets=(f"captioner.model=llm:{url}", *more)))


def written(speaker, *whats, more=()):
    with MEMORY.lend(captioner_at(speaker.url, *more)) as captioner:
        return [*captioner.write(whats or [WHAT])]


def numbered(count):
    return [WHAT._replace(tags=(*TAGS, f"tag_{at}")) for at in range(count)]


def test_a_faithful_sentence_is_kept_as_it_was_said():
    with speaking(lambda asked: f"\n\n<think>red...</think>\n{TRUE}") as speaker:
        assert written(speaker) == [Sentence(TRUE, "llm")]
        (call,) = speaker.calls
        assert call["model"] == "tiny-instruct" and call["temperature"] == 0.2
        told = call["messages"][1]["content"]
        assert "1girl, smile, red dress, classroom" in told and "Do not mention: orange hair" in told


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (TRUE.replace("red", "blue"), "says `blue dress`; the tags say red dress"),
        (TRUE.replace("a girl", "three girls"), "says `three girls`; the tags say 1girl"),
        (TRUE.replace("smiling", "not smiling"), "says `not smiling`, which no tag says"),
        (f"The image shows {TRUE.lower()}", "begins with `the image shows`"),
        ("I'm sorry, but I cannot help with that request.", "is not English, or says little that the tags say"),
        ("Ein Mädchen in einem roten Kleid lächelt im Klassenzimmer.", "is not English"),
        ("少女が教室で笑っている。", "is not English"),
        ("!!!!!!!!!!!!!!!!!!!!!!", "does not end with a full stop"),
        ("A girl is smiling.", "leaves out 2 of 4 tags: red dress, classroom"),
        (f"{TRUE} {TRUE}", "says"),
        (f"{TRUE} She has orange hair.", "says `orange hair`, which is not to be said"),
        (f"- **{TRUE}**\n- more", "is not one line of plain text"),
        ("", "is empty"),
        ("<think>the tags say", "thinks aloud without an end"),
        (Said("A girl in a red", "length"), "was cut off"),
        (f"{TRUE} " * 500, "has 24,999 letters: no caption is so long"),
        ("<think>" * 100_000, "has 700,000 letters: no caption is so long"),
        (Said(None), "was null, not text"),
        (Said(float("nan")), "was a number, not text"),
        (Said({"text": TRUE}), "was an object, not text"),
        (Said([{"type": "text", "text": TRUE}, 5]), "was a list with a number, not text"),
        (Said([{"type": "text", "text": [TRUE]}]), "was a list with a list, not text"),
    ],
)
def test_what_is_not_faithful_is_asked_once_more_and_then_left_to_the_grammar(said, why):
    with speaking(lambda asked: said) as speaker:
        (found,) = written(speaker)
        assert found.text == GRAMMAR and found.by == "grammar" and why in found.why
        first, second = (call["messages"][1]["content"] for call in speaker.calls)
        assert second.startswith(first) and found.why.split("`")[0].strip() in second


@pytest.mark.parametrize(
    "parts",
    [
        [{"type": "text", "text": TRUE}],
        [{"type": "thinking", "thinking": [{"type": "text", "text": "red"}]}, {"type": "text", "text": TRUE}],
        [TRUE[:20], {"type": "output_text", "text": TRUE[20:]}],
    ],
)
def test_an_answer_in_parts_is_read_as_their_text(parts):
    with speaking(lambda asked: Said(parts)) as speaker:
        assert written(speaker) == [Sentence(TRUE, "llm")]


def test_an_answer_of_megabytes_is_not_read_to_its_end():
    with speaking(lambda asked: "x" * 10_000_000 if "tag 1\n" in asked else TRUE) as speaker:
        first, second = written(speaker, *numbered(2))
        assert first.by == "llm" and second.message == "the server's answer is longer than any caption"
        assert len(speaker.calls) == 2
        speaker.models = ["x" * 100] * 20_000  # a list of models may be as long as it likes
        assert captioner_at(speaker.url).digest


def test_an_answer_that_repeats_the_key_does_not_bring_it_into_the_reason(monkeypatch):
    monkeypatch.setenv("PREP_CAPTIONER_KEY", KEY)
    with speaking(lambda asked: f"In a classroom, a girl in a red dress is smiling with {KEY}.") as speaker:
        (found,) = written(speaker)
        assert found.by == "grammar" and not any(word in found.why for word in ("seen", "anywhere"))
        assert "anywhere" not in speaker.calls[1]["messages"][1]["content"]


def test_the_second_answer_may_be_right():
    with speaking(lambda asked: TRUE if "Your last answer" in asked else "A girl is flying.") as speaker:
        assert written(speaker) == [Sentence(TRUE, "llm")]


def test_what_one_question_breaks_is_a_row_and_retry_asks_again(tmp_path):
    broken = {"is": True}

    def answer(asked):
        if "tag 1\n" in asked and broken["is"]:
            return Said(status=500, error="CUDA out of memory")
        return Said(status=400, error="the context is too long") if "tag 2\n" in asked and broken["is"] else TRUE

    with speaking(answer) as speaker:
        captioner, ledger = captioner_at(speaker.url), Ledger(tmp_path)
        items = [ToWrite(sentence_key(what), what) for what in numbered(4)]
        outcomes = [*LocalRunner(1).map(DescribeJob(ledger, captioner), items)]
        kinds = [each.problem and each.problem.kind for each in outcomes]
        assert kinds == [None, "failed", "refused", None]
        book = SentenceBook(Ledger(tmp_path), describe_recipe(captioner))
        assert [book.failed(each.key) for each in items] == [False, True, True, False]
        assert book.get(items[1].key).why == "could not be asked: the server answers 500"
        assert book.get(items[2].key).why == "could not be asked: the server answers 400"
        assert {book.get(items[at].key).by for at in (1, 2)} == {"grammar"}
        broken["is"] = False
        again = [each for each in items if book.failed(each.key)]
        assert all(each.problem is None for each in LocalRunner(1).map(DescribeJob(ledger, captioner), again))
        assert not SentenceBook(Ledger(tmp_path), describe_recipe(captioner)).failed(items[1].key)


def test_what_the_server_says_is_logged_once_and_never_published(tmp_path, caplog):
    said = "no model at /home/alice/models on host-7.lan"
    answers = iter([Said(status=400, error=said)] * 3)
    with speaking(lambda asked: next(answers, TRUE)) as speaker, caplog.at_level("DEBUG", "prep"):
        job = DescribeJob(Ledger(tmp_path), captioner_at(speaker.url, "captioner.llm.parallel=1"))
        outcomes = [*LocalRunner(1).map(job, [ToWrite(sentence_key(what), what) for what in numbered(5)])]
    assert [each.problem and each.problem.message for each in outcomes] == ["the server answers 400"] * 3 + [None] * 2
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"alice" in path.read_bytes()]
    shown = [record.levelname for record in caplog.records if said in record.message]
    assert shown == ["INFO", "DEBUG", "DEBUG"]


def test_a_server_that_fails_every_question_stops_the_run():
    stopped, wrong = threading.Event(), Said(status=500, error="no kernel image")

    def answer(asked):
        if int(re.search(r"tag (\d+)$", asked, re.MULTILINE)[1]) >= IN_A_ROW:  # asked meanwhile, by the other threads
            stopped.wait(60)
        return wrong

    with speaking(answer) as speaker:
        try:
            with pytest.raises(StoppedError, match="no kernel image, 12 times in a row"):
                written(speaker, *numbered(40), more=("captioner.llm.parallel=4",))
        finally:
            stopped.set()
        assert len(speaker.calls) <= (IN_A_ROW + 4) * remote.FAILING_TRIES


def test_a_server_that_goes_away_keeps_what_is_done_and_the_next_run_goes_on(tmp_path):
    whats = numbered(60)
    with speaking(lambda asked: "A girl is wearing a red dress, and smiling, in a classroom.") as speaker:
        captioner = captioner_at(speaker.url, "captioner.llm.parallel=2")
        usual = speaker.answer

        def answer(asked):
            speaker.gone = len(speaker.calls) >= 25
            return usual(asked)

        speaker.answer = answer
        items = [ToWrite(sentence_key(what), what) for what in whats]
        job = pickle.loads(pickle.dumps(DescribeJob(Ledger(tmp_path), captioner)))
        with pytest.raises(NetworkError, match="does not answer"):
            [*LocalRunner(1).map(job, items)]
    book = SentenceBook(Ledger(tmp_path), describe_recipe(captioner))
    left = [each for each in items if each.key not in book]
    assert 10 < len(left) < 50
    with speaking(usual) as speaker:
        MEMORY.clear()
        captioner = captioner_at(speaker.url)
        [*LocalRunner(1).map(DescribeJob(Ledger(tmp_path), captioner), left)]
        assert len(speaker.calls) == len(left)
    book = SentenceBook(Ledger(tmp_path), describe_recipe(captioner))
    assert {book.get(each.key).by for each in items} == {"llm"}


def test_a_wrong_key_is_named_and_never_shown(monkeypatch, tmp_path):
    with speaking(lambda asked: TRUE) as speaker:
        speaker.key = "another"
        for given, says in ((KEY, "the key in PREP_CAPTIONER_KEY is refused"), ("", "it asks for a key")):
            monkeypatch.setenv("PREP_CAPTIONER_KEY", given)
            with pytest.raises(StoppedError) as caught:
                written(speaker)
            MEMORY.clear()
            assert says in str(caught.value) and "PREP_CAPTIONER_KEY" in str(caught.value)
            assert not given or given not in str(caught.value)
        assert speaker.shown == {f"Bearer {KEY}", None}


def test_the_key_is_sent_and_nothing_keeps_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PREP_CAPTIONER_KEY", KEY)
    monkeypatch.setenv("PREP_A1111_AUTH", "mira:of-another-server")
    monkeypatch.setenv("PREP_CACHE", str(tmp_path / "cache"))
    with speaking(lambda asked: Said(status=400, error=f"bad key {KEY}") if "tag 1" in asked else TRUE) as speaker:
        speaker.key = KEY
        captioner = captioner_at(speaker.url)
        job = DescribeJob(Ledger(tmp_path / "ledger"), captioner)
        items = [ToWrite(sentence_key(what), what) for what in numbered(2)]
        outcomes = [*LocalRunner(1).map(job, items)]
        assert KEY.encode() not in pickle.dumps(job) + pickle.dumps(outcomes)
        assert speaker.shown == {f"Bearer {KEY}"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 1 and not [path for path in files if KEY.encode() in path.read_bytes()]


def test_the_model_is_the_first_that_writes_unless_it_is_named():
    with speaking(lambda asked: TRUE) as speaker:
        speaker.models = ["text-embedding-small", "qwen", "llama"]
        first, named = captioner_at(speaker.url), captioner_at(speaker.url, "captioner.llm.model=llama")
        assert first.digest != named.digest and describe_recipe(first) != describe_recipe(named)
        same = captioner_at(speaker.url, "captioner.llm.timeout=9", "captioner.llm.parallel=1")
        assert describe_recipe(same) == describe_recipe(first)
        speaker.models = []
        with pytest.raises(StoppedError, match="lists no model that writes"):
            captioner_at(speaker.url)


def test_a_picture_goes_along_where_it_is_wanted():
    with speaking(lambda asked: TRUE) as speaker:
        written(speaker, WHAT._replace(picture=b"\xff\xd8jpeg"), more=("captioner.llm.picture=true",))
        text, image = speaker.calls[0]["messages"][1]["content"]
        assert text["type"] == "text" and image["image_url"]["url"] == "data:image/jpeg;base64,/9hqcGVn"


def test_an_address_may_be_typed_without_its_path():
    with speaking(lambda asked: TRUE) as speaker:
        speaker.url = speaker.url.removesuffix("/v1")
        assert written(speaker) == [Sentence(TRUE, "llm")]


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("llm", "needs an address or a folder"),
        ("llm:", "needs an address or a folder"),
        ("grammer", "did you mean `grammar`"),
        ("llm:http://mira:secret@host/v1", "PREP_CAPTIONER_KEY"),
        ("llm:http://", "is not an address"),
    ],
)
def test_what_names_no_captioner_says_what_would(model, says):
    with pytest.raises(SettingsError) as caught:
        captioner_of(load_settings(sets=(f"captioner.model={model}",)))
    assert says.lower() in str(caught.value).lower()
    assert "secret" not in str(caught.value) and "A1111" not in str(caught.value)


def test_a_password_in_a_captioners_address_is_not_asked_for_as_a_web_uis(tmp_path):
    (tmp_path / "prep.toml").write_text('[captioner]\nmodel = "llm:http://mira:secret@host/v1"\n')
    for load in (
        lambda: load_settings(tmp_path),
        lambda: load_settings(sets=("captioner.model=llm:http://mira:secret@host/v1",)),
        lambda: captioner_of(load_settings(sets=("captioner.model=http://mira:secret@host/v1",))),
    ):
        with pytest.raises(SettingsError, match="PREP_CAPTIONER_KEY") as caught:
            load()
        assert not any(word in str(caught.value) for word in ("secret", "A1111", "netrc"))


def test_a_set_that_comes_from_anybody_names_only_this_machine(tmp_path):
    (tmp_path / "prep.toml").write_text('[captioner]\nmodel = "llm:http://elsewhere.example:11434/v1"\n')
    with pytest.raises(SettingsError, match="names another machine"):
        load_settings(tmp_path)
    (tmp_path / "prep.toml").write_text('[captioner]\nmodel = "llm:http://127.0.0.1:11434/v1"\n')
    assert load_settings(tmp_path).captioner.model.startswith("llm:")


def test_without_tags_nobody_is_asked():
    with speaking(lambda asked: TRUE) as speaker:
        assert written(speaker, ToDescribe(())) == [Sentence("", "grammar")] and speaker.calls == []


def test_problems_are_plain_records():
    with speaking(lambda asked: Said(status=400, error="the model cannot see")) as speaker:
        (found,) = written(speaker)
        assert isinstance(found, Problem) and found.kind == "refused" and "--retry" in found.hint


def test_a_caption_of_thousands_of_tags_is_left_to_the_grammar():
    with speaking(lambda asked: TRUE) as speaker:
        (found,) = written(speaker, WHAT._replace(tags=(*TAGS, *(f"tag_{at}" for at in range(5_000)))))
        assert found.by == "grammar" and "5,004 tags are more than 300" in found.why and speaker.calls == []


def test_a_picture_is_read_made_small_and_sent(tmp_path):
    import base64
    import io

    from PIL import Image

    Image.new("RGBA", (1600, 400), (200, 30, 30, 255)).save(tmp_path / "wide.png")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG")
    with speaking(lambda asked: TRUE) as speaker:
        captioner = captioner_at(speaker.url, "captioner.llm.picture=true")
        items = [
            ToWrite(sentence_key(WHAT, str(at)), WHAT, tmp_path / name)
            for at, name in enumerate(("torn.png", "wide.png", "gone.png"))
        ]
        outcomes = [*LocalRunner(1).map(DescribeJob(Ledger(tmp_path / "ledger"), captioner), items)]
        assert [bool(each.problem) for each in outcomes] == [True, False, True]
        url = speaker.calls[0]["messages"][1]["content"][1]["image_url"]["url"]
        sent = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
        assert (sent.format, sent.size) == ("JPEG", (768, 192)) and len(speaker.calls) == 1
