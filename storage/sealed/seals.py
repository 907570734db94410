"""What seals a value and opens it again: one secret, and a key for each purpose made of it."""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.exc import SQLAlchemyError

SECRET_BYTES: Final = 32
#: Of what is sealed; the number is that of this way of doing it.
PREFIX: Final = "~s1:"
#: Of words that are found by their marks alone.
WORDS_PREFIX: Final = "~w1:"
_NONCE_BYTES = 12
_MARK_BYTES = 6


class NotOpened(SQLAlchemyError):
    """Sealed with another key, for another place, or no longer what was sealed. To whoever asks a
    database it is one of its failures."""


@dataclass(frozen=True, slots=True)
class Seals:
    """`place` is what a value is sealed for: it opens for no other. AES-GCM with a nonce of chance
    (RFC 5116) for what is only read; AES-SIV (RFC 5297), by which equal values are sealed alike,
    for what is looked up, joined and unique."""

    secret: bytes = field(repr=False)
    _by_chance: AESGCM = field(init=False, repr=False)
    _alike: AESSIV = field(init=False, repr=False)
    _words: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise ValueError("a key has 32 bytes")
        object.__setattr__(self, "_by_chance", AESGCM(self._derived("text", 32)))
        object.__setattr__(self, "_alike", AESSIV(self._derived("equal", 64)))
        object.__setattr__(self, "_words", self._derived("words", 32))

    @property
    def fingerprint(self) -> str:
        """Names the key and tells nothing of it."""
        return self._derived("fingerprint", 8).hex()

    def sealed(self, value: str, place: str, *, alike: bool) -> str:
        """Nothing stays nothing: that a field is empty is no secret, and is asked for."""
        if not value:
            return value
        plain = value.encode("utf-8", "surrogatepass")
        if alike:
            return PREFIX + _text(self._alike.encrypt(plain, [place.encode()]))
        nonce = os.urandom(_NONCE_BYTES)
        return PREFIX + _text(nonce + self._by_chance.encrypt(nonce, plain, place.encode()))

    def opened(self, value: str, place: str, *, alike: bool) -> str:
        """Of something that begins with `PREFIX`. Raises NotOpened."""
        try:
            raw = urlsafe_b64decode(value.removeprefix(PREFIX))
            if alike:
                plain = self._alike.decrypt(raw, [place.encode()])
            else:
                nonce, rest = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
                plain = self._by_chance.decrypt(nonce, rest, place.encode())
        except (InvalidTag, NotBase64, ValueError) as error:
            raise NotOpened(f"{place}: a value cannot be opened with this key") from error
        return plain.decode("utf-8", "surrogatepass")

    def mark(self, word: str) -> str:
        """Eight letters by which a word is found; two words share them one time in 2^48."""
        digest = hmac.digest(self._words, word.encode("utf-8", "replace"), "sha256")
        return _text(digest[:_MARK_BYTES])

    def marks(self, words: Iterator[str]) -> str:
        """In an order that tells nothing of theirs."""
        found = sorted({self.mark(word) for word in words})
        return WORDS_PREFIX + " ".join(found)

    def _derived(self, purpose: str, size: int) -> bytes:
        info = f"switchboard seal 1 {purpose}".encode()
        return HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(self.secret)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii")
