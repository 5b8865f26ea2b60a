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
from .core.tokens import OidcProvider
from .plans import BadPlan, read_plan
from .reloading import keep_reloading
from .runtime.sqlite import CannotOpen
from .server import Server
from .snapshot import BadSnapshot, export_snapshot, import_snapshot


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
    parser.add_argument(
        "--admin-key", metavar="KEY", action="append", default=[], help="a key that opens all"
    )
    parser.add_argument("--issuer", metavar="URL", help="accept the ID tokens of this issuer")
    parser.add_argument("--audience", default="unisono", help="for whom its tokens must be")
    parser.add_argument(
        "--misbehave", metavar="PLAN", action="append", default=[], help="faults as JSON"
    )
    parser.add_argument("--reload", action="store_true", help="follow changes of the source")
    parser.add_argument(
        "--import", dest="snapshot", type=Path, metavar="ZIP", help="begin with this snapshot"
    )
    parser.add_argument("--export", type=Path, metavar="ZIP", help="write a snapshot at the end")
    options = parser.parse_args(arguments)
    try:
        app = load(options.app)
        _let_in(app, options)
        asyncio.run(_serve(app, options))
    except (CannotStart, CannotOpen, BadPlan, BadSnapshot) as reason:
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


def _let_in(app: App, options: argparse.Namespace) -> None:
    """Add those whom the command line names to those whom the app lets in."""
    app.admin_keys = (*app.admin_keys, *options.admin_key)
    if options.issuer is not None:
        try:
            app.auth = (*app.auth, OidcProvider(options.issuer, options.audience))
        except ValueError as error:
            raise CannotStart(str(error)) from None


async def _serve(app: App, options: argparse.Namespace) -> None:
    plans = [read_plan(text) for text in options.misbehave]
    server = Server(app, redact=options.redact, data=options.data)
    for plan in plans:
        server.backend.misbehave(plan.faults, when=plan.when, times=plan.times)
    if options.snapshot is not None:
        import_snapshot(server.backend, _read_file(options.snapshot))
    try:
        await server.start(options.host, options.port)
    except OSError as error:
        where = f"{options.host}:{options.port}"
        raise CannotStart(f"cannot listen on {where}: {error.strerror}") from error
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    print(f"Serving on {server.url}", flush=True)
    if options.reload:
        replace = server.backend.replace_app
        server.spawn(keep_reloading(Path.cwd(), lambda: load(options.app), replace))
    await stop.wait()
    if options.export is not None:
        options.export.write_bytes(export_snapshot(server.backend))
    await server.stop()


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotStart(f"cannot read {path}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
