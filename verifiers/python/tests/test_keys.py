"""When the keys of the issuer are fetched, and what happens without it. No test waits: the clock is moved."""

import asyncio
import math
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import SmallIssuer, StillClock
from signing import API, Signer

from signet_verify import AsyncTokenVerifier, TokenError, TokenVerifier, __version__, create_token_verifier
from signet_verify.get_document import RequestFault
from signet_verify.issuer_metadata import find_jwks_uri


@pytest.fixture
def signer(small_issuer: SmallIssuer, clock: StillClock) -> Signer:
    signer = Signer(small_issuer, clock)
    signer.add_key("one")
    return signer


@pytest.fixture
def verifier(signer: Signer) -> Iterator[TokenVerifier]:
    with make(signer, name="orders-api") as verifier:
        yield verifier


def make(signer: Signer, **options: Any) -> TokenVerifier:
    return create_token_verifier(issuer=signer.issuer.url, audience=API, clock=signer.clock, **options)


def outcome(verifier: TokenVerifier, token: str | None, **overrides: Any) -> str:
    try:
        verifier.verify_token(token, **overrides)
        return "good"
    except TokenError as error:
        return error.code


def fault(verifier: TokenVerifier, token: str) -> TokenError:
    with pytest.raises(TokenError) as caught:
        verifier.verify_token(token)
    return caught.value


def test_keys_are_found_by_discovery_and_fetched_once(verifier: TokenVerifier, signer: Signer) -> None:
    token = verifier.verify_token(signer.token(sub="ada"))
    assert (token.claims["sub"], token.header["kid"], token.claims["aud"]) == ("ada", "one", API)
    assert outcome(verifier, signer.token()) == "good"
    assert signer.issuer.asked_for("/jwks") == 1
    agents = {headers["user-agent"] for _, headers in signer.issuer.asked}
    assert agents == {f"signet-verifier/{__version__} (orders-api)"}


