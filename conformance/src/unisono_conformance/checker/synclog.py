"""The synclog: a recorded history as JSON lines, one header and then one event a line.

Spec: security
Not here: what the events mean (see state, facts, views).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from unisono_conformance.checker.anomalies import Event, Json

FORMAT: Final = 1

KINDS: Final[Mapping[str, Mapping[str, tuple[type, ...]]]] = {
    "opened": {"connection": (int,)},
    "lost": {"connection": (int,)},
    "c2s": {"connection": (int,), "frame": (dict,)},
    "s2c": {"connection": (int,), "frame": (dict,)},
    "op": {"client": (str,), "seq": (int,), "op": (dict,)},
    "answer": {"client": (str,), "seq": (int,)},
    "event": {"client": (str,), "event": (dict,)},
    "fault": {"name": (str,)},
    "fence": {},
    "commit": {"n": (int, float), "id": (str, int, float)},
    "ack": {"session": (str,), "request": (int,)},
}
"""What each kind of event must have, apart from `at` and `kind`."""


class SynclogError(ValueError):
    """A file is no synclog, or is damaged; says where and what to do."""

    def __init__(self, line: int, problem: str) -> None:
        self.line = line
        self.problem = problem
        super().__init__(f"line {line}: {problem}")


@dataclass(frozen=True, slots=True)
class Synclog:
    """A history that has been read."""

    header: Json
    events: list[Event]


class Recorder:
    """Keeps a history while it happens, numbers its events, and hides what is secret.

    Everything passes through here as decoded JSON; nothing that comes in is changed or kept.
    """

    def __init__(self, **about: Json) -> None:
        self.header: Json = {"synclog": FORMAT, **about}
        self.events: list[Event] = []
        self._sessions: dict[int, str] = {}
        self._seq = 0
        self.listeners: list[Callable[[Event], None]] = []
        """Told of every event, as it is written down."""

    def opened(self, connection: int, *, client: str | None = None, **more: Json) -> None:
        """A connection is open; connections are numbered over the whole history."""
        self._add("opened", connection=connection, client=client, **more)

    def lost(self, connection: int, code: int | None = None, reason: str | None = None) -> None:
        """A connection is no more, whoever ended it."""
        self._add("lost", connection=connection, code=code, reason=reason)

    def c2s(self, connection: int, frame: Json) -> None:
        """The client has sent a frame."""
        if frame.get("type") == "Connect":
            self._sessions[connection] = frame.get("sessionId")
        self._add("c2s", connection=connection, **self._session(connection), frame=frame)

    def s2c(self, connection: int, frame: Json) -> None:
        """The server has sent a frame."""
        self._add("s2c", connection=connection, **self._session(connection), frame=frame)

    def op(self, client: str, op: Json) -> int:
        """The application asks for something; returns the number that its answer refers to."""
        self._seq += 1
        self._add("op", client=client, seq=self._seq, op=op)
        return self._seq

    def answer(self, client: str, seq: int, views: Json = None) -> None:
        """What the application asked for is done; a snapshot brings its views."""
        self._add("answer", client=client, seq=seq, views=views)

    def event(self, client: str, event: Json) -> None:
        """The client tells its application something."""
        self._add("event", client=client, event=event)

    def fault(self, name: str, **more: Json) -> None:
        """Somebody broke something on purpose."""
        self._add("fault", name=name, **more)

    def fence(self, client: str | None = None) -> None:
        """All that was on its way has arrived and has been shown."""
        self._add("fence", client=client)

    def commit(self, n: int, id: Json, **known: Json) -> None:
        """One entry of the commit log; `key`, `session`, `request` and `ts` where known."""
        self._add("commit", n=n, id=id, **known)

    def ack(self, session: str, request: int, **known: Json) -> None:
        """A write was acknowledged outside the frames of this history."""
        self._add("ack", session=session, request=request, **known)

    def write(self, file: TextIO) -> None:
        """Write the history down."""
        write(file, self.header, self.events)

    def _session(self, connection: int) -> dict[str, str]:
        session = self._sessions.get(connection)
        return {} if session is None else {"session": session}

    def _add(self, kind: str, **fields: Json) -> None:
        known = {name: value for name, value in fields.items() if value is not None}
        event = redact({"at": len(self.events) + 1, "kind": kind, **known})
        self.events.append(event)
        for tell in self.listeners:
            tell(event)


def write(file: TextIO, header: Json, events: Iterable[Event]) -> None:
    """Write a history; it may be on its way to anybody, so it is redacted once more."""
    for row in (header, *map(redact, events)):
        file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def read(path: Path) -> Synclog:
    """Read a synclog from a file."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SynclogError(1, f"not UTF-8 ({error.reason}); this is no synclog") from error
    return parse(text.splitlines())


