"""The interactive notebooks in a real JupyterLab: moved, clicked, looked at."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import jupyter
import nbformat
import pytest
from screens import SCREEN, WATCH, box, number, picture, ready, slider, wait_for_frame

from afnlab.live.decision_surface import Surfaces
from afnlab.training.learner import Learner, Setup

MOVES, DRAGS = 50, 5


def test_explore(lab, page, record_property):
    """Sliders by keyboard and by mouse, a typed number, other activations, what goes wrong."""
    jupyter.open_notebook(page, lab, "explore")
    jupyter.run_all(page)
    ready(page)
    assert page.locator(f"{jupyter.PANEL} .jp-RenderedImage img").count() == 1  # the static figure
    code = page.locator("code:has-text('SReLU')")
    assert code.inner_text() == "afnlab.nn.SReLU()"  # no slider has moved by itself
    start = picture(page)

    assert page.get_by_role("slider", name="t", exact=True).count() == 1  # for screen readers
    handle, frame = slider(page, "t"), number(page)
    handle.focus()
    page.keyboard.press("ArrowRight")
    frame = wait_for_frame(page, frame)
    assert picture(page) != start
    page.locator("code:has-text('SReLU(t=2.23)')").wait_for()
    page.keyboard.press("ArrowLeft")
    frame = wait_for_frame(page, frame)
    assert picture(page) == start

    page.locator(SCREEN).first.evaluate(WATCH)
    follows_every_key(page, record_property)
    drag_faster_than_it_draws(page, handle, record_property)
    answers_what_is_typed(page)


def drag_faster_than_it_draws(page, handle, note):
    """The last place wins, and nothing is left waiting."""
    code, left_waiting = page.locator("code:has-text('SReLU')"), []
    for drag in range(DRAGS):
        start, frame = picture(page), number(page)
        at = handle.bounding_box()
        page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
        page.mouse.down()
        for step in range(1, 21):
            page.mouse.move(at["x"] + (-2 if drag % 2 else 2) * step, at["y"] + 5)
        page.mouse.up()
        page.wait_for_timeout(500)
        settled = number(page)
        assert 0 < settled - frame <= 20
        assert picture(page) != start
        times = page.evaluate("window.afnlabWatch")
        left_waiting.append(times["shown"] - times["pulled"])
        drawn = float(re.search(r"t=([\d.]+)", code.inner_text())[1])
        assert float(handle.get_attribute("aria-valuetext")) == pytest.approx(drawn)
        assert float(box(page, "t").input_value()) == pytest.approx(drawn)
    page.wait_for_timeout(300)
    assert number(page) == settled
    note("from a fast drag's end to its last picture", taken(left_waiting))


def answers_what_is_typed(page):
    """Numbers, names, and what is neither; a download; a reset."""
    typed = box(page, "t")
    typed.fill("-3")
    typed.press("Enter")
    page.locator("[role=alert]:has-text('srelu: t must be > 0')").wait_for()
    page.wait_for_function("e => e.value !== '-3'", arg=typed.element_handle())
    typed.fill("30")
    typed.press("Enter")
    page.locator("code:has-text('SReLU(t=30)')").wait_for()
    page.locator("[role=alert]").wait_for(state="detached")

    add = page.get_by_placeholder("a name, or my_idea.py:ripple")
    add.fill("relux")
    add.press("Enter")
    page.locator("[role=alert]:has-text(\"did you mean 'relu'\")").wait_for()
    add.fill("pilu")
    add.press("Enter")
    page.locator("code:has-text('PiLU()')").wait_for()
    page.get_by_role("slider", name="gamma").wait_for()
    with page.expect_download() as download:
        page.click("button:has-text('Save SVG')")
    assert download.value.suggested_filename == "srelu-gelu-pilu.svg"
    assert "<svg" in Path(download.value.path()).read_text()
    page.click("button:has-text('Reset')")
    page.locator("code:has-text('SReLU()')").wait_for()


def follows_every_key(page, note):
    """A picture for each key press."""
    slider(page, "t").focus()
    for _ in range(MOVES):
        frame = number(page)
        page.keyboard.press("ArrowRight")
        assert wait_for_frame(page, frame) == frame + 1
        page.wait_for_timeout(80)  # the texts that follow
    moves = page.evaluate("window.afnlabWatch.moves")
    assert len(moves) == MOVES
    note("from key press to changed pixels", taken(moves))


def taken(times):
    """Milliseconds, for the summary: they are said, and no condition on a busy machine."""
    times = sorted(times)
    median, p95 = statistics.median(times), times[int(0.95 * len(times))]
    return f"median {median:.0f} ms, p95 {p95:.0f} ms of {len(times)}"


@pytest.mark.slow
def test_playground(lab, page, record_property):
    jupyter.open_notebook(page, lab, "playground")
    jupyter.run_all(page)
    screen = ready(page)
    start, frame = picture(page), number(page)
    status = page.locator(".widget-html:has-text('points, step')").last
    page.click("button:has-text('Play')")
    for _ in range(10):
        frame = wait_for_frame(page, frame)
    assert picture(page) != start
    page.wait_for_timeout(3000)
    record_property("pictures a second of two networks that learn", (number(page) - frame) // 3)

    # The kernel answers while it trains.
    page.locator(f"{SCREEN}").first.scroll_into_view_if_needed()
    handle = slider(page, "momentum")
    handle.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "() => [...document.querySelectorAll('input')].some(i => i.value === '0.89')"
    )
    page.click("button:has-text('Pause')")
    page.locator("button:has-text('Play')").wait_for()
    page.wait_for_timeout(300)
    frame = number(page)
    page.wait_for_timeout(400)
    assert number(page) == frame
    page.click("button:has-text('Step')")
    wait_for_frame(page, frame)

    # Points of one's own: clicked, with Shift for the other class, and by the keyboard.
    page.click("button:has-text('Clear')")
    page.locator(".widget-html:has-text('0 points, step')").wait_for()
    places = Surfaces([Learner(Setup(a)) for a in ("srelu", "tanh")])
    area = screen.bounding_box()
    for i in range(5):
        for y, keys in ((0.6, []), (-0.6, ["Shift"])):
            at = places.planes[0].transData.transform((-0.8 + 0.4 * i, y))
            across, up = places.figure.transFigure.inverted().transform(at)
            spot = {"x": across * area["width"], "y": (1 - up) * area["height"]}
            screen.click(position=spot, modifiers=keys)
    page.locator(".widget-html:has-text('10 points, step')").wait_for()
    screen.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.locator(".widget-html:has-text('11 points, step')").wait_for()
    page.click("button:has-text('Reset')")
    page.click("button:has-text('Play')")
    page.wait_for_function(
        "() => /srelu: 100.0 % right.*tanh: 100.0 % right/.test(document.body.innerText)",
    )
    page.click("button:has-text('Pause')")
    assert "11 points" in status.inner_text()


@pytest.mark.slow
def test_autorot(lab, page, notebooks):
    cut_after(notebooks / "autorot.ipynb", "RotationExplorer")
    jupyter.open_notebook(page, lab, "autorot")
    jupyter.run_all(page)
    ready(page)
    start, frame = picture(page), number(page)
    slider(page, "L").focus()
    page.keyboard.press("ArrowRight")
    frame = wait_for_frame(page, frame)
    assert picture(page) != start
    slider(page, "probe x_Q").focus()
    page.keyboard.press("ArrowLeft")
    frame = wait_for_frame(page, frame)
    slider(page, "hidden layers").focus()
    page.keyboard.press("ArrowLeft")
    wait_for_frame(page, frame)


def cut_after(path: Path, word: str) -> None:
    """Leave out the cells after the one that has this word: trainings, tested elsewhere."""
    notebook = nbformat.read(path, 4)
    at = next(i for i, cell in enumerate(notebook.cells) if word in cell.source)
    notebook.cells = notebook.cells[: at + 1]
    nbformat.write(notebook, path)
