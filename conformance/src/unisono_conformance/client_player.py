"""Plays a client case: the runner is the server, the adapter's client is under test.

Spec: reading (and CASES.md, the meaning of each step)
Not here: the wires (see wires), the patterns (see matching), the choice of cases (see runner).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from unisono_conformance.adapter import Adapter, AdapterError, Unsupported
from unisono_conformance.case import Case, CaseError
from unisono_conformance.checks import check_view
from unisono_conformance.chunks import chunk_frames
from unisono_conformance.http_calls import HttpCalls
from unisono_conformance.matching import fits, match
from unisono_conformance.outcome import Failed, Outcome, Skipped
from unisono_conformance.player import Step, step_name
from unisono_conformance.values import Json, state_version
from unisono_conformance.wires import InlineWire, Permutation
from unisono_conformance.world import EVENT_FRAME, Connection

ATTEMPT_BUDGET_S: Final = 30.0

OPS_OF_FEATURES: Final = {
    "mutate": "mutations",
    "action": "actions",
    "set_auth": "auth",
    "http": "http",
}


class ClientPlayer(HttpCalls):
    """One play of one case on one client of an adapter."""

    def __init__(
        self,
        adapter: Adapter,
        case: Case,
        client: str,
        permutation: Permutation | None = None,
        *,
        time_scale: float = 1.0,
    ) -> None:
        self._permutation = permutation or Permutation()
        super().__init__(adapter, case, client, self._permutation, time_scale=time_scale)
        self._fences = 0
        self.begin_http()
        self.steps = {
            **self.steps,
            "do": self._do,
            "c2s": self._c2s,
            "c2s!": self._c2s_next,
            "s2c": self._s2c,
            "s2c_text": self._s2c_text,
            "s2c_binary": self._s2c_binary,
            "chunks": self._chunks,
            "accept": self._accept,
            "refuse": self._refuse,
            "attempts": self._attempts,
            "drop": self._drop,
            "closed": self._closed,
            "fence": self._fence,
            "idle": self._idle,
            "advance": self._advance,
            "anyOf": self._any_of,
            "maybe": self._maybe,
            "repeat": self.repeat,
            "let": self.let,
        }

    async def begin(self) -> None:
        """Check that the adapter can play this case, and get the wire ready."""
        self._check_requirements()
        self._adapter.listen(self._client, self._on_event)
        await self._wire.start()

    def permutation(self) -> str:
        """The form of transport, as a word."""
        return str(self._permutation)

    def prepare(self, step: Step) -> None:
        """Take the chance that a step brings."""
        if isinstance(self._wire, InlineWire):
            self._wire.jitter = step.get("jitter", self.case.given.get("jitter"))

    async def play_steps(self, steps: Sequence[Step]) -> None:
        """Play steps; what the adapter cannot do is no failure of the client."""
        try:
            await super().play_steps(steps)
        except Unsupported as unsupported:
            raise Skipped(Outcome.UNSUPPORTED, str(unsupported)) from None
        except AdapterError as error:
            raise Failed(str(error)) from None

    def _check_requirements(self) -> None:
        has = set(self._adapter.features)
        has.add("wire.inline" if self._is_inline else "wire.socket")
        needed = dict.fromkeys((*self.case.requires, *needed_features(self.case.steps)))
        missing = [name for name in needed if name not in has]
        if not missing:
            return
        if any(name.startswith("wire.") for name in missing):
            raise Skipped(Outcome.NOT_APPLICABLE, f"needs {missing[0]}, another form of play")
        raise Skipped(Outcome.UNSUPPORTED, f"the adapter lacks: {', '.join(missing)}")

    def _on_event(self, event: Json) -> None:
        if event.get("ev") == "wire":
            assert isinstance(self._wire, InlineWire)
            self._wire.on_wire(event)
        else:
            self._world.event(event)

    async def finish(self) -> None:
        """Look at what must never have been, and at frames that nobody asked for."""
        await self.calls_ended()
        await self._idle(True, {})
        self.check_nevers()
        self.check_requests()
        for connection in self._world.connections:
            extra = self._next_frame(connection)
            if extra is not None:
                raise Failed(f"the client sent a frame that nobody asked for: {extra}")
        current = self._world.current
        if current is not None and current.is_open and self._world.attempts > 0:
            raise Failed("the client opened a second socket beside a live one")

    async def clean_up(self) -> None:
        """Close the client and the wire."""
        await self.end_http()
        try:
            await self._adapter.ask("close", client=self._client)
        except (AdapterError, Unsupported):
            self.trace.add("note", "the adapter could not close the client")
        self._adapter.forget(self._client)
        await self._wire.stop()

    def _attempt_budget(self) -> float:
        # The first attempt is due at once; later ones come after a delay that may be long.
        first = not self._world.history
        return self.budget() if first else ATTEMPT_BUDGET_S * self.time_scale

    # The steps, in the order of CASES.md.

    async def _do(self, body: Json, step: Step) -> None:
        fields = self.fill(body)
        op = fields.pop("op")
        if op == "http":
            await self.call_http(fields)
            return
        if op == "open":
            fields.setdefault("url", self._wire.url + self.case.given.get("url_suffix", ""))
        if op == "subscribe":
            self._world.views.setdefault(fields["sub"], {"loading": True})
        self.trace.add("op", {"op": op, **fields})
        answer = await self._adapter.ask(op, client=self._client, **fields)
        self.trace.add("answer", answer)
        if step.get("raises"):
            await self._expect_local_error(answer, fields, step)
            return
        if answer.get("ok") is not True:
            raise self.fail(f"{op!r} failed: {answer.get('error', answer)}")
        if "answer" in step:
            self.bindings = match(step["answer"], answer, self.bindings)

    async def _expect_local_error(self, answer: Json, fields: Json, step: Step) -> None:
        if answer.get("ok") is False:
            return
        call = fields.get("call")

        def refused() -> Json:
            event = self._world.settled.get(call)
            return event if event is not None and "error" in event else None

        event = await self._world.until("an error at the call", refused, self.budget(step))
        kind = event["error"].get("kind", "local") if isinstance(event["error"], dict) else "local"
        if kind not in ("local", "closed"):
            raise self.fail(f"the error came from elsewhere: {event['error']}")

    def _next_frame(self, connection: Connection) -> Json:
        while connection.cursor < len(connection.frames):
            frame = connection.frames[connection.cursor]
            noise = (EVENT_FRAME, *self.case.noise)
            if not any(fits(pattern, frame, self.bindings) for pattern in noise):
                return frame
            connection.cursor += 1
        return None

    def _live(self) -> Connection:
        current = self._world.current
        if current is None:
            raise self.fail("there is no connection")
        return current

    async def _c2s(self, body: Json, step: Step) -> None:
        connection = self._live()
        frame = await self._world.until(
            f"a frame like {json.dumps(self.fill(body))[:300]}",
            lambda: self._next_frame(connection),
            self.budget(step),
        )
        self.bindings = match(body, frame, self.bindings)
        connection.cursor += 1

    async def _c2s_next(self, body: Json, step: Step) -> None:
        connection = self._live()

        def following() -> Json:
            rest = connection.frames[connection.cursor :]
            return rest[0] if rest else None

        frame = await self._world.until("a frame", following, self.budget(step))
        self.bindings = match(body, frame, self.bindings)
        connection.cursor += 1

    async def _s2c(self, body: Json, step: Step) -> None:
        await self._send(self.fill(body))

    async def _send(self, frame: Json) -> None:
        if not self._live().is_open:
            self.trace.add("note", "nothing was sent: the client has closed")
            return
        self.trace.add("s2c", frame)
        self._live().sent(frame)
        await self._wire.send(json.dumps(frame, ensure_ascii=False))

    async def _s2c_text(self, body: Json, step: Step) -> None:
        self.trace.add("s2c", body)
        await self._wire.send(body)

    async def _s2c_binary(self, body: Json, step: Step) -> None:
        self.trace.add("s2c", {"binary": body})
        await self._wire.send_binary(bytes.fromhex(body))

    async def _chunks(self, body: Json, step: Step) -> None:
        frame = self.fill(body)
        for part in chunk_frames(frame, step.get("parts", 3), step.get("order_of")):
            self.trace.add("s2c", part)
            await self._wire.send(json.dumps(part, ensure_ascii=False))
        if "order_of" not in step:
            self._live().sent(frame)

    async def _accept(self, body: Json, step: Step) -> None:
        connection = await self._wire.accept(self._attempt_budget())
        if isinstance(body, dict) and connection.request_path is not None:
            seen = {
                "path": connection.request_path,
                "headers": {k.lower(): v for k, v in connection.request_headers.items()},
            }
            self.bindings = match(body, seen, self.bindings)

    async def _refuse(self, body: Json, step: Step) -> None:
        status = body if isinstance(body, int) and not isinstance(body, bool) else 503
        await self._wire.refuse(self._attempt_budget(), status)

    async def _attempts(self, body: Json, step: Step) -> None:
        await self._wire.idle()
        if self._world.attempts != body:
            raise self.fail(
                f"expected {body} attempts to connect to be waiting, found {self._world.attempts}"
            )

    async def _drop(self, body: Json, step: Step) -> None:
        if not self._live().is_open:
            return
        await self._wire.drop(
            body.get("code"), body.get("reason", ""), reset=body.get("reset", False)
        )

    async def _closed(self, body: Json, step: Step) -> None:
        connection = self._live()

        def gone() -> Connection | None:
            return None if connection.is_open else connection

        await self._world.until("the client to close", gone, self.budget(step))
        if not connection.closed_by_client:
            raise self.fail("the runner closed the socket, not the client")
        if isinstance(body, dict) and connection.request_path is not None:
            match(body, {"code": connection.close_code}, self.bindings)

    async def _fence(self, body: Json, step: Step) -> None:
        """A subscription of the runner's own that must go all the way round."""
        self._fences += 1
        number, connection = self._fences, self._live()
        sub, args = f"~fence{number}", {"fence": number}
        await self._do({"op": "subscribe", "sub": sub, "path": "fx:fence", "args": args}, {})
        add = {"type": "Add", "queryId": "$bind/~q", "udfPath": "fx:fence", "args": [args]}
        self.bindings.pop("~q", None)
        await self._c2s(
            {"type": "ModifyQuerySet", "newVersion": "$bind/~n", "modifications": [add]}, {}
        )
        held = connection.version
        frame = {
            "type": "Transition",
            "startVersion": held,
            "endVersion": state_version(self.bindings.pop("~n"), held["identity"], held["ts"]),
            "modifications": [updated(self.bindings.pop("~q"), number)],
            "clientClockSkew": None,
            "serverTs": 1,
        }
        await self._send(frame)
        await self._view({sub: number}, {})

    async def _idle(self, body: Json, step: Step) -> None:
        await self._wire.idle()

    async def _advance(self, body: Json, step: Step) -> None:
        if isinstance(self._wire, InlineWire):
            await self._wire.advance(body)
        else:
            raise Unsupported("advance", "a real socket has a real clock")

    async def _any_of(self, body: Json, step: Step) -> None:
        branches: list[list[Step]] = body

        def ready() -> list[Step] | None:
            return next((branch for branch in branches if self._is_ready(branch[0])), None)

        branch = await self._world.until(
            "one of the ways that are allowed", ready, self.budget(step)
        )
        await self.play_steps(branch)

    async def _maybe(self, body: Json, step: Step) -> None:
        """Play the steps if the first of them is true by now."""
        await self._wire.idle()
        if self._is_ready(body[0]):
            await self.play_steps(body)

    def _is_ready(self, step: Step) -> bool:
        name = step_name(self.case.id, step)
        body = step[name]
        current = self._world.current
        if name in ("c2s", "c2s!"):
            frame = self._next_frame(current) if current is not None else None
            return frame is not None and fits(body, frame, self.bindings)
        if name == "closed":
            return current is not None and not current.is_open
        if name == "event":
            return any(
                index not in self._taken_events and fits(body, event, self.bindings)
                for index, event in enumerate(self._world.events)
            )
        if name == "view":
            return check_view(self._world.views, body, self.bindings) is not None
        if name == "settled":
            return all(call in self._world.settled for call in body)
        if name == "accept":
            return self._world.attempts > 0
        raise CaseError(self.case.id, f"a branch cannot begin with {name!r}")


def updated(query_id: Json, value: Json) -> Json:
    """A QueryUpdated modification as a server writes it."""
    return {
        "type": "QueryUpdated",
        "queryId": query_id,
        "value": value,
        "logLines": [],
        "journal": None,
    }


def needed_features(steps: Sequence[Step]) -> list[str]:
    """The features that the operations of these steps belong to."""
    ops = [step["do"]["op"] for step in steps if "do" in step]
    return [OPS_OF_FEATURES[op] for op in ops if op in OPS_OF_FEATURES]
