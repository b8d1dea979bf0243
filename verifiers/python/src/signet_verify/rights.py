"""The rights that verified claims give, and the demands of routes.

A claim that is absent or has another type gives no right.
"""

from collections.abc import Callable
from typing import Any

from .errors import TokenError, shown

Claims = dict[str, Any]
Demand = Callable[[Claims], None]
"""Raises ``insufficient_scope``."""


def scopes_of(claims: Claims) -> list[str]:
    """``scope`` (RFC 8693 section 4.2), or ``scp`` at some other issuers."""
    scope = claims.get("scope")
    return _words(claims.get("scp") if scope is None else scope)


def roles_of(claims: Claims) -> list[str]:
    """``roles`` and ``role`` together. A role may contain a space."""
    return list(dict.fromkeys(_texts(claims.get("roles")) + _texts(claims.get("role"))))


def permissions_of(claims: Claims) -> list[str]:
    """The words or items of ``permissions``."""
    return _words(claims.get("permissions"))


def profile_of(claims: Claims) -> dict[str, Any]:
    """The holder of a token and their rights, as ``me()`` tells them."""
    names = {name: _text(claims.get(name)) for name in ("sub", "client_id", "org_slug", "service_slug")}
    return names | {
        "scope": scopes_of(claims),
        "roles": roles_of(claims),
        "permissions": permissions_of(claims),
        "is_platform_owner": claims.get("is_platform_owner") is True,
    }


def demand_nothing(_claims: Claims) -> None:
    """Any valid token."""


def demand_scopes(*needed: str) -> Demand:
    """All of these scopes."""
    _require_names("require_scope", needed)
    together = " ".join(needed)

    def demand(claims: Claims) -> None:
        if not set(needed) <= set(scopes_of(claims)):
            raise TokenError("insufficient_scope", f"the token needs the scope {shown(together)}", scope=together)

    return demand


def demand_roles(*accepted: str) -> Demand:
    """One of these roles."""
    _require_names("require_role", accepted)
    return lambda claims: _require_one("role", accepted, roles_of(claims))


def demand_permissions(*accepted: str) -> Demand:
    """One of these permissions."""
    _require_names("require_permission", accepted)
    return lambda claims: _require_one("permission", accepted, permissions_of(claims))


def demand_platform_owner(claims: Claims) -> None:
    """``is_platform_owner`` is exactly ``true``."""
    if claims.get("is_platform_owner") is not True:
        raise TokenError("insufficient_scope", "the token is not that of a platform owner")


def _require_one(what: str, accepted: tuple[str, ...], held: list[str]) -> None:
    if not set(accepted) & set(held):
        told = " or ".join(shown(each) for each in accepted)
        raise TokenError("insufficient_scope", f"the token needs the {what} {told}")


def _require_names(what: str, names: tuple[str, ...]) -> None:
    """An empty demand would let everybody in, so it is refused as a mistake."""
    if not names or not all(isinstance(each, str) and each for each in names):
        raise ValueError(f"{what} takes one name or more, none of them empty")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [each for each in listed if isinstance(each, str) and each]


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return [word for word in value.split(" ") if word]
    return _texts(value) if isinstance(value, list) else []
