"""OpenTelemetry: what happened to a client can be read from its metrics and spans."""

from typing import Any

import anyio
import pytest

from unisono import Client, ClientClosedError, FunctionError
from unisono.testing import ManualClock, MemoryBackend

pytestmark = pytest.mark.anyio


class Instruments:
    """Telemetry whose readings stay in this process."""

    def __init__(self) -> None:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        from unisono.otel import Telemetry

        self._reader = InMemoryMetricReader()
        self._exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.hooks = Telemetry(MeterProvider([self._reader]), self.tracers)

    def readings(self) -> dict[str, Any]:
        """The sums by name, and by the outcome where there is one."""
        data = self._reader.get_metrics_data()
        assert data is not None
        return {
            " ".join((metric.name, *map(str, (point.attributes or {}).values()))): point.value
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
            if hasattr(point, "value")
        }

    def spans(self) -> list[tuple[str, str, str | None]]:
        """Name, status and its words, of each span that has ended."""
        spans = [(each.name, each.status) for each in self._exporter.get_finished_spans()]
        return [(name, status.status_code.name, status.description) for name, status in spans]

    def finished(self, name: str) -> Any:
        """The one span of this name."""
        (span,) = (each for each in self._exporter.get_finished_spans() if each.name == name)
        return span


@pytest.fixture
def instruments() -> Instruments:
    pytest.importorskip("opentelemetry.sdk", reason="needs `pip install opentelemetry-sdk`")
    return Instruments()


async def fails(client: Client) -> None:
    with pytest.raises(FunctionError):
        await client.mutation("m:send")


async def is_cut_off(client: Client) -> None:
    with pytest.raises(ClientClosedError):
        await client.mutation("m:send")


async def test_calls_results_and_connections_are_counted(instruments: Instruments) -> None:
    """A refused attempt, a loss, a call that succeeded and one that failed."""
    backend, clock = MemoryBackend(), ManualClock()
    backend.refuse()
    client = Client(
        backend.address, connector=backend.connect, clock=clock, hooks=[instruments.hooks]
    )
    async with client, client.subscribe("m:list") as values:
        await anyio.wait_all_tasks_blocked()
        clock.advance(2)
        line = await backend.accept()
        await line.receive("ModifyQuerySet")
        line.transition(query_set=1, ts=1, updates={0: 1}, log_lines=["[LOG] secret"])
        assert await anext(values) == 1
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.mutation, "m:send")
            await line.receive("Mutation")
            line.send(line.voice.mutated(0, ts=1))
            line.transition()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fails, client)
            await line.receive("Mutation")
            line.send(line.voice.failed(1, "boom"))
        assert instruments.readings()["unisono.connections"] == 1

    assert instruments.readings() == {
        "unisono.calls m:send success": 1,
        "unisono.calls m:send failure": 1,
        "unisono.snapshots": 1,
        "unisono.results": 1,
        "unisono.function_logs m:list": 1,
        "unisono.connections": 0,
    }
    assert instruments.spans() == [
        ("unisono.connect", "ERROR", "refused by the test"),
        ("unisono.connect", "OK", None),
        ("unisono.call m:send", "OK", None),
        ("unisono.call m:send", "ERROR", "boom"),
    ]


async def test_the_span_of_a_call_is_a_child_of_the_callers(instruments: Instruments) -> None:
    """So that a trace shows what the app waited for; calls that the end cuts off end, too."""
    backend = MemoryBackend()
    client = Client(backend.address, connector=backend.connect, hooks=[instruments.hooks])
    with instruments.tracers.get_tracer("app").start_as_current_span("request") as request:
        async with client, anyio.create_task_group() as tasks:
            line = await backend.accept()
            tasks.start_soon(is_cut_off, client)
            await line.receive("Mutation")
            client.close()

    call = instruments.finished("unisono.call m:send")
    assert call.parent is not None
    assert call.parent.span_id == request.get_span_context().span_id
    assert call.status.status_code.name == "ERROR"
