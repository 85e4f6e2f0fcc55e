"""Seals a message to a worker process, so that the scheduler between them can neither read nor log it.

All messages to a worker pass through the scheduler, and TLS ends there. At the level `debug` Dask
logs whole messages, and at `info` those that cannot be unpickled (`distributed/core.py`,
`distributed/protocol/pickle.py`); the scheduler's pages may show both.

As in RFC 9180: an X25519 key for each message, HKDF, and ChaCha20-Poly1305.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_KEY_BYTES = 32
_NONCE = bytes(12)
"""The same nonce for every message: each message has a key of its own."""


class NotForUs(Exception):
    """The message was sealed for another process, or has been changed."""


class Seal:
    """The private key of this process, with which it opens what was sealed for it."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._private = X25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes_raw().hex()
        """The public key, with which others seal something for this process."""

    def open(self, message: bytes) -> bytes:
        """The content of a sealed message.

        Raises:
            NotForUs: it was sealed for another process, or has been changed.
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
    """Seal `content` for the process whose `Seal.public` is `public`."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    once = X25519PrivateKey.generate()
    shared = once.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(public)))
    return once.public_key().public_bytes_raw() + _cipher(shared).encrypt(_NONCE, content, None)


def _cipher(shared: bytes) -> "ChaCha20Poly1305":
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return ChaCha20Poly1305(HKDF(SHA256(), _KEY_BYTES, None, b"datafetch worker").derive(shared))
