"""The addresses that keys and revocations may come from: https, or http to this very machine."""

import ipaddress
import logging
from urllib.parse import SplitResult, urlsplit

_log = logging.getLogger("signet_verify")


def require_safe_url(name: str, value: object, *, allow_http: bool = False) -> str:
    """Returns the address.

    :param name: the option, for the error
    :raises ValueError: if the value is no URL, or is plain http to another machine: an attacker
        could replace keys
    """
    url = _split(value)
    if not isinstance(value, str) or url is None:
        raise ValueError(f"{name} is not a URL: {_shown_url(value)}")
    if url.username is not None or url.password is not None:
        raise ValueError(f"{name} holds a name or password: {_shown_url(value)}")
    if not is_safe(value, allow_http=allow_http):
        raise ValueError(
            f"{name} has to be https, or http on loopback: {_shown_url(value)}"
            " (in development allow_http=True takes any http)"
        )
    return value


def require_issuer(value: object, *, allow_http: bool = False) -> str:
    """Returns the issuer, which has no query and no fragment (RFC 8414 section 2).

    :raises ValueError:
    """
    issuer = require_safe_url("issuer", value, allow_http=allow_http)
    if "?" in issuer or "#" in issuer:
        raise ValueError(f"issuer has a query or a fragment: {_shown_url(issuer)}")
    return issuer


def is_safe(address: str, *, allow_http: bool = False) -> bool:
    """Whether keys may come from an address."""
    url = _split(address)
    if url is None or url.username is not None or url.password is not None:
        return False
    return url.scheme == "https" or (url.scheme == "http" and (allow_http or _is_loopback(url)))


def warn_of_http(addresses: list[str | None]) -> None:
    """Warns of the addresses that ``allow_http`` has let pass."""
    hosts = {urlsplit(each).netloc for each in addresses if each is not None and not is_safe(each)}
    if hosts:
        _log.warning(
            "allow_http: plain http to %s: ANYBODY ON THE WAY CAN READ TOKENS AND REPLACE KEYS; for development alone",
            ", ".join(sorted(hosts)),
        )


def _split(value: object) -> SplitResult | None:
    """The parts of a URL; ``None`` if it has no host, or characters that parsers disagree about."""
    if not isinstance(value, str) or not value.isascii() or any(each <= " " or each in '\\"\x7f' for each in value):
        return None
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.hostname else None


def _is_loopback(url: SplitResult) -> bool:
    """Of the many spellings of an address only the usual one: parsers disagree about others."""
    host = url.hostname or ""
    if host in ("localhost", "::1") or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def _shown_url(value: object) -> str:
    """Leaves out parts that may be secret: a password before the host, and the query."""
    if not isinstance(value, str):
        return type(value).__name__
    after_name = f"...@{value.rpartition('@')[2]}" if "@" in value else value
    return after_name.partition("?")[0].partition("#")[0][:200]
