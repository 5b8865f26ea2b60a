"""The steps of a client case that look at the application's side.

Spec: reading (and CASES.md, the meaning of each step)
Not here: frames and sockets (see client_player), the checks themselves (see checks).
"""

from __future__ import annotations

import json

from unisono_conformance.adapter import Adapter
from unisono_conformance.case import Case
from unisono_conformance.checks import check_batch, check_never, check_order, check_view
from unisono_conformance.matching import fits, match
from unisono_conformance.outcome import Failed
from unisono_conformance.player import Player, Step
from unisono_conformance.values import Json
from unisono_conformance.wires import InlineWire, Permutation, SocketWire
from unisono_conformance.world import Waited, World


class Audience(Player):
    """What an application hears and sees of a client under test."""

    def __init__(
        self,
        adapter: Adapter,
        case: Case,
        client: str,
        permutation: Permutation,
        *,
        time_scale: float = 1.0,
    ) -> None:
        super().__init__(case, time_scale=time_scale)
        self._adapter = adapter
        self._client = client
        self._is_inline = "wire.inline" in adapter.features
        self._world = World(self.trace, self._is_inline)
        self._wire: InlineWire | SocketWire = (
            InlineWire(adapter, client, self._world)
            if self._is_inline
            else SocketWire(adapter, client, self._world, permutation)
        )
        self._nevers: list[tuple[int, Json]] = []
        self._taken_events: set[int] = set()
        self._batch_cursor = 0
        self.steps = {
            "view": self._view,
            "batch": self._batch,
            "settled": self._settled,
            "pending": self._pending,
            "event": self._event,
            "order": self._order,
            "never": self._never,
        }

    def check_nevers(self) -> None:
        """Raise Failed when something was seen that never should have been."""
        for since, pattern in self._nevers:
            found = (
                self._leak(pattern["leak"])
                if "leak" in pattern
                else check_never(self._world, since, pattern, self.bindings)
            )
            if found is not None:
                raise Failed(f"never allowed, but seen: {json.dumps(found)[:400]}")

    def _leak(self, secret: str) -> Json:
        """Look for a secret in what the client tells its application and its log."""
        told = [json.dumps(event) for event in self._world.events]
        return next((line for line in (*told, *self._adapter.log) if secret in line), None)

    async def _view(self, body: Json, step: Step) -> None:
        expected = body
        probe = lambda: check_view(self._world.views, expected, self.bindings)  # noqa: E731
        try:
            await self._world.until("a view", probe, self.budget(step))
        except Waited:
            raise self.fail(
                f"(view): expected {json.dumps(self.fill(body))}, "
                f"the application sees {json.dumps(self._world.views)}"
            ) from None
        if "snapshot" in self._adapter.features:
            answer = await self._adapter.request("snapshot", client=self._client)
            if check_view(answer["views"], expected, self.bindings, is_snapshot=True) is None:
                raise self.fail(
                    f"(view): the updates fit, but the snapshot is {json.dumps(answer['views'])}"
                )

    async def _batch(self, body: Json, step: Step) -> None:
        def found() -> int | None:
            return check_batch(self._world.events, self._batch_cursor, body, self.bindings)

        try:
            self._batch_cursor = 1 + await self._world.until("one batch", found, self.budget(step))
        except Waited:
            raise self.fail(
                f"(batch): no single update brought {json.dumps(body)} together"
            ) from None

    async def _settled(self, body: Json, step: Step) -> None:
        for call, expected in body.items():
            event = await self._world.until(
                f"call {call!r} to settle",
                lambda call=call: self._world.settled.get(call),  # type: ignore[misc]
                self.budget(step),
            )
            pattern = expected if isinstance(expected, dict) and "error" in expected else None
            seen = {key: event[key] for key in ("value", "error") if key in event}
            if pattern is None:
                self.bindings = match({"value": expected}, seen, self.bindings)
            else:
                self.bindings = match(pattern, seen, self.bindings)

    async def _pending(self, body: Json, step: Step) -> None:
        await self._wire.idle()
        for call in body:
            if call in self._world.settled:
                raise self.fail(
                    f"(pending): call {call!r} has settled too early: "
                    f"{json.dumps(self._world.settled[call])}"
                )

    async def _event(self, body: Json, step: Step) -> None:
        def found() -> int | None:
            for index, event in enumerate(self._world.events):
                if index not in self._taken_events and fits(body, event, self.bindings):
                    return index + 1
            return None

        index = await self._world.until(f"event {json.dumps(body)}", found, self.budget(step)) - 1
        self._taken_events.add(index)
        self.bindings = match(body, self._world.events[index], self.bindings)

    async def _order(self, body: Json, step: Step) -> None:
        await self._wire.idle()
        check_order(self._world.events, body, self.bindings)

    async def _never(self, body: Json, step: Step) -> None:
        self._nevers.append((len(self._world.history), self.fill(body)))
