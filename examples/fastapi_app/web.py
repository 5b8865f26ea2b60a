"""The web API: one client for all requests, results as JSON and as server-sent events.

It stands in front of the backend of the chat (see ../chat/backend.py):

    pip install fastapi uvicorn
    python -m unisono_mock examples.chat.backend:app --port 3210
    UNISONO_URL=http://127.0.0.1:3210 uvicorn examples.fastapi_app.web:app
    curl -N http://127.0.0.1:8000/messages/events
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

import unisono


class Message(BaseModel):
    author: str
    body: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One client lives as long as the app, and all its requests share it."""
    async with unisono.Client(os.environ["UNISONO_URL"]) as client:
        app.state.client = client
        yield


app = FastAPI(title="A chat behind a web API", lifespan=lifespan)


def client_of(request: Request) -> unisono.Client:
    client: unisono.Client = request.app.state.client
    return client


@app.get("/messages")
async def list_messages(request: Request) -> list[Message]:
    """While somebody is subscribed, this is answered without asking the backend."""
    return await client_of(request).query("messages:list", type=list[Message])


@app.post("/messages", status_code=201)
async def send_message(request: Request, message: Message) -> None:
    """When this returns, whoever listens to the events has been told."""
    try:
        await client_of(request).mutation("messages:send", message)
    except unisono.FunctionError as error:
        raise HTTPException(422, error.message) from error


@app.get("/messages/events")
async def stream_messages(request: Request, times: int | None = None) -> StreamingResponse:
    """Each new list as an event; `times` ends the stream after so many."""
    events = each_list(client_of(request), times)
    return StreamingResponse(events, media_type="text/event-stream")


async def each_list(client: unisono.Client, times: int | None) -> AsyncIterator[str]:
    # Who goes away cancels this, and with the block the subscription ends.
    async with client.subscribe("messages:list") as lists:
        while times is None or times > 0:
            yield f"data: {json.dumps(await anext(lists))}\n\n"
            times = None if times is None else times - 1


@app.get("/health")
async def health(request: Request) -> dict[str, str | bool]:
    """How the connection to the backend stands."""
    state = client_of(request).state
    return {"state": state.kind, "is_connected": state.is_connected, "why": state.why}
