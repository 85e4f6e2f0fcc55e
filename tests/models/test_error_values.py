"""Our errors, through JSON and back."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafetch import errors, upstream_errors
from datafetch.errors import DatafetchError, LeaseHeld, LeaseHolder, Unexpected
from datafetch.github.budget import PrimaryLimit
from datafetch.models.error_values import error_value, read_error
from datafetch.upstream_errors import Malformed, RateLimited, TransientError

CLASSES = sorted(
    {
        value
        for module in (errors, upstream_errors)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, DatafetchError)
    },
    key=lambda kind: kind.__name__,
)

ATTRIBUTES = (
    *("exit_code", "hint", "permanent", "url", "status", "by_proxy", "until", "key", "problems"),
    *("signal", "holder", "content_type", "words"),
)
"""What readers of errors go by."""

_VALUES = {
    "key": st.text(),
    "url": st.text(),
    "status": st.none() | st.integers(100, 599),
    "until": st.none() | st.floats(0, 1e12),
    "signal": st.sampled_from([None, 1, 2, 15]),
    "holder": st.none()
    | st.builds(
        LeaseHolder,
        st.text(),
        st.integers(0, 2**22),
        st.text(),
        st.floats(0, 1e12),
        st.none() | st.floats(0, 1e12),
        st.booleans(),
    ),
}


def told(error: DatafetchError) -> DatafetchError:
    """The error as another process reads it."""
    return read_error(json.loads(json.dumps(error_value(error))))


def facts(error: DatafetchError) -> tuple[object, ...]:
    """All that readers of an error go by."""
    return (type(error), str(error), *(getattr(error, name, None) for name in ATTRIBUTES))


@st.composite
def made(draw: st.DrawFn, kind: type[DatafetchError]) -> DatafetchError:
    """An error of a class, with all that its constructor takes."""
    names = kind.__init__.__code__.co_varnames
    more = {name: draw(value) for name, value in _VALUES.items() if name in names}
    hint = draw(st.none() | st.text())
    first = draw(st.lists(st.text()) if "problems" in names else st.text())
    return kind(first, hint=hint, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_arrives_as_it_was(kind: type[DatafetchError]) -> None:
    """Class, texts, hint, exit code and data are the same at the other end, whatever the texts are."""

    @settings(max_examples=15)
    @given(made(kind))
    def arrives(error: DatafetchError) -> None:
        assert facts(told(error)) == facts(error)

    arrives()


@given(words=st.text(), media=st.text(), by_proxy=st.booleans())
def test_what_was_seen_of_an_answer_arrives(words: str, media: str, by_proxy: bool) -> None:
    """What came in place of JSON, and whether a proxy failed, decide what is said and tried again."""
    error = Malformed("no JSON", url="https://a.example/", status=200)
    error.content_type, error.words, error.by_proxy = media, words, by_proxy
    assert facts(told(error)) == facts(error)


def test_a_body_stays_where_it_was_read() -> None:
    """Bodies may be large, and may hold what a server repeats of a request."""
    error = TransientError("failed", status=500)
    error.body = b"hush"
    assert "hush" not in json.dumps(error_value(error))


def test_a_class_of_a_domain_arrives_as_the_nearest_common_one() -> None:
    """Retries and dead letters decide alike."""
    arrived = told(PrimaryLimit("used up", status=403, until=5.0))
    assert type(arrived) is RateLimited
    assert arrived.until == 5.0


def test_an_error_that_is_none_of_ours_is_unexpected() -> None:
    """It arrives in one line that names it."""
    arrived = read_error(error_value(KeyError("a\nb")))
    assert type(arrived) is Unexpected
    assert str(arrived) == r"unexpected: KeyError: 'a\nb'"


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"class": "SystemExit", "message": "", "hint": ""},
        {"class": "StoreError", "message": "", "hint": ""},
        {"class": [], "message": "", "hint": ""},
        {"class": "Cancelled", "message": "", "hint": "", "signal": 77},
    ],
)
def test_other_json_makes_no_error(value: dict[str, object]) -> None:
    """Only the classes of the table are made, and only from what belongs to them."""
    with pytest.raises(ValueError, match=r"."):
        read_error(value)


def test_a_holder_may_be_unknown() -> None:
    """A lock whose holder nobody knows arrives as such."""
    arrived = told(LeaseHeld("held"))
    assert isinstance(arrived, LeaseHeld)
    assert arrived.holder is None
