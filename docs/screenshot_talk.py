"""What the pictures of the page show: three members of a channel who talk."""

from __future__ import annotations

from browser.chromium import Chromium
from browser.tab import Tab

READING = (
    '{"sensor":"pond","celsius":11.4,"levels":[3,3,4,8],"at":"07:30",'
    '"battery":0.91,"pump":"off","door":"shut"}'
)


def choose(chromium: Chromium, home: str) -> Tab:
    """A tab in which a channel is about to be opened."""
    tab = chromium.new_tab(Tab).watch().show(home)
    tab.fill("#channel", "garden")
    tab.fill("#name", "Ann")
    return tab


def talk(chromium: Chromium, home: str) -> Tab:
    """The tab of the first of them."""
    ann, bob, eve = (
        chromium.new_tab(Tab).watch().enter(f"{home}c/garden?as={name}")
        for name in ("Ann", "Bob", "Eve")
    )
    bob.say("Good morning. Is the sensor by the pond online?")
    ann.hears("Good morning. Is the sensor by the pond online?")
    ann.say("Just came back. This is what it says:")
    ann.say(READING, mode="json")
    eve.wait_for_text(".message", "battery")
    eve.say("11.4 is warm for November.")
    eve.say("I will look at the pump later today.")
    ann.hears("I will look at the pump later today.")
    ann.say("The key for the shed is under the pot.", to="Bob")
    ann.hears("The key for the shed is under the pot.")
    return ann
