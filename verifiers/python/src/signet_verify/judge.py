"""Judges tokens by keys, claims and revocations: at once, or in the background where it has to wait."""

from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from .blacklist_follower import BlacklistFollower
from .claims import check_claims, require_types, require_unbound
from .clock import Moment, moment_of
from .errors import TokenError
from .key_set import FoundKey
from .options import Settings, Terms
from .remote_keys import KeyPlace, RemoteKeys
from .signature import UnverifiedToken, read_token, verify_signature
from .staleness import RevocationStatus

_SKEW_OF_ISSUER_SECONDS: Final = 60.0
"""Seconds that the issuer adds to the end of its entries. A larger tolerance needs an entry for longer than that."""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token that was accepted.

    Of the claims only ``exp``, ``iat``, ``nbf`` (numbers), ``iss``, ``sub``, ``jti``, ``client_id`` and ``sid``
    (text) have a guaranteed type, where they are present, and ``exp`` is.
    """

    claims: dict[str, Any]
    header: dict[str, Any]
    token: str = field(repr=False)


class Judge:
    """The keys and the follower of one verifier in one process.

    :param client: lives in the background loop
    """

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._settings = settings
        self._keys = RemoteKeys(_place_of(settings), client, settings.clock)
        self._follower = self._follower_of(settings, client)
        self._is_closed = False

    def judge_at_once(self, token: object, terms: Terms) -> VerifiedToken | None:
        """The verdict, or ``None`` if it has to wait for the issuer. Every thread may ask.

        :raises TokenError:
        """
        unverified, asked = self._begin(token)
        found = self._keys.find(unverified.alg, unverified.kid)
        if found is None:
            return None
        claims = self._check(unverified, found, terms)
        if self._follower and not self._follower.is_fresh(asked, terms.policy):
            return None
        return self._conclude(token, unverified, found, claims)

    async def judge(self, token: object, terms: Terms) -> VerifiedToken:
        """The verdict, in the background loop.

        :raises TokenError:
        """
        unverified, asked = self._begin(token)
        found = await self._look(unverified)
        claims = self._check(unverified, found, terms)
        if self._follower and not self._follower.is_fresh(asked, terms.policy):
            await self._follower.freshen(asked, terms.policy)
            # The token may have expired meanwhile.
            check_claims(claims, unverified.header, terms, self._settings.clock.now())
        # Nothing is awaited after this line, so that every revocation known by now counts.
        return self._conclude(token, unverified, found, claims)

    def status(self) -> RevocationStatus | None:
        """The state and age of the revocation data; ``None`` if revocations are not followed."""
        return self._follower.status() if self._follower else None

    async def close(self) -> None:
        """Ends all running requests."""
        self._is_closed = True
        self._keys.close()
        if self._follower:
            self._follower.close()

    def _begin(self, token: object) -> tuple[UnverifiedToken, Moment]:
        unverified = read_token(token, self._settings.algorithms)
        if self._is_closed:
            raise TokenError("issuer_unavailable", "this verifier is closed")
        return unverified, moment_of(self._settings.clock)

    async def _look(self, unverified: UnverifiedToken) -> FoundKey:
        # Nobody has to be asked for a key that is gone because it was revoked.
        if not self._keys.holds(unverified.kid):
            self._require_no_denial_of_key(unverified.kid)
        try:
            return await self._keys.look(unverified.alg, unverified.kid)
        except TokenError as error:
            if error.code == "unknown_key":
                self._require_no_denial_of_key(unverified.kid)
            raise

    def _require_no_denial_of_key(self, kid: str | None) -> None:
        """A revoked key leaves the key set at once. Its tokens are revoked, not those of an unknown key."""
        denial = self._follower.find_denying({}, kid, self._settings.clock.now()) if self._follower else None
        if denial:
            raise TokenError("token_revoked", f"the key of the token was revoked (entry {denial.id})") from None

    def _check(self, unverified: UnverifiedToken, found: FoundKey, terms: Terms) -> dict[str, Any]:
        claims = verify_signature(unverified, found)
        require_types(claims)
        check_claims(claims, unverified.header, terms, self._settings.clock.now())
        return claims

    def _conclude(
        self, token: object, unverified: UnverifiedToken, found: FoundKey, claims: dict[str, Any]
    ) -> VerifiedToken:
        require_unbound(claims)
        if self._follower:
            denial = self._follower.find_denying(claims, found.kid, self._settings.clock.now())
            if denial:
                told = f"the token was revoked ({denial.kind}, entry {denial.id}): get a new one"
                raise TokenError("token_revoked", told)
        return VerifiedToken(claims, unverified.header, str(token))

    def _follower_of(self, settings: Settings, client: httpx.AsyncClient) -> BlacklistFollower | None:
        if settings.feed_url is None:
            return None
        return BlacklistFollower(
            settings.feed_url,
            settings.user_agent,
            linger_seconds=max(0.0, settings.max_clock_tolerance - _SKEW_OF_ISSUER_SECONDS),
            client=client,
            clock=settings.clock,
            on_change=self._note,
        )

    def _note(self, kinds: set[str]) -> None:
        if "kid" in kinds:
            self._keys.suspect_change()


def _place_of(settings: Settings) -> KeyPlace:
    return KeyPlace(
        settings.terms.issuer,
        settings.jwks_uri,
        settings.user_agent,
        settings.max_stale_keys_seconds,
    )
