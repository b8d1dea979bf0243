"""Verifies access tokens of Signet and other OIDC issuers.

The core needs no framework: it takes strings. Guards are in ``signet_verify.fastapi`` and ``signet_verify.flask``.
"""

from .clock import Clock
from .errors import TOKEN_ERROR_CODES, TokenError, TokenErrorCode
from .judge import VerifiedToken
from .options import Options, Overrides, Revocations
from .rights import permissions_of, profile_of, roles_of, scopes_of
from .staleness import RevocationStatus
from .verifier import AsyncTokenVerifier, TokenVerifier, create_token_verifier
from .version import VERSION as __version__

__all__ = [
    "TOKEN_ERROR_CODES",
    "AsyncTokenVerifier",
    "Clock",
    "Options",
    "Overrides",
    "RevocationStatus",
    "Revocations",
    "TokenError",
    "TokenErrorCode",
    "TokenVerifier",
    "VerifiedToken",
    "__version__",
    "create_token_verifier",
    "permissions_of",
    "profile_of",
    "roles_of",
    "scopes_of",
]
