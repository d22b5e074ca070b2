"""Every error that the service answers with on purpose, as one tree.

    HuobanError                 500  internal_error
    ├── SetupError              500  setup            the operator must act; the CLI prints it and exits 1
    ├── NotAuthenticated        401  not_authenticated
    ├── NotAllowed              403  not_allowed      a role or token that may not do this
    │   └── PeopleOnly          403  people_only      promise 1: service tokens decide nothing
    ├── NotFound                404  not_found
    ├── NotNow                  409  not_now          right request, wrong state of the thing
    ├── Gone                    410  gone             withdrawn, and says so
    ├── Stale                   412  stale            someone changed it first; carries the current state
    ├── Invalid                 422  invalid          names each field, the value and near matches
    ├── VersionRequired         428  version_required a change must carry If-Match
    ├── TooMany                 429  too_many         wait and try again
    ├── NotInstalled            501  not_installed    an extra that this installation lacks; says which
    ├── Unreachable             502  unreachable      another service, which this needs, does not answer
    └── Unavailable             503  unavailable      the database cannot be used at this moment

``service.web`` turns them into RFC 9457 problem details (or a page); ``service.cli`` prints them on
standard error. Nothing here knows about the web.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with one field of what was sent."""

    field: str
    message: str
    suggestions: tuple[str, ...] = ()


class HuobanError(Exception):
    """The root. ``detail`` says what is wrong and what to do about it, in one or two sentences."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        current: dict[str, Any] | None = None,
        language: str = "en",
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.language = language
        """What ``detail`` is written in; other than English only on the pages of an interface language."""
        self.errors = tuple(errors)
        self.current = current
        """The present state of the resource, for answers that tell a client it was behind."""


class SetupError(HuobanError):
    """Configuration, database or files are not fit to run; the message says what to do."""

    code = "setup"
    title = "The service is not set up"


class NotAuthenticated(HuobanError):
    """No account stands behind the request."""

    status = 401
    code = "not_authenticated"
    title = "Sign in first"


class NotAllowed(HuobanError):
    """The account exists but may not do this."""

    status = 403
    code = "not_allowed"
    title = "This account may not do that"


class PeopleOnly(NotAllowed):
    """A service token asked for an editorial act."""

    code = "people_only"
    title = "Only a person may decide this"


class NotFound(HuobanError):
    """There is no such thing."""

    status = 404
    code = "not_found"
    title = "Not found"


class NotNow(HuobanError):
    """The thing is in a state that does not allow this act."""

    status = 409
    code = "not_now"
    title = "Not in its present state"


class Gone(HuobanError):
    """It was published and has been withdrawn."""

    status = 410
    code = "gone"
    title = "Withdrawn"


class Stale(HuobanError):
    """The change was made against an older version (RFC 9110 §13.1.1)."""

    status = 412
    code = "stale"
    title = "Someone changed this first"


class Invalid(HuobanError):
    """What was sent cannot be accepted; nothing was changed."""

    status = 422
    code = "invalid"
    title = "Some values cannot be accepted"


class VersionRequired(HuobanError):
    """A change came without the version it was made against (RFC 6585 §3)."""

    status = 428
    code = "version_required"
    title = "Say which version you changed"


class TooMany(HuobanError):
    """Too many requests of one kind in a short time (RFC 6585 §4)."""

    status = 429
    code = "too_many"
    title = "Too many requests"


class NotInstalled(HuobanError):
    """It needs an extra that this installation lacks (RFC 9110 §15.6.2)."""

    status = 501
    code = "not_installed"
    title = "Not installed here"


class Unreachable(HuobanError):
    """Another service, which this needs, does not answer as it should (RFC 9110 §15.6.3)."""

    status = 502
    code = "unreachable"
    title = "Another service does not answer"


class Unavailable(HuobanError):
    """The database cannot be used at this moment, and probably can soon (RFC 9110 §15.6.4)."""

    status = 503
    code = "unavailable"
    title = "Not at this moment"
