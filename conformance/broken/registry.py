"""All broken peers by their names."""

from __future__ import annotations

from types import ModuleType
from typing import TypeVar

from conformance.broken import (
    askers,
    callees,
    callers,
    careless,
    clients,
    desks,
    holders,
    hosts,
    keepers,
    lax,
    one_shots,
    pages,
    painters,
    plugs,
    readers,
    servers,
)

from unisono_conformance.faults import Fault
from unisono_conformance.faulty_server import ServerFault

F = TypeVar("F", Fault, ServerFault)

CLIENT_MODULES = (
    clients,
    askers,
    callers,
    careless,
    readers,
    holders,
    painters,
    one_shots,
    plugs,
    hosts,
)
SERVER_MODULES = (servers, callees, lax, pages, desks, keepers)


def all_faults() -> dict[str, type[Fault]]:
    """Every broken client."""
    return _found(CLIENT_MODULES, Fault)


def all_server_faults() -> dict[str, type[ServerFault]]:
    """Every broken server."""
    return _found(SERVER_MODULES, ServerFault)


def _found(modules: tuple[ModuleType, ...], kind: type[F]) -> dict[str, type[F]]:
    return {
        each.name: each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, kind) and "name" in vars(each)
    }
