"""The feed by events and by polling, over HTTP. Pages and staleness are in the vectors."""

import asyncio
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import SmallIssuer, StillClock
from signing import API, Signer

from signet_verify import AsyncTokenVerifier, TokenError, TokenVerifier, create_token_verifier

END = b""


class Feed:
    """The feed of a small issuer. A test puts bytes on the line of every stream that is open."""

    def __init__(self, issuer: SmallIssuer) -> None:
        self.page: dict[str, Any] = {"cursor": "1", "entries": [], "removed": []}
        self.has_events = True
        self.status = 200
        self.first: bytes | None = None
        self.lines: list[queue.Queue[bytes]] = []
        self.polls = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.left = 0
        """Streams whose reader went away."""
        self.asked_after: list[str | None] = []
        issuer.answers["/blacklist/feed"] = self.answer

    def answer(self, request: Any, after: str | None) -> dict[str, Any] | None:
        if self.status != 200:
            return {"status": self.status}
        if request.headers.get("accept") != "text/event-stream":
            self.polls += 1
            self.may_answer.wait(5)
            return {"status": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(self.page)}
        if not self.has_events:
            return {"status": 406}
        self.asked_after.append(request.headers.get("last-event-id"))
        self.stream(request)
        return None

    def stream(self, request: Any) -> None:
        line: queue.Queue[bytes] = queue.Queue()
        request.close_connection = True
        request.send_response_only(200)
        request.send_header("content-type", "text/event-stream; charset=utf-8")
        request.end_headers()
        # What a test sends once it has seen the first event belongs to this line already.
        self.lines.append(line)
        request.wfile.write(event(self.page) if self.first is None else self.first)
        try:
            while (chunk := line.get()) != END:
                request.wfile.write(chunk)
        except OSError:
            self.left += 1

    def send(self, chunk: bytes) -> None:
        for line in self.lines:
            line.put(chunk)

    def end(self) -> None:
        self.send(END)
        self.lines.clear()


def event(page: dict[str, Any]) -> bytes:
    return f"event: blacklist\nid: {page['cursor']}\ndata: {json.dumps(page)}\n\n".encode()


def page(cursor: str, *entries: dict[str, Any], removed: tuple[str, ...] = (), more: bool = False) -> dict[str, Any]:
    return {"cursor": cursor, "entries": list(entries), "removed": list(removed), **({"more": True} if more else {})}


@pytest.fixture
def signer(small_issuer: SmallIssuer, clock: StillClock) -> Signer:
    signer = Signer(small_issuer, clock)
    signer.add_key("one")
    return signer


@pytest.fixture
def feed(small_issuer: SmallIssuer) -> Iterator[Feed]:
    feed = Feed(small_issuer)
    yield feed
    feed.end()


@pytest.fixture
def verifier(signer: Signer, feed: Feed) -> Iterator[TokenVerifier]:
    with make(signer) as verifier:
        yield verifier


def make(signer: Signer, **policy: Any) -> TokenVerifier:
    options = {"issuer": signer.issuer.url, "audience": API, "clock": signer.clock}
    return create_token_verifier(**options, revocations=policy or True)


def outcome(verifier: TokenVerifier, token: str, **overrides: Any) -> str:
    try:
        verifier.verify_token(token, **overrides)
        return "good"
    except TokenError as error:
        return error.code


def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def mode(verifier: TokenVerifier) -> str:
    status = verifier.revocation_status()
    assert status is not None
    return status.mode


@pytest.mark.parametrize("kind", ["jti", "sid", "sub", "client_id", "kid"])
def test_an_event_denies_and_a_removal_lets_in_again(
    verifier: TokenVerifier, signer: Signer, feed: Feed, kind: str
) -> None:
    claims = {"jti": "t", "sid": "s", "sub": "ada", "client_id": "shop"}
    token = signer.token(**claims)
    assert verifier.revocation_status().mode == "idle"  # type: ignore[union-attr]
    assert (outcome(verifier, token), mode(verifier)) == ("good", "events")
    feed.send(event(page("2", signer.entry(kind, {**claims, "kid": "one"}[kind]))))
    until(lambda: outcome(verifier, token) == "token_revoked")
    feed.send(event(page("3", removed=("e1",))))
    until(lambda: outcome(verifier, token) == "good")
    assert feed.polls == 0


