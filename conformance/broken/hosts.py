"""Broken clients that do not look at what their language can hold and the wire cannot."""

# ruff: noqa: D102 - what a hook is for stands in Fault; what is wrong, at the class

from __future__ import annotations

import base64

from unisono_conformance.faults import Fault
from unisono_conformance.values import Json

RANGE = 2**64
HALF = 2**63


class _Host(Fault):
    def op(self, op: str, fields: Json) -> Json:
        return {**fields, "args": self.read(fields["args"])} if "args" in fields else fields

    def read(self, value: Json) -> Json:
        """Write host values as the broken client would."""
        if isinstance(value, dict) and "int64" in value.get("$host", ()):
            number = self.number(int(value["$host"]["int64"]))
            data = (number % RANGE).to_bytes(8, "little")
            return {"$integer": base64.b64encode(data).decode()}
        if isinstance(value, dict) and "$host" in value:
            return None
        if isinstance(value, list):
            return self.items(value)
        if isinstance(value, dict):
            return self.fields(value)
        return value

    def number(self, number: int) -> int:
        """An integer as the broken client would take it."""
        return number

    def items(self, items: list[Json]) -> Json:
        """A list as the broken client would write it."""
        return [self.read(item) for item in items]

    def fields(self, fields: Json) -> Json:
        """An object as the broken client would write it."""
        return {key: self.read(item) for key, item in fields.items()}


class WrapsIntegers(_Host):
    """Writes the lowest 64 bits of an integer, however large it is."""

    name, rule = "wraps-integers", "values.int64-range"


class ClampsIntegers(_Host):
    """Writes the largest or smallest Int64 for an integer beyond them."""

    name, rule = "clamps-integers", "values.int64-range"

    def number(self, number: int) -> int:
        return max(-HALF, min(HALF - 1, number))


class WritesAbsentFieldsAsNull(_Host):
    """Writes null for a field that is absent."""

    name, rule = "writes-absent-fields-as-null", "values.undefined"
    features = frozenset({"host.undefined"})


class WritesAbsentItemsAsNull(_Host):
    """Leaves absent fields out, but writes null for an absent item of a list."""

    name, rule = "writes-absent-items-as-null", "values.undefined"
    features = frozenset({"host.undefined"})

    def fields(self, fields: Json) -> Json:
        kept = {key: each for key, each in fields.items() if each != {"$host": {"undefined": True}}}
        return super().fields(kept)
