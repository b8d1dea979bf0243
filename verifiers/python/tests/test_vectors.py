"""The vectors that the verifiers of all languages run, at the times that they say."""

import asyncio
import json
from typing import Any

import pytest
from conftest import SmallIssuer, StillClock, vectors

from signet_verify import AsyncTokenVerifier, TokenError, TokenVerifier, VerifiedToken, create_token_verifier
from signet_verify.rights import demand_permissions, demand_roles, demand_scopes

TOKENS, RIGHTS, KEY_SETS, FEEDS = (vectors(name) for name in ("tokens", "rights", "key-sets", "feeds"))


def cases(file: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("case", file["cases"], ids=lambda case: case["name"])


def published(jwks: object) -> dict[str, Any]:
    return {"status": 200, "headers": {}, "body": json.dumps(jwks)}


def options_at(file: dict[str, Any], issuer: SmallIssuer, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "issuer": file["issuer"],
        "audience": file["audience"],
        "jwks_uri": f"{issuer.url}/jwks",
        "clock": StillClock(file["now"]),
        **more,
    }


def outcome(verifier: TokenVerifier, token: str, **overrides: Any) -> str:
    try:
        assert isinstance(verifier.verify_token(token, **overrides), VerifiedToken)
        return "accepted"
    except TokenError as error:
        return error.code


def is_right(real: str, case: dict[str, Any]) -> bool:
    return real in [case["code"], *case.get("also", [])]


@cases(TOKENS)
def test_token(case: dict[str, Any], small_issuer: SmallIssuer) -> None:
    small_issuer.serve("/jwks", published(TOKENS["jwks"]))
    options = options_at(TOKENS, small_issuer, case.get("options", {}))
    with create_token_verifier(**options) as verifier:
        first = outcome(verifier, case["token"])
        assert is_right(first, case), first
        # The second time nothing has to be fetched.
        assert outcome(verifier, case["token"]) == first

    async def judged() -> str:
        async with AsyncTokenVerifier(**options) as verifier:
            try:
                await verifier.verify_token(case["token"])
                return "accepted"
            except TokenError as error:
                return error.code

    assert asyncio.run(judged()) == first


@cases(RIGHTS)
def test_rights(case: dict[str, Any], small_issuer: SmallIssuer) -> None:
    small_issuer.serve("/jwks", published(RIGHTS["jwks"]))
    demands = {"scope": demand_scopes, "role": demand_roles, "permission": demand_permissions}
    [(kind, names)] = case["needs"].items()
    demand = demands[kind](*names)
    with create_token_verifier(**options_at(RIGHTS, small_issuer, {})) as verifier:
        try:
            demand(verifier.verify_token(case["token"]).claims)
            real = "accepted"
        except TokenError as error:
            real = error.code
    assert real == case["code"]


@cases(KEY_SETS)
def test_key_set(case: dict[str, Any], small_issuer: SmallIssuer) -> None:
    small_issuer.serve("/jwks", case["answer"])
    with create_token_verifier(**options_at(KEY_SETS, small_issuer, {})) as verifier:
        real = [outcome(verifier, verdict["token"]) for verdict in case["verdicts"]]
    assert [code for code, verdict in zip(real, case["verdicts"], strict=True) if not is_right(code, verdict)] == []


@cases(FEEDS)
def test_feed(case: dict[str, Any], small_issuer: SmallIssuer) -> None:
    pages: list[dict[str, Any]] = []

    def feed(request: Any, after: str | None) -> dict[str, Any]:
        if request.headers.get("accept") == "text/event-stream":
            return {"status": 406}
        return next((page for page in pages if page["after"] == after), {"status": 404})

    small_issuer.serve("/jwks", published(FEEDS["jwks"]))
    small_issuer.answers["/blacklist/feed"] = feed
    clock = StillClock()
    revocations = {**case["revocations"], "feed_url": f"{small_issuer.url}/blacklist/feed"}
    options = options_at(FEEDS, small_issuer, {"revocations": revocations, "clock": clock})
    with create_token_verifier(**options) as verifier:
        for index, step in enumerate(case["steps"]):
            pages[:] = step["pages"]
            clock.wall, clock.even = step["now"], step["elapsed"]
            for verdict in step["verdicts"]:
                policy = {"revocations": {"when_stale": verdict["when_stale"]}} if "when_stale" in verdict else {}
                assert (index, outcome(verifier, verdict["token"], **policy)) == (index, verdict["code"])
