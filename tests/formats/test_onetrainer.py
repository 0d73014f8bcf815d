"""concepts.json against OneTrainer's ConceptConfig, its keys and types written down here from its source."""

import json

from tests.support.finished import export, small_set
from tests.support.trainers.onetrainer import read


def test_a_folder_of_kohya_is_a_concept_with_its_repeats(tmp_path):
    folder, _, told = export(small_set(tmp_path / "set"), "onetrainer")
    concepts = json.loads((folder / "concepts.json").read_text())
    assert {each["name"]: each["balancing"] for each in concepts} == {"mira": 10.0, "mira-drawn": 2.0, "test": 30.0}
    assert all(each["text"]["keep_tags_count"] == 1 for each in concepts)
    assert str(folder / "concepts.json") in told[0]
    assert len(read(folder)) == 4


def test_webp_is_linked_since_onetrainer_reads_it(tmp_path):
    out = small_set(tmp_path / "set")
    folder, _, _ = export(out, "onetrainer")
    (there,) = folder.glob("test/*.webp")
    assert there.samefile(next(out.glob("kohya/30_test/*.webp")))
