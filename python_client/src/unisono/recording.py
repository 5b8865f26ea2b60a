"""Recordings: the inputs of a session in a file, and playing them again in a bare core.

    async with Client(url, record="session.jsonl") as client:
        ...

    for step in replay("session.jsonl"):
        print(step.name, step.effects)

The same inputs have the same effects, so what went wrong far away can be looked at here, as
often as you like. The first line says what the file is, each other line is one input; it is
written before the client goes on. In the place of tokens and keys stand others, with the same
dates of issue and expiry. All else is as it was: a recording is as private as its data.

`python -m unisono.recording FILE` prints one as a trace.

Not here: what the inputs do (see core/session).
"""

import base64
import hashlib
import inspect
import json
import logging
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

from .core.auth import AuthChanged, FetchToken, claims
from .core.connection import Close, Send, StateChanged
from .core.errors import InvalidValueError, LocalProtocolError, RemoteProtocolError
from .core.mutations import Settle
from .core.optimistic import LocalStore, Publish, Update
from .core.session import Effect, Options, Session
from .core.transitions import Log
from .core.values import Json, Value, decode, encode, encode_args

FORMAT = "unisono-session"
VERSION = 1
#: Inputs that raise when the caller is wrong; nothing has happened then.
CALLS = frozenset({"subscribe", "mutate", "act", "set_admin"})
INPUTS = CALLS | frozenset(
    "start unsubscribe set_auth clear_auth token token_failed pause resume reconnect_now close "
    "opened received ponged lost tick".split()
)
SECRETS = {"set_auth": "token", "token": "token", "set_admin": "key"}
TRACE_CHARACTERS = 100
logger = logging.getLogger("unisono")


class BadRecordingError(LocalProtocolError):
    """A file is no recording, or not one of this version."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(path, line, reason)
        self.path = path
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}, is no recording of a session: {self.reason}"


class Recorder:
    """Writes down what a session takes, from its first input to `close`."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file: TextIO | None = None
        # A token may be set before the client's block begins.
        self._early: list[str] = []
        self._is_inside = False
        self._runs: list[Json] = []
        self._salt = ""

    def attach(self, session: Session, options: Options) -> None:
        """Stand before each input of this session."""
        self._salt = session.session_id
        head = {"format": FORMAT, "version": VERSION, "session_id": session.session_id}
        self._write({**head, "options": asdict(options)})
        for name in INPUTS:
            setattr(session, name, self._recorded(getattr(session, name)))

    def open(self) -> None:
        """Begin the file. Raises OSError."""
        if self._file is not None:
            return
        self._file = self._path.open("w", encoding="ascii", buffering=1)
        self._file.writelines(self._early)

    def _recorded(self, step: Callable[..., Any]) -> Callable[..., Any]:
        name, signature = step.__name__, inspect.signature(step)

        @wraps(step)
        def take(*args: Any, **kwargs: Any) -> Any:
            if self._is_inside:
                # One input may hand on to another.
                return step(*args, **kwargs)
            given = signature.bind(*args, **kwargs).arguments
            if given.get("optimistic") is not None:
                given["optimistic"] = self._watched(given["optimistic"])
            self._runs, self._is_inside = [], True
            try:
                result = step(**given)
            except Exception:
                if name not in CALLS:
                    self._note(name, given)
                raise
            finally:
                self._is_inside = False
            self._note(name, given)
            return result

        return take

    def _watched(self, update: Update) -> Update:
        """An update that runs as before, and leaves behind what it wrote."""

        def run(store: LocalStore) -> None:
            watched = _WatchedStore(store)
            note: dict[str, Json] = {"writes": watched.writes}
            self._runs.append(note)
            try:
                update(watched)
            except Exception as error:
                note["raised"] = repr(error)
                raise

        return run

    def _note(self, name: str, given: Mapping[str, Any]) -> None:
        fields = {key: _written(key, each) for key, each in given.items() if key != "optimistic"}
        secret = SECRETS.get(name)
        if secret and fields.get(secret):
            # [auth.token-secret]
            fields[secret] = stand_in(fields[secret], self._salt)
        entry: dict[str, Json] = {"input": name, "given": fields}
        if "optimistic" in given:
            entry["optimistic"] = given["optimistic"] is not None
        if self._runs:
            entry["runs"] = self._runs
        self._write(entry)
        if name == "close" and self._file is not None:
            self._file.close()

    def _write(self, entry: Mapping[str, Json]) -> None:
        line = json.dumps(entry, separators=(",", ":")) + "\n"
        if self._file is None:
            self._early.append(line)
        elif not self._file.closed:
            try:
                self._file.write(line)
            except OSError as error:
                logger.error("the recording %s ends here: %s", self._path, error)
                # Closing tries, and fails, to write the line once more.
                with suppress(OSError):
                    self._file.close()


class _WatchedStore(LocalStore):
    """The store of an optimistic update, with a list of what the update writes."""

    def __init__(self, store: LocalStore) -> None:
        super().__init__(store._visible, store._name, store._names)
        self.writes: list[Json] = []

    def set(self, path: str, args: Mapping[str, Value] | None, value: Value) -> None:
        super().set(path, args, value)
        try:
            written = encode(value)
        except InvalidValueError:
            # It was only shown here, and would not have passed the wire.
            written = repr(value)
        self.writes.append([path, encode_args(args), written])

    def set_loading(self, path: str, args: Mapping[str, Value] | None = None) -> None:
        super().set_loading(path, args)
        self.writes.append([path, encode_args(args)])


