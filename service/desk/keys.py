"""Which key does what at the desk: the map as it comes, and an editor's own map checked against it.

The page prints the effective map as its help, and the scripts read it from there, so that help and keys cannot
differ. Nothing is bound to Ctrl, Alt or Meta. Keys that take something away from readers or from a list want Shift.
Pure. Called by ``preferences`` and by the pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from service.errors import FieldError

Where = Literal["everywhere", "wire", "edition"]


@dataclass(frozen=True)
class KeyAct:
    """One act and the key that does it."""

    act: str
    key: str
    """As ``KeyboardEvent.key`` says it (UI Events, W3C)."""
    where: Where
    words: str
    """What it does, in the words of the help; a message of the catalogues."""
    shifted: bool = False
    """It takes something away, so that its key has to be a capital letter."""


KEYS = (
    KeyAct("help", "?", "everywhere", "Show this list of keys"),
    KeyAct("search", "/", "everywhere", "Search the wire"),
    KeyAct("go", "g", "everywhere", "Go to a screen: then its letter"),
    KeyAct("undo", "u", "everywhere", "Undo the last act; up to ten"),
    KeyAct("next", "j", "everywhere", "Next story"),
    KeyAct("previous", "k", "everywhere", "Previous story"),
    KeyAct("open", "o", "everywhere", "Open the original in a new tab"),
    KeyAct("words", "w", "everywhere", "Write headline and blurb"),
    KeyAct("note", "n", "everywhere", "Leave a note for colleagues"),
    KeyAct("claim", "c", "wire", "Claim or release"),
    KeyAct("ask", "q", "wire", "Ask for a second editor, or say that one has looked"),
    KeyAct("pass", "x", "wire", "Pass: then a digit for the reason"),
    KeyAct("tick", "v", "wire", "Tick for passing many at once"),
    KeyAct("pass_ticked", "X", "wire", "Pass all that are ticked: then a digit for the reason", shifted=True),
    KeyAct("hold", "h", "wire", "Hold for later"),
    KeyAct("reopen", "r", "wire", "Put back on the wire"),
    KeyAct("tag", "a", "wire", "Accept: tag the countries"),
    KeyAct("place", "e", "wire", "Place in the edition: then a digit, t (top), Enter (end) or p (end, and publish)"),
    KeyAct("publish", "p", "everywhere", "Publish; asks first"),
    KeyAct("merge", "d", "wire", "Merge: then the sibling's digit"),
    KeyAct("more", "l", "wire", "Load more stories"),
    KeyAct("up", ",", "edition", "Move the item up"),
    KeyAct("down", ".", "edition", "Move the item down"),
    KeyAct("schedule", "s", "edition", "Schedule the item"),
    KeyAct("correct", "m", "edition", "Correct what is public; asks first"),
    KeyAct("withdraw", "W", "edition", "Withdraw what is public; asks first", shifted=True),
    KeyAct("takeout", "T", "edition", "Take the item out of the list", shifted=True),
    KeyAct("close", "C", "edition", "Close the edition; asks first", shifted=True),
)


def effective_keys(own: Mapping[str, str]) -> tuple[KeyAct, ...]:
    """The map with an editor's own keys in it; what names no act of today is left out."""
    return tuple(KeyAct(k.act, own.get(k.act, k.key), k.where, k.words, k.shifted) for k in KEYS)


def key_problems(own: Mapping[str, str]) -> tuple[FieldError, ...]:
    """Why these keys cannot be an editor's own: unknown acts, keys that cannot be used, conflicts."""
    known = {each.act: each for each in KEYS}
    problems = [FieldError(f"keys.{act}", "there is no such act", tuple(known)) for act in own if act not in known]
    chosen = effective_keys(own)
    for each in chosen:
        if each.act in own and (reason := _unfit(each)):
            problems.append(FieldError(f"keys.{each.act}", reason))
    for number, one in enumerate(chosen):
        for other in chosen[number + 1 :]:
            if one.key == other.key and _meet(one, other):
                field = f"keys.{other.act if other.act in own else one.act}"
                problems.append(FieldError(field, f"'{one.key}' already stands for '{one.act}' and '{other.act}'"))
    return tuple(problems)


def _unfit(each: KeyAct) -> str | None:
    if len(each.key) != 1 or not each.key.isprintable() or each.key.isspace():
        return "choose one key that prints a character"
    if each.key.isdigit():
        return "digits choose within an act; choose another key"
    if each.shifted and not each.key.isupper():
        return "this act wants Shift: choose a capital letter"
    return None


def _meet(one: KeyAct, other: KeyAct) -> bool:
    return one.where == other.where or "everywhere" in (one.where, other.where)
