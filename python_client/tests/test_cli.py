"""The command line: what it prints, how it ends, and that it never prints a token."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from unisono.cli import main
from unisono_mock import App, MutationContext, QueryContext
from unisono_mock.core.values import Int64
from unisono_mock.issuer import Issuer
from unisono_mock.testing import ServerThread

NOBODY = "http://127.0.0.1:1"
PATIENCE_S = 30
UNISONO = [sys.executable, "-m", "unisono"]
issuer = Issuer()
app = App(auth=[issuer.provider()])


@app.query("things:list")
def list_things(ctx: QueryContext) -> list[str]:
    return [each["name"] for each in ctx.db.query("things").collect()]


@app.query("things:big")
def big(ctx: QueryContext) -> Int64:
    return Int64(2**60)


@app.query("things:first")
def first(ctx: QueryContext) -> str:
    found = ctx.db.query("things").first()
    if found is None:
        raise ValueError("there is\nno thing")
    return str(found["name"])


@app.query("things:owner")
def owner(ctx: QueryContext) -> str | None:
    user = ctx.auth.user()
    return None if user is None else str(user["subject"])


@app.mutation("things:add")
def add_thing(ctx: MutationContext, name: str) -> str:
    ctx.db.insert("things", {"name": name})
    return name


@app.action("things:shout")
async def shout(ctx: object, name: str) -> str:
    return name.upper()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerThread]:
    monkeypatch.delenv("UNISONO_TOKEN", raising=False)
    with ServerThread(app) as running:
        monkeypatch.setenv("UNISONO_URL", running.url)
        yield running


class Ended:
    """A command that was run in this process, and all that it left behind."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *command: str) -> None:
        self.code = main(command)
        output = capsys.readouterr()
        self.lines = output.out.splitlines()
        self.complaints = output.err.splitlines()


@pytest.mark.usefixtures("server")
def test_run_prints_what_the_function_returns(capsys: pytest.CaptureFixture[str]) -> None:
    """One line of JSON in the form of the wire, for each kind of function."""
    added = Ended(capsys, "run", "mutation", "things:add", '{"name": "é"}')
    found = Ended(capsys, "run", "query", "things:list")
    shouted = Ended(capsys, "run", "action", "things:shout", '{"name": "a"}')
    large = Ended(capsys, "run", "query", "things:big")

    assert [each.code for each in (added, found, shouted, large)] == [0, 0, 0, 0]
    assert [json.loads(each.lines[0]) for each in (added, found, shouted)] == ["é", ["é"], "A"]
    assert json.loads(large.lines[0]) == {"$integer": "AAAAAAAAABA="}


