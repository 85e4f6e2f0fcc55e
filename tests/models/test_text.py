"""Foreign text in messages."""

from datafetch.logs import register_secrets
from datafetch.models.text import one_line


def test_foreign_text_is_one_short_line():
    """A name that a server sends moves no cursor, breaks no line and fills no screen."""
    assert one_line("  a\x1b[2J\n\u202eb\tc ", 80) == "a [2J b c"
    assert one_line("x" * 5000, 10) == "x" * 9 + "…"
    assert one_line("x" * 10, 10) == "x" * 10


def test_a_secret_is_masked_before_the_text_is_cut():
    """The first half of a token that stood at the cut was shown, since only a whole one is known."""
    register_secrets(["s3cr3t-value-of-somebody"])
    assert "s3cr" not in one_line("x" * 70 + " s3cr3t-value-of-somebody", 80)
    assert "s3cr" not in one_line(" " * 630 + " s3cr3t-value-of-somebody", 80)
