"""Runs one broken peer: `python -m conformance.broken client NAME -- CMD` or `server NAME`."""

from __future__ import annotations

import asyncio
import json
import sys

from conformance.broken.registry import all_faults, all_server_faults

from unisono_conformance.adapter import Unsupported
from unisono_conformance.faults import FaultyAdapter
from unisono_conformance.faulty_front import faulty_server


async def serve_client(name: str, command: list[str]) -> None:
    """Speak the adapter protocol on standard input and output, through one fault."""
    adapter = await FaultyAdapter.with_fault(command, all_faults()[name])
    loop = asyncio.get_running_loop()

    def write(message: object) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        seq, op = request.pop("seq"), request.pop("op")
        if op == "open":
            adapter.listen(request["client"], write)
        if op == "hello":
            answer = {**adapter.hello, "name": f"{adapter.hello['name']} that {name}"}
        else:
            try:
                answer = {"ok": True} if op == "bye" else await adapter.ask(op, **request)
            except Unsupported as unsupported:
                answer = {"ok": False, "unsupported": True, "reason": unsupported.reason}
        write({**answer, "re": seq})
        if op == "bye":
            break
    await adapter.stop()


async def serve_server(name: str, upstream: str) -> None:
    """Serve a right server with one fault in front, until the end of standard input."""
    async with faulty_server(all_server_faults()[name], upstream) as url:
        print(url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    role, fault_name, *rest = sys.argv[1:]
    if role == "client":
        asyncio.run(serve_client(fault_name, rest[rest.index("--") + 1 :]))
    else:
        asyncio.run(serve_server(fault_name, rest[rest.index("--url") + 1]))