def parse(lines: Sequence[str]) -> Synclog:
    """Read a synclog from its lines; raises SynclogError at the first thing that is wrong."""
    rows = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    number, first = next(rows, (1, ""))
    header = _object(number, first) if first else None
    if header is None or "synclog" not in header:
        raise SynclogError(number, 'no header; a synclog begins with {"synclog": 1}')
    if header["synclog"] != FORMAT:
        raise SynclogError(number, f"format {header['synclog']!r}; only format {FORMAT} is known")
    return Synclog(header, list(_events(rows)))


def _events(rows: Iterator[tuple[int, str]]) -> Iterator[Event]:
    last = 0
    for number, line in rows:
        event = _object(number, line)
        check_event(event, number)
        at = event["at"]
        if at <= last:
            raise SynclogError(number, f"at {at} after at {last}; the logical time must grow")
        last = at
        yield event


def check_event(event: Json, line: int = 0) -> None:
    """Raise SynclogError when an event lacks what its kind must have."""
    at = event.get("at")
    if not isinstance(at, int) or isinstance(at, bool):
        raise SynclogError(line, f"at is {at!r}, not an integer")
    needs = KINDS.get(str(event.get("kind")))
    if needs is None:
        raise SynclogError(line, f"unknown kind {event.get('kind')!r}; known: {', '.join(KINDS)}")
    for name, types in needs.items():
        value = event.get(name)
        if not isinstance(value, types) or isinstance(value, bool):
            wanted = " or ".join(each.__name__ for each in types)
            raise SynclogError(line, f"{event['kind']}.{name} is {value!r}, not {wanted}")
    inner = {"op": ("op", "op"), "event": ("event", "ev")}.get(event["kind"])
    if inner is not None and not isinstance(event[inner[0]].get(inner[1]), str):
        raise SynclogError(line, f"{event['kind']}.{inner[0]} has no {inner[1]}")


def _object(number: int, line: str) -> Json:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise SynclogError(number, f"not JSON ({error}); was the file cut off?") from error
    if not isinstance(row, dict):
        raise SynclogError(number, "not a JSON object")
    return row


def redact(event: Event) -> Event:
    """Return the event with hashes in the place of tokens and keys."""
    kind = event["kind"]
    if kind == "c2s" and event["frame"].get("type") == "Authenticate":
        return {**event, "frame": _hide(event["frame"], "value")}
    if kind == "op" and "token" in event["op"]:
        return {**event, "op": _hide(event["op"], "token")}
    return event


def _hide(holder: Mapping[str, Any], name: str) -> Json:
    # [auth.token-secret] The hash still tells equal tokens from different ones.
    secret = holder.get(name)
    if not isinstance(secret, str) or secret.startswith("sha256:"):
        return dict(holder)
    digest = hashlib.sha256(secret.encode()).hexdigest()[:16]
    claims = _claims(secret)
    subject = claims.get("sub") if isinstance(claims, dict) else None
    named = {"subject": subject} if isinstance(subject, str) and "subject" not in holder else {}
    return {**holder, name: f"sha256:{digest}", **named}


def _claims(token: str) -> Json:
    """Read the claims of a JWT without believing them; None when it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        return json.loads(base64.urlsafe_b64decode(padded))
    except ValueError:
        return None
