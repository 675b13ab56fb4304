"""The interactive notebooks in a real JupyterLab: moved, clicked, looked at."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import jupyter
import nbformat
import pytest
import torch
from screens import (
    SCREEN,
    SMALLEST_TEXT,
    WATCH,
    box,
    eventually,
    number,
    panel,
    picture,
    point_at,
    reading,
    ready,
    settle,
    slider,
    wait_for_frame,
)

import afnlab
from afnlab.derivatives import derivatives

MOVES, DRAGS = 50, 5


def test_explore(lab, page, record_property):
    """Sliders by keyboard and by mouse, a typed number, other activations, what goes wrong."""
    page.add_init_script(QUERIES)
    jupyter.open_notebook(page, lab, "explore")
    jupyter.run_all(page)
    ready(page)
    page.locator(f"{jupyter.PANEL} .jp-RenderedImage img").wait_for()  # the static figure, only one
    settle(page)
    code = page.locator("code:has-text('SReLU')")
    assert code.inner_text() == "afnlab.nn.SReLU()"  # no slider has moved by itself
    start = picture(page)

    page.get_by_role("slider", name="t", exact=True).wait_for()  # for screen readers
    eventually(page, lambda: read_values(page, "1", "2.21"))
    cards_line_up(page)
    handle, frame = slider(page, "t"), number(page)
    handle.focus()
    page.keyboard.press("ArrowRight")
    frame = wait_for_frame(page, frame)
    assert picture(page) != start
    page.locator("code:has-text('SReLU(t=2.23)')").wait_for()
    page.keyboard.press("ArrowLeft")
    frame = wait_for_frame(page, frame)
    assert picture(page) == start

    reads_at_the_crosshair(page)
    zooms(page)
    legends_cover_no_curve(page)
    is_sharp_at_any_ratio(page)
    stacks_where_it_is_narrow(page)
    follows_the_theme(page)
    page.locator(SCREEN).first.evaluate(WATCH)
    follows_every_key(page, record_property)
    drag_faster_than_it_draws(page, handle, record_property)
    answers_what_is_typed(page)
    shows_sliders_with_the_curves(page)
    says_when_its_kernel_was_restarted(page)


def read_values(page, *values: str) -> None:
    """These, and no sums of steps as 1.0000000000000002, are read out where the sliders stand."""
    heard = page.locator(f"{jupyter.PANEL} .noUi-handle").evaluate_all(
        "all => all.map(e => e.getAttribute('aria-valuetext'))"
    )
    assert set(values) <= set(heard)
    assert max(map(len, heard)) < 12


def cards_line_up(page) -> None:
    """What is read of an activation stands below its sliders."""
    edges = "all => all.map(e => e.getBoundingClientRect()).map(r => [r.left, r.right])"
    about = page.locator(".afnlab-about")
    cards = page.locator(".widget-vbox:has(> .widget-hbox button:text-is('Remove'))")
    assert cards.count() == about.count() == 2
    assert cards.evaluate_all(edges) == about.evaluate_all(edges)


def reads_at_the_crosshair(page):
    """x, f, f' and f'' of both activations, in both panels, wherever the pointer is."""
    for where, across in (("f(x)", 0.55), ("slope", 0.31), ("f(x)", 0.9)):
        point_at(page, where, across, 0.5)
        x, values = eventually(page, lambda at=across: both_readings(page, -5 + 10 * at))
        for name in ("srelu", "gelu"):
            exact = derivatives(afnlab.get_activation(name), torch.tensor([x]).double(), 2)
            shown = [values[name, what] for what in ("f", "f'", "f''")]
            assert shown == pytest.approx([float(one) for one in exact], abs=2e-3)
    page.mouse.move(5, 5)
    assert panel(page, "slope").locator(".afnlab-place").inner_text() == ""
    # The same by the keyboard.
    panel(page, "slope").locator(".afnlab-plot").focus()
    page.keyboard.press("ArrowRight")
    x, _ = reading(page, "f(x)")
    page.keyboard.press("ArrowRight")
    assert reading(page, "f(x)")[0] > x


def both_readings(page, near: float) -> tuple[float, dict[tuple[str, str], float]]:
    """What both panels say at their crosshair, once it is near this x."""
    (x, values), (same, others) = (reading(page, title) for title in ("f(x)", "slope"))
    assert same == x == pytest.approx(near, abs=0.03)
    assert len(values | others) == 6
    return x, values | others


def edges(page) -> tuple[float, float]:
    """The least and the largest x that is shown."""
    found = []
    for across in (0.001, 0.999):
        point_at(page, "f(x)", across, 0.5)
        found.append(reading(page, "f(x)")[0])
    return found[0], found[1]


