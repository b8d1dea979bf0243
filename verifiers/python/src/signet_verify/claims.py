"""The checks of verified claims, in the order that gives the most helpful code.

Types, time, issuer, audience, type, binding.
"""

import math
from typing import Any, Final

from .errors import TokenError, shown
from .options import Terms, normal_type
from .strict_json import is_number

_STRINGS: Final = ("iss", "sub", "jti", "client_id", "sid")
_TIMES: Final = ("exp", "iat", "nbf")


def require_types(claims: dict[str, Any]) -> None:
    """Makes sure of the types that later checks rely on.

    :raises TokenError: ``malformed_token``
    """
    if "exp" not in claims:
        raise TokenError("malformed_token", "the token never expires: exp is missing")
    for name in _TIMES:
        if name in claims and not is_number(claims[name]):
            raise TokenError("malformed_token", f"{name} is not a number")
    for name in _STRINGS:
        if name in claims and not isinstance(claims[name], str):
            raise TokenError("malformed_token", f"{name} is not a string")


def check_claims(claims: dict[str, Any], header: dict[str, Any], terms: Terms, now: float) -> None:
    """Judges a token whose signature is good.

    :param now: seconds since the epoch
    :raises TokenError: ``token_expired``, ``token_not_active``, ``wrong_issuer``, ``wrong_audience``, ``wrong_type``
    """
    _check_time(claims, now, terms.clock_tolerance)
    issuer = claims.get("iss")
    if issuer != terms.issuer:
        raise TokenError("wrong_issuer", f"the token was issued by {shown(issuer)}, not by {shown(terms.issuer)}")
    _check_audience(claims.get("aud"), terms)
    typ = header.get("typ")
    if (normal_type(typ) if isinstance(typ, str) else "") not in terms.types:
        accepted = " or ".join(shown(each) for each in sorted(terms.types))
        raise TokenError("wrong_type", f"the token's typ is {shown(typ)}, not {accepted}; an API takes access tokens")


def require_unbound(claims: dict[str, Any]) -> None:
    """Refuses a token that is bound to a key: no proof can be checked here.

    :raises TokenError: ``wrong_type``
    """
    if "cnf" in claims:
        raise TokenError("wrong_type", "the token is bound to a key (cnf), and this API takes Bearer tokens alone")


def _check_time(claims: dict[str, Any], now: float, tolerance: float) -> None:
    expires_at = claims["exp"]
    if expires_at <= now - tolerance:
        raise TokenError("token_expired", f"the token expired {math.ceil(now - expires_at)} s ago: get a new one")
    starts_at = claims.get("nbf", now)
    if starts_at > now + tolerance:
        told = f"the token is not valid for another {math.ceil(starts_at - now)} s (nbf)"
        raise TokenError("token_not_active", told)
    issued_at = claims.get("iat", now)
    if issued_at > now + tolerance:
        told = f"the token was issued {math.ceil(issued_at - now)} s in the future (iat): compare the clocks"
        raise TokenError("token_not_active", told)


def _check_audience(audience: object, terms: Terms) -> None:
    if terms.audience == "any" or terms.audience is None:
        return
    named = audience if isinstance(audience, list) else [audience]
    if not any(isinstance(each, str) and each in terms.audience for each in named):
        accepted = " or ".join(shown(each) for each in terms.audience)
        raise TokenError("wrong_audience", f"the token is for {shown(audience)}, not for {accepted}")
