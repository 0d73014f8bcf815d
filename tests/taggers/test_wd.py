"""WD taggers and folders like PixAI's: what goes into the network, what comes out, and files that do not fit."""

import json
import sys

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image

from prep.errors import SettingsError, StoppedError, WeightsError
from prep.options import TaggerOptions
from prep.taggers._stages import read_stages
from prep.taggers._tags_csv import read_tags, read_thresholds, vocabulary_of
from prep.taggers.wd import Wd, check
from tests.support.onnx_taggers import (
    PIXAI_TAGS,
    STAGES,
    WD_TAGS,
    WIDE_TAGS,
    Scored,
    make_pixai,
    make_wd,
    write_tags,
)
from tests.support.pictures import drawing

PARTS = {
    "model": "model.onnx",
    "tags": "selected_tags.csv",
    "preprocess": "preprocess.json",
    "thresholds": "thresholds.csv",
}


def files_in(folder):
    return {part: folder / name for part, name in PARTS.items() if (folder / name).exists()}


def tagger(folder, **options):
    return Wd("wd", files_in(folder), TaggerOptions(**options))


def refused(folder) -> str:
    """What the check says, which runs before anything is touched, and needs no onnxruntime."""
    with pytest.raises(WeightsError) as caught:
        check("wd", files_in(folder), TaggerOptions())
    assert caught.value.hint
    return caught.value.message


def score_of(found, vocabulary, name):
    return float(found[vocabulary.names.index(name)])


def test_a_picture_is_taken_in_bgr_from_0_to_255_in_the_middle_of_a_white_square(tmp_path):
    make_wd(tmp_path)
    blue = np.zeros((16, 32, 3), np.uint8)
    blue[..., 2] = 200
    prepared = tagger(tmp_path).prepare(blue)
    assert prepared.shape == (32, 32, 3) and prepared.dtype == np.float32
    assert prepared[16, 16].tolist() == [200, 0, 0] and prepared[0, 0].tolist() == [255, 255, 255]


def test_it_prepares_as_wds_own_demo_does(tmp_path):
    """Pasted on white, resized with Pillow's bicubic filter, channels reversed."""
    make_wd(tmp_path, side_px=64)
    image = drawing(5).resize((90, 57))
    side = max(image.size)
    square = Image.new("RGB", (side, side), (255, 255, 255))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    expected = np.asarray(square.resize((64, 64), Image.BICUBIC), np.float32)[:, :, ::-1]
    assert np.array_equal(tagger(tmp_path).prepare(np.asarray(image)), expected)


def test_scores_are_those_of_the_network(tmp_path):
    make_wd(tmp_path)
    made = tagger(tmp_path)
    blue = np.zeros((32, 32, 3), np.uint8)
    blue[..., 2] = 255
    (found,) = made.scores(made.prepare(blue)[None])
    each = next(each for each in WD_TAGS if each.name == "blue_hair")
    assert score_of(found, made.vocabulary, "blue_hair") == pytest.approx(1 / (1 + np.exp(-each.bias - each.blue)))
    assert score_of(found, made.vocabulary, "red_hair") < 0.01


def test_both_shapes_of_folder_give_the_same_scores_for_the_same_network(tmp_path):
    make_wd(tmp_path / "wd", PIXAI_TAGS)
    make_pixai(tmp_path / "pixai")
    square = np.asarray(drawing(2).resize((32, 32)))
    wd, pixai = (tagger(tmp_path / name) for name in ("wd", "pixai"))
    found = [made.scores(made.prepare(square)[None]) for made in (wd, pixai)]
    assert np.allclose(*found, atol=1e-5)


def test_a_batch_is_as_large_as_the_network_wants_it(tmp_path):
    make_wd(tmp_path / "fixed", batch=2)
    make_wd(tmp_path / "free")
    assert tagger(tmp_path / "fixed").batch_size == 2 and tagger(tmp_path / "free").batch_size == 1


def test_categories_and_thresholds_come_with_the_names(tmp_path):
    make_wd(tmp_path, WIDE_TAGS)
    found = tagger(tmp_path).vocabulary
    of = {name: at for name, *at in zip(found.names, found.categories, found.thresholds, strict=True)}
    assert of["smile"] == ["general", 0.35] and of["hatsune_miku"] == ["character", 0.85]
    assert of["some_artist"] == ["artist", 0.85] and of["vocaloid"] == ["series", 0.85]
    assert of["highres"] == ["meta", 0.35] and of["explicit"] == ["rating", 0.0]