@pytest.mark.usefixtures("server")
def test_watch_prints_a_line_for_each_result() -> None:
    """Each result is there as soon as it is known."""
    with subprocess.Popen(
        [*UNISONO, "watch", "things:list", "--times", "3"], stdout=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stdout
        seen = [json.loads(watcher.stdout.readline())]
        for name in ("a", "b"):
            assert main(["run", "mutation", "things:add", json.dumps({"name": name})]) == 0
            seen.append(json.loads(watcher.stdout.readline()))

        assert seen == [[], ["a"], ["a", "b"]]
        assert watcher.wait(PATIENCE_S) == 0


@pytest.mark.usefixtures("server")
def test_a_reader_who_leaves_ends_the_command_quietly() -> None:
    """As in `unisono watch ... | head -1`."""
    with subprocess.Popen(
        [*UNISONO, "watch", "things:list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watcher:
        assert watcher.stdout
        assert watcher.stdout.readline() == "[]\n"
        watcher.stdout.close()
        assert main(["run", "mutation", "things:add", '{"name": "a"}']) == 0

        assert watcher.wait(PATIENCE_S) == 0
        assert watcher.stderr
        assert watcher.stderr.read() == ""


def read_until(terminal: int, text: str) -> str:
    seen = b""
    while text not in seen.decode(errors="replace"):
        seen += os.read(terminal, 4096)
    return seen.decode()


@pytest.mark.usefixtures("server")
def test_a_terminal_is_redrawn_and_ctrl_c_ends_it() -> None:
    """Results and failures stand in one place, under the state of the connection."""
    ours, theirs = pty.openpty()
    command = [*UNISONO, "watch", "things:first"]
    with subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.PIPE, env={**os.environ, "TERM": "xterm"}
    ) as watcher:
        os.close(theirs)
        read_until(ours, "! things:first failed: ")
        assert main(["run", "mutation", "things:add", '{"name": "first"}']) == 0
        drawn = read_until(ours, '"first"')
        watcher.send_signal(signal.SIGINT)

        assert "\x1b[2A\x1b[J" in drawn
        assert "things:first (live)" in drawn
        assert watcher.wait(PATIENCE_S) == 130
        assert watcher.stderr
        assert watcher.stderr.read() == b""
    os.close(ours)


@pytest.mark.usefixtures("server")
def test_state_says_how_the_connection_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """It waits until there is one; with --follow it prints every state."""
    ended = Ended(capsys, "state")
    with subprocess.Popen([*UNISONO, "state", "--follow"], stdout=subprocess.PIPE) as follower:
        assert follower.stdout
        states = iter(lambda: json.loads(follower.stdout.readline())["state"], None)  # type: ignore[union-attr]
        assert next(each for each in states if each == "live")
        follower.send_signal(signal.SIGINT)
        assert follower.wait(PATIENCE_S) == 130

    assert ended.code == 0
    assert json.loads(ended.lines[0]) == {
        "state": "live",
        "why": "",
        "connections": 1,
        "authenticated": False,
    }


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("command", [["run", "query", "things:first"], ["watch", "things:first"]])
def test_a_function_that_fails_is_1(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Its words are one line on standard error, and standard output is empty."""
    ended = Ended(capsys, *command)

    assert (ended.code, ended.lines, len(ended.complaints)) == (1, [], 1)
    assert ended.complaints[0].startswith("unisono: things:first failed:")
    assert "there is no thing" in ended.complaints[0]


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ([], "required"),
        (["fly"], "invalid choice"),
        (["run", "query"], "required: path"),
        (["run", "dance", "m:f"], "invalid choice"),
        (["run", "query", "m:f", "{"], "no JSON"),
        (["run", "query", "m:f", "[1]"], "a JSON object"),
        (["run", "query", "m:f", '{"a": {"$integer": "x"}}'], "no value of the wire"),
        (["run", "query", "m:f", '{"$a": 1}'], "no value of the wire"),
        (["run", "query", "not a path!"], "no function path"),
        (["watch", "m:f", "--patience", "soon"], "invalid seconds value"),
        (["watch", "m:f", "--patience", "-1"], "--patience"),
        (["watch", "m:f", "--times", "0"], "--times"),
        (["state", "--url", "ftp://127.0.0.1"], "no address"),
    ],
)
def test_a_wrong_command_is_2(
    command: list[str],
    word: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And one sentence that says what is wrong."""
    monkeypatch.setenv("UNISONO_URL", NOBODY)
    ended = Ended(capsys, *command)

    assert (ended.code, ended.lines, len(ended.complaints)) == (2, [], 1)
    assert word in ended.complaints[0]


def test_a_backend_must_be_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an option or in the environment."""
    monkeypatch.delenv("UNISONO_URL", raising=False)
    ended = Ended(capsys, "state")

    assert ended.code == 2
    assert ended.complaints == [
        "unisono: say where the backend is, with --url or in UNISONO_URL",
    ]


@pytest.mark.parametrize("command", [["watch", "m:f"], ["run", "query", "m:f"], ["state"]])
def test_a_backend_out_of_reach_is_3(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names the address and the cause; the log is silent."""
    ended = Ended(capsys, *command, "--url", NOBODY, "--patience", "0.1")

    assert (ended.code, ended.lines, len(ended.complaints)) == (3, [], 1)
    assert f"no backend answers at {NOBODY} (cannot reach" in ended.complaints[0]


@pytest.mark.usefixtures("server")
def test_a_good_token_is_somebody(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the option, or better from the environment."""
    by_option = Ended(capsys, "run", "query", "things:owner", "--token", issuer.mint("ada"))
    monkeypatch.setenv("UNISONO_TOKEN", issuer.mint("bob"))
    by_environment = Ended(capsys, "run", "query", "things:owner")
    state = Ended(capsys, "state")

    assert (by_option.lines, by_environment.lines) == (['"ada"'], ['"bob"'])
    assert json.loads(state.lines[0])["authenticated"] is True


@pytest.mark.parametrize("command", [["run", "mutation", "things:add"], ["state"]])
def test_a_refused_token_is_4_and_nothing_runs_as_nobody(
    command: list[str], server: ServerThread, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mutation with a bad token must not be made without one."""
    token = issuer.mint_forged("ada")
    given = ['{"name": "a"}'] if "run" in command else []
    ended = Ended(capsys, *command, *given, "--token", token)
    listed = Ended(capsys, "run", "query", "things:list")

    assert (ended.code, ended.lines) == (4, [])
    assert ended.complaints == ["unisono: the backend refused the token"]
    assert listed.lines == ["[]"]


@pytest.mark.parametrize(
    "command",
    [
        ["--token", "SECRET", "state"],
        ["--token=SECRET"],
        ["state", "--tok", "SECRET"],
        ["run", "--token", "SECRET", "SECRET"],
        ["state", "--token", "SECRET", "--url", "SECRET"],
    ],
)
def test_no_complaint_repeats_a_token(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even that of a command line that is wrong."""
    ended = Ended(capsys, *command)

    assert ended.code == 2
    assert len(ended.complaints) == 1
    assert "SECRET" not in ended.complaints[0]


def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """They are an interface, so they are written where one looks."""
    with pytest.raises(SystemExit) as caught:
        main(["run", "--help"])

    assert caught.value.code == 0
    assert "3    the backend was out of reach" in capsys.readouterr().out


@pytest.mark.usefixtures("server")
def test_verbose_writes_the_log_to_standard_error() -> None:
    """Standard output stays what scripts read."""
    command = [*UNISONO, "run", "query", "things:list", "-v", "--patience", "0", "--url", NOBODY]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)

    assert (ended.returncode, ended.stdout) == (3, "")
    assert "Traceback" not in ended.stderr
