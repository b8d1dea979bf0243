"""Guards of FastAPI, Starlette and Flask: the same answers for the same tokens."""

import logging
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from conftest import SmallIssuer, StillClock
from fastapi import Depends, FastAPI, WebSocket, WebSocketDisconnect
from fastapi.testclient import TestClient
from flask import Flask, g
from signing import API, Signer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from signet_verify import AsyncTokenVerifier, TokenVerifier
from signet_verify import fastapi as for_fastapi
from signet_verify import flask as for_flask

Ask = Callable[[str, dict[str, str]], tuple[int, dict[str, str], Any]]
METADATA = "https://api.example/.well-known/oauth-protected-resource"


@pytest.fixture
def signer(small_issuer: SmallIssuer, clock: StillClock) -> Signer:
    signer = Signer(small_issuer, clock)
    signer.add_key("one")
    return signer


def options_of(signer: Signer, **more: Any) -> dict[str, Any]:
    return {"issuer": signer.issuer.url, "audience": API, "clock": signer.clock, **more}


def fastapi_app(signer: Signer) -> Ask:
    auth = for_fastapi.create_auth_middleware(**options_of(signer, resource_metadata=METADATA))
    app = FastAPI()
    auth.install(app)

    def route(path: str, guard: Any) -> None:
        @app.get(path)
        async def endpoint(token: Annotated[for_fastapi.VerifiedToken, Depends(guard)]) -> dict[str, Any]:
            return {"for": token.claims["sub"]}

    add_routes(auth, route)
    app.add_api_route("/me", auth.me())
    return asking(app)


def starlette_app(signer: Signer) -> Ask:
    auth = for_fastapi.create_auth_middleware(**options_of(signer, resource_metadata=METADATA))
    routes: list[Route] = []

    def route(path: str, guard: Any) -> None:
        async def endpoint(request: Request) -> JSONResponse:
            token = await guard(request)
            assert request.state.auth is token
            return JSONResponse({"for": token.claims["sub"]})

        routes.append(Route(path, endpoint))

    add_routes(auth, route)
    app = Starlette(routes=[*routes, Route("/me", auth.me())])
    auth.install(app)
    return asking(app)


def asking(app: Starlette) -> Ask:
    client = TestClient(app)

    def ask(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        response = client.get(path, headers={name: value.encode("latin-1") for name, value in headers.items()})
        return response.status_code, dict(response.headers), response.json()

    return ask


def flask_app(signer: Signer) -> Ask:
    auth = for_flask.create_auth_middleware(**options_of(signer, resource_metadata=METADATA))
    app = Flask("test")

    def route(path: str, guard: Any) -> None:
        @guard
        def view() -> dict[str, Any]:
            return {"for": g.auth.claims["sub"]}

        app.add_url_rule(path, path, view)

    add_routes(auth, route)
    app.add_url_rule("/me", "me", auth.me())

    def ask(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        response = app.test_client().get(path, headers=headers)
        return response.status_code, {name.lower(): value for name, value in response.headers.items()}, response.json

    return ask


def add_routes(auth: Any, route: Callable[[str, Any], None]) -> None:
    route("/any", auth.require_auth())
    route("/old", auth.require_auth(clock_tolerance=60))
    route("/scope", auth.require_scope("orders:read", "orders:write"))
    route("/role", auth.require_role("admin"))
    route("/permission", auth.require_permission("orders.write"))
    route("/permissions", auth.require_any_permission("orders.read", "orders.write"))
    route("/owner", auth.require_platform_owner())


@pytest.fixture(params=[fastapi_app, starlette_app, flask_app])
def ask(request: pytest.FixtureRequest, signer: Signer) -> Iterator[Ask]:
    make: Callable[[Signer], Ask] = request.param
    yield make(signer)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_good_token_is_let_in(ask: Ask, signer: Signer) -> None:
    status, _, body = ask("/any", bearer(signer.token()))
    assert (status, body) == (200, {"for": "ada"})


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_token"),
        ({"authorization": "Bearer"}, "missing_token"),
        ({"authorization": "Basic YTpi"}, "missing_token"),
        ({"authorization": "Bearer x"}, "malformed_token"),
        ({"authorization": "Bearer a b"}, "malformed_token"),
        ({"authorization": "Bearer \u00e4\u00f6"}, "malformed_token"),
        ({"authorization": "Bearer \u00a0"}, "malformed_token"),
        ({"authorization": "\u00a0Bearer x"}, "missing_token"),
        ({"authorization": "DPoP x.y.z"}, "wrong_type"),
    ],
)
def test_a_refusal_has_status_challenge_and_body(ask: Ask, headers: dict[str, str], code: str) -> None:
    status, got, body = ask("/any", headers)
    assert (status, body["error"]) == (401, code)
    assert body["error_description"]
    challenge = got["www-authenticate"]
    assert challenge.startswith("Bearer") and f'resource_metadata="{METADATA}"' in challenge
    assert ('error="invalid_token"' in challenge) == (code != "missing_token")
    assert got["cache-control"] == "no-store"


def test_two_authorization_headers_are_refused(signer: Signer) -> None:
    auth = for_fastapi.create_auth_middleware(**options_of(signer))
    app = FastAPI()
    auth.install(app)
    app.add_api_route("/me", auth.me())
    token = signer.token()
    response = TestClient(app).get("/me", headers=[("authorization", f"Bearer {token}"), ("authorization", "Bearer x")])
    assert (response.status_code, response.json()["error"]) == (401, "malformed_token")
    assert "more than one token" in response.json()["error_description"]


