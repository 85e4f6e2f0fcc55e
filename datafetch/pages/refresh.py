"""Reads where `<meta http-equiv=refresh>` and the `Refresh` header send a browser, and when.

Both hold a text such as `5; url=/next`, which HTML reads by one algorithm (HTML Standard,
4.2.5.3, "shared declarative refresh steps").
"""

from dataclasses import dataclass

from datafetch.urls import MAX_LENGTH, resolve

_WHITESPACE = "\t\n\f\r "
_DIGITS = "0123456789"
_LONGEST_DELAY = 9
"""Digits; a delay with more of them is cut, and is long enough all the same."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """An order to open an address, or the same page again, after some time.

    Attributes:
        delay_s: whole seconds; a fraction is dropped.
        url: absolute; that of the page itself when the order names none.
    """

    delay_s: int
    url: str


def read_refresh(value: str, page: str, base: str | None = None) -> Refresh | None:
    """Read an order as browsers do; None when they would ignore it.

    Args:
        value: the `content` of the tag, or the value of the header.
        page: the address of the page.
        base: what relative addresses resolve against, when that is not the page's address.
    """
    rest = value[: 2 * MAX_LENGTH].lstrip(_WHITESPACE)
    after = rest.lstrip(_DIGITS)
    digits = rest[: len(rest) - len(after)]
    if not digits and not after.startswith("."):
        return None
    delay_s = int(digits.lstrip("0")[:_LONGEST_DELAY] or "0")
    after = after.lstrip(_DIGITS + ".")
    if after and after[0] not in ";," + _WHITESPACE:
        return None
    after = after.lstrip(_WHITESPACE)
    if after.startswith((";", ",")):
        after = after[1:].lstrip(_WHITESPACE)
    if not after:
        return Refresh(delay_s, page)
    url = resolve(_address(after), base or page)
    return None if url is None else Refresh(delay_s, url)


def _address(text: str) -> str:
    """The address in what follows the delay: after `url=`, if that is there, and in its quotes."""
    rest = text
    if text[:3].lower() == "url":
        named = text[3:].lstrip(_WHITESPACE)
        if not named.startswith("="):
            return text
        rest = named[1:].lstrip(_WHITESPACE)
    elif text[:1].lower() == "u":
        return text
    quote = rest[:1]
    return rest[1:].partition(quote)[0] if quote in ("'", '"') else rest
