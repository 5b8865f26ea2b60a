"""OpenTelemetry: the life of a client as metrics, its calls and connections as spans.

    pip install 'unisono[otel]'

    async with Client(url, hooks=[Telemetry()]) as client:
        ...

Not here: what a hook is told of (see hooks).
"""

from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider, get_tracer

from .core.connection import ConnectionState
from .core.messages import Failure, Success
from .core.mutations import Settle
from .core.optimistic import Publish
from .hooks import Hooks
from .version import __version__


class Telemetry(Hooks):
    """Counts what happens; without providers of its own it uses those of the process."""

    def __init__(
        self,
        meter_provider: MeterProvider | None = None,
        tracer_provider: TracerProvider | None = None,
    ) -> None:
        meter = get_meter("unisono", __version__, meter_provider)
        self._tracer = get_tracer("unisono", __version__, tracer_provider)
        self._calls = meter.create_counter(
            "unisono.calls", description="Mutations and actions that have settled"
        )
        self._snapshots = meter.create_counter(
            "unisono.snapshots", description="Snapshots that became visible"
        )
        self._results = meter.create_counter(
            "unisono.results", description="Results of queries that changed in them"
        )
        self._lines = meter.create_counter(
            "unisono.function_logs", description="Log lines of functions"
        )
        self._live = meter.create_up_down_counter(
            "unisono.connections", description="Connections that are live"
        )
        self._open_calls: dict[int, Span] = {}
        self._attempt: Span | None = None
        self._is_connected = False

    def published(self, effect: Publish) -> None:
        """Count the snapshot, and what is new in it."""
        self._snapshots.add(1)
        self._results.add(len(effect.changed))

    def called(self, call_id: int, path: str) -> None:
        """Begin the span of the call, a child of the caller's."""
        self._open_calls[call_id] = self._tracer.start_span(
            f"unisono.call {path}", kind=SpanKind.CLIENT, attributes={"unisono.function": path}
        )

    def settled(self, effect: Settle) -> None:
        """Count the call, by its function and its outcome, and end its span."""
        match effect.outcome:
            case Success():
                outcome, status = "success", Status(StatusCode.OK)
            case Failure() as failure:
                outcome, status = "failure", Status(StatusCode.ERROR, failure.message)
            case error:
                outcome, status = type(error).__name__, Status(StatusCode.ERROR, str(error))
        span = self._open_calls.pop(effect.call_id)
        span.set_status(status)
        span.end()
        self._calls.add(1, {"unisono.function": effect.path, "unisono.outcome": outcome})

    def function_logged(self, path: str, line: str) -> None:
        """Count the line; what it says stays in the log."""
        self._lines.add(1, {"unisono.function": path})

    def state_changed(self, state: ConnectionState) -> None:
        """Count the live connection; the way to it is a span."""
        if state.is_connected is not self._is_connected:
            self._is_connected = state.is_connected
            self._live.add(1 if state.is_connected else -1)
        if state.kind == "connecting":
            self._end_attempt(Status(StatusCode.ERROR))
            self._attempt = self._tracer.start_span("unisono.connect")
        elif state.is_connected:
            self._end_attempt(Status(StatusCode.OK))
        else:
            self._end_attempt(Status(StatusCode.ERROR, state.why))

    def _end_attempt(self, status: Status) -> None:
        if self._attempt is not None:
            self._attempt.set_status(status)
            self._attempt.end()
            self._attempt = None