def test_a_folder_brings_thresholds_by_category_or_by_tag(tmp_path):
    make_pixai(tmp_path, thresholds=[("0", "general", 0.3), ("0", "general", 0.6), ("4", "character", 0.75)])
    found = tagger(tmp_path).vocabulary
    of = dict(zip(found.names, found.thresholds, strict=True))
    assert of["smile"] == 0.3 and of["hatsune_miku"] == 0.75  # of several, the first counts
    (tmp_path / "thresholds.csv").write_text("name,threshold\nsmile,0.62\n")
    found = tagger(tmp_path).vocabulary
    of = dict(zip(found.names, found.thresholds, strict=True))
    assert of["smile"] == 0.62 and of["long_hair"] == 0.35


def test_a_column_of_the_best_thresholds_counts_before_the_categories(tmp_path):
    """As animetimm publishes it."""
    make_pixai(tmp_path)
    lines = (tmp_path / "selected_tags.csv").read_text().splitlines()
    wide = [lines[0] + ",best_threshold", *(line + ",0.41" for line in lines[1:])]
    (tmp_path / "selected_tags.csv").write_text("\n".join(wide))
    assert set(tagger(tmp_path).vocabulary.thresholds) == {0.41}


def test_another_threshold_or_category_is_another_vocabulary(tmp_path):
    make_pixai(tmp_path)
    first = tagger(tmp_path).vocabulary
    make_pixai(tmp_path, thresholds=[("0", "general", 0.31)])
    second = tagger(tmp_path).vocabulary
    write_tags(tmp_path / "selected_tags.csv", [each._replace(category="0") for each in PIXAI_TAGS])
    third = tagger(tmp_path).vocabulary
    assert first.names == second.names == third.names and len({first.id, second.id, third.id}) == 3


def test_stages_are_done_as_torchvision_and_pillow_do_them(tmp_path):
    """animetimm's: padded to 48 px on white, the shorter side to 32, the middle, normalised by channel."""
    stages = [
        {"type": "convert_rgb", "force_background": "white"},
        {"type": "pad_to_size", "size": [48, 48], "background_color": "white", "interpolation": "bilinear"},
        {"type": "resize", "size": 32, "interpolation": "bicubic", "max_size": None, "antialias": True},
        {"type": "center_crop", "size": [32, 32]},
        {"type": "maybe_to_tensor"},
        {"type": "normalize", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    ]
    make_pixai(tmp_path, stages=stages)
    (tmp_path / "preprocess.json").write_text(json.dumps({"test": stages, "val": []}))
    image = drawing(3).resize((80, 40))
    padded = Image.new("RGB", (48, 48), (255, 255, 255))
    padded.paste(image.resize((48, 24), Image.BILINEAR), (0, 12))
    pixels = np.asarray(padded.resize((32, 32), Image.BICUBIC), np.float32) / 255
    expected = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert np.allclose(tagger(tmp_path).prepare(np.asarray(image)), expected, atol=1e-5)


def test_what_is_missing_around_a_crop_is_black(tmp_path):
    make_pixai(tmp_path, stages=[{"type": "center_crop", "size": [32, 32]}])
    prepared = tagger(tmp_path).prepare(np.full((16, 40, 3), 255, np.uint8))
    assert prepared[0].max() == 0 and prepared[16].min() == 1


def test_tables_that_do_not_fit_their_network_are_one_sentence(tmp_path):
    make_wd(tmp_path)
    write_tags(tmp_path / "selected_tags.csv", WD_TAGS[:-1])
    assert refused(tmp_path) == "model.onnx scores 26 tags, but selected_tags.csv names 25"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no column `name`; its first line is nothing"),
        ("tag_id,title,category\n1,a,0\n", "has no column `name`; its first line is tag_id, title, category"),
        ("name,category\n", "names no tags"),
        ("name,category\nsmile,0\nsmile,0\n", "line 3: smile is named twice"),
        ("name,category\n ,0\n", "line 2: a tag without a name"),
        ("name,category\nsmile\n", "line 2: expected 2 values"),
        ("name,category\nsmile,0,9\n", "line 2: expected 2 values"),
        ('name,category\n"smile,0\n', "unexpected end of data"),
        ("name,category,best_threshold\nsmile,0,high\n", "threshold of smile is 'high'; expected a number from 0 to 1"),
        ("name,category\nsmil\xe9,0\n", "is not UTF-8"),
    ],
)
def test_a_damaged_table_of_tags_is_one_sentence(tmp_path, text, says):
    make_wd(tmp_path)
    (tmp_path / "selected_tags.csv").write_bytes(text.encode("latin-1"))
    message = refused(tmp_path)
    assert message.startswith("selected_tags.csv") and says in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,threshold\nno_such_tag,0.4\n", "line 2: no_such_tag is not a tag of this tagger"),
        ("category,name,threshold\n0,no_such_tag,0.4\n", "line 2: no_such_tag is not a tag of this tagger"),
        (
            "category,name,threshold\n0,general,1.4\n",
            "the threshold of general is '1.4'; expected a number from 0 to 1",
        ),
        ("category,name\n0,general\n", "has no column `threshold`"),
        ("threshold\n0.4\n", "line 2: a tag without a name is not a tag of this tagger"),
    ],
)
def test_thresholds_of_unknown_tags_are_one_sentence(tmp_path, text, says):
    make_pixai(tmp_path)
    (tmp_path / "thresholds.csv").write_text(text)
    message = refused(tmp_path)
    assert message.startswith("thresholds.csv") and says in message


