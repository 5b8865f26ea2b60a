"""Orders to whoever runs the server under test: move its clock, change its keys.

Spec: connection, auth (and CASES.md, the orders)
Not here: when a case gives them (see server_player).
"""

from __future__ import annotations

import json

from unisono_conformance.http_port import NoAnswer, Request, forward, json_of
from unisono_conformance.outcome import Failed
from unisono_conformance.values import Json


async def give_order(url: str, order: Json) -> Json:
    """POST an order as JSON; returns the JSON that it is answered with."""
    headers = {"content-type": "application/json"}
    try:
        reply = await forward(url, Request("POST", "/", headers, json.dumps(order).encode()))
    except (OSError, NoAnswer) as error:
        raise Failed(f"the control of the server did not answer: {error}") from None
    if reply.status != 200:
        raise Failed(f"the control of the server refused {order}: {json_of(reply.body)}")
    return json_of(reply.body)
