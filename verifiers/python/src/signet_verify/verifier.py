"""The verifiers that an API creates once, for code that waits and for code that awaits."""

import asyncio
import contextlib
import math
import os
import threading
import weakref
from typing import Final, Self, Unpack

from .background import background
from .errors import TokenError
from .judge import Judge, VerifiedToken
from .options import Options, Overrides, Terms, apply_overrides, read_options, require_named_audience
from .staleness import RevocationStatus

_CLOSE_SECONDS: Final = 2.0


class AnyVerifier:
    """The part that both kinds share: options, and the judge of this process."""

    def __init__(self, *, issuer: str, **options: Unpack[Options]) -> None:
        self._settings = read_options(issuer, **options)
        self._is_closed = False
        self._lock = threading.Lock()
        self._judge: Judge | None = None
        _verifiers.add(self)

    def revocation_status(self) -> RevocationStatus | None:
        """The state and age of the revocation data; ``None`` if revocations are not followed."""
        if self._settings.feed_url is None:
            return None
        if self._judge is None:
            return RevocationStatus("closed" if self._is_closed else "idle", None, 0, math.inf, None)
        return self._judge.status()

    def check_overrides(self, overrides: Overrides) -> Terms:
        """The terms of a call or route. A guard asks for them before the first request.

        :raises ValueError: naming the override
        """
        terms = self._settings.terms
        if overrides:
            terms = apply_overrides(terms, dict(overrides), self._settings.max_clock_tolerance)
        require_named_audience(terms)
        return terms

    def _present_judge(self) -> Judge:
        """Made with the first token, anew in a child process: threads and connections are not inherited."""
        if self._judge is not None:
            return self._judge
        with self._lock:
            if self._is_closed:
                raise TokenError("issuer_unavailable", "this verifier is closed")
            if self._judge is None:
                self._judge = Judge(self._settings, background().client)
            return self._judge

    def challenge(self, error: TokenError) -> TokenError:
        """The error with the address of the API's own metadata, if the options name it."""
        return error.point_to(self._settings.resource_metadata)

    def _take_judge(self) -> Judge | None:
        with self._lock:
            self._is_closed = True
            return self._judge

    def _reset(self) -> None:
        """In a child process."""
        self._lock = threading.Lock()
        self._judge = None


class TokenVerifier(AnyVerifier):
    """A verifier for code that waits. Every thread may use it."""

    def verify_token(self, token: str | None, **overrides: Unpack[Overrides]) -> VerifiedToken:
        """Judges a token.

        :param overrides: ``audience``, ``issuer``, ``typ``, ``clock_tolerance`` and ``revocations`` for this call
        :raises TokenError: if the token is not accepted, whatever it holds
        :raises ValueError: if an override is wrong, or nothing names the audience
        """
        terms = self.check_overrides(overrides)
        try:
            judge = self._present_judge()
            verdict = judge.judge_at_once(token, terms)
            if verdict is None:
                verdict = background().submit(judge.judge(token, terms)).result()
            return verdict
        except TokenError as error:
            raise self.challenge(error) from None

    def close(self) -> None:
        """Ends all running requests. A closed verifier accepts nothing."""
        judge = self._take_judge()
        if judge:
            # At the end of the process all requests have ended already.
            with contextlib.suppress(TokenError):
                background().submit(judge.close()).result(_CLOSE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncTokenVerifier(AnyVerifier):
    """A verifier for code that awaits. It may be used in any event loop."""

    async def verify_token(self, token: str | None, **overrides: Unpack[Overrides]) -> VerifiedToken:
        """Judges a token, as ``TokenVerifier.verify_token`` does."""
        terms = self.check_overrides(overrides)
        try:
            judge = self._present_judge()
            verdict = judge.judge_at_once(token, terms)
            if verdict is None:
                verdict = await asyncio.wrap_future(background().submit(judge.judge(token, terms)))
            return verdict
        except TokenError as error:
            raise self.challenge(error) from None

    async def close(self) -> None:
        """Ends all running requests. A closed verifier accepts nothing."""
        judge = self._take_judge()
        if judge:
            with contextlib.suppress(TokenError):
                await asyncio.wrap_future(background().submit(judge.close()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def create_token_verifier(*, issuer: str, **options: Unpack[Options]) -> TokenVerifier:
    """Makes a verifier for the tokens of one issuer. Nothing is fetched before the first token.

    :param issuer: the exact ``iss``
    :param options: as in the table of the README
    :raises ValueError: naming the option that is wrong
    """
    return TokenVerifier(issuer=issuer, **options)


_verifiers: "weakref.WeakSet[AnyVerifier]" = weakref.WeakSet()


def _forget() -> None:
    for verifier in _verifiers:
        verifier._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
