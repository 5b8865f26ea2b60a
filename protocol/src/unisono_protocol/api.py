"""The API reference of the packages, read from their sources: signatures and docstrings.

Not here: putting it into a site (see site). Nothing is imported, so a reference can be made of
packages whose dependencies are not installed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_EXPORT = re.compile(
    r"/\*\*(?P<doc>(?:(?!\*/).)*)\*/\s*"
    r"export (?:declare |abstract |default |async )*"
    r"(?P<kind>class|function|interface|type|const) (?P<name>\w+)(?P<rest>[^\n{=;]*)",
    re.DOTALL,
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Entry:
    """One public name: how it is used, what it is, and what belongs to it."""

    name: str
    signature: str
    text: str
    members: tuple[Entry, ...] = ()


def python_package(folder: Path) -> list[Entry]:
    """Return the names that a package's `__init__` offers in `__all__`, in that order."""
    found: dict[str, Entry] = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            entry = _entry(node)
            if entry is not None:
                found.setdefault(entry.name, entry)
    return [found[name] for name in _offered(folder / "__init__.py") if name in found]


def _offered(path: Path) -> list[str]:
    if not path.exists():
        return []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return list(names)
    return []


def _entry(node: ast.stmt) -> Entry | None:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        signature = f"class {node.name}({bases})" if bases else f"class {node.name}"
        return Entry(node.name, signature, _text(node), tuple(_members(node)))
    if isinstance(node, Function):
        return Entry(node.name, _signature(node), _text(node))
    return None


def _members(node: ast.ClassDef) -> Iterator[Entry]:
    for member in node.body:
        if isinstance(member, Function) and not member.name.startswith("_") and _text(member):
            yield Entry(member.name, _signature(member), _text(member))
        elif isinstance(member, Function) and member.name == "__init__":
            yield Entry("__init__", _signature(member).replace("__init__", node.name, 1), "")


def _signature(node: Function) -> str:
    kind = "async def " if isinstance(node, ast.AsyncFunctionDef) else ""
    if any(ast.unparse(each) == "property" for each in node.decorator_list):
        return node.name + (f": {ast.unparse(node.returns)}" if node.returns else "")
    arguments = re.sub(r"^self(?:, )?", "", ast.unparse(node.args))
    returned = ast.unparse(node.returns) if node.returns else ""
    arrow = f" -> {returned}" if returned not in ("", "None") else ""
    return f"{kind}{node.name}({arguments}){arrow}"


def _text(node: ast.ClassDef | Function) -> str:
    return ast.get_docstring(node) or ""


def typescript_package(folder: Path) -> list[Entry]:
    """Return the exported names with a comment of the modules that an index exports from."""
    index = (folder / "index.ts").read_text(encoding="utf-8")
    exported = set(re.findall(r"\w+", " ".join(re.findall(r"export (?:type )?\{([^}]*)\}", index))))
    entries = [
        Entry(found["name"], " ".join(_declared(found).split()), _comment(found["doc"]))
        for path in sorted(folder.rglob("*.ts"))
        for found in _EXPORT.finditer(path.read_text(encoding="utf-8"))
        if found["name"] in exported
    ]
    return sorted({entry.name: entry for entry in entries}.values(), key=lambda each: each.name)


def _declared(found: re.Match[str]) -> str:
    return f"{found['kind']} {found['name']}{found['rest']}".rstrip(" :=")


def _comment(text: str) -> str:
    lines = (re.sub(r"^\s*\* ?", "", line) for line in text.splitlines())
    return "\n".join(lines).strip()


def markdown(title: str, entries: list[Entry]) -> str:
    """Return the reference page of one package."""
    parts = [f"# {title}\n"]
    for entry in entries:
        parts.append(f"## {entry.name}\n\n```\n{entry.signature}\n```\n\n{entry.text}\n")
        for member in entry.members:
            parts.append(f"#### `{member.signature}`\n\n{member.text}\n")
    return "\n".join(parts)
