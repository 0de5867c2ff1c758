"""How turns become rounds; what they take is not looked at."""

from __future__ import annotations

from benchmarks import yardsticks
from benchmarks.yardsticks import CALL, PIECE, ROUNDS, TRANSLATE, TURNS, TURNS_MAX, Round, round_of


def test_disturbed_turns_are_left_out_while_there_are_quiet_ones() -> None:
    turns = iter([Round(9.0, 0.5), *(Round(1.0, 0.1) for _ in range(TURNS)), Round(5.0, 0.0)])
    assert round_of(lambda: next(turns)) == Round(1.0, 0.1)
    assert next(turns) == Round(5.0, 0.0), "there were enough"


def test_of_disturbed_turns_the_quietest_count() -> None:
    count = TURNS_MAX - TURNS
    turns = iter([Round(9.0, 0.9)] * count + [Round(1.0, 0.3)] * TURNS)
    assert round_of(lambda: next(turns)) == Round(1.0, 0.3)
    assert not list(turns)


def test_a_yardstick_does_as_many_units_as_it_says() -> None:
    assert PIECE.units == len(PIECE.call()) - 1  # type: ignore[arg-type]
    assert TRANSLATE.units == len(TRANSLATE.call()) // 1024  # type: ignore[arg-type]
    assert CALL.units == yardsticks.CALLS


def test_a_ratio_for_every_round() -> None:
    rounds = yardsticks.measure(CALL.units, CALL.call, CALL)
    assert len(rounds) == ROUNDS
    assert all(each.ratio > 0 and each.disturbance >= 0 for each in rounds)
