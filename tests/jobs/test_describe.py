"""Sentences as a job: each set of tags is described once, and what was written is kept."""

from prep.jobs.describe import DescribeJob, SentenceBook, ToWrite, describe_recipe, sentence_key
from prep.ledger import Ledger
from prep.models.captioners import captioner_of
from prep.runners.local import LocalRunner
from prep.sections import Settings
from prep.types import Sentence, ToDescribe

SMILE = ToDescribe(("1girl", "smile", "red_dress"), frozenset({"orange_hair"}), ("mira",))


def described(ledger, captioner, *whats):
    items = [ToWrite(sentence_key(what), what) for what in whats]
    return [*LocalRunner(1).map(DescribeJob(ledger, captioner), items)]


def test_the_grammar_describes_and_its_sentences_are_kept(tmp_path):
    ledger, captioner = Ledger(tmp_path), captioner_of(Settings())
    (outcome,) = described(ledger, captioner, SMILE)
    assert outcome.problem is None
    book = SentenceBook(Ledger(tmp_path), describe_recipe(captioner))
    assert book.get(sentence_key(SMILE)) == Sentence("A girl is wearing a red dress and smiling.", "grammar")
    assert book.get(sentence_key(SMILE._replace(length="long"))) is None


def test_a_sentence_is_kept_by_what_it_follows_from():
    others = [
        SMILE._replace(tags=SMILE.tags[::-1]), SMILE._replace(dropped=frozenset()), SMILE._replace(triggers=()),
        SMILE._replace(length="short"),
    ]  # fmt: skip
    assert len({sentence_key(SMILE), sentence_key(SMILE, "ab"), *map(sentence_key, others)}) == 6
    assert sentence_key(SMILE._replace(picture=b"jpeg")) == sentence_key(SMILE)


def test_what_must_not_be_said_is_not_said_by_the_grammar(tmp_path):
    from prep.captioners.grammar import by_grammar

    what = ToDescribe(("1girl", "orange_hair", "mira", "smile"), frozenset({"orange_hair"}), ("Mira",))
    assert by_grammar(what, "is not English") == Sentence("A girl is smiling.", "grammar", "is not English")
