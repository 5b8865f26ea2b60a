"""The backend of the chat: two functions and one page.

Run it with `python -m unisono_mock examples.chat.backend:app`.
"""

from pathlib import Path
from typing import TypedDict

from unisono_mock import App, MutationContext, QueryContext

HERE = Path(__file__).parent
BUILT_JS_CLIENT = HERE.parents[1] / "js_client" / "dist"

app = App(pages={"/": HERE / "page" / "index.html", "/unisono/": BUILT_JS_CLIENT})


class Message(TypedDict):
    author: str
    body: str


@app.query("messages:list")
def list_messages(ctx: QueryContext) -> list[Message]:
    """All messages, oldest first."""
    documents = ctx.db.query("messages").collect()
    return [Message(author=each["author"], body=each["body"]) for each in documents]


@app.mutation("messages:send")
def send_message(ctx: MutationContext, author: str, body: str) -> None:
    """Append one message; an empty one is refused."""
    if not body.strip():
        raise ValueError("a message needs a body")
    ctx.db.insert("messages", {"author": author, "body": body})
