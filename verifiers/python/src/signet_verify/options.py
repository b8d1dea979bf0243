"""The options of a verifier. They are checked when it is made, so that a mistake shows at start."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypedDict

from .algorithms import ASYMMETRIC_ALGORITHMS
from .clock import Clock, SystemClock
from .staleness import StalenessPolicy, WhenStale
from .strict_json import as_double, is_number
from .version import VERSION
from .web_address import require_issuer, require_safe_url, warn_of_http

Names = str | Sequence[str]
Audience = Names | Literal[False] | None
"""``False`` takes tokens for any API. ``None`` leaves it to the verifier, or to the call."""


class Staleness(TypedDict, total=False):
    """What one call can change of ``revocations``."""

    max_staleness_seconds: float
    when_stale: WhenStale


class Revocations(Staleness, total=False):
    """The option ``revocations``; ``feed_url`` is the issuer's ``/blacklist/feed`` if left out."""

    feed_url: str


class Overrides(TypedDict, total=False):
    """What one call or route can change."""

    issuer: str
    audience: Audience
    typ: Names
    clock_tolerance: float
    revocations: Staleness


class Options(TypedDict, total=False):
    """The options of ``create_token_verifier`` besides ``issuer``."""

    audience: Audience
    jwks_uri: str | None
    algorithms: Sequence[str]
    typ: Names
    clock_tolerance: float
    max_clock_tolerance: float
    revocations: bool | Revocations
    allow_http: bool
    name: str | None
    max_stale_keys_seconds: float
    resource_metadata: str | None
    clock: Clock


@dataclass(frozen=True, slots=True)
class Terms:
    """The expectations that a token has to meet."""

    issuer: str
    audience: tuple[str, ...] | Literal["any"] | None
    """``None``: each call has to name it."""
    types: frozenset[str]
    """In lower case, without ``application/``."""
    clock_tolerance: float
    policy: StalenessPolicy


@dataclass(frozen=True, slots=True)
class Settings:
    """Options that were checked."""

    terms: Terms
    jwks_uri: str | None
    feed_url: str | None
    """``None``: revocations are not followed."""
    algorithms: frozenset[str]
    max_clock_tolerance: float
    max_stale_keys_seconds: float
    user_agent: str
    resource_metadata: str | None
    clock: Clock


_DEFAULT_TOLERANCE_SECONDS: Final = 5.0
_DEFAULTS: Final[Options] = {"max_clock_tolerance": 60.0, "max_stale_keys_seconds": 3600.0}
_OVERRIDES: Final = frozenset(Overrides.__annotations__)


def read_options(issuer: str, **options: Any) -> Settings:
    """Checks the options of ``create_token_verifier``.

    :raises ValueError: naming the option
    :raises TypeError: for an option that does not exist
    """
    _require_known("create_token_verifier", options, frozenset(Options.__annotations__))
    given = {**_DEFAULTS, **options}
    allow_http = given.get("allow_http", False)
    if not isinstance(allow_http, bool):
        raise ValueError("allow_http is True or False")
    require_issuer(issuer, allow_http=allow_http)
    for name in ("jwks_uri", "resource_metadata"):
        if given.get(name) is not None:
            require_safe_url(name, given[name], allow_http=allow_http)
    most_tolerance = _seconds("max_clock_tolerance", given["max_clock_tolerance"])
    feed_url, policy = _read_revocations(given.get("revocations", False), issuer, allow_http)
    warn_of_http([issuer, given.get("jwks_uri"), feed_url])
    standard = Terms(issuer, None, frozenset({"at+jwt"}), min(_DEFAULT_TOLERANCE_SECONDS, most_tolerance), policy)
    expected: dict[str, Any] = {key: given[key] for key in ("audience", "typ", "clock_tolerance") if key in given}
    return Settings(
        terms=apply_overrides(standard, expected, most_tolerance),
        jwks_uri=given.get("jwks_uri"),
        feed_url=feed_url,
        algorithms=_read_algorithms(given.get("algorithms", ASYMMETRIC_ALGORITHMS)),
        max_clock_tolerance=most_tolerance,
        max_stale_keys_seconds=_seconds("max_stale_keys_seconds", given["max_stale_keys_seconds"]),
        user_agent=_user_agent(given.get("name")),
        resource_metadata=given.get("resource_metadata"),
        clock=given.get("clock") or SystemClock(),
    )


