"""When something is tried again: later each time, as long as it was asked, and not for ever."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outgoing.patience import GIVEN_UP_AFTER, next_try
from service.words import DeliveryKind
from tests.conftest import NOON


@pytest.mark.parametrize("kind", list(DeliveryKind))
def test_each_wait_is_longer_and_the_last_one_ends(kind: DeliveryKind) -> None:
    now, waits, attempts = NOON, [], 1
    while (again := next_try(kind, attempts, since=NOON, now=now)) is not None:
        waits.append(again - now)
        now, attempts = again, attempts + 1
    assert waits == sorted(waits)
    assert len(waits) >= 6
    assert now - NOON <= GIVEN_UP_AFTER[kind]


@given(
    st.sampled_from(list(DeliveryKind)),
    st.integers(1, 10**6),
    st.floats(0, 10**9),
    st.timedeltas(timedelta(0), timedelta(days=30)),
)
def test_no_wait_is_shorter_than_asked_or_longer_than_a_day(
    kind: DeliveryKind, attempts: int, asked: float, age: timedelta
) -> None:
    again = next_try(kind, attempts, since=NOON - age, now=NOON, asked=asked)
    if again is not None:
        assert timedelta(seconds=min(asked, 86_400)) <= again - NOON <= timedelta(days=1)
        assert again - NOON + age <= GIVEN_UP_AFTER[kind]
