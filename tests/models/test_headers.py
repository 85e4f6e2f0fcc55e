"""Headers for a proxy, as the setting holds them."""

import pytest

from datafetch.models.headers import read_header_lines


def test_each_line_is_a_header() -> None:
    """Names and values come as they are written, without the white space around them."""
    text = "CF-Access-Client-Id: abc.access\r\n\n  Cookie :a=b; c=d\nX-Empty-Free:  two words "
    assert read_header_lines(text) == (
        ("CF-Access-Client-Id", "abc.access"),
        ("Cookie", "a=b; c=d"),
        ("X-Empty-Free", "two words"),
    )
    assert read_header_lines("") == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no colon", "line 1 should be"),
        ("A: b\nBad Name: x", "line 2 should be"),
        (": x", "line 1 should be"),
        ("Ü: x", "line 1 should be"),
        ("A:", "line 1: a header's value"),
        ("A: ü", "line 1: a header's value"),
        ("A: x\x00y", "line 1: a header's value"),
        ("A: x\na: y", "line 2: a was given before"),
        (r"A: x\nC-D: y", "line 1 holds "),
        *(
            (f"{name}: x", f"line 1: datafetch sets {name} itself")
            for name in ("Authorization", "host", "Content-Length", "Transfer-Encoding", "Accept")
        ),
    ],
)
def test_what_no_request_could_carry_is_refused(text: str, problem: str) -> None:
    """A line that is no header, or one that would break requests, is named by its number and not its value."""
    with pytest.raises(ValueError, match=problem) as refused:
        read_header_lines(text)
    assert "x" not in str(refused.value).removeprefix("line")
