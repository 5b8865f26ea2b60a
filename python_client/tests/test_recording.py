"""Recordings: the same inputs have the same effects, and no secret is written down."""

import base64
import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from unisono import Client, InvalidValueError, LocalStore
from unisono.core.auth import FetchToken, claims
from unisono.core.connection import Send
from unisono.core.optimistic import Publish
from unisono.core.session import Effect, Options
from unisono.recording import BadRecordingError, Recorder, main, replay, stand_in, trace
from unisono.testing import ManualClock, MemoryBackend

from .conftest import Dialogue


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.jsonl"


@pytest.fixture
def talk(path: Path) -> Iterator[Dialogue]:
    """A recorded session that was not started."""
    dialogue = Dialogue(Options(inactivity_s=20))
    recorder = Recorder(path)
    recorder.attach(dialogue.session, Options(inactivity_s=20))
    recorder.open()
    yield dialogue
    dialogue.tell(dialogue.session.close)


def played(path: Path) -> list[Effect]:
    return [effect for step in replay(path) for effect in step.effects]


def texts(effects: Sequence[Effect]) -> list[str]:
    """Effects as they can be compared: exceptions are equal if they read alike."""
    return [repr(effect) for effect in effects]


def jwt(**body: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(body).encode()).decode().rstrip("=")
    return f"header.{payload}.signature"


def test_a_whole_life_has_the_same_effects_again(talk: Dialogue, path: Path) -> None:
    """Results, calls, losses, retries, silence and the end: nothing differs in the replay."""
    talk.tell(talk.session.start)
    talk.tell(talk.session.subscribe, "m:list", {"key": b"\x00\xff", "n": 1.5})
    talk.tell(talk.session.opened)
    talk.transition(query_set=1, ts=1, updates={0: ["é", None]}, log_lines=["[LOG] hi"])
    talk.tell(talk.session.mutate, "m:send", {"body": "x"})
    talk.hear(talk.voice.mutated(0, "id", ts=2))
    talk.transition(ts=2, updates={0: ["x"]})
    talk.tell(talk.session.act, "m:act", None)
    talk.jitter = 0.25
    talk.lose(1011, "gone")
    talk.advance(3)
    talk.voice.__init__()  # type: ignore[misc]
    talk.tell(talk.session.opened)
    talk.transition(query_set=1, ts=3, failures={0: "boom"})
    talk.hear("no JSON")
    talk.tell(talk.session.reconnect_now)
    talk.tell(talk.session.pause)
    talk.tell(talk.session.resume)
    talk.advance(60)
    talk.tell(talk.session.close)

    assert texts(played(path)) == texts(talk.effects)
    assert len(talk.effects) > 20


def test_optimistic_updates_write_again_what_they_wrote(talk: Dialogue, path: Path) -> None:
    """The functions are not recorded, but what each run of them wrote is."""
    surprises = iter(["first", "second"])

    def guess(store: LocalStore) -> None:
        store.set("m:list", {}, [*store.get("m:list", {}, []), next(surprises)])
        store.set_loading("m:other", {"a": 1})

    talk.tell(talk.session.subscribe, "m:list", None)
    talk.start()
    talk.transition(query_set=1, ts=1, updates={0: ["a"]})
    talk.tell(talk.session.mutate, "m:send", {}, optimistic=guess)
    talk.transition(ts=2, updates={0: ["a", "b"]})
    # The third run has no surprise left: it raises, and its layer is dropped.
    talk.transition(ts=3, updates={0: ["a", "b", "c"]})
    again = played(path)

    assert texts(again)[-4:] == texts(talk.effects)[-4:]
    assert "StopIteration()" in texts(again)[-3] + texts(again)[-2]


def test_a_call_that_was_refused_is_not_in_the_recording(talk: Dialogue, path: Path) -> None:
    """It has used up nothing, so the replay need not know of it."""
    talk.start()
    talk.taken()

    def fail(store: LocalStore) -> None:
        store.set("m:list", {}, 1)
        raise KeyError("mine")

    with pytest.raises(InvalidValueError):
        talk.tell(talk.session.mutate, "m:send", {"$": 1})
    with pytest.raises(KeyError):
        talk.tell(talk.session.mutate, "m:send", {}, optimistic=fail)
    talk.tell(talk.session.mutate, "m:send", {"n": 0})

    assert texts(played(path))[-1:] == texts(talk.taken())[-1:]
    assert [step.name for step in replay(path)] == ["start", "opened", "mutate"]


