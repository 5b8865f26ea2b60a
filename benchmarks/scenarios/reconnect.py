"""A lost connection with 1,000 subscriptions: until every result is of the new connection.

`seconds` counts from the new socket on; `felt` from the loss on, with the client's own wait.
"""

from benchmarks.bench import Bench
from benchmarks.measure import Contest, Target

TITLE = "Reconnect with 1,000 subscriptions"
TARGETS: tuple[Target, ...] = ()


async def run(bench: Bench) -> list[Contest]:
    question = {"op": "reconnect", "count": bench.pick(1000, 10), "token": "drop"}
    return await bench.race("1,000 subscriptions", {"seconds": "s", "felt": "s"}, question)
