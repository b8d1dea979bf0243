"""The signature algorithms for tokens, and the keys that belong to them (RFC 7518 section 3.1, RFC 8037, RFC 9864)."""

from typing import Any, Final

_KEY_OF: Final[dict[str, tuple[str, str | None]]] = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}

ASYMMETRIC_ALGORITHMS: Final = tuple(_KEY_OF)
"""All of them verify with a public key, so an API that can verify cannot sign."""

_MEMBERS_OF: Final = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("n", "e")}


def registered(alg: str) -> str:
    """The name that PyJWT knows: Ed25519 has two (RFC 9864 section 2.2)."""
    return "EdDSA" if alg == "Ed25519" else alg


def fits(jwk: dict[str, str], alg: str) -> bool:
    """Whether a key may verify an algorithm. The key decides, never the token alone (RFC 8725 section 3.1)."""
    kty, crv = _KEY_OF.get(alg, (None, None))
    if jwk["kty"] != kty or (crv is not None and jwk["crv"] != crv):
        return False
    return "alg" not in jwk or registered(jwk["alg"]) == registered(alg)


def public_part(jwk: dict[str, Any]) -> dict[str, str] | None:
    """The public members of a key; ``None`` if the key does not verify signatures."""
    if jwk.get("use", "sig") != "sig":
        return None
    operations = jwk.get("key_ops")
    if isinstance(operations, list) and "verify" not in operations:
        return None
    kty = jwk.get("kty")
    members = _MEMBERS_OF.get(kty) if isinstance(kty, str) else None
    if members is None or not all(isinstance(jwk.get(name), str) and jwk[name] for name in members):
        return None
    alg = {"alg": jwk["alg"]} if isinstance(jwk.get("alg"), str) else {}
    return {"kty": str(kty), **{name: jwk[name] for name in members}, **alg}