def zooms(page):
    """By the wheel, by dragging, by the keyboard; a slider does not end it, a double click does."""
    zoomed = page.locator(".afnlab-panel[data-zoomed]")

    def shows(expected: tuple[float, float], within: float = 0.03) -> None:
        assert edges(page) == pytest.approx(expected, abs=within)

    def shows_whole() -> None:
        eventually(page, lambda: shows((-5, 5)))

    shows_whole()
    point_at(page, "slope", 0.5, 0.5)
    page.mouse.wheel(0, -300)
    zoomed.nth(1).wait_for()  # both panels
    frame = settle(page)  # it is drawn with more points
    low, high = edges(page)
    assert -4 < low < -1 < 1 < high < 4
    slider(page, "t").focus()
    page.keyboard.press("ArrowRight")
    frame = wait_for_frame(page, frame)
    eventually(page, lambda: shows((low, high), within=0.01))
    page.keyboard.press("ArrowLeft")
    wait_for_frame(page, frame)
    panel(page, "f(x)").locator(".u-over").dblclick()
    zoomed.first.wait_for(state="detached")
    shows_whole()

    point_at(page, "f(x)", 0.3, 0.2)
    page.mouse.down()
    point_at(page, "f(x)", 0.6, 0.7)
    page.mouse.up()
    zoomed.nth(1).wait_for()
    eventually(page, lambda: shows((-2, 1), within=0.05))
    panel(page, "f(x)").locator(".afnlab-plot").focus()
    page.keyboard.press("0")
    shows_whole()
    page.keyboard.press("+")
    zoomed.nth(1).wait_for()
    assert edges(page) != pytest.approx((-5, 5), abs=0.03)
    page.keyboard.press("0")
    # Where all is shown, the wheel scrolls the page.
    zoomed.first.wait_for(state="detached")
    settle(page)


def legends_cover_no_curve(page):
    for title in ("f(x)", "slope"):
        of = panel(page, title)
        legend, plot = (of.locator(f".afnlab-{c}").bounding_box() for c in ("legend", "plot"))
        assert legend["y"] + legend["height"] <= plot["y"] + 0.5
        assert {"srelu", "gelu"} <= set(of.locator(".afnlab-label").all_inner_texts())


# A ratio that is only emulated changes what media queries answer, and tells no one.
QUERIES = """{
  const own = window.matchMedia;
  window.afnlabQueries = [];
  window.matchMedia = query => (afnlabQueries.push(own.call(window, query)), afnlabQueries.at(-1));
}"""
TELL = """() => [...afnlabQueries].filter(q => q.media.includes('resolution')).forEach(
  q => q.dispatchEvent(new Event('change')))"""

# Each canvas: pixels of the screen to a pixel of the page, and what it would be.
RATIOS = """() => [...document.querySelectorAll('.afnlab-screen canvas')].map(
  c => c.width / c.getBoundingClientRect().width)"""


def is_sharp_at_any_ratio(page):
    size = page.viewport_size
    session = page.context.new_cdp_session(page)
    for ratio in (2, 1.5, 3):
        given = {**size, "deviceScaleFactor": ratio, "mobile": False}
        session.send("Emulation.setDeviceMetricsOverride", given)
        page.wait_for_function(f"devicePixelRatio === {ratio}")
        has_ratio(page, ratio)
    session.send("Emulation.clearDeviceMetricsOverride")
    page.wait_for_function("devicePixelRatio === 1")
    has_ratio(page, 1)


def has_ratio(page, ratio: float) -> None:
    def check() -> None:
        assert page.evaluate(RATIOS) == pytest.approx([ratio, ratio], abs=0.01)

    page.evaluate(TELL)
    eventually(page, check)


def stacks_where_it_is_narrow(page):
    size = page.viewport_size
    left, right = (panel(page, title) for title in ("f(x)", "slope"))

    def beside() -> None:
        assert left.bounding_box()["y"] == right.bounding_box()["y"]

    def stacked() -> None:
        above, below = left.bounding_box(), right.bounding_box()
        assert below["y"] >= above["y"] + above["height"]
        screen = page.locator(SCREEN).first.bounding_box()
        for box_ in (above, below):
            assert box_["width"] == pytest.approx(screen["width"], abs=1)
        widths = page.evaluate(
            "[...document.querySelectorAll('.afnlab-screen canvas')].map(c => c.clientWidth)"
        )
        assert max(widths) <= screen["width"] + 1

    eventually(page, beside)
    page.set_viewport_size({"width": 720, "height": 1400})
    eventually(page, stacked)
    assert page.evaluate(SMALLEST_TEXT) >= 11
    page.set_viewport_size(size)
    eventually(page, beside)


# The largest and the least brightness of what is opaque left of the axes: of numbers and ticks.
INK = """() => {
  const canvas = document.querySelector('.afnlab-screen canvas');
  const {data} = canvas.getContext('2d').getImageData(0, 0, 36, canvas.height);
  const found = [];
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 200) found.push((data[i] + data[i + 1] + data[i + 2]) / 3);
  return [Math.min(...found), Math.max(...found)];
}"""


def follows_the_theme(page):
    def has_ink(before: str, dark: bool) -> None:
        assert picture(page) != before
        least, most = page.evaluate(INK)
        assert (least > 150) if dark else (most < 110)

    for name, dark in (("Dark", True), ("Light", False)):
        before = picture(page)
        jupyter.choose_theme(page, f"JupyterLab {name}")
        eventually(page, lambda before=before, dark=dark: has_ink(before, dark))