def test_a_revoked_key_is_refused_as_revoked_also_after_it_left_the_key_set(
    verifier: TokenVerifier, signer: Signer, feed: Feed
) -> None:
    token = signer.token()
    assert outcome(verifier, token) == "good"
    signer.add_key("two")
    good = signer.token("two")
    del signer.keys["one"]
    feed.send(event(page("2", signer.entry("kid", "one"))))
    until(lambda: outcome(verifier, token) == "token_revoked")
    until(lambda: signer.issuer.asked_for("/jwks") >= 2)
    assert (outcome(verifier, token), outcome(verifier, good)) == ("token_revoked", "good")


def test_a_revoked_key_that_left_the_set_needs_no_issuer(
    verifier: TokenVerifier, signer: Signer, feed: Feed
) -> None:
    token = signer.token()
    assert outcome(verifier, token) == "good"
    signer.add_key("two")
    del signer.keys["one"]
    feed.send(event(page("2", signer.entry("kid", "one"))))
    until(lambda: outcome(verifier, signer.token("two")) == "good" and signer.issuer.asked_for("/jwks") >= 2)
    del signer.issuer.answers["/jwks"]
    signer.clock.advance(5)
    assert outcome(verifier, signer.token("two", {"kid": "invented"})) == "issuer_unavailable"
    assert outcome(verifier, token) == "token_revoked"


def test_the_first_token_waits_for_the_last_page_of_the_stream(signer: Signer, feed: Feed) -> None:
    feed.first = event(page("2", more=True))
    with make(signer) as verifier:
        verdicts: list[str] = []
        token = signer.token(jti="t")
        judging = threading.Thread(target=lambda: verdicts.append(outcome(verifier, token)))
        judging.start()
        until(lambda: len(feed.lines) == 1)
        assert verdicts == []
        feed.send(event(page("3", signer.entry("jti", "t"))))
        judging.join()
        assert verdicts == ["token_revoked"]


def test_an_event_may_come_in_pieces(verifier: TokenVerifier, signer: Signer, feed: Feed) -> None:
    token = signer.token(jti="t")
    outcome(verifier, token)
    whole = event(page("2", signer.entry("jti", "t"))).replace(b"\n", b"\r\n")
    for at in range(0, len(whole), 7):
        feed.send(whole[at : at + 7])
    until(lambda: outcome(verifier, token) == "token_revoked")


def test_it_goes_on_after_the_cursor_where_the_stream_ends(verifier: TokenVerifier, signer: Signer, feed: Feed) -> None:
    outcome(verifier, signer.token())
    feed.page = page("7")
    feed.end()
    until(lambda: len(feed.asked_after) == 2)
    assert feed.asked_after == [None, "1"]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"event: blacklist\ndata: {\n\n",
        b"event: blacklist\ndata: []\n\n",
        b"event: blacklist\ndata: " + b"[" * 5000 + b"\n\n",
        b'event: blacklist\ndata: {"cursor":"2","entries":[1e999,null,{"id":{}}],"removed":[{}]}\n\n',
        b"\xff\xfe\n\n\ndata\n:::\n\nevent\n\n",
        b": " + b"x" * 100_000 + b"\n\n",
    ],
)
def test_nonsense_on_the_stream_does_no_harm(
    verifier: TokenVerifier, signer: Signer, feed: Feed, nonsense: bytes
) -> None:
    token = signer.token(jti="t")
    assert outcome(verifier, token) == "good"
    feed.send(nonsense)
    assert outcome(verifier, token) == "good"
    feed.page = page("9", signer.entry("jti", "t"))
    feed.send(event(feed.page))
    until(lambda: outcome(verifier, token) == "token_revoked")


def test_where_events_are_refused_it_polls(verifier: TokenVerifier, signer: Signer, feed: Feed) -> None:
    feed.has_events = False
    token = signer.token(jti="t")
    assert (outcome(verifier, token), mode(verifier)) == ("good", "polling")
    feed.page = page("2", signer.entry("jti", "t"))
    until(lambda: outcome(verifier, token) == "token_revoked")
    assert feed.polls >= 2


