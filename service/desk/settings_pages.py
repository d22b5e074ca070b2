"""One's own settings: interface language, single keys, sessions and tokens, as plain forms. Mounted by ``pages``.

A new token is shown once, on the answer to the form that made it, and stands in no address and no cache.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import RedirectResponse

from service import auth
from service.desk import account_shapes as shapes
from service.desk import people, preferences
from service.desk.frame import SIGN_IN, DeskPage, PostedDep, VisitDep, shaped, show, went_back
from service.desk.keys import KEYS
from service.models import Editor
from service.translations import LANGUAGES
from service.web import CallerDep, Read, Write, may

router = APIRouter(route_class=DeskPage, include_in_schema=False)

Owner = Annotated[Editor, Depends(may("manage_account"))]
HERE = "/desk/settings"


@router.get(HERE)
async def get_settings(visit: VisitDep, by: Owner, caller: CallerDep, session: Read) -> Response:
    """Everything that an editor decides for themselves."""
    tokens = [shapes.token_view(token) for token in await people.own_tokens(session, by)]
    sessions = await people.own_sessions(session, by, now=visit.now)
    scopes = tuple(sorted(caller.scopes))
    return show(
        visit,
        "settings",
        tokens=tokens,
        sessions=sessions,
        here=caller.session_hash,
        scopes=scopes,
        languages=LANGUAGES,
    )


@router.post(HERE)
async def post_settings(posted: PostedDep, by: Owner, session: Write) -> Response:
    """Keep language and keys; keys that meet another act's are refused."""
    usual = {each.act: each.key for each in KEYS}
    given = {act: posted.one(f"key-{act}") or key for act, key in usual.items()}
    wanted = preferences.PreferencesPatch(
        language=posted.one("language"),
        single_keys=posted.one("single_keys") == "on",
        keys={act: key for act, key in given.items() if key != usual[act]},
    )
    await preferences.change_preferences(session, wanted, version=posted.version, by=by)
    return went_back(posted, "settings_kept", otherwise=HERE)


@router.post(f"{HERE}/tokens")
async def post_token(posted: PostedDep, visit: VisitDep, _by: Owner, caller: CallerDep, session: Write) -> Response:
    """Make a token and show it."""
    wanted = shaped(
        shapes.TokenIn,
        name=posted.one("name") or "",
        kind=posted.one("kind"),
        scopes=posted.many("scopes"),
        days=posted.number("days"),
    )
    token, raw = await people.make_token(session, caller, wanted, now=visit.now)
    return show(visit, "new_token", token=shapes.token_view(token), raw=raw)


@router.post(f"{HERE}/tokens/{{token_id}}/revoke")
async def post_revocation(token_id: str, posted: PostedDep, visit: VisitDep, by: Owner, session: Write) -> Response:
    """End one of one's own tokens, for good."""
    await people.revoke_token(session, by, token_id, now=visit.now)
    return went_back(posted, "token_revoked", otherwise=HERE)


@router.post(f"{HERE}/sign-out-everywhere")
async def post_sign_out_everywhere(by: Owner, session: Write) -> Response:
    """End every session of the account, this one too; tokens stay."""
    await auth.end_sessions(session, by)
    return RedirectResponse(SIGN_IN, status_code=303)