def test_a_category_that_danbooru_does_not_have_counts_as_meta(tmp_path):
    """Camie's years have the number 10."""
    write_tags(tmp_path / "tags.csv", [Scored("year_2019", "10"), Scored("smile")])
    (tmp_path / "thresholds.csv").write_text("category,name,threshold\n10,year,0.2\n0,general,0.5\n")
    found = vocabulary_of(tmp_path / "tags.csv", tmp_path / "thresholds.csv")
    assert found.categories == ("meta", "general") and found.thresholds == (0.2, 0.5)


@pytest.mark.parametrize(
    ("stages", "says"),
    [
        ([{"type": "rotate", "degrees": 90}], "stage 1 is 'rotate'; prep knows pad_to_size, resize"),
        ([{"type": "resize"}], "stage 1, resize, has a value that is missing or cannot be used"),
        ([{"type": "resize", "size": [0, 32]}], "stage 1, resize, has a value"),
        ([{"type": "resize", "size": 32, "interpolation": "magic"}], "stage 1, resize, has a value"),
        ([{"type": "pad_to_size", "size": [32, 32], "background_color": 3}], "stage 1, pad_to_size, has a value"),
        ([*STAGES, {"type": "normalize", "mean": 0, "std": [0, 1, 1]}], "stage 4, normalize, has a value"),
        ([{"type": "resize", "size": [32, 32], "interpolation": None}], "stage 1, resize, has a value"),
        ([{"type": "resize", "size": [32, 32], "interpolation": []}], "stage 1, resize, has a value"),
        ([{"type": "resize", "size": [32, 32], "interpolation": True}], "stage 1, resize, has a value"),
        ([{"type": "resize", "size": [32, 32], "max_size": -1}], "stage 1, resize, has a value"),
        ([{"type": "resize", "size": 32, "max_size": 0}], "stage 1, resize, has a value"),
        ([{"type": "resize", "size": 4097}], "stage 1, resize, has a value"),
        ([{"type": "pad_to_size", "size": 32, "background_color": [0, 999, 0]}], "stage 1, pad_to_size, has a value"),
        ([{"type": "pad_to_size", "size": 32, "background_color": [0, -2, 0]}], "stage 1, pad_to_size, has a value"),
        ([{"type": "pad_to_size", "size": 32, "background_color": [0.5, 0, 0]}], "stage 1, pad_to_size, has a value"),
        ([*STAGES, {"type": "normalize", "mean": 1e39, "std": 1}], "stage 4, normalize, has a value"),
        ([*STAGES, {"type": "normalize", "mean": 0.5, "std": 1e-40}], "stage 4, normalize, has a value"),
        ([*STAGES, {"type": "normalize", "mean": "0.5", "std": True}], "stage 4, normalize, has a value"),
        ([{"type": "resize", "size": 32}] * 1000, "has 1,000 stages; prep does 100"),
        ([{"type": "resize", "size": 16}], "makes pictures of 22 x 16 px; model.onnx takes 32 x 32"),
        ("none", "has no list of stages under stages, test, val"),
    ],
)
def test_stages_that_prep_cannot_do_are_one_sentence(tmp_path, stages, says):
    make_pixai(tmp_path, stages=stages)
    message = refused(tmp_path)
    assert message.startswith("preprocess.json") and says in message


