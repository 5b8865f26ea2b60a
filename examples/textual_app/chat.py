"""The chat in a terminal: everybody sees the same list, and what you type at once.

It talks to the backend of the chat (see ../chat/backend.py):

    pip install textual
    python -m unisono_mock examples.chat.backend:app --port 3210
    python -m examples.textual_app.chat http://127.0.0.1:3210 --name ada
"""

import argparse
from typing import Any

from textual import work
from textual.app import App, ComposeResult
from textual.widgets import Footer, Header, Input, Label, ListItem, ListView

import unisono

Message = dict[str, Any]


class ChatApp(App[None]):
    """One client, in a worker that lives as long as the app."""

    TITLE = "Chat"

    def __init__(self, url: str, name: str) -> None:
        super().__init__()
        self.client = unisono.Client(url)
        self.author = name

    def compose(self) -> ComposeResult:
        yield Header()
        yield ListView(id="messages")
        yield Input(placeholder="Say something", id="body")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.live()

    @work
    async def live(self) -> None:
        """Show each new list, as long as there is an app to show it in."""
        async with self.client as client:
            self.show_states()
            async for messages in client.subscribe("messages:list"):
                await self.show(messages)

    @work
    async def show_states(self) -> None:
        async for state in self.client.states():
            self.sub_title = state.kind if state.is_connected else f"{state.kind}: {state.why}"

    async def show(self, messages: list[Message]) -> None:
        shown = self.query_one(ListView)
        await shown.clear()
        await shown.extend(
            ListItem(Label(f"{each['author']}: {each['body']}", markup=False)) for each in messages
        )

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.input.clear()
        self.say({"author": self.author, "body": event.value})

    @work
    async def say(self, message: Message) -> None:
        try:
            await self.client.mutation("messages:send", message, optimistic=appended(message))
        except unisono.UnisonoError as error:
            self.notify(str(error), severity="error", markup=False)


def appended(message: Message) -> Any:
    """The optimistic update: the message is on the list already."""

    def guess(store: unisono.LocalStore) -> None:
        messages = store.get("messages:list")
        if messages is not None:
            store.set("messages:list", {}, [*messages, message])

    return guess


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", help="where the backend is, for example http://127.0.0.1:3210")
    parser.add_argument("--name", default="somebody", help="who speaks")
    options = parser.parse_args()
    ChatApp(options.url, options.name).run()


if __name__ == "__main__":
    main()
