# Guards an API with FastAPI. It follows revocations: a revoked token is refused within a second.
#   pip install "/path/to/signet-verify[fastapi]" uvicorn
#   python app.py
# /path/to/signet-verify is the file signet_verify-….whl of a release, by its whole name, or verifiers/python in a checkout.
# A token to try it with, sent as "Authorization: Bearer TOKEN", and the reason if one is refused:
#   signet token mint --sub try --resource __AUDIENCE__ --scope __SCOPE__ #? scope
#   signet token mint --sub try --resource __AUDIENCE__ #? no-scope
#   signet doctor TOKEN --resource __AUDIENCE__
import os
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI
from signet_verify.fastapi import VerifiedToken, create_auth_middleware

auth = create_auth_middleware(
    issuer="__ISSUER__",
    audience="__AUDIENCE__",
    jwks_uri="__JWKS_URI__",  # this API has keys of its own #? own-keys
    typ="__TYP__", #? other-typ
    allow_http=True,  # the issuer has no TLS: for development only #? private-http
    revocations=True,
    name="__NAME__",  # shown by: signet key list
)

app = FastAPI()
auth.install(app)


@app.get("/health")  # without a guard: open to everybody
def health():
    return "ok"


@app.get("/")
def hello(token: Annotated[VerifiedToken, Depends(auth.require_auth())]):
    return {"hello": token.claims["sub"]}
#? scope


@app.get("/guarded")
def guarded(token: Annotated[VerifiedToken, Depends(auth.require_scope("__SCOPE__"))]):
    return {"scope": token.claims["scope"]}
#? end


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8080")))