def test_closed_asks_once_more_and_open_goes_on(signer: Signer, feed: Feed) -> None:
    feed.has_events = False
    with make(signer, max_staleness_seconds=60) as verifier:
        token = signer.token()
        assert outcome(verifier, token) == "good"
        feed.status = 500
        signer.clock.advance(90)
        assert outcome(verifier, token) == "revocations_stale"
        assert outcome(verifier, token, revocations={"when_stale": "open"}) == "good"
        assert outcome(verifier, token, revocations={"max_staleness_seconds": 3600}) == "good"
        status = verifier.revocation_status()
        assert status and status.stale_seconds >= 90 and "500" in (status.last_error or "")
        feed.status = 200
        signer.clock.advance(2)
        assert outcome(verifier, token) == "good"


def test_open_asks_nothing_on_behalf_of_tokens(signer: Signer, feed: Feed) -> None:
    with make(signer, max_staleness_seconds=0, when_stale="open") as verifier:
        token = signer.token()
        for _ in range(20):
            assert outcome(verifier, token) == "good"
            signer.clock.advance(0.05)
        assert outcome(verifier, token, revocations={"when_stale": "closed"}) == "good"
        assert feed.polls == 1


def test_a_bound_token_is_judged_by_fresh_data_first(signer: Signer, feed: Feed) -> None:
    feed.has_events = False
    with make(signer, max_staleness_seconds=60) as verifier:
        token = signer.token(jti="t", cnf={"jkt": "x"})
        feed.page = page("1", signer.entry("jti", "t"))
        assert outcome(verifier, token) == "wrong_type"
        feed.status = 500
        signer.clock.advance(90)
        assert outcome(verifier, token) == "revocations_stale"


def test_of_several_entries_the_first_kind_is_named(verifier: TokenVerifier, signer: Signer, feed: Feed) -> None:
    claims = {"jti": "t", "sid": "s", "sub": "ada", "client_id": "shop"}
    listed = [signer.entry(kind, value, kind) for kind, value in {**claims, "kid": "one"}.items()]
    feed.page = page("1", *reversed(listed))
    token = signer.token(**claims)
    for number, kind in enumerate([*claims, "kid"]):

        def names(kind: str = kind) -> bool:
            with pytest.raises(TokenError) as caught:
                verifier.verify_token(token)
            return f"({kind}, entry {kind})" in caught.value.description

        until(names, 1)
        feed.send(event(page(str(number + 2), removed=(kind,))))
    until(lambda: outcome(verifier, token) == "good")


def test_a_feed_address_keeps_its_query(signer: Signer, feed: Feed) -> None:
    asked: list[str] = []

    def answer(request: Any, after: str | None) -> dict[str, Any] | None:
        asked.append(request.path)
        return feed.answer(request, after)

    feed.has_events = False
    signer.issuer.answers["/blacklist/feed"] = answer
    with make(signer, feed_url=f"{signer.issuer.url}/blacklist/feed?tenant=a") as verifier:
        outcome(verifier, signer.token())
        until(lambda: len(asked) >= 3)
    assert set(asked[1:]) == {"/blacklist/feed?tenant=a", "/blacklist/feed?tenant=a&after=1"}


def test_a_short_bound_asks_the_issuer(verifier: TokenVerifier, signer: Signer, feed: Feed) -> None:
    token = signer.token()
    outcome(verifier, token)
    signer.clock.advance(5)
    assert outcome(verifier, token, revocations={"max_staleness_seconds": 1}) == "good"
    assert feed.polls == 1


def test_a_heartbeat_keeps_the_data_fresh(verifier: TokenVerifier, signer: Signer, feed: Feed) -> None:
    outcome(verifier, signer.token())
    signer.clock.advance(20)
    feed.send(b": heartbeat\n\n")
    until(lambda: (verifier.revocation_status() or pytest.fail()).stale_seconds == 0)


def test_a_machine_that_slept_believes_no_old_bytes(verifier: TokenVerifier, signer: Signer, feed: Feed) -> None:
    outcome(verifier, signer.token())
    signer.clock.wall += 3600
    feed.send(b": heartbeat\n\n")
    until(lambda: len(feed.asked_after) == 2)


def test_it_follows_in_a_child_process_too(verifier: TokenVerifier, signer: Signer, feed: Feed) -> None:
    token = signer.token(jti="t")
    assert outcome(verifier, token) == "good"
    child = os.fork()
    if child == 0:
        status = 1
        try:
            until(lambda: outcome(verifier, token) == "token_revoked")
            status = 0
        finally:
            os._exit(status)
    until(lambda: len(feed.lines) == 2)
    feed.send(event(page("2", signer.entry("jti", "t"))))
    assert os.waitpid(child, 0)[1] == 0