def test_tokens_are_replaced_and_expire_as_they_did(talk: Dialogue, path: Path) -> None:
    """Neither token nor key is in the file, and the next fetch falls due in the same tick."""
    token = jwt(iat=1000, exp=1060, sub="ada")
    talk.tell(talk.session.set_auth)
    talk.tell(talk.session.token, 1, token)
    talk.tell(talk.session.start)
    talk.tell(talk.session.opened)
    talk.transition(identity=1, ts=1)
    talk.advance(70)
    talk.tell(talk.session.token_failed, 2)
    talk.tell(talk.session.set_auth, token="opaque secret")
    talk.tell(talk.session.set_admin, "key secret", {"subject": "ada"})
    written = path.read_text()
    fetches = [effect for effect in played(path) if isinstance(effect, FetchToken)]

    assert fetches == [each for each in talk.effects if isinstance(each, FetchToken)]
    assert len(fetches) == 2
    assert "secret" not in written
    assert token not in written
    assert '"recorded-' in written
    assert list(replay(path))[-1].given["acting_as"] == {"subject": "ada"}


def test_equal_tokens_have_equal_stand_ins() -> None:
    """Within one recording; in another one they differ."""
    token = jwt(iat=5, exp=65)

    assert stand_in(token, "a") == stand_in(token, "a")
    assert stand_in(token, "a") != stand_in(token, "b") != stand_in("other", "b")
    assert claims(stand_in(token, "a")) == (5, 65)
    assert stand_in("opaque", "a").startswith("recorded-")


def test_bytes_that_are_no_text_are_as_wrong_again(talk: Dialogue, path: Path) -> None:
    """The replay gives the core the same bytes, not what could be read of them."""
    talk.tell(talk.session.start)
    talk.tell(talk.session.opened)
    talk.tell(talk.session.received, b'{"type":"Ping\xff"}', jitter=0.5)

    assert texts(played(path)) == texts(talk.effects)
    assert [step.given["text"] for step in replay(path) if step.name == "received"] == [
        b'{"type":"Ping\xff"}'
    ]


@pytest.mark.anyio
async def test_a_client_is_recorded_by_naming_a_file(path: Path) -> None:
    """Every frame that it sent is sent again, also those for the pages of a list."""
    backend, clock = MemoryBackend(), ManualClock()
    client = Client(
        backend.address, connector=backend.connect, clock=clock, record=path, auth="secret"
    )
    async with client, client.paginated("m:page", initial_items=2) as pages:
        line = await backend.accept()
        await line.receive("ModifyQuerySet")
        page = {"page": [1, 2], "isDone": False, "continueCursor": "c"}
        line.transition(query_set=1, identity=1, ts=1, updates={0: page})
        while (await anext(pages)).items != [1, 2]:
            pass
        assert pages.load_more(2)
        await line.receive("ModifyQuerySet")
        line.drop()
        await anyio.wait_all_tasks_blocked()
        clock.advance(2)
        again = await backend.accept()
        await again.receive("ModifyQuerySet")
    sent = [json.loads(each.text) for each in played(path) if isinstance(each, Send)]

    for frame in (*line.frames, *again.frames):
        if frame["type"] == "Authenticate":
            frame["value"] = sent[1]["value"]
    assert sent == [*line.frames, *again.frames]
    assert "secret" not in str(list(replay(path)))


@pytest.mark.anyio
async def test_a_large_message_is_recorded_as_it_came(path: Path) -> None:
    """However the client reads it, the replay shows the same result."""
    backend = MemoryBackend()
    rows = [{"number": number, "text": "x" * 90} for number in range(4000)]
    client = Client(backend.address, connector=backend.connect, record=path)
    async with client, client.subscribe("m:list") as values:
        line = await backend.accept()
        await line.receive("ModifyQuerySet")
        line.transition(query_set=1, ts=1, updates={0: rows})
        assert await anext(values) == rows
    (snapshot,) = [each.snapshot for each in played(path) if isinstance(each, Publish)]

    assert [outcome[0] for outcome in snapshot.results.values()] == [rows]


