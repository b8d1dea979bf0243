"""A small issuer over HTTP, which answers what a test says, and clocks that a test moves."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

VECTORS = Path(__file__).parents[2] / "vectors"

Reply = dict[str, Any]
"""``status``, ``headers``, ``body`` and ``pad``, as the vectors have it."""


def vectors(name: str) -> dict[str, Any]:
    """A file of vectors."""
    content: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return content


class StillClock:
    """A clock that a test moves, in seconds."""

    def __init__(self, now: float = 1_800_000_000, elapsed: float = 0) -> None:
        self.wall = now
        self.even = elapsed

    def now(self) -> float:
        """The time of day."""
        return self.wall

    def elapsed(self) -> float:
        """The even clock."""
        return self.even

    def advance(self, seconds: float) -> None:
        """Moves both clocks."""
        self.wall += seconds
        self.even += seconds


class SmallIssuer:
    """Answers each path by a function of the request; everything else is 404."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler, str | None], Reply | None]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.005,), daemon=True).start()

    def serve(self, path: str, answer: Reply) -> None:
        """Answers a path always the same."""
        self.answers[path] = lambda _request, _after: answer

    def serve_json(self, path: str, content: object) -> None:
        """Answers a path with JSON."""
        self.serve(path, {"status": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(content)})

    def asked_for(self, path: str) -> int:
        """How many requests there were."""
        return sum(each == path for each, _ in self.asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                issuer.asked.append((url.path, {name.lower(): value for name, value in self.headers.items()}))
                answer = issuer.answers.get(url.path)
                after = parse_qs(url.query).get("after", [None])[0]
                try:
                    _send(self, answer(self, after) if answer else {"status": 404})
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _send(request: BaseHTTPRequestHandler, reply: Reply | None) -> None:
    """:param reply: ``None`` if the request was answered already"""
    if reply is None:
        return
    body = (reply.get("body", "") + " " * reply.get("pad", 0)).encode()
    request.send_response_only(reply["status"])
    for name, value in reply.get("headers", {}).items():
        request.send_header(name, value)
    if reply["status"] != 304:
        request.send_header("content-length", str(len(body)))
    request.end_headers()
    if reply["status"] != 304:
        request.wfile.write(body)


@pytest.fixture
def small_issuer() -> Iterator[SmallIssuer]:
    """An issuer on loopback."""
    issuer = SmallIssuer()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()


@pytest.fixture
def clock() -> StillClock:
    """A clock that stands until the test moves it."""
    return StillClock()
