"""One table of calls, played on everything that offers the fixture's functions."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conformance.fixture.fx import app
from conformance.fixture.model import Model, Refused
from conformance.fixture.play import FUNCTIONS, HERE, SCRIPTS, main, over_http, play
from suite_peers import HOME
from suite_server import mock_server

from unisono_conformance.sockets import ServerTarget

MODULES = HOME.parent / "node_modules"
CALLERS = ("ada", "bob")
KEYS = ("$key", "$key/a", "$key/b")
IDS = ("m1", "m2", 3, True, None, ["m1"], {"$integer": "AQAAAAAAAAA="})


def random_script(seed: int, length: int = 40) -> dict[str, Any]:
    """Calls by chance, and what the model says to them."""
    chance, model = random.Random(seed), Model()
    calls = [_row(model, *_choice(chance)) for _ in range(length)]
    return {"title": f"calls by chance, seed {seed}", "calls": calls}


def _choice(chance: random.Random) -> tuple[str, dict[str, Any], str | None]:
    key, several = chance.choice(KEYS), chance.sample(KEYS, 2)
    names = chance.choices("pqr", k=2)
    entry = {"key": key, "id": chance.choice(IDS)}
    transfer = {"key": key, "a": names[0], "b": names[1], "n": chance.choice([1, 2.5, -4])}
    choices: list[tuple[str, dict[str, Any]]] = [
        *[("fx:append", entry)] * 3,
        ("fx:appendMine", entry),
        ("fx:failAfterWrite", entry),
        ("fx:list", {"key": key}),
        ("fx:mine", {"key": key}),
        ("fx:many", {"keys": several}),
        ("fx:stamp", {"keys": several}),
        ("fx:log", {"after": chance.randrange(-1, 6)}),
        ("fx:set", {"key": key, "value": chance.choice([True, False, None, "text"])}),
        ("fx:get", {"key": key}),
        ("fx:throwsIf", {"key": key}),
        ("fx:transfer", transfer),
        ("fx:balance", {"key": key}),
        ("fx:stampBig", {"key": key, "bytes": 3}),
        ("fx:list", {}),
    ]
    return (*chance.choice(choices), chance.choice([None, *CALLERS]))


def _row(model: Model, path: str, args: dict[str, Any], caller: str | None) -> dict[str, Any]:
    row = {"call": path, "args": args, **({"as": caller} if caller else {})}
    try:
        gives = model.call(path, args, caller)
    except Refused as refused:
        return {**row, "fails": {"data": refused.data} if refused.data else {}}
    if path == "fx:append":
        gives = f"$n/{gives}"
    elif path == "fx:log":
        gives = [{**entry, "n": f"$n/{entry['n']}"} for entry in gives]
        row["args"] = {"after": f"$n/{args['after']}"}
    elif path == "fx:stamp":
        # In front of an empty log there may be another script's.
        gives = {**gives, "n": f"$n/{gives['n']}"} if gives["n"] else "$any"
    return {**row, "gives": gives}


def differences(target: ServerTarget, scripts: list[Any]) -> list[str]:
    tokens = {"ada": target.credentials["token_a"], "bob": target.credentials["token_b"]}
    call = over_http(target.url, tokens)
    return [line for script in scripts for line in play(script, call, CALLERS)]


def in_node(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    command = [node, str(MODULES / words[0]), *words[1:]]
    settings = {**os.environ, **environment}
    return subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script["title"])
def test_the_model_answers_as_the_table_says(script: Any) -> None:
    model = Model()

    assert list(play(script, model.call, CALLERS)) == []


def test_the_table_calls_every_function_that_can_be_called() -> None:
    called = {row["call"] for script in SCRIPTS for row in script["calls"]}

    internal = {path for path, each in FUNCTIONS.items() if each.get("is_internal")}
    assert called == {path for path in FUNCTIONS if "only" not in FUNCTIONS[path]} - internal


def test_our_app_has_the_functions_that_are_promised() -> None:
    served = {
        path.replace("fx.js:", "fx:"): each.kind.value.lower()
        for path, each in app.functions.items()
    }

    assert served == {path: each["kind"] for path, each in FUNCTIONS.items()}


@pytest.mark.asyncio
async def test_our_server_answers_as_the_table_and_the_model_say() -> None:
    scripts = [*SCRIPTS, *map(random_script, range(20))]
    async with mock_server() as target:
        found = await asyncio.to_thread(differences, target, scripts)

    assert found == []


def test_a_wrong_answer_is_reported() -> None:
    class Forgetful(Model):
        def _list(self, key: str) -> Any:
            return super()._list(key)[:1]

    found = [line for script in SCRIPTS for line in play(script, Forgetful().call, CALLERS)]

    assert any("fx:list" in line and "gave ['m1'], not" in line for line in found)


@pytest.mark.asyncio
async def test_the_command_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    async with mock_server() as target:
        assert await asyncio.to_thread(main, ["--url", target.url]) == 0

    assert "every answer is as expected" in capsys.readouterr().out


def test_the_functions_for_a_real_deployment_fit_the_official_types() -> None:
    checked = in_node(HERE, "typescript/bin/tsc", "-p", "tsconfig.json")

    assert checked.returncode == 0, checked.stdout


def test_the_functions_for_a_real_deployment_answer_alike(tmp_path: Path) -> None:
    """Table and chance, in the simulated deployment that the makers of the package offer."""
    scripts = tmp_path / "scripts.json"
    scripts.write_text(json.dumps([*map(random_script, range(20))]), encoding="utf-8")

    words = ("vitest/vitest.mjs", "run", "--silent", "--no-color")
    played = in_node(HERE, *words, FIXTURE_SCRIPTS=scripts.as_uri())

    assert played.returncode == 0, played.stdout + played.stderr
    assert f"Tests  {len(SCRIPTS) + 22} passed" in played.stdout
