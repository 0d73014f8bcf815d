"""Names and tags that break what is not careful."""

HOSTILE_NAMES = ["../x", "fate/stay_night", ".hack//", "<|>_<|>", "@_@", "a'b\"c", "line\nbreak", "${HOME}", "[x]{y}",
                 "con", "綾波", "-rf", " ", "x" * 200, "test"]  # fmt: skip
HOSTILE_TAGS = ["fate/stay_night", ".hack//", "<|>_<|>", "@_@", "'", '"', '"""', "\\(x\\)", "\\", "a\nb", "a\r\nb",
                "{a|b}", "# no comment", "- x: y", "%", "\u2028", "\ufeff", "\x07", "\x7f", "\x85", "😀", "[name]",
                "null", "1e5"]  # fmt: skip