def test_no_stage_makes_a_side_longer_than_4096_px(monkeypatch, tmp_path):
    """A picture of 4096 x 1 px whose shorter side becomes 4096 px would have 16 million px on the other."""
    sides: list[int] = []
    resize = Image.Image.resize
    monkeypatch.setattr(
        Image.Image, "resize", lambda self, size, *more, **named: sides.extend(size) or resize(self, (9, 9), *more)
    )
    for long in ((1, 4000), (4000, 1)):
        stages = [
            {"type": "resize", "size": 448},
            {"type": "resize", "size": list(long)},
            {"type": "resize", "size": 9},
        ]
        (tmp_path / "preprocess.json").write_text(json.dumps(stages))
        read_stages(tmp_path / "preprocess.json")(np.zeros((*long, 3), np.uint8))
    assert 4000 <= max(sides) <= 4096


def test_of_a_very_long_picture_the_middle_is_read(tmp_path):
    stages = [{"type": "resize", "size": 448}, {"type": "center_crop", "size": 448}]
    (tmp_path / "preprocess.json").write_text(json.dumps(stages))
    picture = np.zeros((20, 1000, 3), np.uint8)
    picture[:, 480:520] = 255
    found = read_stages(tmp_path / "preprocess.json")(picture)
    assert found.shape == (448, 448, 3) and found[:, 30:-30].mean() > 0.99


def test_a_preprocess_that_is_no_json_is_one_sentence(tmp_path):
    make_pixai(tmp_path)
    (tmp_path / "preprocess.json").write_text('{"stages": [')
    assert refused(tmp_path).startswith("preprocess.json")


def network(path, given, found, kind=TensorProto.FLOAT, node="Identity"):
    """A network of one node, with these shapes by name."""
    tensors = [[helper.make_tensor_value_info(n, kind, s) for n, s in named.items()] for named in (given, found)]
    nodes = [helper.make_node(node, [next(iter(given))], [name]) for name in found]
    graph = helper.make_graph(nodes, "another", *tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        ({"x": ["n", 3, 32, 32]}, TensorProto.FLOAT, "one that takes channels first needs preprocess.json beside it"),
        ({"x": ["n", 768]}, TensorProto.FLOAT, "it takes x [n, 768]; expected pictures as [n, 448, 448, 3]"),
        ({"x": ["n", 32, 48, 3]}, TensorProto.FLOAT, "it takes x [n, 32, 48, 3]"),
        ({"x": ["n", 99999, 99999, 3]}, TensorProto.FLOAT, "it takes x [n, 99999, 99999, 3]"),
        ({"x": ["n", 32, 32, 3]}, TensorProto.INT64, "it takes x [n, 32, 32, 3] which are no float32"),
        ({"x": ["n", 32, 32, 3], "y": ["n", 3]}, TensorProto.FLOAT, "x [n, 32, 32, 3] and y [n, 3]"),
    ],
)
def test_a_network_that_takes_something_else_is_one_sentence(tmp_path, given, kind, says):
    make_wd(tmp_path)
    network(tmp_path / "model.onnx", given, {"output": None}, kind)
    assert says in refused(tmp_path)


def test_a_network_without_scores_is_one_sentence(tmp_path):
    make_wd(tmp_path, [Scored("a"), Scored("b"), Scored("c")])
    network(tmp_path / "model.onnx", {"x": ["n", 32, 32, 3]}, {"mask": ["n", 32, 32, 3], "more": ["n", 32, 32, 3]})
    assert "expected one output of [n, 3] scores, called prediction or output" in refused(tmp_path)


def test_of_several_outputs_the_scores_are_taken(tmp_path):
    make_pixai(tmp_path, PIXAI_TAGS[:3])  # its embedding is as wide as the scores
    assert tagger(tmp_path).fit.output == "prediction"