@pytest.mark.parametrize(
    ("path", "good", "lesser"),
    [
        ("/scope", {"scope": "orders:write x orders:read"}, {"scope": "orders:read"}),
        ("/role", {"roles": ["admin"]}, {"roles": ["user"]}),
        ("/permission", {"permissions": ["orders.write"]}, {}),
        ("/permissions", {"permissions": "orders.read"}, {"permissions": ["orders"]}),
        ("/owner", {"is_platform_owner": True}, {"is_platform_owner": "true"}),
    ],
)
def test_a_route_demands_a_right(
    ask: Ask, signer: Signer, path: str, good: dict[str, Any], lesser: dict[str, Any]
) -> None:
    assert ask(path, bearer(signer.token(**good)))[0] == 200
    status, headers, body = ask(path, bearer(signer.token(**lesser)))
    assert (status, body["error"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in headers["www-authenticate"]
    assert ('scope="orders:read orders:write"' in headers["www-authenticate"]) == (path == "/scope")


def test_a_route_has_terms_of_its_own(ask: Ask, signer: Signer) -> None:
    old = signer.token(exp=int(signer.clock.now()) - 30)
    assert (ask("/any", bearer(old))[2]["error"], ask("/old", bearer(old))[0]) == ("token_expired", 200)


def test_me_tells_the_rights_of_the_token(ask: Ask, signer: Signer) -> None:
    status, headers, body = ask("/me", bearer(signer.token(scope="a b", role="admin", client_id="shop")))
    assert (status, headers["cache-control"]) == (200, "no-store")
    told = {name: body[name] for name in ("authenticated", "sub", "client_id", "scope", "roles", "permissions")}
    assert told == {
        "authenticated": True,
        "sub": "ada",
        "client_id": "shop",
        "scope": ["a", "b"],
        "roles": ["admin"],
        "permissions": [],
    }
    assert ask("/me", {})[0] == 401


def test_half_of_a_surrogate_pair_in_a_claim_is_answered(ask: Ask, signer: Signer) -> None:
    token = signer.token(sub="\ud800", notes=[{"\udfff": "a\ud800b"}])
    assert ask("/any", bearer(token))[::2] == (200, {"for": "\ufffd"})
    status, _, body = ask("/me", bearer(token))
    assert (status, body["sub"], body["claims"]["notes"]) == (200, "\ufffd", [{"\ufffd": "a\ufffdb"}])


def test_an_issuer_that_is_away_is_503_without_a_challenge(ask: Ask, signer: Signer) -> None:
    signer.issuer.answers.clear()
    status, headers, body = ask("/any", bearer(signer.token()))
    assert (status, body["error"], headers["retry-after"]) == (503, "issuer_unavailable", "5")
    assert "www-authenticate" not in headers


def test_without_install_status_and_challenge_are_the_same(signer: Signer) -> None:
    auth = for_fastapi.create_auth_middleware(**options_of(signer))
    for app in (FastAPI(), Starlette()):
        app.add_route("/me", auth.me())
        response = TestClient(app).get("/me", headers=bearer("x"))
        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_flask_guards_an_async_view(signer: Signer) -> None:
    pytest.importorskip("asgiref")
    auth = for_flask.create_auth_middleware(**options_of(signer))
    app = Flask("test")

    @app.get("/")
    @auth.require_auth()
    async def view() -> dict[str, Any]:
        return {"for": g.auth.claims["sub"]}

    assert app.test_client().get("/", headers=bearer(signer.token())).json == {"for": "ada"}


def test_a_guard_without_audience_or_names_is_refused_at_start(signer: Signer) -> None:
    nameless = {"issuer": signer.issuer.url}
    with pytest.raises(ValueError, match="audience is missing"):
        for_fastapi.create_auth_middleware(**nameless)
    with pytest.raises(ValueError, match="audience is missing"):
        for_flask.FlaskAuth(TokenVerifier(**nameless))
    auth = for_fastapi.FastApiAuth(AsyncTokenVerifier(**options_of(signer)))
    for wrong in (auth.require_scope, auth.require_role, auth.require_any_permission):
        with pytest.raises(ValueError, match="one name or more"):
            wrong()
    with pytest.raises(ValueError, match="at most 60 seconds"):
        auth.require_auth(clock_tolerance=61)


def test_no_token_is_logged(ask: Ask, signer: Signer, caplog: pytest.LogCaptureFixture) -> None:
    token = signer.token(exp=1)
    with caplog.at_level(logging.DEBUG):
        ask("/any", bearer(token))
    assert token not in caplog.text and token[-40:] not in caplog.text


def test_a_websocket_is_guarded_too(signer: Signer) -> None:
    auth = for_fastapi.create_auth_middleware(**options_of(signer))
    app = FastAPI()
    auth.install(app)

    @app.websocket("/ws")
    async def talk(
        socket: WebSocket, token: Annotated[for_fastapi.VerifiedToken, Depends(auth.require_auth())]
    ) -> None:
        await socket.accept()
        await socket.send_text(token.claims["sub"])
        await socket.close()

    client = TestClient(app)
    with client.websocket_connect("/ws", headers=bearer(signer.token())) as socket:
        assert socket.receive_text() == "ada"
    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/ws"):
        pass
    assert (refused.value.code, refused.value.reason) == (1008, "missing_token")
