"""Files: uploads, addresses, what functions may do with them."""

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from unisono_mock import (
    ActionContext,
    App,
    Backend,
    Failed,
    MutationContext,
    QueryContext,
    Server,
    serve,
)
from unisono_mock.runtime.sqlite import DataFile

from .wire import Wire, add


def make_app() -> App:
    app = App()

    @app.mutation("f:uploadUrl")
    def upload_url(ctx: MutationContext) -> str:
        return ctx.storage.generate_upload_url()

    @app.mutation("f:delete")
    def delete(ctx: MutationContext, id: str, fail: bool = False) -> None:
        ctx.storage.delete(id)
        if fail:
            raise ValueError("no")

    @app.query("f:url")
    def url(ctx: QueryContext, id: str) -> str | None:
        return ctx.storage.get_url(id)

    @app.query("f:about")
    def about(ctx: QueryContext, id: str) -> Any:
        return [ctx.storage.get_metadata(id), ctx.db.system.get(id)]

    @app.query("f:all")
    def everything(ctx: QueryContext) -> list[float]:
        return [file["size"] for file in ctx.db.system.query("_storage")]

    @app.query("f:wrong")
    def wrong(ctx: QueryContext, system: bool) -> Any:
        return ctx.db.system.query("t") if system else ctx.db.query("_storage")

    @app.action("f:store")
    def store(ctx: ActionContext, content: bytes) -> str:
        return ctx.storage.store(content, "text/plain")

    @app.action("f:read")
    def read(ctx: ActionContext, id: str) -> bytes | None:
        return ctx.storage.get(id)

    return app


@pytest.fixture
def backend() -> Backend:
    return Backend(make_app())


def test_an_action_writes_and_reads_files(backend: Backend) -> None:
    """Metadata in hex, the document in base64, as the chapter says."""
    id_ = backend.action("f:store", content=b"hello")
    assert backend.action("f:read", id=id_) == b"hello"
    metadata, document = backend.query("f:about", id=id_)
    digest = hashlib.sha256(b"hello").digest()
    assert (metadata["sha256"], metadata["size"]) == (digest.hex(), 5)
    assert document == {
        "_creationTime": document["_creationTime"],
        "_id": id_,
        "contentType": "text/plain",
        "sha256": base64.b64encode(digest).decode(),
        "size": 5.0,
    }
    assert backend.query("f:all") == [5]


def test_an_address_is_reactive(backend: Backend) -> None:
    """Who shows a file hears when it is gone; a mutation that fails deletes nothing."""
    id_ = backend.action("f:store", content=b"hello")
    wire = Wire(backend)
    wire.modify(0, add(0, "f:url", id=id_))
    assert wire.take()[0]["modifications"][0]["value"].startswith(
        "http://unisono.test/api/storage/"
    )
    with pytest.raises(Failed):
        backend.mutation("f:delete", id=id_, fail=True)
    assert backend.action("f:read", id=id_) == b"hello"
    backend.mutation("f:delete", id=id_)
    assert wire.take()[0]["modifications"][0]["value"] is None
    assert backend.action("f:read", id=id_) is None
    with pytest.raises(Failed, match=r"storage id .* not found"):
        backend.mutation("f:delete", id=id_)


@pytest.mark.parametrize(("system", "words"), [(True, "User tables"), (False, "System tables")])
def test_system_tables_have_a_door_of_their_own(backend: Backend, system: bool, words: str) -> None:
    """Neither side reaches the other's tables."""
    with pytest.raises(Failed, match=words):
        backend.query("f:wrong", system=system)


def test_files_survive_a_restart(tmp_path: Path) -> None:
    """Bytes and document are in the same file."""
    data = DataFile(tmp_path / "data", b"secret")
    id_ = Backend(make_app(), data=data).action("f:store", content=b"hello")
    data.close()
    again = Backend(make_app(), data=DataFile(tmp_path / "data", b"other"))
    assert again.action("f:read", id=id_) == b"hello"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(make_app()) as server:
        yield server


async def call(client: httpx.AsyncClient, kind: str, path: str, **args: Any) -> Any:
    answer = await client.post(f"/api/{kind}", json={"path": path, "args": args})
    return answer.json()["value"]


@pytest.mark.asyncio
async def test_upload_and_download(server: Server) -> None:
    """Post the bytes to the address of a mutation, read them at the address of a query."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        where = await call(client, "mutation", "f:uploadUrl")
        assert where.startswith(server.url)
        digest = base64.b64encode(hashlib.sha256(b"0123456789").digest()).decode()
        headers = {"Content-Type": "text/x-test", "Digest": f"sha-256={digest}"}
        posted = await client.post(where, content=b"0123456789", headers=headers)
        id_ = posted.json()["storageId"]
        address = await call(client, "query", "f:url", id=id_)

        whole = await client.get(address)
        assert (whole.content, whole.headers["content-type"]) == (b"0123456789", "text/x-test")
        assert whole.headers["digest"] == f"sha-256={digest}"
        assert whole.headers["cache-control"] == "private, max-age=2592000"
        for wanted, part in (("2-4", b"234"), ("7-", b"789"), ("-2", b"89"), ("8-99", b"89")):
            some = await client.get(address, headers={"Range": f"bytes={wanted}"})
            assert (some.status_code, some.content) == (206, part)
        beyond = await client.get(address, headers={"Range": "bytes=0-1,3-4"})
        assert beyond.status_code == 416


@pytest.mark.asyncio
async def test_what_is_wrong_with_an_upload_or_an_address(server: Server) -> None:
    """Tokens and addresses cannot be guessed; what arrives is checked."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        where = await call(client, "mutation", "f:uploadUrl")
        wrong = {"Digest": "sha-256=" + base64.b64encode(bytes(32)).decode()}
        answers = [
            await client.post("/api/storage/upload", content=b""),
            await client.post("/api/storage/upload?token=abc", content=b""),
            await client.post(where, content=b"x", headers=wrong),
            await client.post(where, content=b"x", headers={"Digest": "md5=x"}),
            await client.get("/api/storage/k57000820c20a1g7104gm2rc1m70ynr8"),
            await client.get("/api/storage/123e4567-e89b-42d3-a456-426614174000"),
        ]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
            (400, "BadQueryArgs"),
            (401, "StorageTokenInvalid"),
            (400, "Sha256Mismatch"),
            (400, "BadHeader"),
            (400, "InvalidStoragePath"),
            (404, "FileNotFound"),
        ]
        assert await call(client, "query", "f:all") == []


def test_a_token_is_good_for_an_hour(backend: Backend) -> None:
    """And for any number of uploads within it."""
    files = backend.transactions.files
    token = backend.mutation("f:uploadUrl").partition("token=")[2]
    now = backend.clock.now()
    assert files.token_is_ours(token)
    assert files.token_is_fresh(token, now + 3599)
    assert not files.token_is_fresh(token, now + 3601)
