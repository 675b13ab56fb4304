"""What a screen of afnlab shows in a page, and how soon."""

from __future__ import annotations

from typing import Any

SCREEN = "canvas.afnlab-screen"

# Times by the browser's own clock: from each key press to its picture, and of the last of both.
WATCH = """canvas => {
  const state = {moves: [], pulled: 0, shown: 0};
  window.afnlabWatch = state;
  addEventListener('keydown', () => { state.pressed = performance.now() }, true);
  addEventListener('mousemove', () => { state.pulled = performance.now() }, true);
  new MutationObserver(() => {
    requestAnimationFrame(() => {
      state.shown = performance.now();
      if (state.pressed) state.moves.push(state.shown - state.pressed);
      state.pressed = 0;
    });
  }).observe(canvas, {attributes: true, attributeFilter: ['data-number']});
}"""


def number(page: Any) -> int:
    """Which frame the screen shows."""
    return int(page.locator(SCREEN).first.get_attribute("data-number") or 0)


def picture(page: Any) -> str:
    """The pixels of the screen."""
    return page.locator(SCREEN).first.evaluate("c => c.toDataURL()")


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
