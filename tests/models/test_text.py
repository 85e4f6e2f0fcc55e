"""Foreign text in messages."""

from datafetch.models.text import one_line


def test_foreign_text_is_one_short_line():
    """A name that a server sends moves no cursor, breaks no line and fills no screen."""
    assert one_line("  a\x1b[2J\n\u202eb\tc ", 80) == "a [2J b c"
    assert one_line("x" * 5000, 10) == "x" * 9 + "…"
    assert one_line("x" * 10, 10) == "x" * 10
