"""The shapes of the acts on reports of the same news: merge, split, and "these are two".

As in ``schemas``: what a client may send, checked and cleaned, and no rule about states. Used by ``routes``.
"""

from pydantic import Field, model_validator

from service.desk.schemas import Body, Code


class MergeIn(Body):
    """Which story leads: `into` puts this one under another, `stories` puts others under this one."""

    into: Code | None = None
    stories: list[Code] | None = Field(None, min_length=1, max_length=50)

    @model_validator(mode="after")
    def _one_way(self) -> "MergeIn":
        if (self.into is None) == (self.stories is None):
            raise ValueError("name either `into`, the story that leads, or `stories`, those that follow this one")
        return self


class SplitIn(Body):
    """Which siblings leave their lead; without `stories`, this one leaves its own."""

    stories: list[Code] | None = Field(None, min_length=1, max_length=50)


class DismissIn(Body):
    """Which of a story's hints are wrong: those stories report other news."""

    stories: list[Code] = Field(min_length=1, max_length=50)
