"""The official Python client: what it has of the story, which has no guesses and no pages."""

import json
import sys
from typing import Any

from convex import ConvexClient

client = ConvexClient(sys.argv[1])
updates = iter(client.subscribe("peer:list", {}))
seen: list[Any] = [next(updates)]


def add(name: str) -> None:
    client.mutation("peer:append", {"id": name})
    while name not in seen[-1]:
        seen.append(next(updates))


add("one")
value: Any = {"n": 1.5, "list": [True, None]}
echoed = client.action("peer:echo", {"value": value})
try:
    client.mutation("peer:fail")
except Exception as error:
    failure = str(error)
first, second = json.loads(sys.argv[2])
client.set_auth(first)
users = [client.query("peer:whoami")]
client.set_auth(second)
users.append(client.query("peer:whoami"))
print("cut", flush=True)
input()
add("two")
client.clear_auth()
users.append(client.query("peer:whoami"))
report = {"seen": seen, "echoed": echoed, "failure": failure, "users": users}
print(json.dumps(report), flush=True)
