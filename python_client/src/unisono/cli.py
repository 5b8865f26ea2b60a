"""The command `unisono`: watch a query, run a function, see how the connection stands.

    unisono watch messages:list '{"channel": "general"}' --url http://127.0.0.1:3210
    unisono run mutation messages:send '{"author": "me", "body": "hello"}'
    unisono state

On a terminal the newest result is drawn in place of the one before. In a pipe each result is
one line of JSON, in the form of the wire, so that 64-bit integers and bytes survive; a query
that fails ends the command there, for a script cannot see it heal.

Not here: the client (see client), the drawing (see terminal).
"""

import argparse
import json
import math
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from .client import Client
    from .core.values import Value
    from .terminal import Output

OK, FAILED, USAGE, UNREACHABLE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 4, 130
EXIT_CODES = """\
exit codes:
  0    ok
  1    the function failed
  2    the command was wrong
  3    the backend was out of reach for longer than --patience
  4    the backend refused the token, or this client
  130  interrupted
"""
KINDS = ("query", "mutation", "action")
Job = Callable[["Client", argparse.Namespace, "Output"], Awaitable[None]]


class GaveUpError(Exception):
    """Why the command ends; one sentence and an exit code."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence


# The three commands


async def watch(client: "Client", options: argparse.Namespace, output: "Output") -> None:
    """Print a query's result, and each new one."""
    from .core.errors import FunctionError

    policy: Any = "latest" if output.is_terminal else "every"
    results = client.subscribe(options.path, options.args, policy=policy)
    seen = 0
    while options.times is None or seen < options.times:
        try:
            output.result(await anext(results))
        except FunctionError as error:
            if not output.is_terminal:
                raise
            output.failure(str(error))
        except StopAsyncIteration:
            return
        seen += 1


async def run(client: "Client", options: argparse.Namespace, output: "Output") -> None:
    """Call a function once, and print what it returns."""
    call = getattr(client, options.kind)
    output.result(await call(options.path, options.args))


async def state(client: "Client", options: argparse.Namespace, output: "Output") -> None:
    """Print how the connection stands once it is live."""
    async for each in client.states():
        if each.is_connected or options.follow:
            auth = client.auth
            output.facts(
                state=each.kind,
                why=each.why,
                connections=each.connection_count,
                authenticated=auth.is_authenticated,
            )
        if each.is_connected and not options.follow:
            return


# What ends a command from outside


