"""The keys of the issuer, fetched over HTTP: when to fetch, and how long a set may be used.

At most one request is running, and all tokens wait for the same one. A response is as old as its request: it
says nothing about later changes of the set. Everything but ``find`` runs in the background loop. No time in
this file is compared with the wall clock, which may be set forward and back.
"""

import asyncio
import math
import re
from dataclasses import dataclass, replace
from typing import Final

import httpx

from .clock import Clock
from .errors import TokenError, shown
from .get_document import Document, RequestFault, get_json, seconds_in_caches
from .issuer_metadata import find_jwks_uri
from .key_set import FoundKey, KeySet, NoKey

_LEAST_FRESH_SECONDS: Final = 30.0
_MOST_FRESH_SECONDS: Final = 600.0
_UNSAID_FRESH_SECONDS: Final = 300.0
_SERVES_MEANWHILE_SECONDS: Final = 60.0
"""A set that expired less than this ago is used while the next one is fetched."""
_COOLDOWN_SECONDS: Final = 5.0
"""The time between two fetches for unknown keys. An unplanned rotation is noticed at once, or after this time."""
_RETRY_SECONDS: Final = 5.0
"""The time between two attempts while the issuer does not answer."""
_DISCOVERED_FOR_SECONDS: Final = 3600.0
_MOST_BYTES: Final = 524_288


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Whose keys, and from where; without ``jwks_uri`` by discovery."""

    issuer: str
    jwks_uri: str | None
    user_agent: str
    max_stale_seconds: float


@dataclass(frozen=True, slots=True)
class _Held:
    keys: KeySet
    text: str
    etag: str | None
    fresh_until: float


class RemoteKeys:
    """The keys of one issuer. Nothing is fetched before the first token."""

    def __init__(self, place: KeyPlace, client: httpx.AsyncClient, clock: Clock) -> None:
        self._place = place
        self._client = client
        self._clock = clock
        self._held: _Held | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._last_fault: tuple[float, Exception] | None = None
        self._last_unknown_at = -math.inf
        self._suspected_at = -math.inf
        """A response to a request from before this moment may lack a change of the set."""
        self._discovered: tuple[str, float] | None = None
        self._is_closed = False

    def find(self, alg: str, kid: str | None) -> FoundKey | None:
        """A key that may be used now, without waiting. Every thread may ask."""
        held = self._held
        return held.keys.find_imported(alg, kid) if held and self._clock.elapsed() < held.fresh_until else None

    def holds(self, kid: str | None) -> bool:
        """Whether the present set has a key of this name, fresh or not."""
        return self._held is not None and self._held.keys.holds(kid)

    async def look(self, alg: str, kid: str | None) -> FoundKey:
        """The key of a token, fetched if necessary.

        :raises TokenError: ``unknown_key``, ``unsupported_algorithm``, ``issuer_unavailable``
        """
        before = self._held
        held = await self._usable()
        choice = held.keys.choose(alg, kid)
        if _is_unknown(choice) and held is before and self._fetching:
            # The running request may be older than the key. If it does not bring the key, another request follows.
            await self._wait()
            choice = (self._held or held).keys.choose(alg, kid)
        if _is_unknown(choice) and held is before:
            await self._refetch_for_unknown()
            choice = (self._held or held).keys.choose(alg, kid)
        return choice if isinstance(choice, FoundKey) else self._refuse(choice, alg, kid)

    def suspect_change(self) -> None:
        """Makes the next token fetch the set again, for example because a key was revoked."""
        self._suspected_at = self._clock.elapsed()
        held = self._held
        if held:
            self._held = replace(held, fresh_until=min(held.fresh_until, self._suspected_at))
        self._fetch_soon()

    def close(self) -> None:
        """Ends the running request."""
        self._is_closed = True
        if self._fetching:
            self._fetching.cancel()

    async def _usable(self) -> _Held:
        """A set that may be used now, fetched if necessary."""
        held = self._held
        past = self._clock.elapsed() - held.fresh_until if held else math.inf
        if held and past < 0:
            return held
        self._fetch_soon()
        # Tokens do not wait for an issuer that has just failed, or for a set that has just expired.
        may_serve = past < _SERVES_MEANWHILE_SECONDS or self._last_fault is not None
        if not (may_serve and past < self._place.max_stale_seconds):
            await self._wait()
        usable = self._held
        if usable and self._clock.elapsed() - usable.fresh_until < self._place.max_stale_seconds:
            return usable
        raise self._unavailable()

    async def _refetch_for_unknown(self) -> None:
        if self._clock.elapsed() - self._last_unknown_at >= _COOLDOWN_SECONDS:
            self._last_unknown_at = self._clock.elapsed()
            self._fetch_soon()
        await self._wait()
        # The key may exist, but the issuer cannot be asked.
        if self._last_fault:
            raise self._unavailable()

    def _refuse(self, choice: NoKey, alg: str, kid: str | None) -> FoundKey:
        if choice.reason == "ambiguous":
            raise TokenError("unknown_key", "the token names no key (kid), and the issuer has several")
        if choice.reason == "other_algorithm":
            told = f"the token says {alg}, but key {shown(kid)} is for {choice.alg}"
            raise TokenError("unsupported_algorithm", told)
        if choice.reason == "size":
            told = f"key {shown(kid)} has {choice.alg}; accepted are 2048 to 16384"
            raise TokenError("unsupported_algorithm", told)
        told = f"the issuer {self._place.issuer} has no key {shown(kid)}: rotated out, or of another issuer"
        raise TokenError("unknown_key", told)

    def _unavailable(self) -> TokenError:
        told = f": {self._last_fault[1]}" if self._last_fault else ""
        return TokenError("issuer_unavailable", f"the issuer's keys cannot be read{told}")

    async def _wait(self) -> None:
        """Waits for the running request. Neither its failure nor its end by ``close`` goes on to the token."""
        if self._fetching:
            await asyncio.wait({self._fetching})

    def _fetch_soon(self) -> None:
        if self._fetching or self._is_closed:
            return
        if self._last_fault and self._clock.elapsed() - self._last_fault[0] < _RETRY_SECONDS:
            return
        self._fetching = asyncio.create_task(self._try_to_fetch())

    async def _try_to_fetch(self) -> None:
        try:
            await self._fetch()
            self._last_fault = None
        except Exception as fault:
            self._last_fault = self._clock.elapsed(), fault
            # The set may have moved: its address is looked up again.
            self._discovered = None
        finally:
            self._fetching = None

    async def _fetch(self) -> None:
        url = self._place.jwks_uri or await self._discover()
        held = self._held
        asked_at = self._clock.elapsed()
        answer = await self._get(url, held.etag if held else None)
        is_doubtful = self._suspected_at > asked_at
        fresh_until = self._suspected_at if is_doubtful else self._clock.elapsed() + _fresh_seconds(answer.headers)
        if held and (not answer.changed or answer.text == held.text):
            self._held = replace(held, fresh_until=fresh_until)
            return
        keys = KeySet(answer.json)
        if len(keys) == 0:
            raise RequestFault(url, "holds no public signature key")
        self._held = _Held(keys, answer.text, answer.etag, fresh_until)

    async def _discover(self) -> str:
        known = self._discovered
        if known and self._clock.elapsed() - known[1] < _DISCOVERED_FOR_SECONDS:
            return known[0]
        jwks_uri = await find_jwks_uri(self._place.issuer, self._get_fresh)
        self._discovered = jwks_uri, self._clock.elapsed()
        return jwks_uri

    async def _get_fresh(self, url: str) -> object:
        return (await self._get(url)).json

    async def _get(self, url: str, etag: str | None = None) -> Document:
        return await get_json(self._client, url, user_agent=self._place.user_agent, max_bytes=_MOST_BYTES, etag=etag)


def _is_unknown(choice: FoundKey | NoKey) -> bool:
    return isinstance(choice, NoKey) and choice.reason == "unknown"


def _fresh_seconds(headers: httpx.Headers) -> float:
    """The rest of ``max-age``, within bounds: a set is neither fetched all the time nor kept for days."""
    control = headers.get("cache-control", "")
    if re.search(r"\bno-(store|cache)\b", control, re.I):
        return _LEAST_FRESH_SECONDS
    said = re.search(r'\bmax-age="?(\d{1,9})', control, re.I | re.A)
    if said is None:
        return _UNSAID_FRESH_SECONDS
    left = float(said[1]) - seconds_in_caches(headers)
    return min(max(left, _LEAST_FRESH_SECONDS), _MOST_FRESH_SECONDS)
