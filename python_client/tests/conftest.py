"""What the tests share: a bare session with somebody to talk to, and both event loops."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unisono.core.auth import AuthChanged, FetchToken
from unisono.core.connection import Close, Open, Send, StateChanged
from unisono.core.mutations import Settle
from unisono.core.optimistic import Publish
from unisono.core.session import Effect, Options, Session
from unisono.core.transitions import Log
from unisono.testing import Frame, Voice

VECTORS = Path(__file__).parents[2] / "protocol" / "v1" / "vectors"
SESSION_ID = "123e4567-e89b-42d3-a456-426614174000"
QUIET = (StateChanged, Log)


def vectors(name: str, group: str = "vectors") -> list[Any]:
    """One group of a file of vectors."""
    found: list[Any] = json.loads((VECTORS / f"{name}.json").read_text())[group]
    return found


class Dialogue:
    """A bare session, a server's voice, and a clock; every word between them is kept."""

    def __init__(self, options: Options | None = None) -> None:
        self.session = Session(SESSION_ID, options)
        self.voice = Voice()
        self.now = 1000.0
        self.jitter = 0.5
        self.effects: list[Effect] = []

    def tell(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """One input; its effects are kept."""
        result = step(*args, **kwargs, now=self.now)
        self.effects += self.session.take_effects()
        return result

    def open(self) -> list[Frame]:
        """Let the socket open; return what the client says first."""
        self.taken()
        self.voice = Voice()
        self.tell(self.session.opened)
        return self.frames()

    def start(self) -> list[Frame]:
        """Begin, and let the first socket open."""
        self.tell(self.session.start)
        return self.open()

    def hear(self, frame: Frame | str) -> None:
        """Say something to the client."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        self.tell(self.session.received, text, jitter=self.jitter)

    def transition(self, **changes: Any) -> None:
        """The server takes its next step."""
        self.hear(self.voice.transition(**changes))

    def lose(self, code: int | None = 1006, reason: str = "") -> None:
        """The socket is gone."""
        self.tell(self.session.lost, code=code, reason=reason, jitter=self.jitter)

    def advance(self, seconds: float) -> None:
        """Move the clock from deadline to deadline."""
        end = self.now + seconds
        while (deadline := self.session.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.tell(self.session.tick, jitter=self.jitter)
        self.now = end

    def taken(self) -> list[Effect]:
        """The effects since the last look, without states and logs."""
        effects, self.effects = self.effects, []
        return [effect for effect in effects if not isinstance(effect, QUIET)]

    def frames(self) -> list[Frame]:
        """The frames that were sent since the last look."""
        return [json.loads(each.text) for each in self.taken() if isinstance(each, Send)]

    def kinds(self) -> list[str]:
        """What happened since the last look, in words."""
        return [word_of(effect) for effect in self.taken()]

    def value(self, token: str) -> Any:
        """What is visible of a query: its value, its failure, or `loading`."""
        outcome = self.session.snapshot().results.get(token)
        return "loading" if outcome is None else outcome[0]


def word_of(effect: Effect) -> str:
    match effect:
        case Send(text):
            return str(json.loads(text)["type"])
        case Publish() | Settle() | Open() | Close():
            return type(effect).__name__.lower()
        case FetchToken(number, force):
            return f"fetch {number} {'forced' if force else 'cached'}"
        case AuthChanged(is_authenticated):
            return "authenticated" if is_authenticated else "nobody"
        case _:
            return type(effect).__name__


@pytest.fixture
def talk() -> Dialogue:
    """A session that was not started."""
    return Dialogue()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)
