# Calls an API with tokens of client __CLIENT_ID__. Save as signet_tokens.py.
#   pip install httpx #? secret
#   pip install httpx "pyjwt[crypto]" #? private_key_jwt
#
#   import httpx
#   from signet_tokens import SignetAuth
#   api = httpx.Client(auth=SignetAuth())  # or httpx.AsyncClient #? client_credentials
#   api = httpx.Client(auth=SignetAuth(subject="id-of-the-person"))  # or httpx.AsyncClient #? subject
#   response = api.get("__API_URL__")
#
# A token is kept until shortly before its end, and all callers share one request for the next. No refresh token is needed:
# the client can ask for a new token at any time.
import asyncio
import os
import threading
import time
import uuid #? private_key_jwt
from urllib.parse import quote #? client_secret_basic

import httpx
import jwt #? private_key_jwt

CLIENT_ID = "__CLIENT_ID__"
#? secret
# Shown once, when the client was made. A new one: signet client rotate-secret __CLIENT_ID__
CLIENT_SECRET = os.environ["CLIENT_SECRET"]
#? end
#? private_key_jwt
# A PEM file with the private half of the registered key.
PRIVATE_KEY_FILE = os.environ["PRIVATE_KEY_FILE"]
#? end

# The last seconds of a token, in which it is replaced; a tenth of the life of a short one.
MARGIN_SECONDS = 60


class SignetAuth(httpx.Auth):
    """Adds a token to each request. After a 401, as for a revoked token, it tries once more with a new token; so a body
    is no generator.
    """

    def __init__(self): #? client_credentials
        self._form = {"grant_type": "client_credentials"} #? client_credentials
    def __init__(self, subject): #? subject
        self._form = {"grant_type": "__SUBJECT_GRANT__", "subject": subject} #? subject
        self._lock = threading.Lock()
        self._token = None
        self._renew_at = self._ends_at = 0.0

    def token(self):
        """An access token that is valid for a while. A fault of the issuer is an httpx.HTTPError."""
        with self._lock:
            if self._token is None or time.time() >= self._renew_at:
                self._renew()
            return self._token

    def sync_auth_flow(self, request):
        token = self.token()
        response = yield _authorized(request, token)
        if response.status_code == 401:
            self._forget(token)
            yield _authorized(request, self.token())

    async def async_auth_flow(self, request):
        token = await asyncio.to_thread(self.token)
        response = yield _authorized(request, token)
        if response.status_code == 401:
            self._forget(token)
            yield _authorized(request, await asyncio.to_thread(self.token))

    def _forget(self, token):
        with self._lock:
            if self._token == token:
                self._token = None

    def _renew(self):
        asked_at = time.time()
        try:
            answer = _request_token(self._form)
        except httpx.HTTPError:
            # While the issuer is away, the present token is used until its end, and the next request waits a little.
            if self._token is None or asked_at >= self._ends_at:
                raise
            self._renew_at = asked_at + 5
            return
        seconds = answer["expires_in"]
        self._token = answer["access_token"]
        self._renew_at = asked_at + seconds - min(MARGIN_SECONDS, seconds / 10)
        self._ends_at = asked_at + seconds


def _authorized(request, token):
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def _request_token(form):
    form = {"resource": "__AUDIENCE__", **form}
    form["scope"] = "__SCOPES__" #? scope
    #? client_secret_basic
    # Both halves are form-encoded before they become Basic credentials (RFC 6749 §2.3.1).
    auth = httpx.BasicAuth(quote(CLIENT_ID, safe=""), quote(CLIENT_SECRET, safe=""))
    #? end
    auth = None #? client_secret_post private_key_jwt
    form["client_id"] = CLIENT_ID #? client_secret_post private_key_jwt
    form["client_secret"] = CLIENT_SECRET #? client_secret_post
    #? private_key_jwt
    form["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form["client_assertion"] = _sign_assertion()
    #? end
    response = httpx.post("__TOKEN_ENDPOINT__", data=form, auth=auth, timeout=10)
    if response.status_code != 200:
        raise httpx.HTTPStatusError(f"no token: {response.text}", request=response.request, response=response)
    return response.json()
#? private_key_jwt


def _sign_assertion():
    """RFC 7523 §3: a new jti each time, and a short life."""
    now = int(time.time())
    claims = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": "__ISSUER__"}
    claims |= {"jti": str(uuid.uuid4()), "iat": now, "exp": now + 60}
    with open(PRIVATE_KEY_FILE) as file:
        return jwt.encode(claims, file.read(), algorithm="__KEY_ALG__") #? no-kid
        return jwt.encode(claims, file.read(), algorithm="__KEY_ALG__", headers={"kid": "__KEY_ID__"}) #? kid
#? end
