from im2latex_cli.render.tex import typesetter
from im2latex_cli.render.tex.typesetter import Job


def test_a_formula_is_one_line_and_ends_in_a_space():
    text = typesetter.write_document(
        [Job(3, "x\\"), Job(4, "y", ("foo", "bar"))], size=12, nonce="NONCE"
    )
    assert "\n\\NONCEF{3}{x\\ }\n" in text
    assert "\n\\NONCEG{bar,foo}{4}{y }\n" in text.replace("foo,bar", "bar,foo")
    assert text.startswith("\\nofiles\n\\documentclass[12pt]{article}")
    assert text.endswith("\\NONCEZ\n")


def test_marks_and_complaints_are_told_apart_and_assigned():
    lines = [
        "NONCE B 1",
        "NONCE E 1 10 20 30",
        "NONCE B 2",
        "! Undefined control sequence.",
        r"<argument> a+\foo ",
        "! Later complaint.",
        "OTHER E 1 1 1 1",
        "NONCE E 2 11 21 31",
        "NONCE S 3",
        "NONCE B 4",
        "Missing character: There is no x in font y!",
        "NONCE X",
        "NONCE E 4 1 1 1",
    ]
    account = typesetter.read_log(lines, nonce="NONCE")
    assert account.sizes == {1: (10, 20, 30), 2: (11, 21, 31)}
    assert account.errors[2] == r"Undefined control sequence \foo."
    assert account.errors[4].startswith("Missing character")
    assert account.skipped == {3}
    assert account.open == 4


def test_tags_reach_to_the_next_mark():
    specials = [(1, "i2l 7"), (3, "ps: foreign"), (4, "i2l 2")]
    assert typesetter.tags(specials, 6) == [-1, 7, 7, 7, 2, 2]
    assert typesetter.tags([], 2) == [-1, -1]
