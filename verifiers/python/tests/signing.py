"""Tokens of a small issuer, signed with PyJWT."""

import base64
import hashlib
import json
import uuid
from typing import Any

import jwt
from conftest import Reply, SmallIssuer, StillClock
from cryptography.hazmat.primitives.asymmetric import ec

API = "https://api.example"


class Signer:
    """Keys of a small issuer, published at ``/jwks`` and by discovery."""

    def __init__(self, issuer: SmallIssuer, clock: StillClock) -> None:
        self.issuer = issuer
        self.clock = clock
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.control = "max-age=300"
        issuer.serve_json("/.well-known/openid-configuration", {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/jwks"})
        issuer.answers["/jwks"] = lambda _request, _after: self.key_set()

    def add_key(self, kid: str) -> None:
        """Publishes a new key."""
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())

    def key_set(self) -> Reply:
        """The present key set."""
        keys = [
            {**jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "ES256"}
            for kid, key in self.keys.items()
        ]
        return {"status": 200, "headers": {"cache-control": self.control}, "body": json.dumps({"keys": keys})}

    def token(self, kid: str = "one", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """An access token that is good for five minutes, unless the claims say otherwise."""
        now = int(self.clock.now())
        standard = {
            "iss": self.issuer.url,
            "aud": API,
            "sub": "ada",
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid.uuid4()),
        }
        key = self.keys[kid]
        return jwt.encode({**standard, **claims}, key, "ES256", {"kid": kid, "typ": "at+jwt", **(header or {})})

    def entry(self, kind: str, value: str, name: str = "e1") -> dict[str, Any]:
        """An entry of the feed."""
        digest = base64.urlsafe_b64encode(hashlib.sha256(f"{kind}:{value}".encode()).digest()).decode().rstrip("=")
        now = int(self.clock.now())
        return {"id": name, "kind": kind, "hash": digest, "issued_before": now + 10, "expires_at": now + 600}
