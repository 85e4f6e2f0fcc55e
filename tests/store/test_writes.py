"""One object to be written, as bytes, as parts, or in a file: it is the same object."""

import hashlib
import io
from collections.abc import Callable

import pytest

from datafetch.store.writes import Spooled, Write, etag_says_equal

BODY = b"first, second"
FORMS: dict[str, Callable[[], bytes | list[bytes] | Spooled]] = {
    "bytes": lambda: BODY,
    "parts": lambda: [b"first", b", ", b"second"],
    "file": lambda: Spooled.of(io.BytesIO(), [b"first", b", ", b"second"]),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_equal_bytes_are_equal_in_every_form(form: Callable[[], bytes]) -> None:
    """What is compared and sent does not depend on how the bytes are held, however often."""
    write = Write("key", form())
    for _ in range(2):
        assert write.sha256() == hashlib.sha256(BODY).hexdigest()
        assert write.md5() == hashlib.md5(BODY, usedforsecurity=False).hexdigest()
        sent = write.sendable()
        assert (sent if isinstance(sent, bytes) else sent.file.read(sent.size)) == BODY


def test_what_is_in_a_file_is_not_taken_into_memory() -> None:
    """A store reads it from the file, of which it is told the size."""
    spooled = Spooled.of(io.BytesIO(), [b"ab", b"c"])
    assert (spooled.size, spooled.sha256) == (3, hashlib.sha256(b"abc").hexdigest())
    sent = Write("key", spooled).sendable()
    assert not isinstance(sent, bytes)
    assert (sent.file.tell(), sent.size) == (0, 3)


def etag(name: str, body: bytes) -> str:
    """The hash of a body, in hex."""
    return hashlib.new(name, body, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("etag", "says"),
    [
        (f'"{etag("md5", BODY)}"', True),
        (etag("md5", BODY), True),
        (etag("sha256", BODY), True),
        (f'"{etag("md5", b"other")}"', False),
        (etag("sha256", b"other"), False),
        (f'"{etag("md5", BODY)}-2"', False),
        (f'W/"{etag("md5", BODY)}"', False),
        ("", False),
    ],
)
def test_an_etag_proves_equal_bytes_only_when_it_is_their_hash(etag: str, says: bool) -> None:
    """The MD5 of S3 and the SHA-256 of a folder do; that of an upload in parts says nothing."""
    assert etag_says_equal(etag, Write("key", BODY), hashlib.sha256(BODY).hexdigest()) is says
