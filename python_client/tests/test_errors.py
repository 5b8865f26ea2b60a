"""The errors: one tree with two culprits, and sentences that say what to do."""

import re

import pytest

from unisono.core import errors
from unisono.core.errors import LocalProtocolError, RemoteProtocolError, UnisonoError


def test_the_drawing_shows_the_whole_tree() -> None:
    """Every class of the module stands in the picture at its top, and nothing else does."""
    classes = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, UnisonoError)
    }

    assert set(re.findall(r"\b\w+Error\b", errors.__doc__ or "")) == classes


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (errors.InvalidPathError("x y", "it has a space"), "Write it as 'module:function'"),
        (errors.InvalidUrlError("x", "it names no host"), "Give it as 'http://127.0.0.1:3210'"),
        (errors.ClientClosedError(), "while its `with` block"),
        (errors.CallLostError("m:act"), "call it again only if a second run does no harm"),
        (errors.FunctionError("m:list", "boom"), "m:list failed: boom"),
        (errors.HttpStatusError(400, "BadJsonBody", "no"), "HTTP 400 BadJsonBody: no"),
        (RemoteProtocolError("transitions.continuity", got=1), "[transitions.continuity]: got 1"),
        (errors.ServerRefusedError("bad"), "for good: bad"),
    ],
)
def test_an_error_says_what_happened_and_what_to_do(error: UnisonoError, sentence: str) -> None:
    """The sentence is made of fields; tests and programs compare those."""
    assert sentence in str(error)


def test_the_two_culprits_are_strangers() -> None:
    """What we did wrong is never what the server did wrong."""
    assert not issubclass(LocalProtocolError, RemoteProtocolError)
    assert not issubclass(RemoteProtocolError, LocalProtocolError)
