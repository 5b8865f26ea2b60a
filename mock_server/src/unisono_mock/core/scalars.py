"""Scalars of frames: timestamps and the paths of functions.

Spec: messages
Not here: the frames (see messages).
"""

import base64
import binascii
import re
import struct
from functools import lru_cache

from .values import InvalidValue

MAX_TS = 2**63 - 1
MAX_COMPONENT = 64
DEFAULT_FUNCTION = "default"

_IDENTIFIER = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_COMPONENT = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9_.]+", re.ASCII)


@lru_cache(maxsize=4096)
def canonical_path(path: str) -> str:
    """`module.js:function`, the form in which the server keeps a path."""
    # [messages.path-syntax] A path that cannot name a function is an error of
    # the message; one that names none is an error of the function.
    module, colon, function = path.rpartition(":")
    if not colon:
        module, function = path, DEFAULT_FUNCTION
    why = _module_fault(module) or _function_fault(function)
    if why:
        raise InvalidValue(f"{path} is not a valid path to a Convex function. {why}")
    return f"{module}:{function}" if module.endswith(".js") else f"{module}.js:{function}"


def stripped_path(path: str) -> str:
    """A canonical path as texts for people print it."""
    module, _, function = path.rpartition(":")
    module = module.removesuffix(".js")
    return module if function == DEFAULT_FUNCTION else f"{module}:{function}"


@lru_cache(maxsize=1024)
def encode_ts(ts: int) -> str:
    """The text of a timestamp: eight bytes, little-endian, in base64."""
    # [messages.timestamp-encoding] Not a number: it would not survive JSON.
    return base64.b64encode(struct.pack("<Q", ts)).decode("ascii")


def decode_ts(text: str) -> int:
    """The timestamp of its text."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidValue(f"invalid base64 timestamp: {error}") from None
    if len(raw) != 8:
        raise InvalidValue(f"a timestamp has 8 bytes, not {len(raw)}")
    ts = int.from_bytes(raw, "little")
    # [messages.timestamp-range] The upper half of the 64 bits is not used.
    if ts > MAX_TS:
        raise InvalidValue(f"timestamp {ts} is out of range")
    return ts


def _module_fault(module: str) -> str:
    if module.startswith("/"):
        return f"Module paths must be relative ({module} is absolute)."
    *folders, file = module.split("/")
    if not file:
        return f"Module path {module} doesn't have a filename."
    if "." in file and not file.endswith(".js"):
        return f"Module path ({module}) has an extension that isn't 'js'."
    for component in (*folders, file):
        if len(component) > MAX_COMPONENT:
            return f"Path component is too long ({len(component)} > maximum {MAX_COMPONENT})."
        if not _COMPONENT.fullmatch(component):
            return (
                f"Path component {component} can only contain alphanumeric characters, "
                "underscores, or periods."
            )
    return ""


def _function_fault(function: str) -> str:
    if not function:
        return "Identifier cannot be empty"
    if len(function) > MAX_COMPONENT:
        return f"Identifier is too long ({len(function)} > maximum {MAX_COMPONENT})"
    if not _IDENTIFIER.fullmatch(function):
        return f"Invalid first character or identifier: {function!r}"
    return ""
