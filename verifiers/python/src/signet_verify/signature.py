"""The form, header, key and signature of a token. No claim is believed before the signature is verified."""

import base64
import re
from dataclasses import dataclass
from typing import Any, Final

from . import strict_json
from .errors import TokenError, shown
from .key_set import FoundKey

_MOST_TOKEN_CHARACTERS: Final = 16_384
"""A longer token is refused before any other check."""
_PART: Final = r"(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?"
"""base64url whose spare bits are zero (RFC 4648 section 3.5)."""
_COMPACT: Final = re.compile(rf"(?!\.){_PART}\.{_PART}\.{_PART}", re.ASCII)
"""RFC 7515 section 7.1. Decoders accept more than this, and then one token has many spellings."""


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token whose header was looked at, and nothing else."""

    header: dict[str, Any]
    alg: str
    kid: str | None
    payload: bytes
    signed: bytes
    signature: bytes


def read_token(token: object, algorithms: frozenset[str]) -> UnverifiedToken:
    """Splits a token. Keys that it contains or points to (``jwk``, ``jku``, ``x5u``, ``x5c``) are ignored, because a
    forger can write them (RFC 8725 section 3.10).

    :raises TokenError: ``missing_token``, ``malformed_token``, ``unsupported_algorithm``
    """
    text = _require_form(token)
    signed, _, signature = text.rpartition(".")
    header_part, _, payload = signed.partition(".")
    header = _parse_object("header", _decode("header", header_part))
    alg, kid = _require_header(header, algorithms)
    return UnverifiedToken(
        header, alg, kid, _decode("payload", payload), signed.encode(), _decode("signature", signature)
    )


def verify_signature(token: UnverifiedToken, found: FoundKey) -> dict[str, Any]:
    """Returns the claims of a token that this key has signed. Their types are not looked at yet.

    :raises TokenError: ``invalid_signature``, ``malformed_token``, ``unsupported_algorithm``
    """
    try:
        is_good = found.verifies(token.signed, token.signature)
    except Exception:  # whatever a library makes of a hostile key
        raise TokenError("unsupported_algorithm", "the key cannot be used for the algorithm of the token") from None
    if not is_good:
        raise TokenError("invalid_signature", "the signature does not belong to this token and key")
    claims = _parse_object("payload", token.payload)
    inexact = strict_json.find_inexact(claims)
    if inexact is not None:
        raise TokenError(
            "malformed_token",
            f"the claim {shown(inexact)} holds a number that other languages change: send it as a string",
        )
    return claims


def _require_form(token: object) -> str:
    if token is None or token == "":
        raise TokenError("missing_token", "there is no token")
    if not isinstance(token, str):
        raise TokenError("malformed_token", "a token is a string")
    if len(token) > _MOST_TOKEN_CHARACTERS:
        raise TokenError("malformed_token", f"the token is longer than {_MOST_TOKEN_CHARACTERS} characters")
    if not _COMPACT.fullmatch(token):
        raise TokenError("malformed_token", _describe_form(token))
    return token


def _describe_form(token: str) -> str:
    """Describes common mistakes, such as a token pasted with quotes."""
    if token.startswith("sgr_"):
        return "this is a refresh token; an API takes the access token"
    if token.lstrip()[:7].lower() == "bearer ":
        return "leave the word Bearer out of the token"
    if token[0] in "\"'" and token[-1] == token[0]:
        return "there are quotes around the token"
    if re.search(r"\s", token):
        return "there is white space in the token"
    return "the token is encrypted" if token.count(".") == 4 else "this is no signed JWT"


def _decode(part: str, text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise TokenError("malformed_token", f"the {part} of the token is not base64url") from None


def _parse_object(part: str, data: bytes) -> dict[str, Any]:
    try:
        value = strict_json.parse(data.decode())
    except ValueError:
        raise TokenError("malformed_token", f"the {part} of the token is not JSON") from None
    if not isinstance(value, dict):
        raise TokenError("malformed_token", f"the {part} of the token is no JSON object")
    if strict_json.is_too_deep(value):
        told = f"the {part} of the token goes deeper than {strict_json.MOST_LEVELS} levels"
        raise TokenError("malformed_token", told)
    # Half of a pair can only be written with an escape.
    return strict_json.well_formed(value) if b"\\u" in data else value


def _require_header(header: dict[str, Any], algorithms: frozenset[str]) -> tuple[str, str | None]:
    if "crit" in header:
        raise TokenError("malformed_token", "the token names extensions (crit) that are not understood")
    kid = header.get("kid")
    if "kid" in header and not isinstance(kid, str):
        raise TokenError("malformed_token", "kid is not a string")
    alg = header.get("alg")
    if not isinstance(alg, str) or alg == "":
        raise TokenError("malformed_token", "the header of the token names no algorithm (alg)")
    if alg not in algorithms:
        accepted = ", ".join(sorted(algorithms))
        raise TokenError(
            "unsupported_algorithm", f"the algorithm {shown(alg)} is not accepted; accepted are {accepted}"
        )
    return alg, kid
