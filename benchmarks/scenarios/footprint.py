"""What a client weighs: import time, installed size, and its bundle for a browser.

Import time is taken in fresh processes that take turns, beside the bare WebSocket library's.
Installed size counts every file of a package and of all it requires, without compiled caches.
The bundle is minified by esbuild and compressed by gzip.
"""

import asyncio
import gzip
import json
import os
import re
import sys
from importlib import metadata
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.driver import ROOT
from benchmarks.measure import Contest, Target

TITLE = "Footprint"
TARGETS = (
    Target("import", "seconds", "python_unisono", None, 0.15),
    Target("bundle", "size", "js_unisono", None, 6 * 1024),
)

_PYTHON_IMPORTS = {
    "python_unisono": "unisono",
    "python_convex": "convex",
    "python_floor": "websockets.asyncio.client, pydantic_core",
}
_JS_IMPORTS = {"js_unisono": "unisono", "js_convex": "convex/browser", "js_floor": "ws"}
_DISTRIBUTIONS = {"python_unisono": "unisono", "python_convex": "convex"}
_PACKAGES = {"js_unisono": "unisono", "js_convex": "convex"}
_BUNDLES = {
    "bundle": {
        "js_unisono": 'export { Client } from "unisono"',
        "js_convex": 'export { ConvexClient } from "convex/browser"',
    },
}
_HOOKS = {
    "js_unisono": 'export * from "unisono"; export * from "unisono/react"',
    "js_convex": 'export * from "convex/react"',
}
_REQUIREMENT = re.compile(r"^[A-Za-z0-9._-]+")


async def run(bench: Bench) -> list[Contest]:
    contests = [await _import_times(bench), _installed_sizes(bench)]
    for case, entries in _bundles().items():
        sizes = {name: [float(await _bundle(entry))] for name, entry in entries.items()}
        contests.append(Contest(case, "size", "B", sizes))
    return contests


def _bundles() -> dict[str, dict[str, str]]:
    package = json.loads((ROOT / "js_client" / "package.json").read_text())
    has_hooks = "./react" in package["exports"]
    return {**_BUNDLES, "bundle with React": _HOOKS} if has_hooks else _BUNDLES


async def _import_times(bench: Bench) -> Contest:
    commands = {name: _python_import(modules) for name, modules in _PYTHON_IMPORTS.items()}
    commands |= {name: _js_import(module) for name, module in _JS_IMPORTS.items()}
    wanted = {name: command for name, command in commands.items() if name in bench.clients}
    runs: dict[str, list[float]] = {name: [] for name in wanted}
    for _ in range(bench.pick(bench.rounds, 1)):
        for name, command in wanted.items():
            runs[name].append(float(await _output(*command)))
    return Contest("import", "seconds", "s", runs)


def _python_import(modules: str) -> list[str]:
    code = (
        "import sys, time; started = time.perf_counter(); "
        f"import {modules}; sys.stderr.flush(); print(time.perf_counter() - started)"
    )
    return [sys.executable, "-c", code]


def _js_import(module: str) -> list[str]:
    code = (
        f"const started = performance.now(); await import({json.dumps(module)});"
        "console.log((performance.now() - started) / 1000);"
    )
    return ["node", "--input-type=module", "-e", code]


async def _output(*command: str, text: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    out, _ = await asyncio.wait_for(process.communicate(text.encode()), 30)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return out.decode()


def _installed_sizes(bench: Bench) -> Contest:
    runs = {name: [float(_python_size(each))] for name, each in _DISTRIBUTIONS.items()}
    runs |= {name: [float(_npm_size(each))] for name, each in _PACKAGES.items()}
    return Contest("installed", "size", "B", runs)


def _python_size(name: str) -> int:
    """The bytes of a distribution and of everything that it requires."""
    return sum(_distribution_bytes(each) for each in _python_closure(name))


def _python_closure(name: str) -> set[str]:
    found, open_names = set[str](), [name]
    while open_names:
        each = open_names.pop().lower().replace("_", "-")
        if each in found:
            continue
        try:
            requirements = metadata.requires(each) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(each)
        for requirement in requirements:
            match = _REQUIREMENT.match(requirement)
            if match and "extra ==" not in requirement:
                open_names.append(match.group())
    return found


def _distribution_bytes(name: str) -> int:
    source = ROOT / "python_client" / "src" / name
    if source.is_dir():
        return _tree_bytes(source)
    files = metadata.files(name) or []
    paths = (Path(str(file.locate())) for file in files if file.suffix != ".pyc")
    return sum(path.stat().st_size for path in paths if path.is_file())


def _npm_size(name: str) -> int:
    """The bytes of a package and of everything that it depends on, as far as it is installed."""
    found, open_names = set[str](), [name]
    total = 0
    while open_names:
        each = open_names.pop()
        folder = ROOT / "node_modules" / each
        if each in found or not folder.exists():
            continue
        found.add(each)
        package = json.loads((folder / "package.json").read_text())
        total += _package_bytes(folder, package)
        open_names += package.get("dependencies", {})
        open_names += package.get("optionalDependencies", {})
    return total


def _package_bytes(folder: Path, package: dict[str, object]) -> int:
    """A linked package counts what it would publish, an installed one what is there."""
    published = package.get("files")
    if folder.is_symlink() and isinstance(published, list):
        return sum(_tree_bytes(folder.resolve() / each) for each in published)
    return _tree_bytes(folder)


def _tree_bytes(root: Path) -> int:
    if root.is_file():
        return root.stat().st_size
    total = 0
    for folder, folders, files in os.walk(root):
        folders[:] = [each for each in folders if each not in {"__pycache__", "node_modules"}]
        total += sum((Path(folder) / file).stat().st_size for file in files)
    return total


async def _bundle(entry: str) -> int:
    """The gzipped bytes of a minified bundle with this one entry."""
    esbuild = ROOT / "node_modules" / ".bin" / "esbuild"
    options = ("--bundle", "--minify", "--format=esm", "--platform=browser", "--external:react")
    text = await _output(str(esbuild), *options, "--log-level=error", text=entry)
    return len(gzip.compress(text.encode(), 9, mtime=0))
