"""Breaks one rule of a right client, frame by frame, so that the cases can be tested.

Spec: reading
Not here: the faults themselves (see `broken/`), right clients.

A fault sits between the runner and a right adapter with an inline wire. It may change, drop or
add frames in both directions and events on their way up, and nothing else. What happens below
the frames, or over HTTP, is broken on the way between a real socket and the runner (`front`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import ClassVar, Self

from unisono_conformance.adapter import Adapter, Sink
from unisono_conformance.faulty_front import faulty_server
from unisono_conformance.faulty_server import ServerFault
from unisono_conformance.values import Json

Frames = Iterable[Json]


class Fault:
    """One wrong client: by default it changes nothing. One object lives as long as one client."""

    name: ClassVar[str]
    rule: ClassVar[str]
    is_inline: ClassVar[bool] = True
    front: ClassVar[type[ServerFault] | None] = None
    features: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, emit: Sink) -> None:
        self.emit = emit

    def s2c(self, frame: Json) -> Frames:
        """A frame of the server on its way to the client."""
        return [frame]

    def c2s(self, frame: Json) -> Frames:
        """A frame of the client on its way to the server."""
        return [frame]

    def event(self, event: Json) -> Frames:
        """An event of the application's side on its way to the runner."""
        return [event]

    def op(self, op: str, fields: Json) -> Json:
        """The fields of an operation on their way to the client."""
        del op
        return fields

    def wire(self, event: Json) -> Frames:
        """An `open` or `close` of the client on its way to the runner."""
        return [event]

    def answer(self, op: str, answer: Json) -> Json:
        """The answer to an operation on its way to the runner."""
        del op
        return answer

    def opened(self) -> None:
        """A new socket is open."""

    def after(self, op: str, fields: Json) -> None:
        """An operation has been carried out; its answer comes next."""

    def send(self, frame: Json) -> None:
        """Send a frame of the fault's own to the server."""
        self.emit({"ev": "wire", "do": "send", "text": json.dumps(frame)})


class FaultyAdapter(Adapter):
    """A right adapter with a fault in front of it, in the runner's own process."""

    fault: type[Fault] = Fault

    @classmethod
    async def with_fault(cls, command: Sequence[str] | str, fault: type[Fault]) -> Self:
        """Start the right adapter behind the fault."""
        adapter = await cls.start(command)
        adapter.fault = fault
        return adapter

    @property
    def features(self) -> frozenset[str]:
        """What the right adapter can do, and what the broken client says besides."""
        return super().features | self.fault.features

    def listen(self, client: str, sink: Sink) -> None:
        """Hand every event of one client to the sink, as the fault lets it through."""

        def emit(event: Json) -> None:
            sink({"client": client, **event})

        fault = self._faults()[client] = self.fault(emit)
        super().listen(client, _through(fault, sink))

    async def ask(self, op: str, **fields: Json) -> dict[str, Json]:
        """Send one operation, as the fault lets it through."""
        fault = self._faults().get(fields.get("client", ""))
        if fault is None:
            return await super().ask(op, **fields)
        fields = fault.op(op, fields)
        if fault.front is not None and "url" in fields:
            proxy = faulty_server(fault.front, fields["url"])
            fields = {**fields, "url": await self._proxies().enter_async_context(proxy)}
        if op == "wire" and fields["do"] == "opened":
            fault.opened()
        if op != "wire" or fields["do"] != "received":
            answer = await super().ask(op, **fields)
        else:
            answer = {"ok": True}
            for text in _frames_of(fields["text"], fault.s2c):
                answer = await super().ask(op, **{**fields, "text": text})
        fault.after(op, fields)
        changed: dict[str, Json] = fault.answer(op, answer)
        return changed

    async def stop(self) -> int | None:
        """End the process, and what stood between it and the runner."""
        code = await super().stop()
        await self._proxies().aclose()
        return code

    def _proxies(self) -> AsyncExitStack:
        stack: AsyncExitStack = self.__dict__.setdefault("_proxy_stack", AsyncExitStack())
        return stack

    def _faults(self) -> dict[str, Fault]:
        faults: dict[str, Fault] = self.__dict__.setdefault("_fault_by_client", {})
        return faults


def _through(fault: Fault, sink: Sink) -> Sink:
    def take(event: Json) -> None:
        if event.get("ev") == "wire" and event["do"] == "send":
            for text in _frames_of(event["text"], fault.c2s):
                sink({**event, "text": text})
        elif event.get("ev") == "wire":
            for each in fault.wire(event):
                sink(each)
        else:
            for each in fault.event(event):
                sink(each)

    return take


def _frames_of(text: str, change: Callable[[Json], Frames]) -> Iterable[str]:
    try:
        frame = json.loads(text)
    except ValueError:
        return [text]
    try:
        changed = list(change(frame))
    except (AttributeError, KeyError, TypeError):
        # A frame that is malformed on purpose is nothing that a fault has to understand.
        return [text]
    return [json.dumps(each, ensure_ascii=False) for each in changed]
