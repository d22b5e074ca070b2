"""What every page of the desk stands in: who asks, the page around a screen, forms and their way back, errors.

A screen is a route of class ``DeskPage`` that takes a ``Visit``, reads or acts through the same actions as the API,
and answers ``show(…)`` or ``went_back(…)``. Rules live in the actions; texts live in the templates, where every word
goes through ``_()``. Called by the ``*_pages`` modules.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from service.auth import role_reaches
from service.clock import Calendar
from service.desk import preferences
from service.desk.keys import KeyAct, effective_keys
from service.desk.rendering import environment
from service.errors import FieldError, HuobanError, Invalid, NotAuthenticated, Stale, VersionRequired
from service.models import Editor
from service.translations import SOURCE, choose
from service.web import UNKNOWN_VERSION, CalendarDep, Now, may, runtime_of

HOME = "/desk/wire"
SIGN_IN = "/desk/sign-in"
SCREENS = (
    ("wire", "Wire", HOME, "w"),
    ("edition", "Edition", "/desk/editions", "e"),
    ("hand-over", "Hand-over", "/desk/hand-over", "h"),
    ("sources", "Sources", "/desk/sources", "s"),
    ("register", "Register", "/desk/register", "r"),
    ("journal", "Journal", "/desk/journal", "j"),
    ("blind-spots", "Blind spots", "/desk/blind-spots", "b"),
)
"""Name, words, address and letter (after ``g``) of each screen in the bar, in this order."""

Shaped = TypeVar("Shaped", bound=BaseModel)


@dataclass(frozen=True)
class Visit:
    """An editor at the desk, at one moment."""

    by: Editor
    now: datetime
    calendar: Calendar
    choices: preferences.Choices
    language: str
    """What the interface is in: the editor's choice, else what the browser asks for."""
    path: str
    """Where this page is, with its query: what a form comes back to."""
    did: str
    """The act that led here; empty for none."""
    suggestions: bool
    """Whether the newsroom shows the partners that a story's text names."""
    pass_reasons: tuple[str, ...]
    """Why a story may be passed."""

    @property
    def today(self) -> date:
        """The newsroom's day."""
        return self.calendar.day_of(self.now)

    def may(self, act: str) -> bool:
        """Whether this editor's role allows an act; a page offers nothing that would be refused."""
        return role_reaches(self.by.role, act)

    @property
    def keys(self) -> tuple[KeyAct, ...]:
        """What each key does for this editor."""
        return effective_keys(self.choices.own_keys)


async def _visit(request: Request, by: Annotated[Editor, Depends(may("read"))], now: Now, cal: CalendarDep) -> Visit:
    # In a session of its own, closed before the route's begins: a request never holds two.
    async with runtime_of(request).database.read() as session:
        choices = await preferences.choices_of(session, by)
    query = [(key, value) for key, value in parse_qsl(request.url.query) if key not in ("did", "part")]
    path = request.url.path + (f"?{urlencode(query)}" if query else "")
    did = request.query_params.get("did", "")
    settings = runtime_of(request).settings
    language = choices.language or language_of(request)
    request.state.language = language  # an error of this request is told in it, too
    return Visit(by, now, cal, choices, language, path, did, settings.suggestions, settings.pass_reasons)


VisitDep = Annotated[Visit, Depends(_visit)]


def language_of(request: Request) -> str:
    """The language of the interface: the editor's, once they are known, else what the browser asks for."""
    chosen: str | None = getattr(request.state, "language", None)
    return chosen or choose(request.headers.get("accept-language", ""))


def show(
    visit: Visit | None, template: str, status: int = 200, *, language: str = SOURCE, **values: object
) -> HTMLResponse:
    """A page, made from its template; never kept, since the next look may show another state.

    ``language`` is that of a page which is nobody's visit.
    """
    page = environment(visit.language if visit else language).get_template(f"desk/{template}.html")
    html = page.render(visit=visit, screens=SCREENS, **values)
    # Origin, which the check of forms needs, is only sent where the referrer is not switched off altogether.
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Robots-Tag": "noindex"}
    return HTMLResponse(html, status_code=status, headers=headers)


