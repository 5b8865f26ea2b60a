"""A client that is slow but right passes: nobody is judged by the clock of the machine."""

from __future__ import annotations

import asyncio

import pytest
from suite_peers import adapter_command

from unisono_conformance.adapter import Adapter, Sink
from unisono_conformance.case import load_cases, select
from unisono_conformance.client_player import ClientPlayer
from unisono_conformance.outcome import Outcome
from unisono_conformance.values import Json

BAD = (Outcome.FAIL, Outcome.WARN, Outcome.INCONCLUSIVE)
DELAY_S = 0.02


class SlowAdapter(Adapter):
    """Takes its time before each operation, and before the runner hears of each event."""

    def listen(self, client: str, sink: Sink) -> None:
        """Hand the events on later, in their order."""
        loop = asyncio.get_running_loop()

        def later(event: Json) -> None:
            loop.call_later(DELAY_S, sink, event)

        super().listen(client, later)

    async def ask(
        self, op: str, *, on_answer: Sink | None = None, **fields: Json
    ) -> dict[str, Json]:
        """Ask later; the answer comes behind the events that were caused before it."""
        await asyncio.sleep(DELAY_S)
        answer = await super().ask(op, on_answer=on_answer, **fields)
        await asyncio.sleep(2 * DELAY_S)
        return answer


@pytest.mark.asyncio
async def test_a_slow_client_passes() -> None:
    cases = select(load_cases(role="client"), ["queries", "mutations", "session", "optimistic"])
    adapter = await SlowAdapter.start(adapter_command("python", "asyncio"))
    gate = asyncio.Semaphore(16)

    async def play(number: int) -> tuple[str, str, str]:
        async with gate:
            result = await ClientPlayer(adapter, cases[number], f"slow{number}").play()
        return result.outcome, result.id, result.detail

    try:
        results = await asyncio.gather(*(play(number) for number in range(len(cases))))
    finally:
        await adapter.stop()

    assert [result for result in results if result[0] in BAD] == []
    assert sum(result[0] == Outcome.PASS for result in results) > 20
