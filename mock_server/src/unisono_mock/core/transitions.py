"""Transitions: one chain of versions per socket, and who starts the next step.

Spec: transitions
Not here: which queries run (see queries, reactor), the JSON (see messages).
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .errors import error_text
from .messages import NO_LINES, StateVersion, query_failed, query_updated, transition_chunk
from .values import json_bytes

MAX_UNSENT = 2
CHUNK_BYTES = 5_000_000


@dataclass(slots=True)
class Result:
    """What a run of a query came to, encoded once for every socket that shows it."""

    value: bytes | None
    log_lines: bytes
    journal: str | None
    digest: bytes
    message: str = ""
    frames: str = ""
    data: bytes | None = None
    _piece: tuple[int, bytes] = (-1, b"")

    @classmethod
    def success(cls, value: bytes, lines: list[str], journal: str | None) -> "Result":
        """A result with a value."""
        log_lines = json_bytes(lines) if lines else NO_LINES
        return cls(value, log_lines, journal, _digest(b"+", value, log_lines))

    @classmethod
    def failure(
        cls, message: str, frames: str, data: bytes | None, lines: list[str], journal: str | None
    ) -> "Result":
        """A result that is an error; errors are results like others."""
        log_lines = json_bytes(lines) if lines else NO_LINES
        # [transitions.change-hash] The text and the log lines; not the request
        # id, which is new in every run.
        digest = _digest(b"-", (message + frames).encode("utf-8", "replace"), log_lines)
        return cls(None, log_lines, journal, digest, message, frames, data)

    def modification(
        self, query_id: int, new_request_id: Callable[[], str], *, redact: bool
    ) -> bytes:
        """The piece of a Transition that tells this result."""
        # [transitions.log-lines] Log lines stay home where texts are redacted.
        lines = NO_LINES if redact else self.log_lines
        # [messages.journal-opaque] Text for us alone; the client gives it back.
        journal = b"null" if self.journal is None else json_bytes(self.journal)
        if self.value is not None:
            # Sockets of equal clients have equal ids: the piece of the last one
            # will do for the next.
            if self._piece[0] != query_id:
                piece = query_updated(query_id, self.value, lines, journal)
                self._piece = (query_id, piece)
            return self._piece[1]
        text = error_text(new_request_id(), self.message, self.frames, redact=redact)
        return query_failed(query_id, text, self.data, lines, journal)


class Transitions:
    """The version of one socket, and the flags that make steps single-flight."""

    __slots__ = ("computing", "current", "unsent", "wanted")

    def __init__(self) -> None:
        # [transitions.start-at-zero] Nothing of the chain outlives its socket.
        self.current = StateVersion()
        self.wanted = False
        self.computing = False
        self.unsent = 0

    @property
    def ready(self) -> bool:
        """Whether the next step is wanted and may begin."""
        # [transitions.single-flight] One computation at a time.
        # [transitions.two-unsent] With two unsent, triggers pile up into one
        # later step: a slow reader gets the newest state, not every state.
        return self.wanted and not self.computing and self.unsent < MAX_UNSENT

    def start(self) -> None:
        """Begin the next step."""
        # [transitions.coalesce] The flag falls before the timestamp is read,
        # so whatever raised it is covered.
        self.wanted = False
        self.computing = True

    def finish(self, end: StateVersion) -> StateVersion:
        """Adopt the end of a step; returns where it started."""
        # [transitions.continuity] Each step starts where the last one ended.
        # [transitions.monotonic] Time never runs backwards on a connection.
        assert end.ts >= self.current.ts
        start, self.current = self.current, end
        self.computing = False
        self.unsent += 1
        return start


def in_chunks(text: bytes, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The messages that carry a Transition too large for one."""
    # [transitions.chunk-set] Every piece names its place, the number of pieces
    # and the set; the set is named by its length.
    pieces = list(_pieces(text, size))
    for number, piece in enumerate(pieces):
        yield transition_chunk(piece.decode(), number, len(pieces), str(len(text)))


def _pieces(text: bytes, size: int) -> Iterator[bytes]:
    start = 0
    while start < len(text):
        end = min(start + size, len(text))
        # [transitions.chunk-size] Never inside a character.
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end -= 1
        yield text[start:end]
        start = end


def _digest(kind: bytes, content: bytes, log_lines: bytes) -> bytes:
    return hashlib.sha256(b"%b%d:%b%b" % (kind, len(content), content, log_lines)).digest()
