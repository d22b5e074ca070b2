"""What an error says to an editor, in the language of the desk: by its code, and by its sentence if it never varies.

The API speaks English, and its codes are stable. A sentence that names an id or a day is not in the catalogues: beside
what its code says, the desk shows it as the API wrote it, marked as English. Pure. Called by ``rendering``; the scripts
read the same words from the page.
"""

from collections.abc import Mapping
from types import MappingProxyType

from service.translations import SOURCE, translations

BY_CODE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "stale": ("Someone changed this first", "Look at how it stands now, and decide again."),
        "not_now": (
            "Not in its present state",
            "What you wanted does not fit the state it is in. Load the page again.",
        ),
        "invalid": ("Some values cannot be accepted", "Nothing was changed. Mend what is named and send it again."),
        "not_allowed": ("This account may not do that", "Ask somebody whose role allows it."),
        "version_required": ("Say which version you changed", "Load the page again and repeat what you did."),
        "too_many": ("Too many requests", "Wait a minute and try again."),
        "not_found": ("Not found", "It does not exist, or not any more."),
        "unreachable": ("Another service does not answer", "Try again later."),
    }
)
"""Title and advice of the errors that editors meet in ordinary work."""

SENTENCES = (
    "Another editor has claimed this story. Wait for the claim to end, or talk to them.",
    "This claim is another editor's. It ends by itself after ten minutes.",
    "Another editor has claimed this story.",
    "This story has a place in an edition. Reopen it first.",
    "A public item names at least one partner and its tier. Tag the story first.",
    "A scheduled story keeps at least one tag.",
    "An item can only be scheduled for a time to come within its edition.",
    "This correction changes nothing.",
    "A withdrawn item has no place in the order.",
    "These tags cannot be stored; nothing was changed.",
    "A pass needs a reason from the list.",
    "Nothing was changed.",
    "That is not a day.",
    "That is not a time.",
    "That is not a number.",
    "This story has its publisher's address already.",
    "This address cannot be added.",
    "These settings cannot be kept; nothing was changed.",
    "This account is shut. A new set-up link opens it again.",
    "This is the last admin. Make another one first.",
    "This request came from another site.",
    "The address or the password is wrong.",
    "Too many attempts to sign in. Wait a minute.",
    "Nothing can be sent to that address.",
    "This webhook is disabled. Enable it first.",
    "there are none",
    "name at least one partner",
    "choose a day and a time",
    "write a whole number",
)
"""Sentences of errors that never vary, as the API says them; a test finds each of them there."""


def title_words(code: str, otherwise: str, language: str) -> str:
    """What an error with this code is called; ``otherwise`` is the API's own title."""
    return translations(language).gettext(BY_CODE[code][0]) if code in BY_CODE else otherwise


def sentence_words(text: str, language: str) -> str | None:
    """A sentence of the API in a language of the desk; None where only English has it."""
    if language == SOURCE:
        return text
    return translations(language).gettext(text) if text in SENTENCES else None


def advice_words(code: str, language: str) -> str:
    """What to do about an error with this code; empty where only its own sentence says."""
    return translations(language).gettext(BY_CODE[code][1]) if code in BY_CODE else ""


def for_scripts(language: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Codes with title and advice, sentences with their translation; both empty in English, which the API speaks."""
    if language == SOURCE:
        return [], []
    said = translations(language).gettext
    codes = [(code, f"{said(title)}: {said(advice)}") for code, (title, advice) in BY_CODE.items()]
    return codes, [(sentence, said(sentence)) for sentence in SENTENCES]
