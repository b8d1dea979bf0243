"""The metadata document of an issuer (OIDC Discovery section 4, RFC 8414 section 3)."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from .errors import shown
from .get_document import RequestFault
from .web_address import is_safe


async def find_jwks_uri(issuer: str, get: Callable[[str], Awaitable[object]]) -> str:
    """The address of an issuer's keys. The document has to name exactly the issuer that was asked for.

    Only a document that came by plain http itself, which ``allow_http`` takes, may name such an address.

    :param get: fetches one JSON document
    :raises RequestFault:
    """
    url, document = await _find_document(issuer, get)
    members = document if isinstance(document, dict) else {}
    if members.get("issuer") != issuer:
        raise RequestFault(url, f"names the issuer {shown(members.get('issuer'))}, not '{issuer}' (compare exactly)")
    address = members.get("jwks_uri")
    if not isinstance(address, str):
        raise RequestFault(url, "names no jwks_uri")
    if not is_safe(address, allow_http=not is_safe(url)):
        raise RequestFault(url, f"names a jwks_uri that is not https: {shown(address)}")
    return address


async def _find_document(issuer: str, get: Callable[[str], Awaitable[object]]) -> tuple[str, object]:
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.removesuffix("/")
    url = f"{origin}{path}/.well-known/openid-configuration"
    try:
        return url, await get(url)
    except RequestFault as fault:
        if fault.status != 404:
            raise
    url = f"{origin}/.well-known/oauth-authorization-server{path}"
    return url, await get(url)
