"""What a screen of afnlab shows in a page, and how soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SCREEN = ".afnlab-screen"

# Times by the browser's own clock: from each key press to the frame that shows what was drawn upon
# it, how much of that was drawing and how much waiting for the frame; and of the last drag.
WATCH = """root => {
  const state = {moves: [], drawing: [], waiting: [], pulled: 0, shown: 0};
  let [pressed, first, last] = [0, 0, 0];
  window.afnlabWatch = state;
  addEventListener('keydown', () => { pressed = performance.now(); first = 0 }, true);
  addEventListener('mousemove', () => { state.pulled = performance.now() }, true);
  for (const name of ['clearRect', 'stroke']) {
    const own = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...given) {
      const start = performance.now();
      own.apply(this, given);
      if (root.contains(this.canvas)) [first, last] = [first || start, performance.now()];
    };
  }
  new MutationObserver(() => {
    requestAnimationFrame(() => {
      state.shown = performance.now();
      if (pressed && first > pressed) {
        state.moves.push(state.shown - pressed);
        state.drawing.push(last - first);
        state.waiting.push(state.shown - last);
      }
      pressed = 0;
    });
  }).observe(root, {attributes: true, attributeFilter: ['data-number']});
}"""


# The smallest text of the page's screens, in pixels, in and around canvases.
SMALLEST_TEXT = """() => {
  const all = selector => [...document.querySelectorAll(`.afnlab-screen ${selector}`)];
  const around = all('*').map(e => parseFloat(getComputedStyle(e).fontSize));
  const drawn = all('canvas').map(c => parseFloat(c.getContext('2d').font) / devicePixelRatio);
  return Math.min(...around, ...drawn);
}"""


# Whether the notebook's kernel is at work; elsewhere than in a notebook nobody can say.
BUSY = """() => {
  const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
  return (kernel?.status ?? 'idle') !== 'idle';
}"""


def eventually(page: Any, check: Callable[[], Any], seconds: float = 60) -> Any:
    """Call a function until none of its assertions fails; what it returns.

    What a page shows comes when it comes; what it must not show at the end is never there to stay.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > end:
                raise
        page.wait_for_timeout(50)


def settle(page: Any, rest: float = 0.4, seconds: float = 60) -> int:
    """Wait until nothing is on its way to the screen; the number of its last frame.

    That is, until the kernel is idle and no frame has come for this long.
    """
    last, since, end = -1, time.monotonic(), time.monotonic() + seconds
    while time.monotonic() - since < rest:
        shown = number(page)
        if shown != last or page.evaluate(BUSY):
            last, since = shown, time.monotonic()
        assert time.monotonic() < end, f"frame {shown}, and it goes on"
        page.wait_for_timeout(40)
    return last


def number(page: Any) -> int:
    """Which frame the screen shows."""
    return int(page.locator(SCREEN).first.get_attribute("data-number") or 0)


def picture(page: Any) -> str:
    """The pixels of the screen."""
    pixels = "root => [...root.querySelectorAll('canvas')].map(c => c.toDataURL()).join()"
    return page.locator(SCREEN).first.evaluate(pixels)


def panel(page: Any, title: str) -> Any:
    """The panel with this title."""
    return page.locator(f"{SCREEN}").first.locator(f".afnlab-panel[data-title='{title}']")


def point_at(page: Any, title: str, across: float, down: float) -> None:
    """Move the pointer to these shares of a panel's plot, and a little on the way."""
    area = panel(page, title).locator(".u-over").bounding_box()
    x, y = area["x"] + across * area["width"], area["y"] + down * area["height"]
    page.mouse.move(x + 3, y + 3)
    page.mouse.move(x, y)


def reading(page: Any, title: str) -> tuple[float, dict[tuple[str, str], float]]:
    """What a panel says at its crosshair: x, and each curve's value."""
    of = panel(page, title)
    x = float(of.locator(".afnlab-place").inner_text().split("=")[1])
    values = of.locator(".afnlab-value").evaluate_all(
        "all => all.map(e => [e.dataset.of, e.dataset.reads, e.textContent])"
    )
    return x, {(label, what): float(value) for label, what, value in values}


def wait_for_frame(page: Any, after: int) -> int:
    """Wait until the screen shows a later frame; its number."""
    page.wait_for_function(
        f"n => Number(document.querySelector('{SCREEN}').dataset.number) > n",
        arg=after,
    )
    return number(page)


def ready(page: Any) -> Any:
    """The screen, once it shows something."""
    screen = page.locator(SCREEN).first
    screen.wait_for()
    page.wait_for_function(f"document.querySelector('{SCREEN}').dataset.number > 0")
    screen.scroll_into_view_if_needed()
    return screen


def slider(page: Any, name: str) -> Any:
    """The handle of the slider of this name."""
    labelled = page.locator(f".widget-slider:has(label:text-is('{name}'))").first
    return labelled.locator(".noUi-handle").first


def box(page: Any, name: str) -> Any:
    """The box for a number beside that slider."""
    return page.locator(f".widget-text:has(label:text-is('{name}')) input").first