@pytest.mark.anyio
async def test_a_file_that_cannot_be_written_fails_at_the_block(tmp_path: Path) -> None:
    """Before anything runs; a client that has had its block does not begin the file anew."""
    backend = MemoryBackend()
    with pytest.raises(FileNotFoundError):
        async with Client(backend.address, connector=backend.connect, record=tmp_path / "a" / "b"):
            pass
    client = Client(backend.address, connector=backend.connect, record=tmp_path / "c")
    async with client:
        pass
    with pytest.raises(Exception, match="one life"):
        async with client:
            pass

    assert [step.name for step in replay(tmp_path / "c")] == ["start", "close"]
    assert backend.lines == []


def test_a_full_disk_ends_the_recording_and_not_the_session(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says so, once."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full to fail with")
    dialogue, recorder = Dialogue(), Recorder(full)
    recorder.open()
    with caplog.at_level(logging.ERROR, "unisono"):
        recorder.attach(dialogue.session, Options())
        dialogue.start()
        dialogue.tell(dialogue.session.close)

    assert dialogue.session.state.kind == "closed"
    assert [str(full) in message for message in caplog.messages] == [True]


def test_the_last_line_of_a_process_that_was_killed_is_left_out(talk: Dialogue, path: Path) -> None:
    """What was written whole is played."""
    talk.start()
    path.write_text(path.read_text()[:-5])

    assert [step.name for step in replay(path)] == ["start"]


HEAD = '{"format":"unisono-session","version":1,"session_id":"s","options":{}}\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("[]\n", 1),
        ('{"format":"unisono-session","version":2,"session_id":"s","options":{}}\n', 1),
        ('{"format":"unisono-session","version":1,"session_id":"s","options":{"new":1}}\n', 1),
        (HEAD + "no JSON\n", 2),
        (HEAD + '{"input":"__init__","given":{}}\n', 2),
        (HEAD + '{"input":"act","given":{"args":{"$integer":"x"}}}\n', 2),
    ],
)
def test_a_file_that_is_no_recording_says_where(text: str, line: int, path: Path) -> None:
    """The error names the file and the line."""
    path.write_text(text)
    with pytest.raises(BadRecordingError) as caught:
        list(replay(path))

    assert (caught.value.path, caught.value.line) == (str(path), line)
    assert f"line {line}" in str(caught.value)


def test_a_trace_can_be_read(
    talk: Dialogue, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each input with its time, its effects below it, one line each."""
    talk.tell(talk.session.subscribe, "m:list", {"key": "a\nb"})
    talk.start()
    talk.now += 1.5
    talk.transition(query_set=1, ts=1, updates={0: ["long" * 100]}, log_lines=["[LOG] hi"])
    talk.tell(talk.session.set_auth)
    talk.tell(talk.session.token, 1, "secret")
    talk.tell(talk.session.act, "m:act", {})
    talk.hear(talk.voice.acted(0, 5))
    talk.tell(talk.session.close)
    lines = list(trace(path))

    assert main([str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == lines
    assert lines[0] == "     0.000  subscribe path='m:list' args={'key': 'a\\nb'}"
    assert '     1.500  received {"type": "Transition"' in "\n".join(lines)
    assert "              log function m:list [LOG] hi" in lines
    assert "              fetch a token, number 1" in lines
    assert max(map(len, lines)) == 100
    assert "secret" not in "".join(lines)


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--help"], ["not/there"]])
def test_a_wrong_command_is_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2."""
    assert main(arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_it_runs_as_a_module(path: Path) -> None:
    """`python -m unisono.recording FILE` prints the trace, and no warning."""
    path.write_text(HEAD + '{"input":"start","given":{"now":1.0}}\n')
    command = [sys.executable, "-m", "unisono.recording", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[0] == "     0.000  start"
