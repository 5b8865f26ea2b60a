"""The vectors of the protocol: facts about bytes, on this server's codec."""

import json
import struct
import uuid
from typing import Any

import pytest

from unisono_mock import Int64
from unisono_mock.core.ids import InvalidId, decode_id, encode_id
from unisono_mock.core.keys import sort_key
from unisono_mock.core.messages import (
    canonical_path,
    decode_ts,
    encode_ts,
    stripped_path,
)
from unisono_mock.core.mutations import request_text_id
from unisono_mock.core.transitions import in_chunks
from unisono_mock.core.values import InvalidValue, decode, encode_text, normalize, parse_json
from unisono_protocol.data import V1


def load(name: str) -> Any:
    return json.loads((V1 / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


VALUES, PATHS, IDS, TIMESTAMPS = load("values"), load("paths"), load("ids"), load("timestamps")


def build(notation: dict[str, Any]) -> Any:
    """The value that a vector describes."""
    ((kind, content),) = notation.items()
    match kind:
        case "null":
            return None
        case "boolean" | "string":
            return content
        case "float64":
            return struct.unpack(">d", bytes.fromhex(content))[0]
        case "int64":
            return Int64(int(content))
        case "bytes":
            return bytes.fromhex(content)
        case "array":
            return [build(item) for item in content]
        case "object":
            return {key: build(item) for key, item in content}
        case "undefined":
            return ...
    raise AssertionError(kind)


def bits(value: Any) -> Any:
    """A form in which values are equal only if their bits are."""
    if isinstance(value, float):
        return "nan" if value != value else struct.pack("<d", value)
    if isinstance(value, list):
        return [bits(item) for item in value]
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    return (type(value), value)


def floats(document: Any) -> Any:
    """A JSON document in which every number is a float."""
    if isinstance(document, bool) or not isinstance(document, (int, list, dict)):
        return document
    if isinstance(document, int):
        return float(document)
    if isinstance(document, list):
        return [floats(item) for item in document]
    return {key: floats(item) for key, item in document.items()}


@pytest.mark.parametrize("vector", VALUES["vectors"], ids=lambda each: each["name"])
def test_a_value_goes_both_ways(vector: dict[str, Any]) -> None:
    """Decoding gives the value, encoding the canonical wire form."""
    value = build(vector["value"])
    assert bits(decode(parse_json(json.dumps(vector["wire"])))) == bits(value)
    written = json.loads(encode_text(normalize(value)))
    wanted = [floats(vector[name]) for name in ("wire", "canonical") if name in vector]
    assert any(repr(written) == repr(_sorted(each)) for each in wanted)


@pytest.mark.parametrize("vector", VALUES["invalid_wire"], ids=lambda each: each["name"])
def test_what_is_no_value_is_refused(vector: dict[str, Any]) -> None:
    """Every role refuses it, or the vector says who."""
    if "server" not in vector.get("only", ["server"]):
        decode(vector["wire"])
        return
    text = vector["text"] if "text" in vector else json.dumps(vector["wire"])
    with pytest.raises(InvalidValue):
        decode(parse_json(text))


@pytest.mark.parametrize("vector", VALUES["invalid_value"], ids=lambda each: each["name"])
def test_what_cannot_be_sent_is_refused(vector: dict[str, Any]) -> None:
    """An app hears of it when it hands the value over."""
    with pytest.raises((InvalidValue, UnicodeError)):
        encode_text(normalize(build(vector["value"])))


def test_the_order_of_values() -> None:
    """Sort keys ascend as the vectors do."""
    keys = [sort_key(build(each)) for each in load("order")["ascending"]]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize("vector", TIMESTAMPS["vectors"], ids=lambda each: each["ts"])
def test_timestamps(vector: dict[str, str]) -> None:
    """Eight bytes, little-endian, base64."""
    assert encode_ts(int(vector["ts"])) == vector["wire"]
    assert decode_ts(vector["wire"]) == int(vector["ts"])


@pytest.mark.parametrize("vector", TIMESTAMPS["invalid"], ids=lambda each: each["wire"] or "empty")
def test_what_is_no_timestamp(vector: dict[str, str]) -> None:
    """Length, alphabet, padding and range."""
    with pytest.raises(InvalidValue):
        decode_ts(vector["wire"])


@pytest.mark.parametrize("vector", PATHS["vectors"], ids=lambda each: each["path"])
def test_paths(vector: dict[str, str]) -> None:
    """The form of the server, and the one that error texts show."""
    assert canonical_path(vector["path"]) == vector["server"]
    assert stripped_path(vector["server"]) == vector["stripped"]


@pytest.mark.parametrize("vector", PATHS["invalid"], ids=lambda each: each["path"][:40] or "empty")
def test_what_is_no_path(vector: dict[str, str]) -> None:
    """A path that can name no function is refused."""
    with pytest.raises(InvalidValue):
        canonical_path(vector["path"])


@pytest.mark.parametrize("vector", IDS["vectors"], ids=lambda each: each["id"])
def test_document_ids(vector: dict[str, Any]) -> None:
    """Table and bytes, both ways."""
    internal = bytes.fromhex(vector["internal"])
    assert encode_id(vector["table"], internal) == vector["id"]
    found = decode_id(vector["id"])
    assert (found.table, found.internal) == (vector["table"], internal)


@pytest.mark.parametrize("vector", IDS["invalid"], ids=lambda each: each["why"])
def test_what_is_no_document_id(vector: dict[str, str]) -> None:
    """One id has one text."""
    with pytest.raises(InvalidId):
        decode_id(vector["id"])


@pytest.mark.parametrize("vector", IDS["request_ids"], ids=lambda each: each["id"])
def test_request_ids(vector: dict[str, Any]) -> None:
    """The id in error texts is the same when a call is sent again."""
    found = request_text_id(uuid.UUID(vector["session"]), vector["request"])
    assert found == vector["id"]


@pytest.mark.parametrize("vector", load("chunks")["vectors"], ids=lambda each: each["name"])
def test_chunks(vector: dict[str, Any]) -> None:
    """The pieces are cut where the vectors cut them."""
    pieces = in_chunks(vector["text"].encode(), vector["max_bytes"])
    assert [json.loads(each) for each in pieces] == vector["frames"]


def _sorted(document: Any) -> Any:
    if isinstance(document, list):
        return [_sorted(item) for item in document]
    if isinstance(document, dict):
        return {key: _sorted(document[key]) for key in sorted(document)}
    return document