async def _with_client(job: Job, options: argparse.Namespace, output: "Output") -> None:
    import anyio

    from .client import Client

    async with (
        Client(options.url, auth=options.token) as client,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(_lose_patience, client, options)
        if options.token is not None:
            await _be_somebody(client)
            tasks.start_soon(_stay_somebody, client)
        if output.is_terminal and job is watch:
            tasks.start_soon(_show_states, client, output)
        await job(client, options, output)
        tasks.cancel_scope.cancel()


async def _lose_patience(client: "Client", options: argparse.Namespace) -> None:
    import anyio

    states = client.states()

    async def until(is_connected: bool) -> None:
        async for each in states:
            if each.is_connected is is_connected:
                return
        # The client has ended, and will say why.
        await anyio.sleep_forever()

    while True:
        with anyio.move_on_after(options.patience) as patience:
            await until(True)
        if patience.cancelled_caught:
            why = client.state.why or "no answer yet"
            raise GaveUpError(UNREACHABLE, f"no backend answers at {options.url} ({why})")
        await until(False)


async def _be_somebody(client: "Client") -> None:
    """Wait until the token is accepted: without it, the command would be somebody else's."""
    async for auth in client.auth_changes():
        if auth.is_authenticated:
            return
        if auth.kind == "failed":
            raise GaveUpError(REFUSED, "the backend refused the token")


async def _stay_somebody(client: "Client") -> None:
    async for auth in client.auth_changes():
        if auth.kind == "failed":
            raise GaveUpError(REFUSED, "the backend does not accept the token any more")


async def _show_states(client: "Client", output: "Output") -> None:
    async for each in client.states():
        output.status(f"{each.kind}, {each.why}" if each.why else each.kind)


# The command line


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one sentence, and hold no token."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong. Raises GaveUpError."""
        raise GaveUpError(USAGE, f"{message} (see {self.prog} --help)")


def parser() -> Parser:
    """The command line of `unisono`."""
    from .version import __version__

    layout: Any = {
        "epilog": EXIT_CODES,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
    top = Parser(prog="unisono", description="A client for reactive backends.", **layout)
    top.add_argument("--version", action="version", version=f"unisono {__version__}")
    commands = top.add_subparsers(required=True, dest="command", metavar="watch|run|state")

    def command(job: Job, name: str) -> Parser:
        sentence = job.__doc__
        found = commands.add_parser(name, help=sentence, description=sentence, **layout)
        found.set_defaults(job=job)
        return found

    watching, running = command(watch, "watch"), command(run, "run")
    standing = command(state, "state")
    running.add_argument("kind", choices=KINDS, help="what kind of function it is")
    for each in (watching, running):
        each.add_argument("path", help="the function, for example messages:list")
        each.add_argument("args", nargs="?", default="{}", help="its arguments, a JSON object")
    watching.add_argument("--times", type=count, metavar="N", help="end after N results")
    standing.add_argument("--follow", action="store_true", help="go on, and print each change")
    for each in (watching, running, standing):
        _add_connection(each)
    return top


def _add_connection(command: Parser) -> None:
    add, env = command.add_argument, os.environ.get
    add("--url", default=env("UNISONO_URL"), help="the backend; or set UNISONO_URL")
    # [auth.token-secret] On the command line, every process of the machine can read it.
    add("--token", default=env("UNISONO_TOKEN"), help="who to be; better set UNISONO_TOKEN")
    add("--patience", type=seconds, default=10.0, metavar="SECONDS",
        help="how long the backend may be out of reach, or inf (default: 10)")  # fmt: skip
    add("--verbose", "-v", action="store_true", help="write the log to standard error")


def seconds(text: str) -> float:
    """A span of time, `inf` included."""
    span = float(text)
    if math.isnan(span) or span < 0:
        raise ValueError(text)
    return span


def count(text: str) -> int:
    """A number of things, at least one."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _arguments(text: str) -> "Value":
    from .core.errors import RemoteProtocolError
    from .core.values import decode

    try:
        found = decode(json.loads(text))
    except ValueError as error:
        raise GaveUpError(USAGE, f"the arguments are no JSON: {error}") from None
    except RemoteProtocolError as error:
        raise GaveUpError(USAGE, f"the arguments hold no value of the wire: {error}") from None
    if not isinstance(found, dict):
        raise GaveUpError(USAGE, 'the arguments are named: a JSON object like {"channel": "a"}')
    return found


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    options = parser().parse_args(arguments)
    if not options.url:
        raise GaveUpError(USAGE, "say where the backend is, with --url or in UNISONO_URL")
    options.token = options.token or None
    if options.command != "state":
        options.args = _arguments(options.args)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; whatever goes wrong is one sentence and an exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        options = _options(arguments)
        return _play(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our lines has read enough; nor can the rest of them be flushed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except GaveUpError as error:
        return _complain(error.code, error.sentence, _secrets(arguments))


def _play(options: argparse.Namespace) -> int:
    import anyio

    from .core.errors import LocalProtocolError, ServerRefusedError, UnisonoError
    from .terminal import Output

    _set_log(options.verbose)
    output = Output(sys.stdout, options.url if options.command == "state" else options.path)
    secrets = [options.token or ""]
    try:
        anyio.run(_with_client, options.job, options, output)
    except BaseException as error:
        match first := _first(error):
            case ServerRefusedError():
                return _complain(REFUSED, str(first), secrets)
            case LocalProtocolError():
                return _complain(USAGE, str(first), secrets)
            case UnisonoError():
                return _complain(FAILED, str(first), secrets)
            case _:
                raise first from None
    return OK


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _set_log(is_verbose: bool) -> None:
    import logging

    if is_verbose:
        logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s")
    else:
        logging.getLogger("unisono").addHandler(logging.NullHandler())


def _secrets(arguments: Sequence[str]) -> list[str]:
    """What may not be repeated, even of a command line that is wrong."""
    secrets = [os.environ.get("UNISONO_TOKEN", "")]
    for option, value in pairwise([*arguments, ""]):
        name, _, rest = option.partition("=")
        if len(name) > 2 and "--token".startswith(name):
            secrets.append(rest or value)
    return secrets


def _complain(code: int, sentence: str, secrets: Sequence[str]) -> int:
    from .terminal import plain

    for secret in secrets:
        sentence = sentence.replace(secret, "...") if secret else sentence
    print(f"unisono: {plain(sentence)}", file=sys.stderr)
    return code
