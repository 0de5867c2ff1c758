"""Goals, verdicts and the small table."""

from __future__ import annotations

import pytest

from benchmarks.study import Finding, Goal, Study, amount, arguments, lines, plain

AT_MOST = Goal("ratio", most=1.03)
AT_LEAST = Goal("ratio", least=0.99)


@pytest.mark.parametrize(("ratio", "is_met"), [(1.02, True), (1.03, True), (1.031, False)])
def test_below_at_and_above_the_most(ratio: float, is_met: bool) -> None:
    assert AT_MOST.is_met_by({"ratio": ratio}) is is_met


@pytest.mark.parametrize(("ratio", "is_met"), [(0.98, False), (0.99, True), (1.0, True)])
def test_below_at_and_above_the_least(ratio: float, is_met: bool) -> None:
    assert AT_LEAST.is_met_by({"ratio": ratio}) is is_met


def test_a_figure_that_is_no_number_meets_nothing() -> None:
    assert not AT_MOST.is_met_by({"ratio": float("nan")})


@pytest.mark.parametrize(
    ("goal", "text"),
    [
        (AT_MOST, "ratio at most 1.03"),
        (AT_LEAST, "ratio at least 0.99"),
        (Goal("n", least=2, most=3), "n from 2 to 3"),
        (Goal("n", least=2, most=2), "n 2"),
    ],
)
def test_a_goal_in_words(goal: Goal, text: str) -> None:
    assert str(goal) == text


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [
        (Finding("a", {"ratio": 1.0}), "valid"),
        (Finding("a", {"ratio": 1.0}, (AT_MOST,)), "ratio at most 1.03: met"),
        (
            Finding("a", {"ratio": 2.0}, (AT_MOST, AT_LEAST)),
            "ratio at most 1.03: MISSED; ratio at least 0.99: met",
        ),
        (Finding("a", {"ratio": 2.0}, (AT_MOST,), invalid="disturbed"), "disturbed"),
        (Finding("a", {"ratio": 1.0}, (AT_MOST,), wrong=True), "WRONG"),
        (Finding("a", {"ratio": 1.0}, invalid="disturbed", wrong=True), "WRONG"),
    ],
)
def test_verdicts(finding: Finding, verdict: str) -> None:
    assert finding.verdict == verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7.0, "7"),
        (0.0514, "0.051"),
        (9.9996, "10.000"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (10_000_000, "10,000,000"),
    ],
)
def test_amounts(value: float, text: str) -> None:
    assert amount(value) == text


def test_the_table_has_its_heading_once() -> None:
    findings = [Finding("first", {"p99 ms": 1.5}), Finding("second", {"p99 ms": 250.0})]
    heading, first, second = lines(findings)
    assert heading.split() == ["p99", "ms"]
    assert first.split() == ["first", "1.500", "valid"]
    assert second.split() == ["second", "250", "valid"]
    assert list(lines([])) == []


def test_what_is_kept_of_a_finding() -> None:
    assert plain([Finding("a", {"n": 1.0})]) == {
        "a": {"n": 1.0, "verdict": "valid", "outcome": "met"}
    }


@pytest.mark.parametrize(
    ("finding", "outcome"),
    [
        (Finding("a", {"ratio": 1.0}), "met"),
        (Finding("a", {"ratio": 1.03}, (AT_MOST, AT_LEAST)), "met"),
        (Finding("a", {"ratio": 1.04}, (AT_MOST, AT_LEAST)), "missed"),
        (Finding("a", {"ratio": 1.04}, (AT_MOST,), invalid="disturbed"), "unjudged"),
        (Finding("a", {"ratio": 1.0}, invalid="disturbed", wrong=True), "wrong"),
    ],
)
def test_outcomes_for_programs(finding: Finding, outcome: str) -> None:
    assert finding.outcome == outcome


STUDY = Study("benchmarks.none", "Is it?", lambda rounds, seconds: [], rounds=3, seconds=0.5)


def test_the_usual_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["none"])
    options = arguments(STUDY)
    assert (options.rounds, options.seconds, options.json) == (3, 0.5, None)


@pytest.mark.parametrize(
    ("flag", "value", "is_good"),
    [
        ("--rounds", "0", False),
        ("--rounds", "1", True),
        ("--rounds", "2", True),
        ("--seconds", "0", False),
        ("--seconds", "0.001", True),
        ("--seconds", "3600", True),
        ("--seconds", "3600.5", False),
        ("--seconds", "nan", False),
    ],
)
def test_the_range_of_arguments(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flag: str,
    value: str,
    is_good: bool,
) -> None:
    monkeypatch.setattr("sys.argv", ["none", flag, value])
    if is_good:
        arguments(STUDY)
        return
    with pytest.raises(SystemExit):
        arguments(STUDY)
    error = capsys.readouterr().err
    assert f"{flag}: expected" in error
    assert f"got {value}" in error