def says_when_its_kernel_was_restarted(page):
    line = page.get_by_text("The kernel has ended: run the cell again.").first
    assert not line.is_visible()
    page.click(".lm-MenuBar-itemLabel:text-is('Kernel')")
    page.click(".lm-Menu-itemLabel:text-is('Restart Kernel…')")
    page.click(".jp-Dialog .jp-mod-accept")
    line.wait_for()


def drag_faster_than_it_draws(page, handle, note):
    """The last place wins, and nothing is left waiting."""
    code, left_waiting = page.locator("code:has-text('SReLU')"), []
    frame = settle(page)

    def agree() -> None:
        drawn = float(re.search(r"t=([\d.]+)", code.inner_text())[1])
        assert float(handle.get_attribute("aria-valuetext")) == pytest.approx(drawn)
        assert float(box(page, "t").input_value()) == pytest.approx(drawn)

    for drag in range(DRAGS):
        start, before = picture(page), frame
        at = handle.bounding_box()
        page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
        page.mouse.down()
        for step in range(1, 21):
            page.mouse.move(at["x"] + (-2 if drag % 2 else 2) * step, at["y"] + 5)
        page.mouse.up()
        wait_for_frame(page, before)
        frame = settle(page)
        assert frame - before <= 20
        assert picture(page) != start
        times = page.evaluate("window.afnlabWatch")
        left_waiting.append(times["shown"] - times["pulled"])
        eventually(page, agree)
    assert number(page) == frame
    note("from a fast drag's end to its last picture", taken(left_waiting))


# Whether all formulas have been set, and none is wider than its place.
WHOLE = """() => {
  const right = e => e.getBoundingClientRect().right;
  const all = [...document.querySelectorAll('.afnlab-formula')];
  return all.length === 3 && all.every(place => {
    const set = [...place.querySelectorAll('mjx-container')];
    return set.length && set.every(formula => right(formula) <= right(place) + 1);
  });
}"""


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
    page.wait_for_function(WHOLE)
    with page.expect_download() as download:
        page.click("button:has-text('Save SVG')")
    assert download.value.suggested_filename == "srelu-gelu-pilu.svg"
    assert "<svg" in Path(download.value.path()).read_text()
    page.click("button:has-text('Reset')")
    page.locator("code:has-text('SReLU()')").wait_for()


# From the top of the first of these to the lowest slider of an activation, and how much of the
# notebook the window shows.
REACH = """top => {
  const output = document.querySelector('.afnlab-screen').closest('.jp-OutputArea-output');
  const box = e => e.getBoundingClientRect();
  const seen = [...output.querySelectorAll('.widget-slider')].filter(e => box(e).height);
  return [
    Math.max(...seen.map(e => box(e).bottom)) - box(output.querySelector(top) ?? output).top,
    output.closest('.jp-WindowedPanel-outer').clientHeight,
  ];
}"""


def shows_sliders_with_the_curves(page):
    """Four activations: all that moves the curves, and in a small window the sliders of theirs."""
    add = page.get_by_placeholder("a name, or my_idea.py:ripple")
    add.fill("apec")
    add.press("Enter")
    page.locator("code:has-text('APEC()')").wait_for()
    size = page.viewport_size

    def together(top: str) -> None:
        reach, room = page.evaluate(REACH, top)
        assert 400 < reach <= room

    for width, height, top in ((1400, 1000, ".none"), (1000, 800, ".afnlab-screen")):
        page.set_viewport_size({"width": width, "height": height})
        eventually(page, lambda top=top: together(top))
    page.set_viewport_size(size)


def follows_every_key(page, note):
    """A picture for each key press."""
    slider(page, "t").focus()
    frame = settle(page)
    for _ in range(MOVES):
        page.keyboard.press("ArrowRight")
        frame += 1
        assert wait_for_frame(page, frame - 1) == frame
        page.wait_for_timeout(80)  # the texts that follow
    page.wait_for_function("n => afnlabWatch.moves.length >= n", arg=MOVES)
    watched = page.evaluate("window.afnlabWatch")
    assert len(watched["moves"]) == MOVES
    note("from key press to the frame that shows the drawn curves", taken(watched["moves"]))
    for what in ("drawing", "waiting"):
        note(f"  of it {what}", taken(watched[what]))


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
    page.locator(".widget-html:has-text('steps per second')").wait_for()
    assert "test loss" in status.inner_text()
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
    frame = settle(page)
    page.click("button:has-text('Step')")
    wait_for_frame(page, frame)

    # Points of one's own: clicked, with Shift for the other class, and by the keyboard.
    page.click("button:has-text('Clear')")
    page.locator(".widget-html:has-text('0 points, step')").wait_for()
    plane = screen.locator(".u-over").first
    area = plane.bounding_box()
    for i in range(5):
        for y, keys in ((0.6, []), (-0.6, ["Shift"])):
            across, down = (1 + (-0.8 + 0.4 * i)) / 2, (1 - y) / 2
            spot = {"x": across * area["width"], "y": down * area["height"]}
            plane.click(position=spot, modifiers=keys)
    page.locator(".widget-html:has-text('10 points, step')").wait_for()
    screen.locator(".afnlab-plot").first.focus()
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
