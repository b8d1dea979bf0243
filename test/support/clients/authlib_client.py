"""A Flask app that signs people in with Authlib, by discovery. See test/support/foreign-client.ts."""

import json
import os
import sys
from urllib.parse import urlsplit

from authlib.integrations.flask_client import OAuth
from flask import Flask, request

CALLBACK = os.environ["CALLBACK"]

app = Flask(__name__)
app.secret_key = os.urandom(16)
signet = OAuth(app).register(
    "signet",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={
        "scope": "openid profile email groups offline_access",
        "code_challenge_method": "S256",
    },
)


@app.get("/login")
def login():
    return signet.authorize_redirect(CALLBACK)


@app.get(urlsplit(CALLBACK).path)
def callback():
    token = signet.authorize_access_token()  # checks the ID token and its nonce
    refreshed = signet.fetch_access_token(grant_type="refresh_token", refresh_token=token["refresh_token"])
    metadata = signet.load_server_metadata()
    return {
        "claims": token["userinfo"],
        "userinfo": signet.userinfo(token=token),
        "refreshed": signet.parse_id_token(refreshed, nonce=None),
        "id_token": refreshed["id_token"],
        "end_session_endpoint": metadata["end_session_endpoint"],
    }


browser = app.test_client()
print(json.dumps({"url": browser.get("/login").headers["location"]}), flush=True)
answer = urlsplit(sys.stdin.readline().strip())
print(browser.get(answer.path + "?" + answer.query).get_data(as_text=True).replace("\n", ""), flush=True)
