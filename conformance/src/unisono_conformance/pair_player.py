"""Plays a story on a client and a real server, with a line between them that can be broken.

Spec: reading (and CASES.md, the steps of a pair)
Not here: the stories (see stories), the line (see link), the invariants (see checker).
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from unisono_conformance.adapter import Adapter, AdapterError, Unsupported
from unisono_conformance.case import Case
from unisono_conformance.checker.judge import check
from unisono_conformance.checker.report import report_text
from unisono_conformance.checker.shrink import Witness, shrink
from unisono_conformance.checker.synclog import Recorder
from unisono_conformance.checks import check_view
from unisono_conformance.client_player import needed_features
from unisono_conformance.http_steps import call_http
from unisono_conformance.link import Link
from unisono_conformance.matching import fits, match
from unisono_conformance.outcome import Failed, Outcome, Skipped
from unisono_conformance.player import Player, Step
from unisono_conformance.sockets import ServerTarget
from unisono_conformance.values import Json
from unisono_conformance.world import Connection, Waited, World

DEFAULT_CLIENT: Final = "a"
RECONNECT_BUDGET_S: Final = 30.0
_OWN: Final = re.compile(r'"\$(id\d+|key_\w+)"')
"""Names of ids and keys: each play has texts of its own for them."""


@dataclass
class Member:
    """One client of a story: its name in the adapter, its line, and what is known of it."""

    name: str
    link: Link
    url: str
    world: World
    subs: dict[str, Json] = field(default_factory=dict)
    """Path and arguments of what it is subscribed to."""


class PairPlayer(Player):
    """One play of one story. Everything that happens in it is recorded, and judged at its end."""

    def __init__(
        self,
        adapter: Adapter,
        target: ServerTarget,
        case: Case,
        name: str,
        *,
        time_scale: float = 1.0,
    ) -> None:
        super().__init__(case, time_scale=time_scale)
        self._adapter = adapter
        self._target = target
        self._name = name
        self._numbers = count(1)
        self._members: dict[str, Member] = {}
        self._stack = AsyncExitStack()
        self._keys: dict[Json, str] = {}
        self._rounds = 0
        self._begin_n = 0
        named = _OWN.findall(json.dumps(case.steps))
        self.bindings.update({each: f"{self.bindings['key']}.{each}" for each in named})
        self.recorder = Recorder(title=case.id, upstream=target.url)
        self.witness: Witness | None = None
        self.steps = {
            "do": self._do,
            "write": self._write,
            "view": self._view,
            "settled": self._settled,
            "snapshot": self._look,
            "sent": self._sent,
            "until": self._until,
            "same": self._same,
            "cut": self._cut,
            "refuse": self._refuse,
            "hold": self._hold,
            "release": self._release,
            "round": self._round,
            "fence": self._fence,
            "repeat": self.repeat,
            "let": self.let,
        }

    async def begin(self) -> None:
        """Check that the pair can play this story."""
        has = self._adapter.features | self._target.features | set(self._target.credentials)
        needed = dict.fromkeys((*self.case.requires, *needed_features(self.case.steps)))
        missing = [name for name in needed if name not in has]
        if missing:
            raise Skipped(Outcome.UNSUPPORTED, f"the pair lacks: {', '.join(missing)}")
        self.bindings.update(self._target.credentials)
        self._begin_n = (await self._ask("query", "fx:stamp", {"keys": []}))["n"]

    async def play_steps(self, steps: Sequence[Step]) -> None:
        """Play steps; what the adapter cannot do is no failure of the pair."""
        try:
            await super().play_steps(steps)
        except Unsupported as unsupported:
            raise Skipped(Outcome.UNSUPPORTED, str(unsupported)) from None
        except AdapterError as error:
            raise Failed(str(error)) from None

    async def finish(self) -> None:
        """Judge the record against the server's own log of commits."""
        for entry in await self._ask("query", "fx:log", {"after": self._begin_n - 1}):
            key = self._keys.get(json.dumps(entry["id"]))
            self.recorder.commit(entry["n"], entry["id"], **({"key": key} if key else {}))
        violations = check(self.recorder.events).violations
        if violations:
            self.witness = shrink(self.recorder.events, violations[0])
            raise Failed(report_text(self.witness))

    async def clean_up(self) -> None:
        """Close the clients and their lines."""
        for member in self._members.values():
            try:
                await self._adapter.ask("close", client=member.name)
            except (AdapterError, Unsupported):
                self.trace.add("note", "the adapter could not close the client")
            self._adapter.forget(member.name)
        await self._stack.aclose()

    async def _member(self, step: Step) -> Member:
        name = step.get("client", DEFAULT_CLIENT)
        if name not in self._members:
            self._members[name] = await self._stack.enter_async_context(self._joined(name))
        return self._members[name]

    @asynccontextmanager
    async def _joined(self, short: str) -> AsyncIterator[Member]:
        name, world = f"{self._name}{short}", World(self.trace, is_inline=False)

        def changed(what: str, frame: Json) -> None:
            current = world.current
            if what == "attempted":
                world.attempted(client=name)
            elif what == "opened":
                world.accepted(Connection(len(world.connections) + 1))
            elif current is not None and what == "sent":
                world.received(current, frame)
            elif current is not None:
                world.closed(current, None, by_client=False)

        def told(event: Json) -> None:
            self.recorder.event(name, event)
            world.event(event)

        link = Link(self._target.url, self.recorder, self._numbers, client=name, on_change=changed)
        self._adapter.listen(name, told)
        async with link.open() as url:
            yield Member(name, link, url, world)

    async def _ask(self, kind: str, path: str, args: Json) -> Json:
        """Call a function of the fixture beside the client, over HTTP."""
        body = {"path": path, "args": args, "format": "convex_encoded_json"}
        answer = await asyncio.to_thread(
            call_http, self._target.url, {"path": f"/api/{kind}", "body": body}
        )
        result = answer.get("body")
        if not isinstance(result, dict) or result.get("status") != "success":
            raise Failed(f"the server does not carry out {path}: {answer['text'][:300]}")
        return result["value"]

    # The steps, in the order of CASES.md.

    async def _do(self, body: Json, step: Step) -> None:
        await self._operate(await self._member(step), self.fill(body))

    async def _operate(self, member: Member, fields: Json) -> Json:
        op = fields["op"]
        if op == "open":
            fields.setdefault("url", member.url)
        elif op == "subscribe":
            member.world.views.setdefault(fields["sub"], {"loading": True})
            member.subs[fields["sub"]] = fields
        elif op == "unsubscribe":
            del member.subs[fields["sub"]]
        self._remember(fields)
        self.trace.add("op", fields, client=member.name)
        seq = self.recorder.op(member.name, fields)
        rest = {name: value for name, value in fields.items() if name != "op"}
        answer = await self._adapter.ask(
            op,
            client=member.name,
            on_answer=lambda answer: self.recorder.answer(member.name, seq, answer.get("views")),
            **rest,
        )
        if answer.get("ok") is not True:
            raise self.fail(f"{op!r} failed: {answer.get('error', answer)}")
        return answer

    def _remember(self, fields: Json) -> None:
        args = fields.get("args") or {}
        if "id" in args and "key" in args:
            self._keys[json.dumps(args["id"])] = args["key"]

    async def _write(self, body: Json, step: Step) -> None:
        """Somebody else calls a mutation."""
        fields = self.fill(body)
        self._remember(fields)
        self.trace.add("write", fields)
        await self._ask("mutation", fields["path"], fields["args"])

    async def _view(self, body: Json, step: Step) -> None:
        member = await self._member(step)
        await self._until_view(member, self.fill(body), step)
        if "snapshot" in self._adapter.features:
            answer = await self._operate(member, {"op": "snapshot"})
            if check_view(answer["views"], body, self.bindings, is_snapshot=True) is None:
                raise self.fail(
                    f"(view): the updates fit, but the snapshot is {json.dumps(answer['views'])}"
                )

    async def _until_view(self, member: Member, expected: Json, step: Step) -> None:
        world = member.world
        try:
            await world.until(
                "a view", lambda: check_view(world.views, expected, self.bindings), self._wait(step)
            )
        except Waited:
            raise self.fail(
                f"(view): expected {json.dumps(expected)[:600]}, "
                f"the application sees {json.dumps(world.views)[:600]}"
            ) from None

    async def _settled(self, body: Json, step: Step) -> None:
        member = await self._member(step)
        for call, expected in body.items():
            event = await member.world.until(
                f"call {call!r} to settle",
                lambda call=call: member.world.settled.get(call),  # type: ignore[misc]
                self._wait(step),
            )
            is_error = isinstance(expected, dict) and "error" in expected
            seen = {name: event[name] for name in ("value", "error") if name in event}
            pattern = expected if is_error else {"value": expected}
            self.bindings = match(pattern, seen, self.bindings)

    async def _look(self, body: Json, step: Step) -> None:
        """Read the screen; the checker says whether it may look so."""
        if "snapshot" in self._adapter.features:
            await self._operate(await self._member(step), {"op": "snapshot"})

    async def _sent(self, body: Json, step: Step) -> None:
        """So many frames like this have left the client on its newest connection."""
        world = (await self._member(step)).world

        def gone() -> bool | None:
            frames = world.current.frames if world.current is not None else []
            found = [frame for frame in frames if fits(body["frame"], frame, self.bindings)]
            return True if len(found) >= body["times"] else None

        await world.until(f"{body['times']} times {body['frame']}", gone, self._wait(step))

    async def _until(self, body: Json, step: Step) -> None:
        """The server has carried it out, whether or not anybody was told."""
        fields, deadline = self.fill(body), time.monotonic() + self._wait(step)
        while True:
            value = await self._ask("query", fields["path"], fields["args"])
            if fits({"value": fields["value"]}, {"value": value}, self.bindings):
                return
            if time.monotonic() > deadline:
                raise self.fail(f"(until): {fields['path']} is still {json.dumps(value)[:300]}")

    async def _same(self, body: Json, step: Step) -> None:
        """Each application shows what the server answers to somebody who asks now."""
        for name in body:
            member = await self._member({"client": name})
            for sub, asked in member.subs.items():
                value = await self._ask("query", asked["path"], asked["args"])
                await self._until_view(member, {sub: value}, step)

    async def _cut(self, body: Json, step: Step) -> None:
        (await self._member(step)).link.cut()

    async def _refuse(self, body: Json, step: Step) -> None:
        (await self._member(step)).link.refuse(body)

    async def _hold(self, body: Json, step: Step) -> None:
        (await self._member(step)).link.hold()

    async def _release(self, body: Json, step: Step) -> None:
        (await self._member(step)).link.release()

    async def _round(self, body: Json, step: Step) -> None:
        """A write of somebody else goes all the way round: the client is there, and hears."""
        member = await self._member(step)
        self._rounds += 1
        key, sub = f"{self.bindings['key']}~{self._rounds}", f"~round{self._rounds}"
        follow = {"op": "subscribe", "sub": sub, "path": "fx:list", "args": {"key": key}}
        await self._operate(member, follow)
        await self._write({"path": "fx:append", "args": {"key": key, "id": key}}, step)
        await self._until_view(member, {sub: [key]}, step)

    async def _fence(self, body: Json, step: Step) -> None:
        """The same when nothing else is on its way: what came before it has been shown."""
        await self._round(body, step)
        self.recorder.fence((await self._member(step)).name)

    def _wait(self, step: Step) -> float:
        # After a fault the client comes back when its backoff says so.
        return float(step.get("within_s", RECONNECT_BUDGET_S)) * self.time_scale
