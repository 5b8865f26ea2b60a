"""Fixtures of the server's tests."""

import sys
from pathlib import Path

import pytest

from unisono_mock import Backend

from .apps import make_app
from .wire import Wire

# The fixture app of the conformance suite is imported from the repository.
sys.path.insert(0, str(Path(__file__).parents[2]))


@pytest.fixture
def backend() -> Backend:
    return Backend(make_app())


@pytest.fixture
def wire(backend: Backend) -> Wire:
    wire = Wire(backend)
    wire.connect()
    return wire
