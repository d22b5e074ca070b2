"""One's own set-up of the desk over HTTP: language, keys, saved filters. Mounted under ``/api/v1`` by ``app``."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service.desk import preferences
from service.models import Editor
from service.web import Read, Version, Write, etag, may

router = APIRouter(tags=["accounts"])

Owner = Annotated[Editor, Depends(may("manage_account"))]


@router.get("/me/preferences", operation_id="get_preferences")
async def get_preferences(by: Owner, session: Read, response: Response) -> preferences.PreferencesOut:
    """How one's own desk is set up; its ETag is what a change must carry."""
    view = preferences.preferences_view(await preferences.choices_of(session, by))
    response.headers["ETag"] = etag(view.version)
    return view


@router.patch("/me/preferences", operation_id="change_preferences")
async def patch_preferences(
    body: preferences.PreferencesPatch, by: Owner, session: Write, version: Version, response: Response
) -> preferences.PreferencesOut:
    """Change one's own keys, language or saved filters. Keys that meet another act's are refused."""
    view = await preferences.change_preferences(session, body, version=version, by=by)
    response.headers["ETag"] = etag(view.version)
    return view
