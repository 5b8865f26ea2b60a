"""The official Python client: subscribes, mutates, and prints what it sees."""

import json
import sys
from typing import Any

from convex import ConvexClient

client = ConvexClient(sys.argv[1])
key = sys.argv[2]
updates = iter(client.subscribe("fx:list", {"key": key}))
seen = [next(updates)]
numbers = [client.mutation("fx:append", {"key": key, "id": name}) for name in ("one", "two")]
while seen[-1] != ["one", "two"]:
    seen.append(next(updates))
try:
    client.mutation("fx:fail", {"message": "boom"})
except Exception as error:
    failure = str(error)
value: Any = {"n": 1.5, "list": [1, "two", None]}
echoed = client.action("fx:echoAction", {"value": value})
report = {"seen": seen, "numbers": numbers, "failure": failure, "echoed": echoed}
print(json.dumps(report))
