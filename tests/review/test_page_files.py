"""What the page's files promise, read as text: nothing from elsewhere, nothing inline, no markup made of data."""

import re
from pathlib import Path

import pytest

import prep.review
from prep.config import load_settings
from prep.review.keys import ACTIONS, read_keys

PAGE = Path(prep.review.__file__).parent / "page"
MODULES = sorted(PAGE.glob("*.js"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_makes_no_markup_of_data_and_imports_only_what_ships(module):
    text = re.sub(r"(?m)^\s*//.*$", "", module.read_text())
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc"):
        assert way not in text
    imported = re.findall(r'\} from "([^"]+)"', text)
    assert all(name.startswith("./") and (PAGE / name).is_file() for name in imported)
    assert "http://" not in text and "https://" not in text


def test_a_module_imports_only_names_that_the_other_one_exports():
    exports = re.compile(r"export (?:async )?(?:function|const|class) (\w+)")
    exported = {path.name: set(exports.findall(path.read_text())) for path in MODULES}
    for path in MODULES:
        for names, other in re.findall(r'import \{([^}]+)\} from "\./([^"]+)"', path.read_text()):
            assert {name.strip() for name in names.split(",") if name.strip()} <= exported[other], path.name


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere():
    text = (PAGE / "index.html").read_text()
    assert not re.search(r"\s(style|on\w+)=", text) and "<style" not in text
    assert re.findall(r"<script([^>]*)>([^<]*)", text) == [(' type="module" src="page/main.js"', "")]
    for address in re.findall(r'(?:src|href)="([^"#]+)"', text):
        assert (PAGE / Path(address).name).is_file() and address.startswith("page/")
    assert "url(" not in (PAGE / "style.css").read_text() and "@import" not in (PAGE / "style.css").read_text()


def test_every_action_has_a_key_and_is_explained():
    keys = read_keys(load_settings().review.keys)
    assert all(keys[action] for action in ACTIONS)
    explained = re.findall(r"(?m)^  (\w+): \"", (PAGE / "keys.js").read_text())
    assert set(explained) == set(ACTIONS)
