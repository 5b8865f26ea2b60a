"""The adapter of a client under test: a process that speaks JSON lines.

Spec: reading (and ADAPTER.md, the definition)
Not here: how the lines travel (see channels), the reading of the events (see world).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Self

from unisono_conformance import ADAPTER_VERSION, REVISION
from unisono_conformance.channels import Channel, ChannelError, open_channel
from unisono_conformance.values import Json

ANSWER_BUDGET_S: Final = 15.0

Sink = Callable[[Json], None]


class AdapterError(Exception):
    """The adapter broke its own protocol, crashed or fell silent; the peer is to blame."""


class Unsupported(Exception):
    """The adapter says that it cannot do this operation."""

    def __init__(self, op: str, reason: str) -> None:
        self.op = op
        self.reason = reason
        super().__init__(f"operation {op!r} is unsupported: {reason}")


class Adapter:
    """A running adapter process: requests out, answers and events in."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._seq = 0
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._on_answer: dict[int, Sink] = {}
        self._sinks: dict[str, Sink] = {}
        self._log: deque[str] = deque(maxlen=200)
        self._failure: str | None = None
        self._readers = (
            asyncio.create_task(self._read_lines()),
            asyncio.create_task(self._read_log()),
        )
        self.hello: dict[str, Json] = {}

    @classmethod
    async def start(cls, command: Sequence[str] | str, *, seed: int = 0) -> Self:
        """Start the command and greet it; `tcp://HOST:PORT` attaches to one that runs.

        Raises AdapterError when there is nobody, or no answer.
        """
        try:
            adapter = cls(await open_channel(command))
        except ChannelError as error:
            raise AdapterError(str(error)) from error
        try:
            adapter.hello = await adapter.request(
                "hello", adapter=ADAPTER_VERSION, revision=REVISION, seed=seed
            )
        except (AdapterError, Unsupported):
            await adapter.stop()
            raise
        return adapter

    @property
    def features(self) -> frozenset[str]:
        """What the adapter says that it can do."""
        return frozenset(self.hello.get("features", ()))

    @property
    def log(self) -> list[str]:
        """The last lines that the adapter wrote to its standard error."""
        return list(self._log)

    @property
    def is_broken(self) -> bool:
        """Whether the process is gone or its output cannot be read any more."""
        return self._failure is not None

    def listen(self, client: str, sink: Sink) -> None:
        """Hand every event of one client to the sink, in order."""
        self._sinks[client] = sink

    def forget(self, client: str) -> None:
        """Stop handing out the events of one client."""
        self._sinks.pop(client, None)

    async def request(self, op: str, **fields: Json) -> dict[str, Json]:
        """Send one operation and wait for its answer."""
        answer = await self.ask(op, **fields)
        if answer.get("ok") is True:
            return answer
        raise AdapterError(f"operation {op!r} failed: {answer.get('error', answer)}")

    async def ask(
        self, op: str, *, on_answer: Sink | None = None, **fields: Json
    ) -> dict[str, Json]:
        """Send one operation and return its answer, also when it says `ok: false`.

        `on_answer` hears the answer in its place among the events, which may be sooner.
        """
        if self._failure is not None:
            raise AdapterError(self._failure)
        self._seq += 1
        seq = self._seq
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._answers[seq] = future
        if on_answer is not None:
            self._on_answer[seq] = on_answer
        line = json.dumps({"seq": seq, "op": op, **fields})
        try:
            await self._channel.write(line.encode())
            answer: dict[str, Json] = await asyncio.wait_for(future, ANSWER_BUDGET_S)
        except TimeoutError:
            raise AdapterError(f"no answer to {op!r} in {ANSWER_BUDGET_S} s") from None
        except OSError as error:
            raise AdapterError(f"the adapter is gone: {error}") from error
        finally:
            self._answers.pop(seq, None)
            self._on_answer.pop(seq, None)
        if answer.get("unsupported") is True:
            raise Unsupported(op, str(answer.get("reason", "no reason given")))
        return answer

    async def stop(self) -> int | None:
        """Say goodbye and end it. Returns its exit code, None if it had to be forced."""
        if self._failure is None:
            with contextlib.suppress(AdapterError, Unsupported, TimeoutError):
                await asyncio.wait_for(self.ask("bye"), 5)
        code = await self._channel.end(self._readers[0])
        await self._settle()
        return code

    async def kill(self) -> None:
        """End the process without a goodbye."""
        await self._channel.kill()
        await self._settle()

    async def _settle(self) -> None:
        if self._channel.process is None:
            # Nothing else ends the reading of a socket whose other side stays.
            for reader in self._readers:
                reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self._fail("the adapter has been ended")

    async def _read_lines(self) -> None:
        try:
            async for line in self._channel.lines:
                self._take_line(line)
        except (ValueError, OSError) as error:
            self._fail(f"a line that cannot be read: {error}")
            return
        self._fail("the adapter closed its output")

    def _take_line(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            message = json.loads(line)
        except ValueError:
            self._fail(f"a line that is no JSON: {line[:200]!r}")
            return
        if not isinstance(message, dict) or not ("re" in message) ^ ("ev" in message):
            self._fail(f"a line that is neither answer nor event: {line[:200]!r}")
        elif "ev" in message:
            sink = self._sinks.get(str(message.get("client", "")))
            if sink is not None:
                sink(message)
        else:
            future = self._answers.get(message["re"])
            if future is not None and not future.done():
                self._on_answer.get(message["re"], _ignored)(message)
                future.set_result(message)

    async def _read_log(self) -> None:
        if self._channel.log is None:
            return
        async for line in self._channel.log:
            self._log.append(line.decode("utf-8", "replace").rstrip())

    def _fail(self, reason: str) -> None:
        if self._failure is None:
            tail = f"; its last words: {self._log[-1]}" if self._log else ""
            self._failure = reason + tail
        for future in self._answers.values():
            if not future.done():
                future.set_exception(AdapterError(self._failure))


def _ignored(answer: Json) -> None:
    """Nobody wants to hear it early."""