def test_many_tokens_at_once_wait_for_one_request(verifier: TokenVerifier, signer: Signer) -> None:
    results: list[str] = []
    tokens = [signer.token() for _ in range(20)]
    threads = [threading.Thread(target=lambda each=each: results.append(outcome(verifier, each))) for each in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (results, signer.issuer.asked_for("/jwks")) == (["good"] * 20, 1)


def test_a_caller_that_gives_up_takes_nobody_along(signer: Signer) -> None:
    may_answer = threading.Event()

    def slowly(_request: object, _after: str | None) -> dict[str, Any]:
        may_answer.wait(5)
        return signer.key_set()

    signer.issuer.answers["/jwks"] = slowly

    async def play() -> None:
        async with AsyncTokenVerifier(issuer=signer.issuer.url, audience=API, clock=signer.clock) as verifier:
            impatient, patient = (asyncio.create_task(verifier.verify_token(signer.token())) for _ in range(2))
            while signer.issuer.asked_for("/jwks") == 0:
                await asyncio.sleep(0.01)
            impatient.cancel()
            await asyncio.wait({impatient})
            await asyncio.sleep(0.05)
            may_answer.set()
            assert (await patient).claims["sub"] == "ada"

    asyncio.run(play())
    assert signer.issuer.asked_for("/jwks") == 1


def test_keys_are_fetched_again_after_max_age(verifier: TokenVerifier, signer: Signer) -> None:
    outcome(verifier, signer.token())
    signer.clock.advance(299)
    outcome(verifier, signer.token())
    assert signer.issuer.asked_for("/jwks") == 1
    signer.clock.advance(2)
    assert outcome(verifier, signer.token()) == "good"
    until(lambda: signer.issuer.asked_for("/jwks") == 2)


@pytest.mark.parametrize(("control", "seconds"), [("no-store", 30), ("max-age=1", 30), ("max-age=999999", 600)])
def test_max_age_has_bounds(verifier: TokenVerifier, signer: Signer, control: str, seconds: int) -> None:
    signer.control = control
    outcome(verifier, signer.token())
    signer.clock.advance(seconds - 1)
    outcome(verifier, signer.token())
    assert signer.issuer.asked_for("/jwks") == 1
    signer.clock.advance(2)
    outcome(verifier, signer.token())
    until(lambda: signer.issuer.asked_for("/jwks") == 2)


def test_an_unplanned_rotation_costs_no_token_and_invented_kids_cost_nothing(
    verifier: TokenVerifier, signer: Signer
) -> None:
    outcome(verifier, signer.token())
    signer.add_key("two")
    assert outcome(verifier, signer.token("two")) == "good"
    assert signer.issuer.asked_for("/jwks") == 2
    for number in range(50):
        assert outcome(verifier, signer.token(header={"kid": f"invented-{number}"})) == "unknown_key"
    assert signer.issuer.asked_for("/jwks") == 2
    signer.clock.advance(5)
    assert outcome(verifier, signer.token(header={"kid": "invented"})) == "unknown_key"
    assert signer.issuer.asked_for("/jwks") == 3


def test_keys_serve_for_an_hour_without_the_issuer(verifier: TokenVerifier, signer: Signer) -> None:
    outcome(verifier, signer.token())
    signer.issuer.answers.clear()
    signer.clock.advance(300 + 3599)
    assert outcome(verifier, signer.token()) == "good"
    signer.clock.advance(2)
    error = fault(verifier, signer.token())
    assert (error.code, error.status, error.www_authenticate) == ("issuer_unavailable", 503, None)
    assert "answered 404" in error.description


def test_an_unknown_key_without_the_issuer_is_503(verifier: TokenVerifier, signer: Signer) -> None:
    outcome(verifier, signer.token())
    signer.issuer.answers.clear()
    assert outcome(verifier, signer.token(header={"kid": "new"})) == "issuer_unavailable"


def test_a_document_that_names_another_issuer_is_not_believed(verifier: TokenVerifier, signer: Signer) -> None:
    signer.issuer.serve_json("/.well-known/openid-configuration", {"issuer": "https://evil.example", "jwks_uri": "x"})
    error = fault(verifier, signer.token())
    assert (error.code, "names the issuer 'https://evil.example'" in error.description) == ("issuer_unavailable", True)


def test_metadata_of_oauth_serves_where_openid_has_none(verifier: TokenVerifier, signer: Signer) -> None:
    answers = signer.issuer.answers
    answers["/.well-known/oauth-authorization-server"] = answers.pop("/.well-known/openid-configuration")
    assert outcome(verifier, signer.token()) == "good"


@pytest.mark.parametrize("jwks_uri", ["http://issuer.example/jwks", "ftp://x/y", "file:///etc/passwd", 17, None])
def test_keys_come_from_https_or_loopback(verifier: TokenVerifier, signer: Signer, jwks_uri: object) -> None:
    document = {"issuer": signer.issuer.url, "jwks_uri": jwks_uri}
    signer.issuer.serve_json("/.well-known/openid-configuration", document)
    assert outcome(verifier, signer.token()) == "issuer_unavailable"


def test_an_entity_tag_beyond_ascii_stops_no_refresh(verifier: TokenVerifier, signer: Signer) -> None:
    signer.issuer.answers["/jwks"] = lambda _request, _after: {
        **signer.key_set(),
        "headers": {"cache-control": "max-age=300", "etag": '"\u00e4"'},
    }
    assert outcome(verifier, signer.token()) == "good"
    signer.clock.advance(301)
    assert outcome(verifier, signer.token()) == "good"
    until(lambda: signer.issuer.asked_for("/jwks") == 2)


def test_a_document_that_came_safely_names_no_plain_address(signer: Signer) -> None:
    document = {"issuer": signer.issuer.url, "jwks_uri": "http://keys.example/jwks"}
    signer.issuer.serve_json("/.well-known/openid-configuration", document)
    with make(signer, allow_http=True) as verifier:
        assert "a jwks_uri that is not https" in fault(verifier, signer.token()).description


@pytest.mark.parametrize(
    ("issuer", "outcome"),
    [
        ("https://issuer.example", "not https"),
        ("http://localhost:3000", "not https"),
        ("http://signet:3000", "http://keys.example/jwks"),
    ],
)
def test_plain_keys_need_a_document_that_came_by_plain_http(issuer: str, outcome: str) -> None:
    async def get(_url: str) -> object:
        return {"issuer": issuer, "jwks_uri": "http://keys.example/jwks"}

    try:
        found = asyncio.run(find_jwks_uri(issuer, get))
    except RequestFault as refused:
        found = str(refused)
    assert outcome in found


def test_a_redirect_is_not_followed(verifier: TokenVerifier, signer: Signer) -> None:
    signer.issuer.serve("/jwks", {"status": 302, "headers": {"location": f"{signer.issuer.url}/other"}})
    assert "which is not followed" in fault(verifier, signer.token()).description
    assert signer.issuer.asked_for("/other") == 0


def test_a_compressed_answer_is_refused(verifier: TokenVerifier, signer: Signer) -> None:
    signer.issuer.serve("/jwks", {"status": 200, "headers": {"content-encoding": "gzip"}, "body": "x"})
    assert "compressed" in fault(verifier, signer.token()).description


def test_no_cookie_goes_back_to_the_issuer(verifier: TokenVerifier, signer: Signer) -> None:
    key_set = {**signer.key_set(), "headers": {"set-cookie": "a=b; Path=/", "cache-control": "no-store"}}
    signer.issuer.serve("/jwks", key_set)
    outcome(verifier, signer.token())
    signer.clock.advance(31)
    outcome(verifier, signer.token())
    until(lambda: signer.issuer.asked_for("/jwks") == 2)
    assert not [headers for _, headers in signer.issuer.asked if "cookie" in headers]


def test_an_issuer_that_drips_is_given_up(signer: Signer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            try:
                while True:
                    connection.sendall(b"H")
                    time.sleep(0.2)
            except OSError:
                connection.close()

        threading.Thread(target=drip, daemon=True).start()
        uri = f"http://127.0.0.1:{server.getsockname()[1]}/jwks"
        with make(signer, jwks_uri=uri) as verifier:
            started = time.monotonic()
            error = fault(verifier, signer.token())
            assert (error.code, time.monotonic() - started < 8) == ("issuer_unavailable", True)


def test_a_closed_verifier_accepts_nothing(verifier: TokenVerifier, signer: Signer) -> None:
    outcome(verifier, signer.token())
    verifier.close()
    assert outcome(verifier, signer.token()) == "issuer_unavailable"
    with make(signer) as unused:
        pass
    assert outcome(unused, signer.token()) == "issuer_unavailable"


def test_without_an_audience_nothing_is_judged(signer: Signer) -> None:
    with create_token_verifier(issuer=signer.issuer.url, clock=signer.clock) as verifier:
        with pytest.raises(ValueError, match="audience is missing"):
            verifier.verify_token(signer.token())
        assert outcome(verifier, signer.token(), audience=API) == "good"
        assert outcome(verifier, signer.token(), audience=["other"]) == "wrong_audience"
        assert outcome(verifier, signer.token(aud="other"), audience=False) == "good"


@pytest.mark.parametrize("issuer", [["https://a.example", "https://b.example"], ["https://a.example"], "", None])
def test_a_call_expects_one_issuer(verifier: TokenVerifier, signer: Signer, issuer: Any) -> None:
    with pytest.raises(ValueError, match="issuer is a string"):
        verifier.verify_token(signer.token(), issuer=issuer)
    assert outcome(verifier, signer.token(), issuer="https://a.example") == "wrong_issuer"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"issuer": "http://issuer.example"}, "issuer"),
        ({"issuer": "https://user:secret@issuer.example"}, "issuer"),
        ({"issuer": "issuer.example"}, "issuer"),
        ({"issuer": None}, "issuer"),
        ({"jwks_uri": "http://issuer.example/jwks"}, "jwks_uri"),
        ({"audience": ""}, "audience"),
        ({"audience": []}, "audience"),
        ({"audience": [1]}, "audience"),
        ({"audience": True}, "audience"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": []}, "algorithms"),
        ({"clock_tolerance": 61}, "clock_tolerance"),
        ({"clock_tolerance": -1}, "clock_tolerance"),
        ({"clock_tolerance": float("nan")}, "clock_tolerance"),
        ({"clock_tolerance": "5"}, "clock_tolerance"),
        ({"revocations": "yes"}, "revocations"),
        ({"revocations": {"when_stale": "ajar"}}, "when_stale"),
        ({"revocations": {"max_staleness_seconds": -1}}, "max_staleness_seconds"),
        ({"revocations": {"max_staleness_seconds": math.inf}}, "max_staleness_seconds"),
        ({"revocations": {"max_staleness_seconds": 1e308}}, "max_staleness_seconds"),
        ({"revocations": {"max_staleness_seconds": 10**400}}, "max_staleness_seconds"),
        ({"revocations": {"feed_url": "http://issuer.example/feed"}}, "feed_url"),
        ({"name": "a (b)"}, "name"),
        ({"name": "a\r\nx: y"}, "name"),
        ({"allow_http": "yes"}, "allow_http"),
        ({"max_stale_keys_seconds": None}, "max_stale_keys_seconds"),
        ({"typ": []}, "typ"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        create_token_verifier(**{"issuer": "https://issuer.example", **options})
    assert "secret" not in str(caught.value)


# The verifiers for Node and Go are tested with the same addresses.
@pytest.mark.parametrize(
    "issuer",
    [
        "http://localhost:3000",
        "http://LOCALHOST",
        "http://app.localhost/x",
        "http://127.0.0.1:80",
        "http://127.9.9.9",
        "http://[::1]:3000",
        "https://issuer.example/",
        "https://issuer.example:8443/a",
    ],
)
def test_an_address_of_an_issuer(issuer: str) -> None:
    create_token_verifier(issuer=issuer).close()


@pytest.mark.parametrize(
    "issuer",
    [
        "http://127.1",
        "http://2130706433",
        "http://0x7f.0.0.1",
        "http://127.0.0.01",
        "http://127.0.0.1.",
        "http://127.0.0.256",
        "http://[::ffff:127.0.0.1]:1",
        "http://[0:0:0:0:0:0:0:1]",
        "http://[::2]",
        "http://localhost.",
        "http://%6cocalhost",
        "http:localhost",
        "http:///localhost",
        "http://localhost:99999",
        "https:issuer.example",
        "https:///issuer.example",
        "https://@issuer.example",
        "https://issuer.example ",
        " https://issuer.example",
        "https://issuer.example/a ",
        "https://issuer.example/a\tb",
        "https://issuer.example\\a",
        'https://issuer.example/"',
        "https://m\u00fcller.example",
        "https://issuer.example?tenant=a",
        "https://issuer.example?",
        "https://issuer.example#a",
        "https://issuer.example/#",
    ],
)
def test_an_address_that_may_be_read_in_two_ways_is_refused(issuer: str) -> None:
    with pytest.raises(ValueError, match="^issuer (is|has|holds) "):
        create_token_verifier(issuer=issuer)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(TypeError, match="revocation"):
        create_token_verifier(issuer="https://issuer.example", revocation=True)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="when_stail"):
        create_token_verifier(issuer="https://issuer.example", revocations={"when_stail": "open"})  # type: ignore


def test_plain_http_is_allowed_by_name_and_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    create_token_verifier(issuer="http://signet:3000", allow_http=True, revocations=True)
    assert "signet:3000: ANYBODY ON THE WAY" in caplog.text
    caplog.clear()
    create_token_verifier(issuer="http://localhost:3000", allow_http=True)
    assert caplog.records == []


def until(holds: Any) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
