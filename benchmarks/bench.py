"""Taking runs: contenders answer in turns, A B A B, each after one run to warm up.

Not here: what a run is (see the scenarios), what follows from runs (see measure).
"""

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.driver import Driver
from benchmarks.measure import CLIENTS, Contest
from benchmarks.scripted import ScriptedServer

#: A contender that has not answered by then is stopped, and its time is a lower bound.
DEADLINE_S = 20.0
_SERVER_DEADLINE_S = 60.0


@dataclass
class Bench:
    """The settings of one call of `python -m benchmarks`, and the server for clients."""

    server: ScriptedServer
    rounds: int = 5
    is_tiny: bool = False
    clients: tuple[str, ...] = CLIENTS
    #: Drivers to use again where it does not matter that they are warm.
    pool: dict[str, Driver] = field(default_factory=dict)

    async def __aenter__(self) -> "Bench":
        return self

    async def __aexit__(self, *_: object) -> None:
        for driver in self.pool.values():
            await driver.stop()

    def pick(self, full: int, tiny: int) -> int:
        """A size: the real one, or the one that only shows that the scenario works."""
        return tiny if self.is_tiny else full

    async def race(
        self,
        case: str,
        quantities: dict[str, str],
        question: dict[str, Any],
        *,
        is_fresh: bool = False,
        rounds: int | None = None,
        contenders: Iterable[str] | None = None,
    ) -> list[Contest]:
        """Ask all clients the same in turns; one contest per quantity (name: unit).

        With `is_fresh` every run has a process of its own and none to warm up.
        """
        race = Race(self.server, contenders or self.clients, rounds or self.rounds)
        if self.is_tiny:
            await race.run_in(await self._pooled(contenders or self.clients), question)
        elif is_fresh:
            await race.run_fresh(question)
        else:
            await race.run(question)
        return [race.contest(case, name, unit) for name, unit in quantities.items()]

    @asynccontextmanager
    async def servers(self) -> AsyncIterator[tuple["Asked", "Asked", dict[str, str]]]:
        """Fresh servers, a fresh load on them, and the URL of each server by name."""
        if self.is_tiny:
            drivers = await self._pooled(("server", "load"))
            yield await _introduced(drivers["server"], drivers["load"])
            return
        async with AsyncExitStack() as stack:
            drivers = {}
            for name in ("server", "load"):
                drivers[name] = await Driver.start(name)
                stack.push_async_callback(drivers[name].end)
            yield await _introduced(drivers["server"], drivers["load"])

    async def _pooled(self, names: Iterable[str]) -> dict[str, Driver]:
        for name in names:
            if name not in self.pool:
                self.pool[name] = await Driver.start(name)
        return {name: self.pool[name] for name in names}


class Race:
    """The runs of several drivers that are asked the same question."""

    def __init__(self, server: ScriptedServer, contenders: Iterable[str], rounds: int) -> None:
        self._server = server
        self._rounds = rounds
        self._answers: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
        self._shares: dict[str, list[float]] = {}
        self._stopped: set[str] = set()
        self._without: dict[str, str] = {}
        self._asked = 0

    async def run(self, question: dict[str, Any]) -> None:
        """All rounds in processes of this race, after one run to warm up."""
        async with AsyncExitStack() as stack:
            drivers = {}
            for name in self._answers:
                drivers[name] = await Driver.start(name)
                stack.push_async_callback(drivers[name].stop)
            for driver in drivers.values():
                await self._ask(driver, question, is_counted=False)
            await self.run_in(drivers, question)

    async def run_in(self, drivers: dict[str, Driver], question: dict[str, Any]) -> None:
        """All rounds in processes that run already."""
        for _ in range(self._rounds):
            for name in self._running():
                await self._ask(drivers[name], question)

    async def run_fresh(self, question: dict[str, Any]) -> None:
        """All rounds, every run in a process of its own."""
        for _ in range(self._rounds):
            for name in self._running():
                driver = await Driver.start(name)
                try:
                    await self._ask(driver, question)
                finally:
                    await driver.stop()

    def _running(self) -> list[str]:
        return [name for name in self._answers if name not in self._stopped | set(self._without)]

    async def _ask(
        self, driver: Driver, request: dict[str, Any], *, is_counted: bool = True
    ) -> None:
        name = driver.name
        self._asked += 1
        started, processor = time.perf_counter(), time.process_time()
        answer = await driver.ask(DEADLINE_S, **self._numbered(request), url=self._server.url)
        busy, passed = time.process_time() - processor, time.perf_counter() - started
        if answer is None:
            await driver.end()
            self._stopped.add(name)
            self._answers[name] = [{"seconds": DEADLINE_S}]
        elif "unsupported" in answer:
            self._without[name] = answer["unsupported"]
        elif is_counted:
            self._answers[name].append(answer)
            self._shares.setdefault(name, []).append(busy / passed)

    def _numbered(self, request: dict[str, Any]) -> dict[str, Any]:
        """A request that wants a token gets one that was never used."""
        if "token" not in request:
            return request
        return {**request, "token": f"{request['token']}-{id(self)}-{self._asked}"}

    def contest(self, case: str, quantity: str, unit: str) -> Contest:
        """The runs of one quantity, as far as the contenders told it."""
        runs = {
            name: [answer[quantity] for answer in answers if quantity in answer]
            for name, answers in self._answers.items()
        }
        return Contest(
            case,
            quantity,
            unit,
            {name: numbers for name, numbers in runs.items() if numbers},
            frozenset(self._stopped) if quantity == "seconds" else frozenset(),
            self._without,
            {name: sum(shares) / len(shares) for name, shares in self._shares.items()},
        )


async def _introduced(server: Driver, load: Driver) -> tuple["Asked", "Asked", dict[str, str]]:
    told = Asked(server)
    return told, Asked(load), (await told.ask(op="urls"))["urls"]


class Asked:
    """A driver that must answer in time."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def ask(self, **request: Any) -> dict[str, Any]:
        """The answer."""
        answer = await self._driver.ask(_SERVER_DEADLINE_S, **request)
        if answer is None:
            raise TimeoutError(f"{self._driver.name} did not answer {request}")
        return answer

    async def numbers(self, **request: Any) -> dict[str, float]:
        """An answer of nothing but numbers."""
        return {name: float(number) for name, number in (await self.ask(**request)).items()}
