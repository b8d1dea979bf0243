"""Guards for FastAPI and Starlette.

A guard is a dependency: ``token: Annotated[VerifiedToken, Depends(auth.require_scope("orders:read"))]``. In
Starlette an endpoint calls it: ``token = await guard(request)``. ``auth.install(app)`` makes the app answer
refusals with the body of this package.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Unpack

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from .errors import TokenError
from .guard import Guards, find_token, me_of
from .judge import VerifiedToken
from .options import Options, Overrides
from .rights import Demand
from .verifier import AsyncTokenVerifier

__all__ = ["FastApiAuth", "Refused", "VerifiedToken", "create_auth_middleware"]

Dependency = Callable[[HTTPConnection], Awaitable[VerifiedToken]]


class Refused(HTTPException):
    """A refusal. Without ``install`` the framework answers it: the same status and challenge, another body."""

    def __init__(self, error: TokenError) -> None:
        super().__init__(error.status, f"{error.code}: {error.description}", error.headers)
        self.error = error


class FastApiAuth(Guards[AsyncTokenVerifier, Dependency]):
    """The guards of one verifier. The verified token of a request is also ``request.state.auth``."""

    def install(self, app: Starlette) -> None:
        """Makes an app answer refusals with this package's body. Call it before the first request."""
        app.add_exception_handler(Refused, _answer)

    def me(self) -> Callable[[Request], Awaitable[JSONResponse]]:
        """An endpoint that verifies the token and returns its claims and rights."""

        async def me(request: Request) -> JSONResponse:
            token = await self._admit(request, None, {})
            return JSONResponse(me_of(token.claims), headers={"cache-control": "no-store"})

        return me

    async def close(self) -> None:
        """Closes the verifier."""
        await self._verifier.close()

    def _guard(self, demand: Demand, overrides: Overrides) -> Dependency:
        async def dependency(connection: HTTPConnection) -> VerifiedToken:
            return await self._admit(connection, demand, overrides)

        return dependency

    async def _admit(self, connection: HTTPConnection, demand: Demand | None, overrides: Overrides) -> VerifiedToken:
        try:
            sent = connection.headers.getlist("authorization")
            token = await self._verifier.verify_token(find_token(", ".join(sent)), **overrides)
            if demand:
                demand(token.claims)
        except TokenError as error:
            raise Refused(self._verifier.challenge(error)) from None
        connection.state.auth = token
        return token


def create_auth_middleware(*, issuer: str, **options: Unpack[Options]) -> FastApiAuth:
    """Guards with a verifier of their own.

    :raises ValueError: naming the option that is wrong
    """
    return FastApiAuth(AsyncTokenVerifier(issuer=issuer, **options))


async def _answer(_request: Any, refused: Any) -> Response:
    error: TokenError = refused.error
    return JSONResponse(error.body, error.status, error.headers)
