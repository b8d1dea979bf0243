"""A page of the issuer's blacklist feed, as it was read."""

import base64
import re
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from .strict_json import as_double

KINDS: Final = ("jti", "sid", "sub", "client_id", "kid")
MOST_PAGE_BYTES: Final = 576 * 1024
"""The feed has at most 512 KiB a page."""

_CURSOR: Final = re.compile(r"[0-9]{1,40}")
_HASH: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A denial. ``hash`` is SHA-256 of ``kind:value``: the feed names nobody. Times are seconds."""

    id: str
    kind: str
    hash: bytes
    issued_before: float
    """A token matches when its ``iat`` is not after this."""
    expires_at: float
    """Forgotten then, because every token that it denies has expired."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Entries that came, and the ids of entries that were lifted."""

    cursor: str
    entries: list[FeedEntry]
    removed: list[str]
    has_more: bool
    """Another page follows, which is asked for by the cursor."""


def is_before(one: str, other: str) -> bool:
    """Whether one cursor stands before another: decimal numbers of any length."""
    return int(one) < int(other)


def read_page(document: Any, length: int, after: str | None) -> FeedPage:
    """Reads a page. Kinds that a later issuer may add are left out.

    :param length: of the page as it came, in characters
    :param after: the cursor that was asked for
    :raises ValueError: where it is no page of a feed, or its cursor would be asked for without end
    """
    members = document if isinstance(document, dict) else {}
    cursor, entries, removed = members.get("cursor"), members.get("entries"), members.get("removed")
    more = members.get("more", False)
    if not isinstance(cursor, str) or not isinstance(entries, list) or not isinstance(removed, list):
        raise ValueError("is no blacklist feed: cursor, entries or removed is missing")
    if not _CURSOR.fullmatch(cursor):
        raise ValueError("is no blacklist feed: cursor is not a whole number")
    if not isinstance(more, bool):
        raise ValueError("is no blacklist feed: more is neither true nor false")
    # An issuer that knows no pages sends one document, of any size that can be taken.
    if more and length > MOST_PAGE_BYTES:
        raise ValueError(f"sends pages of more than {MOST_PAGE_BYTES} characters")
    if more and after is not None and int(cursor) == int(after):
        raise ValueError("says that more follows, and its cursor does not grow")
    read = [entry for each in entries if (entry := _read_entry(each)) is not None]
    return FeedPage(cursor, read, [each for each in removed if isinstance(each, str)], more)


def _read_entry(value: Any) -> FeedEntry | None:
    entry = value if isinstance(value, dict) else {}
    identity, kind, digest = entry.get("id"), entry.get("kind"), entry.get("hash")
    issued_before, expires_at = entry.get("issued_before"), entry.get("expires_at")
    if not isinstance(identity, str) or kind not in KINDS or not isinstance(digest, str):
        return None
    if not _HASH.fullmatch(digest) or not _is_time(issued_before) or not _is_time(expires_at):
        return None
    raw = base64.urlsafe_b64decode(f"{digest}=")
    return FeedEntry(identity, kind, raw, as_double(issued_before), as_double(expires_at))


def _is_time(value: object) -> TypeGuard[int | float]:
    """``True`` is no number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