def test_answers_that_are_no_scores_are_one_sentence(tmp_path):
    make_wd(tmp_path)
    model = onnx.load(tmp_path / "model.onnx")
    model.graph.node[-1].op_type = "Identity"  # logits under the name of scores
    onnx.save(model, tmp_path / "model.onnx")
    made = tagger(tmp_path)
    with pytest.raises(WeightsError, match=r"model.onnx gives output from -?[\d.]+ to [\d.]+; expected scores from 0"):
        made.scores(np.zeros((1, 32, 32, 3), np.float32))


@pytest.mark.parametrize("start", [b"", b"not a network", b"\x08\x08\x12\x00" + b"\xff" * 60])
def test_a_file_that_is_no_network_is_one_sentence(tmp_path, start):
    make_wd(tmp_path)
    (tmp_path / "model.onnx").write_bytes(start)
    assert refused(tmp_path).startswith("model.onnx is ")


def test_without_onnxruntime_it_says_so(tmp_path, monkeypatch):
    make_wd(tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    check("wd", files_in(tmp_path), TaggerOptions())
    with pytest.raises(StoppedError, match="needs onnxruntime, which is not installed"):
        tagger(tmp_path)


def test_a_gpu_that_onnxruntime_cannot_use_is_one_sentence(tmp_path):
    make_wd(tmp_path)
    with pytest.raises(SettingsError, match="tagger.device is cuda, but this onnxruntime works on the CPU only"):
        tagger(tmp_path, device="cuda")


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), wrap=st.booleans())
def test_no_table_ever_gives_a_traceback(tmp_path_factory, data, wrap):
    path = tmp_path_factory.mktemp("tables") / "selected_tags.csv"
    path.write_bytes(b"name,category,threshold\n" + data if wrap else data)
    for read in (read_tags, lambda path: read_thresholds(path, {"smile"})):
        try:
            read(path)
        except WeightsError as error:
            assert error.message.startswith("selected_tags.csv")


odd = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["white", "bicubic", "32", [], {}])
sizes = st.sampled_from([1, 7, 32, 4096]) | st.lists(st.sampled_from([1, 32, 4096]), max_size=3) | odd
stage = st.fixed_dictionaries(
    {"type": st.sampled_from(["resize", "center_crop", "pad_to_size", "normalize", "to_tensor"]) | odd},
    optional={
        "size": sizes,
        "max_size": sizes,
        "interpolation": odd,
        "background_color": odd | st.lists(st.integers(-3, 300), max_size=4),
        "mean": odd | st.lists(odd, max_size=4),
        "std": odd | st.lists(st.floats(0.1, 1), min_size=3, max_size=3),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(stage, max_size=3) | st.dictionaries(st.sampled_from(["stages", "test"]), odd | st.lists(odd | stage)))
def test_no_preprocess_ever_gives_a_traceback(tmp_path_factory, found):
    path = tmp_path_factory.mktemp("stages") / "preprocess.json"
    path.write_text(json.dumps(found))
    try:
        made = read_stages(path)(np.full((2, 9, 3), 9, np.uint8))
    except WeightsError as error:
        assert error.message.startswith("preprocess.json") and error.hint
    else:
        assert max(made.shape) <= 4096 and made.dtype == np.float32 and np.isfinite(made).all()


cells = st.sampled_from(["", "smile", "general", "0", "4", "0.5", "1e309", "nan", "-1", "10", '"', "\0", " ", "\ud55c"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(cells, max_size=4), max_size=5))
def test_thresholds_are_read_or_refused_in_a_sentence(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("tables") / "thresholds.csv"
    path.write_text("category,name,threshold\n" + "\n".join(map(",".join, rows)))
    try:
        by_category, by_tag = read_thresholds(path, {"smile"})
    except WeightsError as error:
        assert error.message.startswith("thresholds.csv") and error.hint
    else:
        assert all(0 <= value <= 1 for value in (*by_category.values(), *by_tag.values())) and {*by_tag} <= {"smile"}


names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(tags=st.dictionaries(names, st.sampled_from("01345")))
def test_every_table_that_csv_writes_is_read_as_it_was(tmp_path_factory, tags):
    path = tmp_path_factory.mktemp("tables") / "selected_tags.csv"
    write_tags(path, [Scored("1girl", "0"), *(Scored(f"x{name}", category) for name, category in tags.items())])
    assert [row.name for row in read_tags(path)] == ["1girl", *(f"x{name}" for name in tags)]
