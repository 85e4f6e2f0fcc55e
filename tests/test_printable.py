"""What is printed steers no terminal and forges no line."""

import json

import pytest

from datafetch.printable import printable, printable_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\r\tand more", r"two\nlines\r\tand more"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x9b2Jgone \x85 \x7f", r"\x9b2Jgone \x85 \x7f"),
        ("exe.\u202egpj", r"exe.\u202egpj"),
        ("\u2066a\u2069 \u200f \u061c", r"\u2066a\u2069 \u200f \u061c"),
        ("a\u2028b", r"a\u2028b"),
        ("soft\u00adhyphen\u200b\ufeff", r"soft\xadhyphen\u200b\ufeff"),
        ("half \ud83d", r"half \ud83d"),
        ("tag \U000e0041 \U000e0101", r"tag \U000e0041 \U000e0101"),
        ("\u3164\u115f\uffa0 \u034f \u180e \u206a", r"\u3164\u115f\uffa0 \u034f \u180e \u206a"),
        (
            "❤\ufe0f 1\ufe0f\u20e3 a\ufe00\ufe01\ufe0f",
            "❤\ufe0f 1\ufe0f\u20e3 a\ufe00\\ufe01\\ufe0f",
        ),
        ("Zoë, 日本語, مرحبا 👩\u200d💻 C:\\x", "Zoë, 日本語, مرحبا 👩\u200d💻 C:\\x"),
    ],
)
def test_what_would_steer_a_terminal_is_shown_escaped(text, shown):
    """C0, C1, bidi overrides and hidden text are seen as escapes; all letters stay as they are."""
    assert printable(text) == shown


def test_json_stays_json_with_the_same_text():
    """A line of the log has no raw control character, and its reader gets what there was."""
    text = 'x\x9b2J \u202e \x7f \U000e0041 "é" \n'
    shown = printable_json(json.dumps({"title": text}, ensure_ascii=False))
    assert json.loads(shown) == {"title": text}
    assert shown.isprintable()
    assert "é" in shown
