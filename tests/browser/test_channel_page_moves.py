"""What the log says of members that come and go: of a few one by one, of a crowd in one note."""

from __future__ import annotations

import pytest


@pytest.fixture
def tab(open_tab, home, channel):
    return open_tab().tap().enter(f"{home}c/{channel}?as=Ann")


def moves(kind, count, name="Member", first=1):
    return [
        {
            "type": kind,
            "uid": f"{name}-{n:08}",
            "alias": f"{name} {n}",
            "total": n + 1,
            "date": 1,
        }
        for n in range(first, first + count)
    ]


def notes(tab):
    """Without one's own join, and without the times."""
    return tab.texts(".note > :first-child")[1:]


@pytest.mark.parametrize(
    ("count", "last"),
    [
        (1, "Member 1 joined · 2 here"),
        (5, "Member 5 joined · 6 here"),
        (6, "Member 5 and Member 6 joined · 7 here"),
        (7, "Member 5, Member 6 and Member 7 joined · 8 here"),
        (8, "Member 5, Member 6, Member 7 and 1 other joined · 9 here"),
        (9, "Member 5, Member 6, Member 7 and 2 others joined · 10 here"),
    ],
)
def test_a_few_have_notes_of_their_own(tab, count, last):
    tab.receive(*moves("join", count))
    tab.wait_for_text(".note", last)
    assert len(notes(tab)) == min(count, 5)


def test_a_crowd_pushes_nothing_out(tab):
    tab.say("still here")
    tab.hears("still here")
    nameless = [
        {"type": "join", "total": 500, "date": 1},
        {"type": "leave", "total": 499, "date": 1},
    ]
    tab.receive(*moves("join", 600), *nameless, *moves("leave", 600))
    tab.wait_for_text(
        ".note",
        "Member 5, Member 6, Member 7 and 593 others joined, Member 1, Member 2, Member 3 and 597 others left,"
        " 1 without a name joined, 1 without a name left · 601 here",
    )
    assert len(notes(tab)) == 5
    assert tab.messages() == ["still here"]


def test_what_is_said_begins_a_new_count(tab):
    message = {"uid": "u", "date": 1, "message": "hello"}
    tab.receive(*moves("join", 6), message, *moves("join", 2, "Other"))
    tab.wait_for_text(".note", "Other 2 joined")
    assert notes(tab)[-3:] == [
        "Member 5 and Member 6 joined · 7 here",
        "Other 1 joined · 2 here",
        "Other 2 joined · 3 here",
    ]


def test_names_in_a_shared_note_keep_their_direction(tab):
    tab.receive(*moves("join", 5), *moves("join", 2, "\u202egnirts", first=6))
    tab.wait_for_text(".note", "gnirts 7")
    assert tab.texts(".note:last-child bdi") == ["Member 5", "\u202egnirts 6", "\u202egnirts 7"]
