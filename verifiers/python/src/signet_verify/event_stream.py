"""Reads server-sent events (WHATWG HTML section 9.2.6) from a response as they arrive."""

import codecs
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

_MOST_CHARACTERS: Final = 67_108_864


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event, without its id: the cursor is in the data too."""

    event: str
    data: str


class _Fields:
    """The lines of an event that is not complete yet."""

    def __init__(self) -> None:
        self.event = "message"
        self.data: list[str] = []
        self.characters = 0

    def take(self, line: str) -> None:
        self.characters += len(line)
        if self.characters > _MOST_CHARACTERS:
            raise ValueError(f"sent an event of more than {_MOST_CHARACTERS} characters")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self.event = value
        elif name == "data":
            self.data.append(value)


async def server_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[ServerEvent | None]:
    """Yields each event.

    After other bytes, such as a comment, it yields ``None`` if no event is incomplete: the connection is
    alive, and everything that was sent has arrived.

    :raises ValueError: if one event is too long
    """
    fields = _Fields()
    async for lines, is_complete in _line_batches(chunks):
        for line in lines:
            if line != "":
                fields.take(line)
                continue
            if fields.data:
                yield ServerEvent(fields.event, "\n".join(fields.data))
            fields = _Fields()
        if is_complete and fields.characters == 0:
            yield None


async def _line_batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[list[str], bool]]:
    """The complete lines of each chunk, and whether nothing is left. A chunk may end in the middle of a line."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces: list[str] = []
    waiting = 0
    async for chunk in chunks:
        text = decoder.decode(chunk)
        waiting += len(text)
        if waiting > _MOST_CHARACTERS:
            raise ValueError(f"sent a line of more than {_MOST_CHARACTERS} characters")
        pieces.append(text)
        if "\n" not in text:
            # Chunks are joined only when a line is complete, because a large event comes in many chunks.
            continue
        *lines, rest = "".join(pieces).split("\n")
        pieces, waiting = [rest], len(rest)
        yield [line.removesuffix("\r") for line in lines], rest == ""
