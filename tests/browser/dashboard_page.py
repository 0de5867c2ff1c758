"""The dashboard in a tab of Chromium: what it shows, and the keys that are pressed on it."""

from __future__ import annotations

import json
from typing import Any, Self

from browser.chromium import Chromium, Page
from clients.hosts import HostError

# Before the page's own script: what it violates, what its figures have shown, what it was answered.
OBSERVER = """
window.violations = []
document.addEventListener('securitypolicyviolation', event => violations.push(event.violatedDirective))
window.answers = []
const { json } = Response.prototype
Response.prototype.json = async function () {
  const answer = await json.call(this)
  answers.push(answer)
  return answer
}
window.seen = new Set()
document.addEventListener('DOMContentLoaded', () =>
  new MutationObserver(() => document.querySelectorAll('.number, .amount, td').forEach(node => seen.add(node.textContent)))
    .observe(document.body, { subtree: true, childList: true, characterData: true }))
"""

# Before the page's own script: it asks each tenth of a second instead of each second.
HURRY = """
(patient => { window.setTimeout = (action, delay, ...given) => patient(action, delay / 10, ...given) })(setTimeout)
"""

# Looks each time the page has drawn, and after each task of its timers.
WAIT = """
new Promise(done => {
  const look = () => (%s) ? done(true) : setTimeout(look, 10)
  look()
})
"""


BOX = """
(node => {
  node.scrollIntoView({ block: 'center' })
  const { left, top, width, height } = node.getBoundingClientRect()
  return [left, top, width, height]
})(document.querySelector(%s))
"""


class DashboardPage:
    """One tab. Waiting ends with a failure that tells what stood there instead."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium
        self._page = chromium.new_page()
        self._page.call("Page.addScriptToEvaluateOnNewDocument", source=OBSERVER)

    def hurry(self) -> Self:
        """What is opened from now on waits a tenth as long; for how long it waits for an answer stays as it is."""
        self._page.call("Page.addScriptToEvaluateOnNewDocument", source=HURRY)
        return self

    def open(self, url: str) -> Self:
        self._page.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && document.querySelector('.card')")
        return self

    def take_complaints(self) -> list[str]:
        """Errors of the script, and what its policy forbade, since it was opened."""
        violations = self.evaluate("window.violations.splice(0)")
        errors = self._page.errors[:]
        self._page.errors.clear()
        return [*errors, *violations]

    def close(self) -> list[str]:
        """What there was to complain about."""
        complaints = self.take_complaints()
        self._page.close()
        return complaints

    def evaluate(self, expression: str) -> Any:
        """The value, awaited when it is a promise."""
        result = self._page.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise HostError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        try:
            self.evaluate(WAIT % condition)
        except AssertionError:
            shown = self.evaluate("document.body.innerText")
            raise AssertionError(f"waited for {condition}; the page shows:\n{shown}") from None

    def wait_for_state(self, state: str) -> str:
        """Its words for the state it is in."""
        self.wait(f"document.body.dataset.state === {json.dumps(state)}")
        return self.text("#state-text")

    def wait_for_figure(self, card: str, figure: str) -> None:
        """`figure` is the number in large type with its unit."""
        self.wait(f"document.querySelector('.{card} .value').textContent === {json.dumps(figure)}")

    def wait_for_text(self, selector: str, text: str) -> None:
        self.wait(
            f"document.querySelector({json.dumps(selector)})?.textContent === {json.dumps(text)}"
        )

    def text(self, selector: str) -> str:
        text = self.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")
        assert isinstance(text, str)
        return text

    def texts(self, selector: str) -> list[str]:
        return self.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})].map(node => node.textContent)"
        )

    def focus(self, selector: str) -> None:
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")

    def press(self, key: str) -> None:
        """A key that has no character."""
        for kind in ("rawKeyDown", "keyUp"):
            self._page.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def enter(self, text: str) -> None:
        """Type it and press Enter."""
        self._page.call("Input.insertText", text=text)
        for kind, extra in (("keyDown", {"text": "\r"}), ("keyUp", {})):
            self._page.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key="Enter",
                code="Enter",
                windowsVirtualKeyCode=13,
                **extra,
            )

    def move_pointer(self, selector: str, share: float) -> None:
        """Over an element, so far from its left edge."""
        box = self.evaluate(BOX % json.dumps(selector))
        left, top, width, height = box
        self._page.call(
            "Input.dispatchMouseEvent",
            type="mouseMoved",
            x=left + share * width,
            y=top + height / 2,
        )

    def hide(self) -> Page:
        """Another tab comes to the front, which is returned."""
        cover = self._chromium.new_page()
        self.wait("document.hidden")
        return cover

    def show(self) -> None:
        """This tab comes to the front."""
        self._page.call("Page.bringToFront")
        self.wait("!document.hidden")

    def emulate(self, **features: str) -> None:
        """Media features such as `prefers_color_scheme`."""
        pairs = [
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()
        ]
        self._page.call("Emulation.setEmulatedMedia", features=pairs)

    def set_size(self, width: int, height: int) -> None:
        self._page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2,
            mobile=width < 600,
        )