@dataclass(frozen=True)
class Posted:
    """What a form sent."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """A field's text; None where it is missing or was left empty."""
        text = (self.fields.get(name) or ("",))[0].strip()
        return text or None

    def many(self, name: str) -> list[str]:
        """Every text that was sent under a name, empty ones left out."""
        return [text for text in self.fields.get(name, ()) if text.strip()]

    def number(self, name: str) -> int | None:
        """A field's whole number; None where it is missing or left empty.

        Raises:
            Invalid: something else was written.
        """
        text = self.one(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise Invalid("That is not a number.", errors=[FieldError(name, "write a whole number")])
        return int(text)

    @property
    def version(self) -> int:
        """The version that the form was made against.

        Raises:
            VersionRequired: the form has none.
        """
        text = self.one("version")
        if text is None:
            raise VersionRequired("This form says no version. Load the page again and repeat what you did.")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else UNKNOWN_VERSION


async def _posted(request: Request) -> Posted:
    form = await request.form()
    names = {name: tuple(value for value in form.getlist(name) if isinstance(value, str)) for name in form}
    return Posted(names)


PostedDep = Annotated[Posted, Depends(_posted)]


def shaped(shape: type[Shaped], **values: Any) -> Shaped:
    """Values of a form in the shape that the API takes, cleaned by it; None counts as left out.

    Raises:
        Invalid: the API would refuse them.
    """
    try:
        return shape(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        raise Invalid("Nothing was changed.", errors=_field_errors(error.errors())) from error


def _field_errors(problems: Any) -> list[FieldError]:
    return [
        FieldError(str(problem["loc"][-1] if problem["loc"] else "form"), problem["msg"].removeprefix("Value error, "))
        for problem in problems
    ]


def safe_path(path: str | None, otherwise: str = HOME) -> str:
    """A way back that stays at the desk: an address of another site, or of another part of this one, is refused."""
    if not path or not path.isprintable() or "\\" in path:
        return otherwise
    parts = urlsplit(path)
    at_desk = parts.path == "/desk" or parts.path.startswith("/desk/")
    return path if not parts.scheme and not parts.netloc and at_desk else otherwise


def went_back(posted: Posted, did: str, *, otherwise: str = HOME) -> RedirectResponse:
    """After an act: back to where the form stood, which then says what was done (POST, redirect, GET)."""
    parts = urlsplit(safe_path(posted.one("back"), otherwise))
    query = [(key, value) for key, value in parse_qsl(parts.query) if key != "did"]
    target = f"{parts.path}?{urlencode([*query, ('did', did)])}"
    return RedirectResponse(target + (f"#{parts.fragment}" if parts.fragment else ""), status_code=303)


class DeskPage(APIRoute):
    """A route whose errors are pages of the desk, and which sends to the sign-in whoever has to."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, with the desk's answer to what it refuses."""
        handle = super().get_route_handler()

        async def handle_or_explain(request: Request) -> Response:
            try:
                return await handle(request)
            except NotAuthenticated:
                return RedirectResponse(f"{SIGN_IN}?next={quote(await _place(request))}", status_code=303)
            except HuobanError as error:
                return await _explained(request, error)
            except RequestValidationError as error:
                return await _explained(request, Invalid("Nothing was changed.", errors=_field_errors(error.errors())))

        return handle_or_explain


async def _place(request: Request) -> str:
    """Where the person was: the page itself, or the page that its form stood on."""
    if request.method == "GET":
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return safe_path((await _posted(request)).one("back"))


async def _explained(request: Request, error: HuobanError) -> Response:
    posted = await _posted(request) if request.method == "POST" else Posted()
    back, language = safe_path(posted.one("back")), language_of(request)
    if isinstance(error, Stale) and error.current is not None and posted.fields:
        given = {name: texts for name, texts in posted.fields.items() if name != "version"}
        values = {"current": error.current, "given": given, "back": back, "action": request.url.path}
        return show(None, "clash", error.status, language=language, error=error, **values)
    return show(None, "problem", error.status, language=language, error=error, back=back)
