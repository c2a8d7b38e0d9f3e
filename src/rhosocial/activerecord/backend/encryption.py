"""Columns whose values the database cannot read: AES-GCM, with keys that can be changed.

What is stored is a version, the mark of the key, a nonce, and the sealed value, which is bound to its table and column:
a value that was moved to another column does not open.  `cryptography` is imported when a value first needs it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from .codec import Codec, Convert
from .column_type import ColumnType, kind_of
from .converter import chain, dump_text, load_bytes, plain_dumper
from .document import document_dumper, document_loader, shaped_dumper, shaped_loader
from .errors import ConfigurationError, DataError
from .typing import DatabaseType

T = TypeVar("T")

_VERSION = b"\x01"
_MARK, _NONCE, _KEY = 4, 12, 32
_HEAD = len(_VERSION) + _MARK + _NONCE


class Keyring:
    """The keys of one connection: the first one seals, each of them opens."""

    __slots__ = ("_by_mark", "mark")

    def __init__(self, keys: Sequence[str | bytes]) -> None:
        ciphers = {_mark_of(key): _cipher(key) for key in map(_key_bytes, keys)}
        if not ciphers:
            raise ConfigurationError(
                "encrypted columns need a key: ConnectionConfig(encryption_keys=[key]); generate_key() makes one"
            )
        self._by_mark = ciphers
        self.mark = next(iter(ciphers))

    def seal(self, value: bytes, place: bytes) -> bytes:
        """The value, encrypted under the first key for this place; another text each time."""
        nonce = os.urandom(_NONCE)
        sealed: bytes = self._by_mark[self.mark].encrypt(nonce, value, place)
        return _VERSION + self.mark + nonce + sealed

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """What was sealed; DataError where no key opens it, or it was changed, or sealed for another place."""
        cipher = self._by_mark.get(sealed[1 : 1 + _MARK]) if sealed[:1] == _VERSION else None
        if cipher is None:
            what = "was encrypted under a key that is not among encryption_keys" if cipher_like(sealed) else _FOREIGN
            raise DataError(f"the stored value {what}")
        try:
            opened: bytes = cipher.decrypt(sealed[1 + _MARK : _HEAD], sealed[_HEAD:], place)
        except Exception as error:
            if type(error).__name__ != "InvalidTag":
                raise
            raise DataError("the stored value was changed, or encrypted for another column") from None
        return opened

    def is_current(self, sealed: bytes) -> bool:
        """Whether a value was sealed by the key that seals now."""
        return sealed[1 : 1 + _MARK] == self.mark

    def __repr__(self) -> str:
        return f"Keyring({len(self._by_mark)} keys)"


_FOREIGN = "was not encrypted by this library"


def cipher_like(sealed: bytes) -> bool:
    """Whether bytes have the form of a sealed value."""
    return sealed[:1] == _VERSION and len(sealed) >= _HEAD + 16


def generate_key() -> str:
    """A new random key, as text for `encryption_keys`."""
    return base64.urlsafe_b64encode(os.urandom(_KEY)).decode()


def keyring_of(config: Any) -> Keyring:
    """The keys that a connection is configured with; ConfigurationError where there is none, or one is no key."""
    return _keyring(tuple(getattr(config, "encryption_keys", None) or ()))


@lru_cache(maxsize=64)
def _keyring(keys: tuple[str | bytes, ...]) -> Keyring:
    return Keyring(keys)


def _key_bytes(key: Any) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(key) if isinstance(key, str) else bytes(key)
    except (binascii.Error, ValueError, TypeError):
        raw = b""
    if len(raw) != _KEY:
        raise ConfigurationError(
            "a key of encryption_keys must be 32 bytes, or their text in URL-safe base64: generate_key() makes one"
        )
    return raw


def _mark_of(key: bytes) -> bytes:
    return hashlib.sha256(b"rhosocial.activerecord key mark" + key).digest()[:_MARK]


def _cipher(key: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise ConfigurationError(
            "encrypted columns need the package cryptography: install rhosocial-activerecord[crypto]"
        ) from error
    return AESGCM(key)


class EncryptedAs(Codec):
    """A field stored encrypted, in an annotation: ``Annotated[str, EncryptedAs("patient ssn")]``.

    Its values are bound to `context`; without one to the names of table and column, which may not change then.
    """

    no_comparison = (
        "an encrypted column cannot be compared, searched or ordered by in the database, which sees another text each "
        "time; only is_null() and is_not_null() can be asked"
    )
    stored = ColumnType(bytes, DatabaseType.BLOB)

    def __init__(self, context: str | None = None) -> None:
        self.context = context
        self._python: Any = object
        self._place = b""

    def bound(self, python: Any, place: str) -> EncryptedAs:
        """The codec for a field of that type; its values open at no other place, or in no other context."""
        made = EncryptedAs(self.context)
        made._python = python
        made._place = (self.context or place).encode()
        return made

    def dumper(self, inner: Convert | None, config: Any) -> Convert:
        """The sealed value, another one each time."""
        plain, place = self._to_bytes(), self._place

        def seal(value: Any) -> bytes:
            return keyring_of(config).seal(plain(value), place)

        both: Convert = chain(seal, inner)
        return both

    def loader(self, inner: Convert | None, config: Any) -> Convert:
        """The value that was sealed."""
        read, place = self._from_bytes(), self._place

        def opened(sealed: Any) -> Any:
            return read(keyring_of(config).open(load_bytes(sealed), place))

        both: Convert = chain(inner, opened)
        return both

    def comparer(self, inner: Convert | None, config: Any) -> Convert:
        """The value as it is before it is sealed."""
        return self._to_bytes()

    def _to_bytes(self) -> Convert:
        python, kind = self._python, kind_of(self._python)
        if kind is str:
            return chain(shaped_dumper(python, str, dump_text), _encoded)
        if kind is bytes:
            return shaped_dumper(python, bytes, plain_dumper(bytes, None))
        return chain(document_dumper(python), _encoded)

    def _from_bytes(self) -> Convert:
        python, kind = self._python, kind_of(self._python)
        if kind is str:
            return chain(_decoded, shaped_loader(python, str, None))
        return (shaped_loader(python, bytes, None) or load_bytes) if kind is bytes else document_loader(python)

    def __repr__(self) -> str:
        return "Encrypted()"


def _encoded(text: str) -> bytes:
    return text.encode()


def _decoded(raw: bytes) -> str:
    return raw.decode()


if TYPE_CHECKING:
    # To checkers the field has the plain type.
    Encrypted = Annotated[T, EncryptedAs()]
else:

    class Encrypted:
        """A field that is stored encrypted: ``ssn: Encrypted[str]``, which is ``Annotated[str, EncryptedAs()]``."""

        def __class_getitem__(cls, python: Any) -> Any:
            return Annotated[python, EncryptedAs()]
