"""Sentences by a language model in a run: asked once, kept, and none lost when the server goes."""

import pytest

from prep import remote
from prep.captions.described import described
from prep.config import load_settings
from prep.errors import StoppedError
from prep.models.residency import MEMORY
from prep.pipeline.outlook import plan_lines
from tests.support.person import HIGH, NOTHING, SIDE, tags
from tests.support.speaking import Said, speaking

KEY = "sk-never-to-be-seen"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0.0)
    monkeypatch.delenv("PREP_CAPTIONER_KEY", raising=False)


def faithful(asked: str) -> str:
    names = asked.partition("Tags: ")[2].partition("\n")[0].split(", ")
    return described([name.replace(" ", "_") for name in names]).replace(" is wearing ", " wears ")


def by_model(speaker, form: str = "flux") -> tuple[str, ...]:
    return f"captions.for={form}", f"captioner.model=llm:{speaker.url}", "captioner.llm.parallel=1"


def lines(made, *sets) -> list[str]:
    sets = (*SIDE, *NOTHING, *HIGH, f"tagger.model={made.tagger}", *sets)
    return plan_lines(made.art, made.out, load_settings(made.art, out=made.out, sets=sets))


def test_each_caption_is_asked_for_once_and_a_second_run_asks_nothing(made):
    with speaking(faithful) as speaker:
        made.run(*by_model(speaker))
        first = len(speaker.calls)
        assert 1 <= first <= 4
        assert "wears" in made.text("000").read_text() and made.row("000")["sentence_by"] == "llm"
        made.run(*by_model(speaker))
        made.run(*by_model(speaker, "qwen"))
        assert len(speaker.calls) <= 2 * first, "another length is another question"
        asked = len(speaker.calls)
        made.run(*by_model(speaker, "sd35"))
        made.run(*by_model(speaker, "anima"))
        assert len(speaker.calls) == asked, "forms of one length share their sentences"


def test_an_edited_tag_asks_for_a_new_sentence_and_a_sentence_by_hand_for_none(made):
    with speaking(faithful) as speaker:
        made.run(*by_model(speaker, "sd35"))
        asked = len(speaker.calls)
        with made.door() as edits:
            edits.add("umbrella", [made.key("000")])
            edits.caption(made.key("001"), edits.text(made.key("001")).rpartition(". ")[0] + ". She hums.")
        made.run(*by_model(speaker, "sd35"))
        assert len(speaker.calls) == asked + 1 and "umbrella" in speaker.calls[-1]["messages"][1]["content"]
        assert "wears" in made.text("000").read_text() and made.row("001")["sentence_by"] == "hand"
        assert made.text("001").read_text().endswith("She hums.")


def test_what_was_written_is_kept_when_the_server_goes_and_only_the_rest_is_asked(made, typed):
    said = []

    def answer(asked):
        said.append(asked)
        speaker.gone = len(said) == 2
        return faithful(asked)

    with speaking(answer) as speaker:
        with pytest.raises(StoppedError):
            made.run(*by_model(speaker))
        kept = len(speaker.calls)
        assert kept >= 1
        speaker.gone = False
        made.run(*by_model(speaker))
        contents = [call["messages"][1]["content"] for call in speaker.calls]
        assert len(contents) - len({*contents}) <= 1, "only the question that was lost is asked again"
        assert contents.count(contents[0]) == 1, "and not the one that was answered"
        assert "wears" in made.text("000").read_text()


def test_a_wrong_key_is_a_sentence_without_the_key(made, monkeypatch):
    monkeypatch.setenv("PREP_CAPTIONER_KEY", KEY)
    with speaking(faithful) as speaker:
        speaker.key = "another"
        with pytest.raises(StoppedError, match="PREP_CAPTIONER_KEY") as found:
            made.run(*by_model(speaker))
        assert KEY not in f"{found.value} {found.value.hint}"
        monkeypatch.setenv("PREP_CAPTIONER_KEY", "another")
        MEMORY.clear()  # as in a new process
        made.run(*by_model(speaker))
    for path in made.out.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes() and b"another" not in path.read_bytes(), path


