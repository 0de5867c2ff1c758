"""Take the pictures in docs/images of the web pages, from a relay and a Chromium of its own: `make screenshots`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from browser.chromium import Chromium
from browser.tab import Tab
from clients.tools import find_tool
from support.process import RelayProcess

IMAGES = Path(__file__).parent / "images"
READING = '{"sensor":"pond","celsius":11.4,"levels":[3,3,4,8],"at":"07:30","battery":0.91,"pump":"off","door":"shut"}'


def save(tab: Tab, name: str) -> None:
    (IMAGES / f"{name}.png").write_bytes(tab.screenshot())


def talk(home: str, chromium: Chromium) -> Tab:
    """Three who talk; the tab of the first."""
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


def shoot_page(home: str, chromium: Chromium) -> None:
    """The page of the channels: where one is chosen, and one, by day, by night and on a phone."""
    start = chromium.new_tab(Tab).watch().resize(1200, 720).show(home)
    start.fill("#channel", "garden")
    start.fill("#name", "Ann")
    save(start, "page-start")
    channel = talk(home, chromium).resize(1200, 720)
    save(channel, "page")
    save(channel.prefer(prefers_color_scheme="dark"), "page-dark")
    save(channel.prefer().resize(375, 720, is_phone=True), "page-phone")


def main() -> None:
    executable = find_tool("chromium", "chromium-browser")
    with (
        tempfile.TemporaryDirectory() as directory,
        RelayProcess() as relay,
        Chromium(executable, Path(directory) / "profile") as chromium,
    ):
        host, port = relay.address
        shoot_page(f"http://{host}:{port}/", chromium)


if __name__ == "__main__":
    main()
