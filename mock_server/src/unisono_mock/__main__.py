"""`python -m unisono_mock examples.chat.backend:app --port 3210`."""

import argparse
import asyncio
import importlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .app import App
from .backend import Backend
from .core.tokens import OidcProvider
from .plans import BadPlan, read_plan
from .reloading import keep_reloading
from .runtime.sqlite import CannotOpen
from .server import Server
from .snapshot import (
    BadSnapshot,
    export_lines,
    export_snapshot,
    import_lines,
    import_snapshot,
)

if TYPE_CHECKING:
    from .uvicorn_server import UvicornServer


LINES = ".jsonl"


class CannotStart(Exception):
    """Why there is no server; one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m unisono_mock", description=__doc__)
    parser.add_argument("app", help="module:attribute of the App, for example shop.backend:app")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--server", choices=("own", "uvicorn"), default="own", help="what listens on the port"
    )
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
    parser.add_argument(
        "--no-compression", action="store_true", help="do not agree to compressed messages"
    )
    parser.add_argument("--reload", action="store_true", help="follow changes of the source")
    parser.add_argument(
        "--import", dest="snapshot", type=Path, metavar="FILE",
        help="begin with this snapshot (.zip), or with this table (name.jsonl)",
    )  # fmt: skip
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="write a snapshot, or a table, at the end"
    )
    parser.add_argument(
        "--function-spec", action="store_true", help="print what the functions are, and end"
    )
    options = parser.parse_args(arguments)
    try:
        app = load(options.app)
        _let_in(app, options)
        if options.function_spec:
            spec = app.function_spec(f"http://{options.host}:{options.port}")
            print(json.dumps(spec, indent=2))
            return 0
        _open_many_files()
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


def _server(name: str) -> "type[Server | UvicornServer]":
    if name == "own":
        return Server
    try:
        # An extra, which most do not need.
        from .uvicorn_server import UvicornServer
    except ImportError as error:
        raise CannotStart("uvicorn is not installed: pip install 'unisono-mock[asgi]'") from error
    return UvicornServer


def _open_many_files() -> None:
    """A connection is a file, and the usual limit of 1,024 is meant for other programs."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(app: App, options: argparse.Namespace) -> None:
    plans = [read_plan(text) for text in options.misbehave]
    server = _server(options.server)(
        app,
        redact=options.redact,
        data=options.data,
        compression=not options.no_compression,
    )
    for plan in plans:
        server.backend.misbehave(plan.faults, when=plan.when, times=plan.times)
    if options.snapshot is not None:
        _import(server.backend, options.snapshot)
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
        options.export.write_bytes(_exported(server.backend, options.export))
    await server.stop()


def _import(backend: Backend, path: Path) -> None:
    if path.suffix == LINES:
        import_lines(backend, path.stem, _read_file(path))
    else:
        import_snapshot(backend, _read_file(path))


def _exported(backend: Backend, path: Path) -> bytes:
    return export_lines(backend, path.stem) if path.suffix == LINES else export_snapshot(backend)


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotStart(f"cannot read {path}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