def test_an_unfaithful_model_leaves_the_grammars_sentence_and_says_why(made, capsys):
    with speaking(lambda asked: "A girl in a blue hat is flying over the sea.") as speaker:
        made.run(*by_model(speaker))
        assert len(speaker.calls) >= 2, "one more try each"
        row = made.row("000")
        assert row["sentence_by"] == "grammar" and row["sentence_why"]
        assert "the others are the grammar's" in capsys.readouterr().out
        asked = len(speaker.calls)
        made.run(*by_model(speaker))
        assert len(speaker.calls) == asked


def test_a_question_that_fails_is_a_problem_and_retry_asks_again(made, typed, monkeypatch, capsys):
    monkeypatch.setenv("PREP_CAPTIONER_KEY", KEY)
    fails, said = True, Said(status=500, error="no model at /home/alice on host-7.lan" + " " * 150 + KEY)
    with speaking(lambda asked: said if fails else faithful(asked)) as speaker:
        made.run(*by_model(speaker))
        assert "the server answers 500" in (made.out / "problems.txt").read_text()
        assert made.row("000")["sentence_why"] == "could not be asked: the server answers 500"
        assert "/home/alice" in capsys.readouterr().out
        files = {path: path.read_bytes() for path in made.out.rglob("*") if path.is_file()}
        assert {path.name for path, data in files.items() if b"alice" in data or b"host-7" in data} == {"log"}
        assert not [path for path, data in files.items() if KEY[:10].encode() in data]
        fails = False
        made.run(*by_model(speaker))
        assert made.row("000")["sentence_by"] == "grammar"
        made.run(*by_model(speaker), retry=True)
        assert made.row("000")["sentence_by"] == "llm"


def test_the_plan_says_how_many_sentences_would_be_asked_for(made):
    with speaking(faithful) as speaker:
        (line,) = [line for line in lines(made, *by_model(speaker)) if "is asked for" in line]
        count = int(line.split("is asked for ")[1].split()[0])
        assert speaker.calls == []
        made.run(*by_model(speaker))
        assert len(speaker.calls) == count
        (line,) = [line for line in lines(made, *by_model(speaker)) if "is asked for" in line]
        assert line.endswith("is asked for 0 sentences")
    assert not [line for line in lines(made, "captions.for=flux") if "is asked for" in line], (
        "the grammar costs nothing"
    )


def test_an_export_for_another_model_uses_what_is_written(made, typed):
    with speaking(faithful) as speaker:
        made.run(*by_model(speaker, "sd35"))
        asked = len(speaker.calls)
        assert typed("export", made.out, "--for", "qwen").code == 0
        assert len(speaker.calls) == asked
        assert typed("export", made.out, "--for", "z-image").code == 0
        assert len(speaker.calls) == 2 * asked, "short ones"
        folder = made.out / "export" / "kohya-z-image"
        assert any("wears" in path.read_text() for path in folder.glob("*/*.txt"))


def test_an_export_asks_nothing_where_traits_were_pruned(made, typed):
    with speaking(faithful) as speaker:
        made.run(*by_model(speaker), 'characters.mira.traits=["solo", "hat"]', 'characters.mira.remove=["cape"]')
        asked = len(speaker.calls)
        assert typed("export", made.out, "--for", "flux").code == 0 and len(speaker.calls) == asked
        assert any("Do not mention: solo" in call["messages"][1]["content"] for call in speaker.calls)


def test_trigger_words_and_pruned_traits_are_in_no_question(made):
    with speaking(faithful) as speaker:
        made.run(*by_model(speaker), 'characters.mira.traits=["solo"]')
        for call in speaker.calls:
            told = call["messages"][1]["content"].splitlines()
            assert "mira" not in told[0].removeprefix("Tags: ").split(", ")
        assert "solo" not in tags(made.text("000"))
