"""A run as it is typed, with a real pipeline of diffusers (tiny): drawn, read back, and killed while it draws."""

import os
import signal

from tests.generators.tiny import tiny_model
from tests.pictures import folder_of
from tests.run_helpers import manifest, prep, tree


def test_a_run_that_is_killed_while_it_draws_goes_on_to_the_same_bytes(tmp_path, tiny_tagger):
    (tmp_path / "model").mkdir()
    art, model = folder_of(tmp_path / "art", mira=2), tiny_model(tmp_path / "model")
    vary = tmp_path / "vary.toml"
    vary.write_text('[a]\noptions = [["smile"], ["outdoors"], ["white_shirt"], ["blue_hair"]]\n')
    sets = (f"tagger.model={tiny_tagger}", f"generator.model={model}", f"augmentation.vary={vary}",
            "thresholds.mode=fixed", "thresholds.fixed=0.3", "augmentation.tries=1")  # fmt: skip
    command = ["run", art, *(part for each in sets for part in ("--set", each))]

    done = prep(*command, "--out", tmp_path / "whole")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    drawn = [row for row in manifest(tmp_path / "whole") if row["origin"] != "source"]
    assert {row["origin"] for row in drawn} == {"augmentation", "consistency", "reconstruct"}
    assert {row["generator"].split(" ")[0] for row in drawn} == {model.stem}

    killed = prep(*command, "--out", tmp_path / "cut", env={**os.environ, "PREP_CRASH": "drawn:3"})
    assert killed.returncode == -signal.SIGKILL
    again = prep(*command, "--out", tmp_path / "cut")
    assert again.returncode == 0 and f"generate: {len(drawn) - 3} pictures" in again.stdout
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")
    assert "no model was loaded" in prep(*command, "--out", tmp_path / "cut").stdout.split("generate: ")[1]
