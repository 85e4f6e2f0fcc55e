"""Seals what one process sends another, so that nobody between them can show it.

All messages to a worker pass through the scheduler. With its log at `debug` Dask writes whole messages
into it, and what cannot be unpickled already at `info` (`distributed/core.py`,
`distributed/protocol/pickle.py`); both may be shown on the scheduler's pages. TLS ends before that.

As in RFC 9180: an X25519 key for each message, HKDF, and ChaCha20-Poly1305.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_KEY_BYTES = 32
_NONCE = bytes(12)
"""Each message has a key of its own, so one nonce does for all."""


class NotForUs(Exception):
    """The message was sealed for another process, or spoilt."""


class Seal:
    """The secret of this process, by which it opens what was sealed for it."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._private = X25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes_raw().hex()
        """What others need to seal something for this process."""

    def open(self, message: bytes) -> bytes:
        """What was sealed.

        Raises:
            NotForUs: see there.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

        sender = X25519PublicKey.from_public_bytes(message[:_KEY_BYTES])
        try:
            cipher = _cipher(self._private.exchange(sender))
            return cipher.decrypt(_NONCE, message[_KEY_BYTES:], None)
        except InvalidTag as error:
            raise NotForUs from error


def seal(public: str, content: bytes) -> bytes:
    """Seal something for the process whose `Seal.public` this is."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    once = X25519PrivateKey.generate()
    shared = once.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(public)))
    return once.public_key().public_bytes_raw() + _cipher(shared).encrypt(_NONCE, content, None)


def _cipher(shared: bytes) -> "ChaCha20Poly1305":
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return ChaCha20Poly1305(HKDF(SHA256(), _KEY_BYTES, None, b"datafetch worker").derive(shared))
