"""The two doors of signing in through a provider: away to it, and back from it. Mounted at the root by ``app``.

Coming back is a GET that opens a session: the protocol has it so, and the cookie of the attempt, which no other site
can send or set, stands for the protection that a form would have.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from service import auth
from service.desk.accounts import give_session
from service.errors import NotAllowed, NotAuthenticated, NotFound
from service.journal import take_turn
from service.runtime import Runtime
from service.signing_in.accounts import find_account
from service.signing_in.attempt import Attempt, authorization_url, new_attempt
from service.signing_in.provider import Provider
from service.web import Now, runtime_of, session_cookie

router = APIRouter(include_in_schema=False)

ATTEMPT_LASTS = 600
"""Seconds from leaving for the provider to coming back."""
_NOT_KEPT = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
Parameter = Annotated[str, Query(max_length=4_000)]


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotFound("This newsroom signs in by password; no provider is set up (docs/settings.md, HUOBAN_OIDC_…).")
    return provider


def _attempt_cookie(runtime: Runtime) -> str:
    return f"{session_cookie(runtime)}-attempt"


def _set_attempt(runtime: Runtime, response: Response, secret: str, *, lasts: int) -> None:
    response.set_cookie(
        _attempt_cookie(runtime),
        secret,
        max_age=lasts,
        secure=runtime.settings.base_url.startswith("https://"),
        httponly=True,
        samesite="lax",  # it must come along when the provider sends the browser back
    )


@router.get("/oidc/start")
async def leave_for_provider(request: Request, now: Now) -> Response:
    """Send the browser to the provider, with an attempt that only this browser can end."""
    provider, runtime = _provider(request), runtime_of(request)
    request.app.state.sign_ins.count(None, request.client.host if request.client else "unknown")
    metadata = await provider.metadata(runtime, now=now)
    attempt, ours = new_attempt(), provider.configuration
    target = authorization_url(
        metadata.authorization_endpoint, attempt, client_id=ours.client_id, redirect_uri=ours.redirect_uri
    )
    response = RedirectResponse(target, status_code=303, headers=_NOT_KEPT)
    _set_attempt(runtime, response, attempt.secret, lasts=ATTEMPT_LASTS)
    return response


@router.get("/oidc/callback")
async def come_back(
    request: Request,
    now: Now,
    state: Parameter = "",
    code: Parameter = "",
    error: Parameter = "",
    iss: Parameter = "",
) -> Response:
    """Open a session for the account of whoever the provider vouches for, and lead to the desk."""
    provider, runtime = _provider(request), runtime_of(request)
    ours = provider.configuration
    attempt = Attempt(request.cookies.get(_attempt_cookie(runtime), ""))
    if not attempt.secret or not attempt.began(state):
        raise NotAllowed("This is not the browser that began to sign in, or it took too long. Begin again.")
    if iss and iss != ours.issuer:  # RFC 9207
        raise NotAllowed("This answer comes from another provider than the one that was asked. Begin again.")
    if error or not code:
        raise NotAuthenticated("The provider did not sign you in, or you declined. Begin again.")
    request.app.state.sign_ins.count(None, request.client.host if request.client else "unknown")
    person = await provider.recognise(runtime, code, verifier=attempt.verifier, nonce=attempt.nonce, now=now)
    async with runtime.database.write() as session:
        await take_turn(session)
        editor = await find_account(session, person, issuer=ours.issuer, domain=ours.domain, now=now)
        secret = await auth.open_session(session, editor, now=now)
    response = RedirectResponse(f"{runtime.settings.base_url}/desk", status_code=303, headers=_NOT_KEPT)
    give_session(response, runtime, secret)
    _set_attempt(runtime, response, "", lasts=0)
    return response
