"""Reloading: when a source file of the app changes, its functions change in the running server.

Documents stay, sockets stay open; everybody gets the results of the new functions.

Spec: transitions
Not here: putting the new app in its place (see backend).
"""

import asyncio
import importlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from .app import App

EVERY_S = 0.3

logger = logging.getLogger("unisono_mock")


class Sources:
    """The Python files below a folder that have been imported."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._times = self._look()

    def changed(self) -> bool:
        """Whether one of them has changed since the last look."""
        before, self._times = self._times, self._look()
        return before != self._times

    def forget(self) -> None:
        """Let the next import read them again."""
        for name in self._modules():
            del sys.modules[name]
        importlib.invalidate_caches()

    def _look(self) -> dict[Path, int]:
        times = {}
        for path in self._modules().values():
            try:
                times[path] = path.stat().st_mtime_ns
            except FileNotFoundError:
                times[path] = 0
        return times

    def _modules(self) -> dict[str, Path]:
        package = __name__.partition(".")[0]
        found = {}
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if file is None or name == "__main__" or name.partition(".")[0] == package:
                continue
            path = Path(file)
            if path.is_relative_to(self._folder) and "site-packages" not in path.parts:
                found[name] = path
        return found


async def keep_reloading(
    folder: Path, load: Callable[[], App], replace: Callable[[App], None]
) -> None:
    """Look for changes until cancelled; a file with an error changes nothing."""
    sources = Sources(folder)
    while True:
        await asyncio.sleep(EVERY_S)
        if not sources.changed():
            continue
        kept = dict(sys.modules)
        sources.forget()
        try:
            app = load()
        except Exception as error:
            sys.modules.update(kept)
            logger.error("not reloaded: %s", error)
            continue
        replace(app)
        logger.warning("reloaded")
