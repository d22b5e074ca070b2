"""The shapes of accounts and tokens in the editor API. No database and no rules."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from service.desk.schemas import Body, Code, Line, Shape
from service.models import Editor, Token
from service.passwords import PASSWORD_MAX
from service.words import Role


def _short(name: str) -> str:
    if len(name) > 200:
        raise ValueError("write 200 characters at the most")
    return name


Name = Annotated[Line, AfterValidator(_short)]


class PasswordIn(Body):
    """The password of now, and the one from now on."""

    current: str = Field(max_length=PASSWORD_MAX)
    password: str = Field(max_length=PASSWORD_MAX, description="The new one, of at least 12 characters.")


class TokenIn(Body):
    """A token to make for one's own account."""

    name: Name = Field(description="What it is for.", examples=["archive script"])
    kind: Literal["person", "service"] = "person"
    scopes: list[Code] = Field([], max_length=20, description="Without any: all that the caller may give to this kind.")
    days: int | None = Field(None, ge=1, le=3_650, description="When it ends; without it, never.")


class TokenOut(Shape):
    """A token without its secret."""

    id: str
    name: str
    kind: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenList(Shape):
    """One's own tokens, the newest first."""

    items: list[TokenOut]


class NewToken(TokenOut):
    """A token with its secret, this once."""

    token: str = Field(description="Send it as `Authorization: Bearer …`. It cannot be shown again.")


class EditorIn(Body):
    """An account to make."""

    email: str = Field(max_length=254, examples=["amina@example.org"])
    name: Name
    role: Role = Role.EDITOR


class EditorPatch(Body):
    """What changes in an account; what is left out stays. A shut account opens again by a new set-up link."""

    role: Role | None = None
    name: Name | None = None
    disabled: Literal[True] | None = None


class EditorOut(Shape):
    """An account as admins see it."""

    id: str
    email: str
    name: str
    pseudonym: str = Field(description="Stands for the editor in the public ledger.")
    role: str
    state: Literal["in_use", "invited", "disabled"]
    created_at: datetime
    version: int


class EditorList(Shape):
    """Every account, by address."""

    items: list[EditorOut]


class Invitation(Shape):
    """An account and the link, shown this once, on which its owner chooses a password."""

    editor: EditorOut
    setup_link: str
    setup_until: datetime


def editor_view(editor: Editor) -> EditorOut:
    """An account as the API answers it."""
    state = "disabled" if editor.disabled_at else "in_use" if editor.password_hash else "invited"
    return EditorOut(**editor.model_dump(include=EditorOut.model_fields.keys() - {"state"}), state=state)


def token_view(token: Token) -> TokenOut:
    """A token as the API answers it."""
    return TokenOut.model_validate(token)