def apply_overrides(terms: Terms, overrides: dict[str, Any], max_clock_tolerance: float) -> Terms:
    """The terms with the changes of one call or route.

    :raises ValueError: naming the option
    :raises TypeError: for an option that does not exist
    """
    _require_known("verify_token", overrides, _OVERRIDES)
    changes: dict[str, Any] = {}
    if "issuer" in overrides:
        changes["issuer"] = _one_name("issuer", overrides["issuer"])
    audience = overrides.get("audience")
    if audience is not None:
        changes["audience"] = "any" if audience is False else _names("audience", audience)
    if "typ" in overrides:
        changes["types"] = frozenset(normal_type(each) for each in _names("typ", overrides["typ"], may_be_empty=True))
    if "clock_tolerance" in overrides:
        changes["clock_tolerance"] = _seconds("clock_tolerance", overrides["clock_tolerance"], max_clock_tolerance)
    if "revocations" in overrides:
        changes["policy"] = _read_policy(overrides["revocations"], terms.policy)
    return replace(terms, **changes)


def require_named_audience(terms: Terms) -> None:
    """:raises ValueError: if neither the verifier nor the call names an audience: tokens for other APIs would pass"""
    if terms.audience is None:
        raise ValueError(
            "audience is missing: name this API as tokens do in aud, or waive the check by name: audience=False"
        )


def normal_type(typ: str) -> str:
    """RFC 7515 section 4.1.9: case is ignored, and ``application/`` may be left out."""
    return typ.lower().removeprefix("application/")


def _require_known(what: str, given: dict[str, Any], known: frozenset[str]) -> None:
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        raise TypeError(f"{what} has no option {unknown!r}: it takes {', '.join(sorted(known))}")


def _read_algorithms(algorithms: Any) -> frozenset[str]:
    chosen = _names("algorithms", algorithms)
    for each in chosen:
        if each not in ASYMMETRIC_ALGORITHMS:
            accepted = ", ".join(ASYMMETRIC_ALGORITHMS)
            raise ValueError(f"algorithms: {each} does not verify with a public key; accepted are {accepted}")
    return frozenset(chosen)


def _read_revocations(told: Any, issuer: str, allow_http: bool) -> tuple[str | None, StalenessPolicy]:
    if told is False:
        return None, StalenessPolicy()
    if told is not True and not isinstance(told, dict):
        raise ValueError("revocations is True, False or a dict")
    given = {} if told is True else dict(told)
    feed_url = given.pop("feed_url", f"{issuer.removesuffix('/')}/blacklist/feed")
    require_safe_url("revocations feed_url", feed_url, allow_http=allow_http)
    return feed_url, _read_policy(given, StalenessPolicy())


def _read_policy(told: Any, before: StalenessPolicy) -> StalenessPolicy:
    if not isinstance(told, dict):
        raise ValueError("revocations is a dict with max_staleness_seconds and when_stale")
    _require_known("revocations", told, frozenset(Staleness.__annotations__))
    if "max_staleness_seconds" in told:
        _seconds("revocations max_staleness_seconds", told["max_staleness_seconds"])
    if told.get("when_stale", "open") not in ("open", "closed"):
        raise ValueError("revocations when_stale is 'open' or 'closed'")
    return replace(before, **told)


def _user_agent(name: Any) -> str:
    """The User-Agent of a verifier, by which an issuer knows which APIs have fetched its next key."""
    if name is None:
        return f"signet-verifier/{VERSION}"
    if not isinstance(name, str) or not re.fullmatch(r"[\x21-\x27\x2A-\x7E][\x20-\x27\x2A-\x7E]{0,63}", name):
        raise ValueError("name has 1 to 64 printable ASCII characters, without parentheses")
    return f"signet-verifier/{VERSION} ({name})"


def _seconds(name: str, value: Any, most: float = math.inf) -> float:
    if not is_number(value) or value < 0 or math.isinf(as_double(value) * 1000):
        raise ValueError(f"{name} is a number of seconds from 0 on, and finite also in milliseconds")
    if value > most:
        raise ValueError(
            f"{name} is at most {most:g} seconds: with more, an expired token lives on; see max_clock_tolerance"
        )
    return float(value)


def _one_name(option: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{option} is a string, and not empty")
    return value


def _names(option: str, value: Any, *, may_be_empty: bool = False) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple | set) else ()
    if not names or not all(isinstance(each, str) and (each or may_be_empty) for each in names):
        raise ValueError(f"{option} is a string or a list of strings, none of them empty")
    return names
