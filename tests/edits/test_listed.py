"""A folder is listed as it is: names of any bytes, links, and nothing that is no file."""

import os
import sys

import pytest

from prep.edits.listed import Listing, Stat


def test_a_listing_has_the_stat_of_each_file(tmp_path):
    (tmp_path / "one.png").write_bytes(b"12345")
    (tmp_path / "one.txt").write_text("a")
    (tmp_path / "folder").mkdir()
    found = Listing(tmp_path)
    assert sorted(found) == ["one.png", "one.txt"] and len(found) == 2
    status = (tmp_path / "one.png").stat()
    assert found["one.png"] == found.get("one.png") == Stat.of(status) and found["one.png"].bytes == 5
    assert "folder" not in found and found.get("two.png") is None
    with pytest.raises(KeyError):
        found["two.png"]
    assert [*Listing(tmp_path / "folder")] == []


def test_a_time_after_2262_and_a_large_inode_fit(tmp_path):
    status = os.stat_result(
        (0o100644, 2**63 + 5, 1, 1, 0, 0, 7, 0, 0, 0), {"st_mtime_ns": 10**19, "st_ctime_ns": 10**19}
    )
    assert Stat.of(status) == (7, 2**63 - 1, 5 - 2**63, 2**63 - 1)
    path = tmp_path / "late.txt"
    path.write_text("a")
    os.utime(path, ns=(10**19, 10**19))
    assert Listing(tmp_path)["late.txt"].mtime_ns == 2**63 - 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names, or change them")
def test_names_that_are_not_utf_8_and_links_are_listed(tmp_path):
    odd = os.fsdecode(b"\xff.png")
    (tmp_path / odd).write_bytes(b"1")
    (tmp_path / "link.png").symlink_to(tmp_path / odd)
    found = Listing(tmp_path)
    assert {*found} == {odd, "link.png"} and odd in found
    assert found["link.png"].changed_ns == 0 < found[odd].changed_ns
