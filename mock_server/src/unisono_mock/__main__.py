"""`python -m unisono_mock examples.chat.backend:app --port 3210`."""

import argparse
import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .app import App
from .runtime.sqlite import CannotOpen
from .server import Server


class CannotStart(Exception):
    """Why there is no server; one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m unisono_mock", description=__doc__)
    parser.add_argument("app", help="module:attribute of the App, for example shop.backend:app")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3210, help="0 picks a free port")
    parser.add_argument(
        "--redact", action="store_true", help="keep error texts and logs from clients"
    )
    parser.add_argument("--data", type=Path, metavar="FILE", help="keep everything in this file")
    options = parser.parse_args(arguments)
    try:
        app = load(options.app)
        asyncio.run(_serve(app, options))
    except (CannotStart, CannotOpen) as reason:
        print(f"unisono-mock: {reason}", file=sys.stderr)
        return 1
    return 0


def load(name: str) -> App:
    """The App that `module:attribute` names."""
    module_name, colon, attribute = name.partition(":")
    if not colon or not attribute:
        raise CannotStart(f"{name!r} does not name an app; write module:attribute")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise CannotStart(
            f"cannot import {module_name}: {type(error).__name__}: {error}"
        ) from error
    app = getattr(module, attribute, None)
    if not isinstance(app, App):
        raise CannotStart(f"{module_name} has no App called {attribute}")
    return app


async def _serve(app: App, options: argparse.Namespace) -> None:
    server = Server(app, redact=options.redact, data=options.data)
    try:
        await server.start(options.host, options.port)
    except OSError as error:
        where = f"{options.host}:{options.port}"
        raise CannotStart(f"cannot listen on {where}: {error.strerror}") from error
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    print(f"Serving on {server.url}", flush=True)
    await stop.wait()
    await server.stop()


if __name__ == "__main__":
    sys.exit(main())
