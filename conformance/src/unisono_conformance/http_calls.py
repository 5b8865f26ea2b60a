"""The steps of a client case about one-shot calls: the runner is the HTTP server.

Spec: http (and CASES.md, the meaning of each step)
Not here: bytes (see http_port), requests to a server under test (see http_steps).
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from unisono_conformance.adapter import AdapterError, Unsupported
from unisono_conformance.audience import Audience
from unisono_conformance.http_port import (
    NoAnswer,
    Reply,
    Request,
    http_port,
    json_of,
)
from unisono_conformance.matching import match
from unisono_conformance.outcome import Failed, Outcome, Skipped
from unisono_conformance.player import Step
from unisono_conformance.values import Json


@dataclass
class _Asked:
    """A request that waits for its reply."""

    seen: Json
    reply: asyncio.Future[Reply | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class HttpCalls(Audience):
    """Waits for the requests of a client and answers them as the case says."""

    def begin_http(self) -> None:
        """Have no port until the case makes a call."""
        self._http = AsyncExitStack()
        self._http_url: str | None = None
        self._asked: list[_Asked] = []
        self._taken = 0
        self._calls: list[asyncio.Task[None]] = []
        self.steps = {**self.steps, "request": self._request, "respond": self._respond}

    async def call_http(self, fields: Json) -> None:
        """Start a one-shot call. An adapter may answer only when the call has ended."""
        if self._http_url is None:
            self._http_url = await self._http.enter_async_context(http_port(self._answer))
        fields.setdefault("url", self._http_url + self.case.given.get("url_suffix", ""))
        self.trace.add("op", {"op": "http", **fields})
        self._calls.append(asyncio.create_task(self._ask(fields)))

    async def end_http(self) -> None:
        """Let no request wait for ever, then close the port."""
        for asked in self._asked:
            if not asked.reply.done():
                asked.reply.set_result(None)
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._http.aclose()

    def check_requests(self) -> None:
        """Raise Failed when a request came that nobody asked for."""
        if len(self._asked) > self._taken:
            extra = json.dumps(self._asked[self._taken].seen)
            raise Failed(f"the client sent a request that nobody asked for: {extra[:400]}")

    async def calls_ended(self) -> None:
        """Wait until the adapter has answered every call, and report what it said."""
        for call in self._calls:
            try:
                await asyncio.wait_for(asyncio.shield(call), self.budget())
            except Unsupported as unsupported:
                raise Skipped(Outcome.UNSUPPORTED, str(unsupported)) from None
            except (AdapterError, TimeoutError) as error:
                raise Failed(f"the call over HTTP did not end: {error}") from None

    async def _ask(self, fields: Json) -> None:
        answer = await self._adapter.ask("http", client=self._client, **fields)
        self.trace.add("answer", answer)

    async def _answer(self, request: Request) -> Reply:
        seen = {
            "method": request.method,
            "path": request.path,
            "headers": dict(request.headers),
            "body": json_of(request.body),
        }
        asked = _Asked(seen)
        self._asked.append(asked)
        self._world.requested(seen)
        reply = await asked.reply
        if reply is None:
            raise NoAnswer(request.path)
        return reply

    async def _request(self, body: Json, step: Step) -> None:
        def waiting() -> _Asked | None:
            return self._asked[self._taken] if len(self._asked) > self._taken else None

        asked = await self._world.until("an HTTP request", waiting, self.budget(step))
        self._taken += 1
        self.bindings = match(body, asked.seen, self.bindings)

    async def _respond(self, body: Json, step: Step) -> None:
        """Answer the oldest request that waits; `reset` lets its line go dead."""
        fields = self.fill(body)
        asked = next(each for each in self._asked if not each.reply.done())
        self.trace.add("respond", fields)
        if fields.get("reset"):
            asked.reply.set_result(None)
        else:
            asked.reply.set_result(_reply(fields))


def _reply(fields: Json) -> Reply:
    text = fields["text"] if "text" in fields else json.dumps(fields["body"], ensure_ascii=False)
    headers = {"content-type": "application/json", **fields.get("headers", {})}
    return Reply(fields["status"], headers, text.encode())