def stand_in(token: str, salt: str) -> str:
    """Another token: equal ones stay equal, and it says when it was issued and expires."""
    digest = hashlib.sha256((salt + token).encode()).hexdigest()[:16]
    issued, expires = claims(token)
    if issued is None and expires is None:
        return f"recorded-{digest}"
    body = json.dumps({"iat": issued, "exp": expires}).encode()
    return f"recorded.{base64.urlsafe_b64encode(body).decode().rstrip('=')}.{digest}"


def _written(key: str, value: Any) -> Json:
    if key == "args":
        return encode_args(value)
    if key == "acting_as":
        return None if value is None else encode(value)
    if isinstance(value, bytes):
        # Bytes that are no UTF-8 must be as wrong in the replay.
        return value.decode("utf-8", "surrogateescape")
    return value


# Replay


@dataclass(frozen=True, slots=True)
class Step:
    """One input of a recording, and the effects that the core has answered with."""

    name: str
    given: Mapping[str, Any]
    effects: tuple[Effect, ...]

    @property
    def now(self) -> float:
        """When it happened."""
        return float(self.given["now"])


def replay(path: str | Path) -> Iterator[Step]:
    """Play a recording in a new core. Raises BadRecordingError, and what the core raises."""
    with Path(path).open(encoding="ascii", errors="replace") as file:
        session = _begun(str(path), file.readline())
        replayed = _Updates()
        for number, line in enumerate(file, 2):
            if not line.endswith("\n"):
                # The process that wrote it has ended here.
                return
            try:
                entry = json.loads(line)
                step, given = _read(session, entry, replayed)
            except (ValueError, LookupError, TypeError, RemoteProtocolError) as error:
                raise BadRecordingError(str(path), number, str(error)) from error
            step(**given)
            yield Step(entry["input"], given, tuple(session.take_effects()))


def _begun(path: str, line: str) -> Session:
    try:
        head = json.loads(line)
        if (head["format"], head["version"]) != (FORMAT, VERSION):
            raise ValueError(f"it is of {head['format']} {head['version']}")
        return Session(head["session_id"], Options(**head["options"]))
    except (ValueError, LookupError, TypeError) as error:
        raise BadRecordingError(path, 1, str(error)) from error


def _read(
    session: Session, entry: Mapping[str, Any], updates: "_Updates"
) -> tuple[Callable[..., Any], dict[str, Any]]:
    name, given = entry["input"], dict(entry["given"])
    if name not in INPUTS:
        raise ValueError(f"{name!r} is no input")
    for key in ("args", "acting_as"):
        if given.get(key) is not None:
            given[key] = decode(given[key])
    if name == "received":
        given["text"] = given["text"].encode("utf-8", "surrogateescape")
    if entry.get("optimistic"):
        given["optimistic"] = updates.run
    updates.runs = deque(entry.get("runs", ()))
    return getattr(session, name), given


class _Updates:
    """Optimistic updates of a replay: they write what was written, whatever they see."""

    def __init__(self) -> None:
        self.runs: deque[dict[str, Any]] = deque()

    def run(self, store: LocalStore) -> None:
        note = self.runs.popleft()
        for path, args, *values in note["writes"]:
            if values:
                store.set(path, decode(args), decode(values[0]))
            else:
                store.set_loading(path, decode(args))
        if "raised" in note:
            raise UpdateRaisedError(note["raised"])


class UpdateRaisedError(Exception):
    """An optimistic update raised in this place when the session was recorded."""

    def __repr__(self) -> str:
        return str(self)


# The trace


def trace(path: str | Path) -> Iterator[str]:
    """The lines of a readable trace: inputs with their time, effects below them."""
    began: float | None = None
    for step in replay(path):
        began = step.now if began is None else began
        given = {key: each for key, each in step.given.items() if key not in ("now", "jitter")}
        text = given.pop("text", None)
        said = text.decode("utf-8", "replace") if text is not None else _listed(given)
        yield _short(f"{step.now - began:10.3f}  {step.name} {said}")
        for effect in step.effects:
            yield _short(f"{'':14}{_told(effect)}")


def _told(effect: Effect) -> str:
    match effect:
        case Send():
            return f"send {effect.text}"
        case Publish():
            return f"publish {', '.join(sorted(effect.changed))}"
        case Settle():
            return f"settle {effect.call_id} {effect.path} {effect.outcome!r}"
        case StateChanged():
            return f"state {effect.state.kind} {effect.state.why}"
        case Close():
            return f"close {effect.code} {effect.reason}"
        case FetchToken():
            return f"fetch a token, number {effect.number}{', by force' * effect.force}"
        case AuthChanged():
            return "authenticated" if effect.is_authenticated else "nobody"
        case Log():
            return f"log {effect.level} {effect.path} {effect.text}"
        case _:
            return type(effect).__name__.lower()


def _listed(given: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={each!r}" for key, each in given.items() if not callable(each))


def _short(line: str) -> str:
    line = "".join(each if each.isprintable() else " " for each in line).rstrip()
    return line if len(line) <= TRACE_CHARACTERS else line[: TRACE_CHARACTERS - 3] + "..."


def main(arguments: Sequence[str]) -> int:
    """Print a trace of the file; returns the exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m unisono.recording FILE", file=sys.stderr)
        return 2
    try:
        for line in trace(arguments[0]):
            print(line)
    except (BadRecordingError, OSError) as error:
        print(f"recording: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
