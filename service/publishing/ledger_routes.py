"""The record for anyone to check: the ledger, its signed checkpoints, and the keys under them. Mounted by ``app``.

None of it is kept in memory or cached: it is asked for by those who verify. How to is on the page ``/about``.
"""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from service.checkpoints import checkpoint_lines, public_keys
from service.errors import NotFound
from service.journal import ledger_lines
from service.web import Read, runtime_of

router = APIRouter(tags=["public"])
_LINES, _FRESH = "application/jsonl", {"Cache-Control": "no-cache"}


@router.get("/ledger.jsonl", operation_id="get_ledger")
async def get_ledger(request: Request) -> Response:
    """The journal as anyone may verify it: public decisions in full, private ones as hashes."""
    database = runtime_of(request).database

    async def lines() -> AsyncIterator[str]:
        async with database.read() as session:
            async for line in ledger_lines(session):
                yield f"{line}\n"

    return StreamingResponse(lines(), media_type=_LINES, headers=_FRESH)


@router.get("/ledger/checkpoints.jsonl", operation_id="get_checkpoints")
async def get_checkpoints(session: Read) -> Response:
    """One line for each newsroom day on which the service ran: how the ledger stood, signed with Ed25519."""
    lines = await checkpoint_lines(session)
    return Response("".join(f"{line}\n" for line in lines), media_type=_LINES, headers=_FRESH)


@router.get("/ledger/key.pem", operation_id="get_ledger_keys")
async def get_ledger_keys(session: Read) -> Response:
    """The public keys of the checkpoints, the present one first, each under its id."""
    keys = await public_keys(session)
    if keys is None:
        raise NotFound("No checkpoint has been signed yet. The first one comes within a minute of the first decision.")
    return Response(keys, media_type="application/x-pem-file", headers=_FRESH)
