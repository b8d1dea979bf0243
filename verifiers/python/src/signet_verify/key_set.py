"""A JSON Web Key Set (RFC 7517 section 5) as read from an issuer: public signature keys only, each imported once."""

from dataclasses import dataclass
from typing import Any, Final

from jwt import PyJWK

from .algorithms import fits, public_part, registered

_RSA_BITS: Final = range(2048, 16_385)
"""Smaller keys can be broken, and the work of larger ones is a burden (RFC 7518 section 3.3)."""

_MOST_EXPONENT: Final = 2**31 - 1
"""Larger ones cost time, and some libraries take none. Those below 3 are no keys for the library here."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key that may verify a token."""

    key: PyJWK
    kid: str | None

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether a signature belongs to these bytes and this key."""
        return bool(self.key.Algorithm.verify(signed, self.key.key, signature))


@dataclass(frozen=True, slots=True)
class NoKey:
    """Why there is no key: ``unknown``, ``ambiguous``, ``other_algorithm`` or ``size``."""

    reason: str
    alg: str = ""


class KeySet:
    """The keys of one document.

    :param document: parsed JSON; entries that are not usable keys are left out
    """

    def __init__(self, document: object) -> None:
        listed = document.get("keys") if isinstance(document, dict) else None
        self._keys: list[tuple[dict[str, str], str | None]] = [
            (usable, jwk["kid"] if isinstance(jwk.get("kid"), str) else None)
            for jwk in (listed if isinstance(listed, list) else [])
            if isinstance(jwk, dict) and (usable := public_part(jwk)) is not None
        ]
        self._imported: dict[tuple[str, str | None], FoundKey] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def holds(self, kid: str | None) -> bool:
        """Whether a key has this name."""
        return any(name == kid for _, name in self._keys)

    def find_imported(self, alg: str, kid: str | None) -> FoundKey | None:
        """An earlier choice."""
        return self._imported.get((alg, kid))

    def choose(self, alg: str, kid: str | None) -> FoundKey | NoKey:
        """The key for a token. One without ``kid`` is verified only if the set has one key."""
        named = [each for each in self._keys if kid is None or each[1] == kid]
        if not named:
            return NoKey("unknown")
        if kid is None and len(named) > 1:
            return NoKey("ambiguous")
        fitting = next((each for each in named if fits(each[0], alg)), None)
        if fitting is None:
            first = named[0][0]
            return NoKey("other_algorithm", first.get("alg", first["kty"]))
        choice = _import(*fitting, alg)
        if isinstance(choice, FoundKey):
            self._imported[alg, kid] = choice
        return choice


def _import(jwk: dict[str, str], kid: str | None, alg: str) -> FoundKey | NoKey:
    """A key that cannot be imported is treated as missing: the fault is in the issuer's document."""
    try:
        key = PyJWK.from_dict(jwk, registered(alg))
        bits: Any = getattr(key.key, "key_size", None)
    except Exception:  # whatever a library makes of hostile numbers
        return NoKey("unknown")
    if jwk["kty"] == "RSA" and key.key.public_numbers().e > _MOST_EXPONENT:
        return NoKey("unknown")
    if jwk["kty"] == "RSA" and bits not in _RSA_BITS:
        return NoKey("size", f"{bits} bits")
    return FoundKey(key, kid)
