/** Python with PyJWT, in whatever framework. */
import { nameOf, quoted, type Facts, type Snippet } from './snippet.ts'

export const python = (facts: Facts): Snippet => ({
  snippet: `# pip install "pyjwt[crypto]>=2.8"
# Save as signet_auth.py. In a view or dependency, say of FastAPI or Flask:
#   try: claims = require_token(request.headers.get("Authorization"), ${quoted(facts.scope[0] ?? 'SCOPE')})
#   except Refused as refused: answer refused.status with refused.headers and the text of it
import jwt

ISSUER = ${quoted(facts.issuer)}
AUDIENCE = ${quoted(facts.audience)}
JWKS = jwt.PyJWKClient(
    ${quoted(facts.jwksUri)},
    headers={"User-Agent": ${quoted(`signet-verifier/pyjwt (${nameOf(facts.audience)})`)}},  # shown by: signet key list
    timeout=5,
)


class Refused(Exception):
    def __init__(self, status, error, description):
        super().__init__(description)
        self.status = status
        self.headers = {"WWW-Authenticate": f'Bearer error="{error}"'} if status != 503 else {"Retry-After": "5"}


def require_token(authorization, *scopes):
    """The claims behind an Authorization header; raises Refused, and nothing else, whatever a caller sends."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "invalid_request", "send: Authorization: Bearer TOKEN")
    try:
        # Looked at first: every unknown kid makes PyJWKClient fetch the key set anew.
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ${quoted(facts.alg)} or header.get("typ") != ${quoted(facts.typ)}:
            raise jwt.InvalidTokenError("another kind of token")
        claims = jwt.decode(
            token,
            JWKS.get_signing_key_from_jwt(token).key,
            algorithms=[${quoted(facts.alg)}],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=5,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWKClientConnectionError as error:
        raise Refused(503, "", "the issuer cannot be reached") from error
    except jwt.PyJWTError as error:
        raise Refused(401, "invalid_token", str(error)) from error
    if "cnf" in claims:
        raise Refused(401, "invalid_token", "the token is bound to a key, and this API takes plain Bearer tokens")
    missing = set(scopes) - set(claims.get("scope", "").split())
    if missing:
        raise Refused(403, "insufficient_scope", "the token lacks the scope " + " ".join(sorted(missing)))
    return claims
`,
  notes: [
    'PyJWT knows nothing of revocations: a revoked token is taken until it expires; ask /introspect where that is too long',
    'PyJWKClient keeps the set for 300 s and fetches it for every unknown kid, without limit: put a rate limit in front',
  ],
})
