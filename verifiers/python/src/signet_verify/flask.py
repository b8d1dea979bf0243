"""Guards for Flask.

A guard is a decorator below the route: ``@auth.require_scope("orders:read")``. The verified token of the request is
``flask.g.auth``.
"""

import functools
from collections.abc import Callable
from typing import Any, Unpack

from flask import Response, current_app, g, jsonify, request

from .errors import TokenError
from .guard import Guards, find_token, me_of
from .judge import VerifiedToken
from .options import Options, Overrides
from .rights import Demand, demand_nothing
from .verifier import TokenVerifier

__all__ = ["FlaskAuth", "VerifiedToken", "create_auth_middleware"]

View = Callable[..., Any]
Decorator = Callable[[View], View]


class FlaskAuth(Guards[TokenVerifier, Decorator]):
    """The guards of one verifier."""

    def me(self) -> View:
        """A view that verifies the token and returns its claims and rights."""

        def me() -> Response:
            response = jsonify(me_of(g.auth.claims))
            response.headers["cache-control"] = "no-store"
            return response

        return self._guard(demand_nothing, {})(me)

    def close(self) -> None:
        """Closes the verifier."""
        self._verifier.close()

    def _guard(self, demand: Demand, overrides: Overrides) -> Decorator:
        def decorate(view: View) -> View:
            @functools.wraps(view)
            def guarded(*args: Any, **values: Any) -> Any:
                try:
                    g.auth = self._admit(demand, overrides)
                except TokenError as error:
                    return _answer(self._verifier.challenge(error))
                return current_app.ensure_sync(view)(*args, **values)

            return guarded

        return decorate

    def _admit(self, demand: Demand, overrides: Overrides) -> VerifiedToken:
        sent = ", ".join(request.headers.getlist("Authorization"))
        token = self._verifier.verify_token(find_token(sent), **overrides)
        demand(token.claims)
        return token


def create_auth_middleware(*, issuer: str, **options: Unpack[Options]) -> FlaskAuth:
    """Guards with a verifier of their own.

    :raises ValueError: naming the option that is wrong
    """
    return FlaskAuth(TokenVerifier(issuer=issuer, **options))


def _answer(error: TokenError) -> Response:
    response = jsonify(error.body)
    response.status_code = error.status
    response.headers.update(error.headers)
    return response
