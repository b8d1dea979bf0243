"""Guards routes in any framework: finds the token and names the demands. The adapters only translate."""

import re
from abc import ABC, abstractmethod
from typing import Any, Final, Generic, TypeVar, Unpack

from .errors import TokenError
from .options import Overrides
from .rights import (
    Demand,
    demand_nothing,
    demand_permissions,
    demand_platform_owner,
    demand_roles,
    demand_scopes,
    profile_of,
)
from .staleness import RevocationStatus
from .verifier import AnyVerifier

Handler = TypeVar("Handler")
OneVerifier = TypeVar("OneVerifier", bound=AnyVerifier)


class Guards(ABC, Generic[OneVerifier, Handler]):
    """The methods of every adapter.

    :param verifier: names its audience. It may be shared, and whoever made it closes it
    :raises ValueError: if the verifier names no audience
    """

    def __init__(self, verifier: OneVerifier) -> None:
        verifier.check_overrides({})
        self._verifier = verifier

    def require_auth(self, **overrides: Unpack[Overrides]) -> Handler:
        """Any valid token. The route can have terms of its own.

        :raises ValueError: naming the override that is wrong
        """
        self._verifier.check_overrides(overrides)
        return self._guard(demand_nothing, overrides)

    def require_scope(self, *scopes: str) -> Handler:
        """A valid token with all of these scopes, in ``scope`` or ``scp``."""
        return self._guard(demand_scopes(*scopes), {})

    def require_role(self, *roles: str) -> Handler:
        """A valid token with one of these roles, in ``roles`` or ``role``."""
        return self._guard(demand_roles(*roles), {})

    def require_permission(self, permission: str) -> Handler:
        """A valid token with this permission, in ``permissions``."""
        return self._guard(demand_permissions(permission), {})

    def require_any_permission(self, *permissions: str) -> Handler:
        """A valid token with one of these permissions."""
        return self._guard(demand_permissions(*permissions), {})

    def require_platform_owner(self) -> Handler:
        """A valid token with ``is_platform_owner: true``."""
        return self._guard(demand_platform_owner, {})

    def revocation_status(self) -> RevocationStatus | None:
        """The state and age of the revocation data."""
        return self._verifier.revocation_status()

    @abstractmethod
    def _guard(self, demand: Demand, overrides: Overrides) -> Handler: ...


_BLANKS: Final = " \t"
"""RFC 9110 section 5.6.3. Other white space is no blank of a header."""


def find_token(authorization: str | None) -> str:
    """The token of a header (RFC 9110 section 11.4, RFC 6750 section 2.1).

    :raises TokenError: ``missing_token``, ``malformed_token``, ``wrong_type``
    """
    scheme, _, rest = (authorization or "").strip(_BLANKS).partition(" ")
    token = rest.strip(_BLANKS)
    if token and scheme.lower() == "dpop":
        raise TokenError("wrong_type", "tokens that are bound to a key (DPoP) are not taken here; use scheme Bearer")
    if not token or scheme.lower() != "bearer":
        raise TokenError("missing_token", "send the token as: Authorization: Bearer TOKEN")
    if re.search(r"[\s,]", token):
        raise TokenError("malformed_token", "Authorization holds more than one token, or one with white space in it")
    return token


def me_of(claims: dict[str, Any]) -> dict[str, Any]:
    """The answer of ``me()``: the rights that a token gives, and its claims."""
    return {"authenticated": True, **profile_of(claims), "claims": claims}
