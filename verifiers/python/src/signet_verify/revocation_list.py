"""The entries of a feed, and whether one denies a token. It touches no network."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .feed_page import KINDS, FeedEntry, FeedPage


@dataclass(frozen=True, slots=True)
class Denial:
    """The entry that denies a token."""

    id: str
    kind: str


class RevocationList:
    """Entries by id and by hash.

    :param linger_seconds: how much longer than the issuer thinks a token may be accepted here
    """

    def __init__(self, linger_seconds: float) -> None:
        self._linger_seconds = linger_seconds
        self._by_id: dict[str, FeedEntry] = {}
        self._by_hash: dict[bytes, tuple[FeedEntry, ...]] = {}
        self._counts = dict.fromkeys(KINDS, 0)
        self._pruned_until = -math.inf

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def kinds(self) -> set[str]:
        """The kinds that there are entries of."""
        return {kind for kind, count in self._counts.items() if count > 0}

    def change(self, page: FeedPage) -> set[str]:
        """Takes over a page. Returns the kinds of the entries that came or went."""
        touched: set[str] = set()
        for identity in page.removed:
            touched |= self._remove(identity)
        for entry in page.entries:
            if self._by_id.get(entry.id) == entry:
                continue
            touched |= self._remove(entry.id) | {entry.kind}
            self._by_id[entry.id] = entry
            self._by_hash[entry.hash] = (*self._by_hash.get(entry.hash, ()), entry)
            self._counts[entry.kind] += 1
        return touched

    def find_denying(self, claims: dict[str, Any], kid: str | None, now: float) -> Denial | None:
        """The entry that denies a token.

        :param kid: of the key that verified it
        :param now: seconds since the epoch
        """
        for kind in KINDS:
            if self._counts[kind] == 0:
                continue
            value = kid if kind == "kid" else claims.get(kind)
            if isinstance(value, str):
                for entry in self._by_hash.get(_hash(kind, value), ()):
                    if self._denies(entry, claims, now):
                        return Denial(entry.id, kind)
        return None

    def prune(self, now: float) -> None:
        """Forgets entries that have ended by themselves."""
        ended = [each for each in self._by_id.values() if each.expires_at + self._linger_seconds <= now]
        for entry in ended:
            self._remove(entry.id)
            self._pruned_until = max(self._pruned_until, entry.expires_at + self._linger_seconds)

    def is_missing(self, now: float) -> bool:
        """Whether an entry was forgotten as ended that has not ended after all, because the clock was set back."""
        return self._pruned_until > now

    def _denies(self, entry: FeedEntry, claims: dict[str, Any], now: float) -> bool:
        """A token that does not say when it was issued may have been issued before."""
        issued_at = claims.get("iat")
        is_after = issued_at is not None and issued_at > entry.issued_before
        return not is_after and entry.expires_at + self._linger_seconds > now

    def _remove(self, identity: str) -> set[str]:
        entry = self._by_id.pop(identity, None)
        if entry is None:
            return set()
        self._counts[entry.kind] -= 1
        self._keep(entry.hash, (each for each in self._by_hash[entry.hash] if each.id != identity))
        return {entry.kind}

    def _keep(self, digest: bytes, entries: Iterable[FeedEntry]) -> None:
        left = tuple(entries)
        if left:
            self._by_hash[digest] = left
        else:
            del self._by_hash[digest]


def _hash(kind: str, value: str) -> bytes:
    """Half of a surrogate pair is replaced, as all verifiers do: UTF-8 has no bytes for it."""
    well_formed = value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return hashlib.sha256(f"{kind}:{well_formed}".encode()).digest()
