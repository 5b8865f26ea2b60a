"""The examples of the README run as they are written."""

import re
import sys
import types
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_of_the_readme_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app is an app, and its test passes."""
    backend, test = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    module = types.ModuleType("shop.backend")
    monkeypatch.setitem(sys.modules, "shop", types.ModuleType("shop"))
    monkeypatch.setitem(sys.modules, "shop.backend", module)
    exec(compile(backend, "shop/backend.py", "exec"), module.__dict__)
    names: dict[str, object] = {}
    exec(compile(test, "test_shop.py", "exec"), names)
    run = names["test_deliveries_add_up"]
    assert callable(run)
    run()
