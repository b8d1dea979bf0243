"""Fetches one JSON document of the issuer, bounded in time and size. Redirects are not followed."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Final

import httpx

from . import strict_json

REQUEST_TIMEOUT_SECONDS: Final = 5.0
_LONGEST_AGE_SECONDS: Final = 2.0**31
"""The value of an unreadable ``Age``."""


class RequestFault(Exception):
    """The failure of a request, described for an operator."""

    def __init__(self, url: str, what: str, *, status: int | None = None) -> None:
        super().__init__(f"{url} {what}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Document:
    """An answer. ``changed`` is false for 304; then there is no text."""

    changed: bool
    headers: httpx.Headers
    text: str = ""
    json: Any = None

    @property
    def etag(self) -> str | None:
        """The entity tag that the next request sends back. One beyond ASCII (RFC 9110 section 8.8.3) could not be sent."""
        etag = self.headers.get("etag")
        return etag if etag is not None and etag.isascii() else None


def request_headers(accept: str, user_agent: str, more: dict[str, str | None] | None = None) -> dict[str, str]:
    """The headers of every request. A compressed answer could become larger than any bound, so none is asked for."""
    headers = {"accept": accept, "accept-encoding": "identity", "user-agent": user_agent}
    return headers | {name: value for name, value in (more or {}).items() if value is not None}


async def get_json(
    client: httpx.AsyncClient, url: str, *, user_agent: str, max_bytes: int, etag: str | None = None
) -> Document:
    """Fetches a document.

    :param etag: the entity tag of the present copy
    :raises RequestFault:
    """
    headers = request_headers("application/json", user_agent, {"if-none-match": etag})
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS), client.stream("GET", url, headers=headers) as response:
            if response.status_code == 304 and etag is not None:
                return Document(False, response.headers)
            _require_document(url, response)
            text = await _read_bounded(url, response, max_bytes)
    except Exception as cause:
        raise as_fault(url, cause) from cause
    return Document(True, response.headers, text, _parse(url, text, response.headers))


def as_fault(url: str, cause: Exception, waited: float = REQUEST_TIMEOUT_SECONDS) -> RequestFault:
    """A failure as an operator reads it."""
    if isinstance(cause, RequestFault):
        return cause
    if isinstance(cause, TimeoutError):
        return RequestFault(url, f"gave no answer within {waited:g} s")
    return RequestFault(url, f"could not be reached: {cause or type(cause).__name__}")


def _require_document(url: str, response: httpx.Response) -> None:
    """A redirect is a fault: keys come from the configured address only."""
    status = response.status_code
    if 300 <= status < 400 and status != 304:
        place = response.headers.get("location", "elsewhere")
        raise RequestFault(url, f"redirects to {place[:200]}, which is not followed", status=status)
    if status != 200:
        raise RequestFault(url, f"answered {status}", status=status)
    # The content decides, because file servers send key sets as plain text or bytes. HTML is a login or error page.
    media_type = response.headers.get("content-type", "")[:60]
    if "html" in media_type.lower():
        raise RequestFault(url, f"answered {media_type} instead of JSON")


def require_plain(url: str, response: httpx.Response) -> None:
    """:raises RequestFault: if an answer is compressed"""
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise RequestFault(url, f"answered compressed ({encoding[:60]}), without being asked to")


async def _read_bounded(url: str, response: httpx.Response, max_bytes: int) -> str:
    require_plain(url, response)
    chunks: list[bytes] = []
    length = 0
    async for chunk in response.aiter_raw():
        length += len(chunk)
        if length > max_bytes:
            raise RequestFault(url, f"answered more than {max_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks).decode("utf-8", "replace")


def _parse(url: str, text: str, headers: httpx.Headers) -> Any:
    try:
        return strict_json.parse(text)
    except ValueError as cause:
        media_type = headers.get("content-type")
        told = "" if media_type is None else f" ({media_type[:60]})"
        raise RequestFault(url, f"answered no JSON{told}") from cause


def seconds_in_caches(headers: httpx.Headers) -> float:
    """RFC 9111 section 5.1: how long a cache has kept this answer. Of several values the highest counts."""
    ages = headers.get("age", "0").split(",")
    return max(float(each) if re.fullmatch(r"\d{1,9}", each.strip(), re.A) else _LONGEST_AGE_SECONDS for each in ages)
