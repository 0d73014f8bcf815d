import pytest

from tests.support.reviewing import reviewed

SETTINGS = '[scan]\nmin_side_px = 40\n[thresholds]\nmode = "fixed"\nfixed = 0.8\n[generator]\nmodel = "none"\n'


@pytest.fixture
def art(made):
    """A small set whose own prep.toml has all its settings, so that each run of it is alike."""
    (made.art / "prep.toml").write_text(SETTINGS)
    made.run()
    return made


@pytest.fixture
def page(art):
    """Its review, served in this process."""
    with reviewed(art.out) as page:
        page.art = art
        yield page
