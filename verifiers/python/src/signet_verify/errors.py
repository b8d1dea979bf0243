"""The only error that this package raises about a token.

The code comes from a closed list, and the status follows from the code. The error carries the
challenge for the caller (RFC 6750 section 3) and never holds the token.
"""

import json
import re
from typing import Final, Literal, get_args

TokenErrorCode = Literal[
    "missing_token",
    "malformed_token",
    "unsupported_algorithm",
    "unknown_key",
    "invalid_signature",
    "token_expired",
    "token_not_active",
    "wrong_issuer",
    "wrong_audience",
    "wrong_type",
    "token_revoked",
    "insufficient_scope",
    "issuer_unavailable",
    "revocations_stale",
]

TOKEN_ERROR_CODES: Final[tuple[TokenErrorCode, ...]] = get_args(TokenErrorCode)
"""Every code, in the order in which a token is checked."""

_OTHER_STATUS: Final = {"insufficient_scope": 403, "issuer_unavailable": 503, "revocations_stale": 503}
_RETRY_AFTER_SECONDS: Final = 5
_MOST_DESCRIPTION_CHARACTERS: Final = 400
_MOST_SHOWN_CHARACTERS: Final = 80


class TokenError(Exception):
    """A token that is not accepted, and the answer that its sender gets.

    :param code: one of ``TOKEN_ERROR_CODES``
    :param description: for the caller's developer: what was wrong and the step that helps
    :param scope: the scopes that the request needs, separated by spaces
    """

    def __init__(self, code: TokenErrorCode, description: str, *, scope: str | None = None) -> None:
        self.code: TokenErrorCode = code
        self.status: int = _OTHER_STATUS.get(code, 401)
        self.description: str = _as_description(description)
        self.scope: str | None = scope
        self._resource_metadata: str | None = None
        super().__init__(self.description)

    def point_to(self, resource_metadata: str | None) -> "TokenError":
        """Adds the address of the API's own metadata to the challenge (RFC 9728 section 5.1)."""
        self._resource_metadata = self._resource_metadata or resource_metadata
        return self

    @property
    def www_authenticate(self) -> str | None:
        """The value of the ``WWW-Authenticate`` header.

        With 503 there is none, because another token would not help. For a request without a token
        the challenge has no parameters: RFC 6750 section 3.1 has no error code for it.
        """
        if self.status == 503:
            return None
        error = _challenge_error(self.code)
        parameters = {
            "error": error,
            "error_description": error and self.description,
            "scope": None if self.scope is None else _as_description(self.scope),
            "resource_metadata": self._resource_metadata,
        }
        told = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value is not None)
        return f"Bearer {told}".strip()

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response."""
        headers = {"cache-control": "no-store"}
        challenge = self.www_authenticate
        if challenge is not None:
            headers["www-authenticate"] = challenge
        if self.status == 503:
            headers["retry-after"] = str(_RETRY_AFTER_SECONDS)
        return headers

    @property
    def body(self) -> dict[str, str]:
        """The body of the response, as JSON has it."""
        return {"error": self.code, "error_description": self.description}


def _challenge_error(code: TokenErrorCode) -> str | None:
    if code == "missing_token":
        return None
    return "insufficient_scope" if code == "insufficient_scope" else "invalid_token"


def _as_description(text: str) -> str:
    """RFC 6750 section 3 allows few characters, and the sender of the token has written parts of the text."""
    short = text[:_MOST_DESCRIPTION_CHARACTERS].replace('"', "'")
    return re.sub(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]", "?", short)


def shown(value: object) -> str:
    """A value of a token, quoted and short enough for a description."""
    text = value if isinstance(value, str) else json.dumps(value, default=repr)
    if len(text) > _MOST_SHOWN_CHARACTERS:
        text = f"{text[:_MOST_SHOWN_CHARACTERS]}..."
    return f"'{text}'"
