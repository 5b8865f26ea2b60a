"""The official Python HTTP client."""

import json
import sys
from typing import Any

from convex.http_client import ConvexHttpClient
from convex.values import ConvexInt64

client = ConvexHttpClient(sys.argv[1])
key = sys.argv[2]
numbers = [client.mutation("fx:append", {"key": key, "id": name}) for name in ("a", "b")]
found = client.query("fx:list", {"key": key})
value: Any = {"f": 1, "i": ConvexInt64(7), "b": b"\x01"}
echoed = client.action("fx:echoAction", {"value": value})
assert isinstance(echoed, dict)
assert echoed == {"b": b"\x01", "f": 1.0, "i": ConvexInt64(7)}
try:
    client.mutation("fx:fail", {"message": "boom"})
except Exception as error:
    failure = str(error)
print(json.dumps({"list": found, "numbers": numbers, "failure": failure}))
