"""Which logo a request asks for, read from its query: pure, and total."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datafetch.logos.rules.domains import normalise
from datafetch.web.logos.asked import AskedLogo, BadQuestion, asked_logo

A = "a.example.com"


@pytest.mark.parametrize(
    ("query", "domain"),
    [
        (b"website=https://www.a.example.com/about?x=1", A),
        (b"website=https%3A%2F%2Fa.example.com%3A8443%2F", A),
        (b"website=A.Example.com", A),
        (b"website=//a.example.com/x", A),
        (b"website=a.example.com/path", A),
        (b"domain=www.a.example.com", A),
        (b"company=&domain=a.example.com&website=+", A),
        (b"domain=+a.example.com+", A),
        (b"other=1&domain=a.example.com&forceRefresh=1", A),
        ("domain=bücher.example.com".encode(), "xn--bcher-kva.example.com"),
        (b"domain=b%C3%BCcher.example.com", "xn--bcher-kva.example.com"),
        (b"domain=shop.example.co.uk", "shop.example.co.uk"),
    ],
)
def test_domains_are_read_as_the_job_reads_them(query: bytes, domain: str) -> None:
    """An address, a bare host or one with a port: what the old site's callers send."""
    assert asked_logo(query) == AskedLogo(domain, None, is_forced=False)


@pytest.mark.parametrize(
    ("query", "is_forced"),
    [
        (b"company=Acme+Inc&forceRefresh=true", True),
        (b"company=Acme+Inc&forceRefresh=TRUE", False),
        (b"company=Acme+Inc&forceRefresh=true&forceRefresh=false", False),
        (b"company=Acme+Inc", False),
    ],
)
def test_forcing_is_spelt_as_the_old_site_spelt_it(query: bytes, *, is_forced: bool) -> None:
    """Only `true` forces, and the last value counts."""
    assert asked_logo(query) == AskedLogo(None, "Acme Inc", is_forced)


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: f"domain={text}".encode()))
@example(b"domain=" + b"%" * 100)
@example(b"&".join([b"domain=a.example.com"] * 40))
def test_any_query_gets_an_answer(query: bytes) -> None:
    """Whatever is sent is a domain in its normal form, a company's printable name, or refused."""
    asked = asked_logo(query)
    if isinstance(asked, BadQuestion):
        assert asked.error.isprintable()
    elif asked.domain is None:
        assert asked.company
        assert asked.company.isprintable()
    else:
        assert asked.company is None
        assert normalise(asked.domain) == asked.domain
        assert asked.domain.isascii()
