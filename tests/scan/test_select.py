"""What is selected in columns is what a plain loop over the pictures selects."""

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from prep.scan.select import capped, select, unfit
from prep.sections import Scan
from prep.types import ImageRef, Problem, Row

RULES = Scan(min_side_px=100, max_aspect=3, min_sharpness=5, blurred="drop")
NAMES = ("a.png", "A.png", "b/ä.png", "\udcff.png", "z.png")
refs = st.builds(
    ImageRef,
    sha256=st.sampled_from(["", "00", "11", "22"]),
    path=st.sampled_from(NAMES),
    character=st.sampled_from(["mira", "noa", "Ä", "𐐷"]),
    width=st.sampled_from([0, 90, 100, 400]),
    height=st.sampled_from([100, 200]),
    format=st.just("png"),
    bytes=st.just(1),
    edge_density=st.just(0.5),
    sharpness=st.sampled_from([1.0, 9.0]),
    phash=st.just("0"),
    flags=st.sampled_from([(), ("alpha", "animated")]),
    pixels=st.sampled_from(["", "same", "other"]),
    problem=st.sampled_from([None, None, Problem("scan", "damaged", "is damaged", "save it again")]),
    variant=st.sampled_from(["", "school"]),
)


def plainly(files: list[ImageRef]) -> list[Row]:
    files = sorted(files, key=lambda ref: os.fsencode(ref.path))
    first, owners = {}, {}
    for ref in files:
        if ref.sha256:
            first.setdefault((ref.character, ref.same), ref)
            owners.setdefault(ref.same, set()).add(ref.character)
    rows = []
    for ref in sorted(files, key=lambda ref: (ref.character, ref.sha256)):
        copy = first.get((ref.character, ref.same), ref) is not ref if ref.sha256 else False
        why = ref.problem.kind if ref.problem else "copy" if copy else None
        status = "unreadable" if ref.problem else "duplicate" if copy else "kept"
        if status == "kept" and (why := unfit(ref.width, ref.height, ref.sharpness, RULES)):
            status = "rejected"
        flags = {"animated"} & set(ref.flags)
        flags |= {"shared"} if ref.sha256 and len(owners[ref.same]) > 1 else set()
        flags |= {"blurred"} if not ref.problem and ref.sharpness < RULES.min_sharpness else set()
        rows.append(Row(ref, status=status, reason=why, flags=tuple(sorted(flags))))
    return rows


@settings(deadline=None, max_examples=150)
@given(st.lists(refs, max_size=12, unique_by=lambda ref: (ref.character, ref.path)))
def test_pictures_are_selected_as_one_by_one(files):
    assert [*select(iter(files), RULES)] == plainly(files)


def test_of_too_many_the_smallest_go_and_near_copies_first():
    rows = [
        Row(ImageRef(str(at), f"{at}.png", "mira", side, side, "png", 1, 0.5, 9.0, "0", ()), near_of=near)
        for at, (side, near) in enumerate([(300, None), (100, None), (400, "x"), (200, None)])
    ]
    assert [row.reason for row in capped(rows, 2)] == [None, "over_cap", "over_cap", None]