def test_the_async_verifier_serves_any_loop(signer: Signer, feed: Feed) -> None:
    verifier = AsyncTokenVerifier(issuer=signer.issuer.url, audience=API, clock=signer.clock, revocations=True)
    token = signer.token(jti="t")

    async def judged() -> str:
        try:
            await verifier.verify_token(token)
            return "good"
        except TokenError as error:
            return error.code

    async def several() -> set[str]:
        return set(await asyncio.gather(*(judged() for _ in range(20))))

    assert asyncio.run(several()) == {"good"}
    feed.send(event(page("2", signer.entry("jti", "t"))))
    until(lambda: asyncio.run(judged()) == "token_revoked")
    asyncio.run(verifier.close())
    assert asyncio.run(judged()) == "issuer_unavailable"


def test_a_caller_that_gives_up_takes_nobody_along(signer: Signer, feed: Feed) -> None:
    feed.first = event(page("2", more=True))
    verifier = AsyncTokenVerifier(issuer=signer.issuer.url, audience=API, clock=signer.clock, revocations=True)

    async def play() -> None:
        impatient, patient = (asyncio.create_task(verifier.verify_token(signer.token())) for _ in range(2))
        while not feed.lines:
            await asyncio.sleep(0.01)
        impatient.cancel()
        await asyncio.wait({impatient})
        feed.send(event(page("3")))
        assert (await patient).claims["sub"] == "ada"
        await verifier.close()

    asyncio.run(play())


def test_closing_ends_the_stream_at_once(verifier: TokenVerifier, signer: Signer, feed: Feed) -> None:
    outcome(verifier, signer.token())
    verifier.close()
    assert mode(verifier) == "closed"

    def has_left() -> bool:
        feed.send(b": heartbeat\n\n")
        return feed.left == 1

    until(has_left)


def test_entries_are_forgotten_after_their_end(verifier: TokenVerifier, signer: Signer, feed: Feed) -> None:
    feed.page = page("1", signer.entry("jti", "t"))
    assert outcome(verifier, signer.token(jti="t")) == "token_revoked"
    signer.clock.advance(700)
    feed.send(b": heartbeat\n\n")
    until(lambda: (verifier.revocation_status() or pytest.fail()).entries == 0)


def test_an_entry_that_was_forgotten_while_the_clock_was_ahead_is_loaded_again(
    verifier: TokenVerifier, signer: Signer, feed: Feed
) -> None:
    feed.page = page("1", signer.entry("jti", "t"))
    token = signer.token(jti="t", exp=int(signer.clock.now()) + 5000)
    signer.clock.wall += 1000
    assert outcome(verifier, token) == "good"
    signer.clock.wall -= 1000
    assert outcome(verifier, token) == "token_revoked"


def test_half_of_a_surrogate_pair_is_hashed_as_all_verifiers_do(
    verifier: TokenVerifier, signer: Signer, feed: Feed
) -> None:
    feed.page = page("1", signer.entry("jti", "a\ufffdb"))
    assert outcome(verifier, signer.token(jti="a\ud800b")) == "token_revoked"
    assert outcome(verifier, signer.token(jti="a?b")) == "good"


def test_a_caller_that_gives_up_ends_no_question_of_others(signer: Signer, feed: Feed) -> None:
    verifier = AsyncTokenVerifier(issuer=signer.issuer.url, audience=API, clock=signer.clock, revocations=True)

    async def judged() -> str:
        token = signer.token()
        return str((await verifier.verify_token(token, revocations={"max_staleness_seconds": 1})).claims["sub"])

    async def play() -> None:
        await judged()
        signer.clock.advance(5)
        feed.may_answer.clear()
        impatient, patient = (asyncio.create_task(judged()) for _ in range(2))
        while feed.polls == 0:
            await asyncio.sleep(0.01)
        impatient.cancel()
        await asyncio.wait({impatient})
        await asyncio.sleep(0.05)
        feed.may_answer.set()
        assert (await patient, feed.polls) == ("ada", 1)
        await verifier.close()

    asyncio.run(play())
