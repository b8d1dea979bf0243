"""Whatever a token, a key set or a feed holds: a verdict or a TokenError, and nothing else."""

import asyncio
import base64
import copy
import json
import random
from typing import Any

import jwt
import pytest
from conftest import SmallIssuer, StillClock
from cryptography.hazmat.primitives.asymmetric import ec
from signing import API, Signer

from signet_verify import TokenError, create_token_verifier
from signet_verify.event_stream import server_events

HOSTILE = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**53,
    10**300,
    10**400,
    -(10**400),
    1e308,
    "",
    "a",
    "\ud800",
    "\x00",
    "\U0001f600" * 100,
    "x" * 5000,
    [],
    [[]],
    [None],
    ["\udfff", 10**400],
    {},
    {"": None},
    {"__class__": {"__init__": []}},
    {"a": [{"b": [{"c": []}]}]},
]
NAMES = ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "client_id", "cnf", "scope", "roles", "x", "__proto__"]


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed(key: ec.EllipticCurvePrivateKey, header: Any, claims: Any) -> str:
    text = f"{part(header)}.{part(claims)}"
    signature = jwt.get_algorithm_by_name("ES256").sign(text.encode(), key)
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def changed(value: Any, chance: random.Random) -> Any:
    """A document with one place replaced, doubled or left out."""
    document = copy.deepcopy(value)
    places = list(places_in(document))
    holder, name = chance.choice(places)
    if chance.random() < 0.2 and isinstance(holder, dict):
        del holder[name]
    else:
        holder[name] = copy.deepcopy(chance.choice(HOSTILE))
    return document


def places_in(value: Any) -> Any:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield value, name
        yield from places_in(member)


@pytest.fixture
def signer(small_issuer: SmallIssuer, clock: StillClock) -> Signer:
    signer = Signer(small_issuer, clock)
    signer.add_key("one")
    return signer


def test_signed_tokens_of_any_content(signer: Signer) -> None:
    chance = random.Random(1)
    now = int(signer.clock.now())
    signer.issuer.serve_json("/blacklist/feed", {"cursor": "1", "entries": [signer.entry("sub", "x")], "removed": []})
    claims = {"iss": signer.issuer.url, "aud": API, "exp": now + 100, "sub": "ada"}
    header = {"alg": "ES256", "kid": "one", "typ": "at+jwt"}
    codes = set()
    with create_token_verifier(
        issuer=signer.issuer.url, audience=API, clock=signer.clock, revocations=True
    ) as verifier:
        for number in range(1500):
            wrong = {**claims, chance.choice(NAMES): chance.choice(HOSTILE)}
            head = changed(header, chance) if number % 3 == 0 else header
            token = signed(signer.keys["one"], head, changed(wrong, chance) if number % 2 else wrong)
            try:
                verifier.verify_token(token)
                codes.add("accepted")
            except TokenError as error:
                assert error.www_authenticate and error.www_authenticate.isascii()
                assert token not in str(error)
                codes.add(error.code)
    assert {"accepted", "malformed_token", "wrong_audience", "unknown_key", "wrong_type"} <= codes


def test_bytes_changed_anywhere(signer: Signer) -> None:
    chance = random.Random(2)
    token = signer.token()
    alphabet = [chr(each) for each in range(256)] + ["\ud800", "\u2028", "\U0001f600"]
    with create_token_verifier(issuer=signer.issuer.url, audience=API, clock=signer.clock) as verifier:
        for _ in range(1500):
            letters = list(token)
            for _ in range(chance.randint(1, 3)):
                letters[chance.randrange(len(letters))] = chance.choice(alphabet)
            if "".join(letters) == token:
                continue
            # The last character of a signature has bits that mean nothing, so a change may be none.
            try:
                verifier.verify_token("".join(letters))
                assert letters[:-1] == list(token)[:-1]
            except TokenError:
                pass


@pytest.mark.parametrize("value", [b"a.b.c", 17, [], {}, object(), 1.5, True])
def test_values_that_are_no_text(signer: Signer, value: Any) -> None:
    with create_token_verifier(issuer=signer.issuer.url, audience=API, clock=signer.clock) as verifier:
        with pytest.raises(TokenError) as caught:
            verifier.verify_token(value)
        assert caught.value.code == "malformed_token"


def test_key_sets_of_any_content(signer: Signer) -> None:
    chance = random.Random(3)
    good = json.loads(signer.key_set()["body"])
    good["keys"].append(
        {"kty": "RSA", "kid": "two", "n": "AQAB" * 90, "e": "AQAB", "use": "sig", "key_ops": ["verify"]}
    )
    good["keys"].append({"kty": "OKP", "crv": "Ed25519", "kid": "three", "x": "A" * 43})
    tokens = [signer.token(header={"kid": kid}) for kid in ("one", "two", "three")]
    codes = set()
    for _ in range(150):
        signer.issuer.serve_json("/jwks", changed(changed(good, chance), chance))
        with create_token_verifier(issuer=signer.issuer.url, audience=API, clock=signer.clock) as verifier:
            for token in tokens:
                try:
                    verifier.verify_token(token)
                    codes.add("accepted")
                except TokenError as error:
                    codes.add(error.code)
    assert {"accepted", "unknown_key", "issuer_unavailable"} <= codes


def test_feeds_of_any_content(signer: Signer) -> None:
    chance = random.Random(4)
    entries = [signer.entry(kind, "x", f"e{kind}") for kind in ("jti", "sub", "kid")]
    good = {"cursor": "5", "entries": entries, "removed": ["a"], "more": False}
    codes = set()
    for _ in range(150):
        signer.issuer.serve_json("/blacklist/feed", changed(changed(good, chance), chance))
        with create_token_verifier(
            issuer=signer.issuer.url, audience=API, clock=signer.clock, revocations=True
        ) as verifier:
            try:
                verifier.verify_token(signer.token(sub="x"))
                codes.add("accepted")
            except TokenError as error:
                codes.add(error.code)
    assert codes == {"accepted", "token_revoked", "revocations_stale"}


async def events_of(data: bytes, size: int) -> list[Any]:
    async def chunks() -> Any:
        for at in range(0, len(data), size):
            yield data[at : at + size]

    return [each async for each in server_events(chunks()) if each is not None]


def test_streams_of_any_bytes_cut_anywhere() -> None:
    chance = random.Random(5)
    pieces = [
        b"event: blacklist",
        b"data: {}",
        b"data",
        b":",
        b"\n",
        b"\n\n",
        b"\r\n",
        b"\xff",
        b"id: 1",
        b" ",
        b"\xc3\xa4",
    ]
    for _ in range(300):
        data = b"".join(chance.choice(pieces) for _ in range(40))
        read = [asyncio.run(events_of(data, size)) for size in (1, 3, 1000)]
        assert read[0] == read[1] == read[2]
