"""An adapter to begin with: it speaks the lines, and can nothing yet.

    unisono-conformance doctor -- python adapter.py

says what to write next. Copy this file, put your client where `Subject` is, and fill in one
operation after another. ADAPTER.md of the suite says what each one means.
"""

import json
import sys
from typing import Any

Fields = dict[str, Any]

# Add a word when you have built it: mutations, actions, auth, optimistic, snapshot, state, ...
FEATURES: list[str] = []


class Unsupported(Exception):
    """An operation that is not built yet; saying so is no failure."""


class Subject:
    """One client under test."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        raise Unsupported(f"make a client for {url} here, and let it connect")

    def subscribe(self, sub: str, path: str, args: Fields) -> None:
        """Follow a query. Whenever your client tells of new results, all of one callback at once:

        emit("update", self.name, changes=[{"sub": sub, "value": ...}])
        """
        raise Unsupported("subscribe is not built")

    def unsubscribe(self, sub: str) -> None:
        """Leave a query; no `update` names it afterwards."""
        raise Unsupported("unsubscribe is not built")

    def close(self) -> None:
        """Close the client, for good."""
        raise Unsupported("close is not built")


clients: dict[str, Subject] = {}


def write(line: Fields) -> None:
    """Write one line. Nothing else may come out of standard output; log to standard error."""
    print(json.dumps(line), flush=True)


def emit(event: str, client: str, **fields: Any) -> None:
    """Report something that the application would see."""
    write({"ev": event, "client": client, **fields})


def handle(op: Fields) -> Fields:
    """Carry out one operation; what is returned goes into its answer."""
    match op["op"]:
        case "hello":
            about = {"name": "my client", "version": "0", "language": "Python", "levels": "L0"}
            return {**about, "features": FEATURES}
        case "bye":
            return {}
        case "open":
            clients[op["client"]] = Subject(op["client"], op["url"])
        case "close" if op["client"] not in clients:
            return {}  # closing twice is no error
        case "close":
            clients.pop(op["client"]).close()
        case "subscribe":
            clients[op["client"]].subscribe(op["sub"], op["path"], op["args"])
        case "unsubscribe":
            clients[op["client"]].unsubscribe(op["sub"])
        case name:
            raise Unsupported(f"{name} is not built")
    return {}


def main() -> None:
    """Answer every operation once, also an unknown one."""
    for line in sys.stdin:
        op = json.loads(line)
        try:
            write({"re": op["seq"], "ok": True, **handle(op)})
        except Unsupported as reason:
            write({"re": op["seq"], "ok": False, "unsupported": True, "reason": str(reason)})
        except Exception as error:
            write({"re": op["seq"], "ok": False, "error": f"{type(error).__name__}: {error}"})
        if op["op"] == "bye":
            break


main()
