"""The report's page in a browser: what its script does, and that it computes as Python does."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import report_page
from report_page import LABELS, NAME, SECONDS, history, written

from afnlab import list_activations, stats
from afnlab.compare import select
from afnlab.compare.costs import Cost
from afnlab.compare.formatting import difference, interval, limits, p_value
from afnlab.compare.proper_names import proper_name
from afnlab.compare.summary_table import compare_histories
from afnlab.measures import ACCURACY
from afnlab.printing import printed
from afnlab.report import contents
from afnlab.report.page import STYLE, script, shell
from afnlab.report.sections import bars, first_screen
from afnlab.training.space import space
from tests.runs.test_runs import small_runs

BITS = replace(
    ACCURACY, name="bits", key="bits", unit="bits", better="lower", high=None, scale=1.0, decimals=4
)
CASES = {  # seeds, metric, margin, and what sets one draw apart from another
    "few seeds": (4, ACCURACY, None, 0),
    "six seeds": (6, ACCURACY, 0.01, 1),
    "twelve seeds": (12, ACCURACY, None, 2),
    "a margin": (12, ACCURACY, 0.02, 3),
    "the most that are exact": (16, ACCURACY, None, 4),
    "sampled sign patterns": (17, ACCURACY, 0.01, 5),
    "many seeds": (24, ACCURACY, None, 6),
    "lower is better": (12, BITS, 0.01, 7),
    "unequal seeds": (8, ACCURACY, None, 8),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """Of a page that no test changes."""
    return written(tmp_path_factory.mktemp("page"), history(12)).as_uri()


@pytest.fixture
def report(page, address) -> Any:
    """A page that is open."""
    page.goto(address)
    return page


def row(report: Any, name: str) -> Any:
    return report.locator(f"table.comparison tbody tr:has(th:text-is('{name}'))")


def names(report: Any) -> list[str]:
    return report.locator("table.comparison tbody tr:visible th").all_inner_texts()


@pytest.mark.parametrize("case", CASES)
def test_another_baseline_gives_what_python_gives(case, page, tmp_path):
    seeds, measure, margin, start = CASES[case]
    made = history(seeds, measure, start)
    if case == "unequal seeds":  # with six it is decided only after those with eight
        made = made[(made.label != "relu") | (made.seed < 6)]
    page.goto(written(tmp_path, made, "relu", margin, measure).as_uri())
    for baseline in ("gelu", "tanh", "my.py:own"):
        page.get_by_label("Baseline").select_option(label=proper_name(baseline))
        table = compare_histories(made, baseline, margin=margin, metric=measure)
        form, scale = measure.signed_form, measure.scale
        for label, r in table.iterrows():
            shown = page.evaluate(
                """name => {
                  const rows = [...document.querySelectorAll('table.comparison tbody tr')];
                  const row = rows.find(row => row.cells[0].textContent === name);
                  const heads = [...document.querySelectorAll('table.comparison th[data-column]')];
                  return heads.map(head => row.cells[head.cellIndex].textContent);
                }""",
                proper_name(label),
            )
            unbounded = np.isfinite(r.p) and not np.isfinite(r.adjusted_low)
            adjusted = limits(r.adjusted_low, r.adjusted_high, form, scale)
            assert shown == [
                difference(measure, r.difference),
                limits(r.difference_low, r.difference_high, form, scale),
                "no bounds" if unbounded else adjusted,
                p_value(r.p_holm),
                r.verdict,
            ], (baseline, label)
    assert "Compared with my.py:own" in page.locator(".rebased").inner_text()
    page.get_by_label("Baseline").select_option(label="ReLU")
    assert page.locator(".rebased").is_hidden()


def test_the_tests_of_the_page_are_those_of_python(page, tmp_path):
    page.goto(written(tmp_path, history(6)).as_uri())
    rng = np.random.default_rng(0)
    draws = [
        rng.normal(0.3, 1.0, n).round(int(rng.integers(1, 5))) for n in (*range(2, 15), 16, 20)
    ]
    draws += [np.zeros(7), np.full(8, 0.25), np.array([1.0] * 9 + [0.0]), np.array([0.5])]
    quantiles = page.evaluate("JSON.parse(document.querySelector('.numbers').textContent).t.length")
    assert quantiles == 5
    from scipy.stats import t as student  # noqa: PLC0415

    for d in draws:
        t = student.ppf(0.975, np.arange(1, len(d))).tolist() if len(d) > 1 else []
        found = page.evaluate(
            """([d, t]) => {
              const text = v => String(v);
              const interval = signFlipInterval(d), shown = differenceInterval(d, t);
              return [signFlipP(d), notWorseP(d, 0.5), equivalenceP(d, 0.5), interval.low,
                interval.high, shown.mean, shown.low, shown.high].map(text);
            }""",
            [d.tolist(), t],
        )
        exact = stats.sign_flip_interval(d)
        expected = [
            *(stats.sign_flip_p(d), stats.not_worse_p(d, 0.5), stats.equivalence_p(d, 0.5)),
            *(exact.low, exact.high, *stats.difference_interval(d)),
        ]
        numbers = [float(text.replace("Infinity", "inf")) for text in found]
        assert numbers[:3] == expected[:3], d  # counts, divided by their number
        np.testing.assert_allclose(numbers, expected, rtol=1e-9, atol=1e-12)
    for p in ([0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.001], [0.2], [1.0, 1e-4, 0.012, 0.03]):
        raised, levels = page.evaluate("p => [holm(p), holmLevels(p, 0.05)]", p)
        np.testing.assert_array_equal(raised, stats.holm(p))
        np.testing.assert_array_equal(levels, stats.holm_levels(p))


def test_the_test_of_seeds_until_decided_is_that_of_python(page, tmp_path):
    page.goto(written(tmp_path, history(6)).as_uri())
    rng = np.random.default_rng(0)
    draws = [rng.normal(0.5, 1.0, n) for n in (1, 2, 7, 12, 24, 40)]
    draws += [np.zeros(7), np.full(8, 0.25), np.array([1.0] * 12 + [-3.0] * 20)]
    for d in draws:
        *numbers, verdict = page.evaluate(
            """d => {
              const { mean, low, high } = ANY_TIME.interval(d, 0.975);
              return [anyTimeP(d), anyTimeNotWorseP(d, 0.5), anyTimeEquivalenceP(d, 0.5),
                mean, low, high, firstDecided(d, 0.975) ?? 'open'].map(String);
            }""",
            d.tolist(),
        )
        test = stats.ANY_TIME
        expected = [test.p(d), test.not_worse_p(d, 0.5), test.equivalence_p(d, 0.5)]
        expected += test.interval(d, 0.975)
        read = [float(text.replace("Infinity", "inf")) for text in numbers]
        np.testing.assert_allclose(read, expected, rtol=1e-8, atol=1e-11)
        assert verdict == stats.decide(d, level=0.975).verdict


def test_the_page_counts_further_comparisons_as_python_does(page, tmp_path):
    made, how = history(12), {"until_decided": ["gelu"], "further": {"tanh": 3}}
    page.goto(written(tmp_path, made, "relu", 0.01).as_uri())
    rows = page.evaluate(
        """() => {
          const data = JSON.parse(document.querySelector('script.numbers').textContent);
          data.decided = data.labels.map((label) => label === 'gelu');
          const of = compared({ ...data, further: 3 }, data.baseline);
          return Object.fromEntries(data.labels.map((label, at) => [label, of[at]]));
        }"""
    )
    table = compare_histories(made, "relu", margin=0.01, **how).drop("relu")
    for label, r in table.iterrows():
        shown = rows[label]
        assert shown["verdict"] == r.verdict, label
        numbers = [shown["raised"], shown["adjusted"]["low"], shown["adjusted"]["high"]]
        np.testing.assert_allclose(numbers, [r.p_holm, r.adjusted_low, r.adjusted_high], rtol=1e-8)


NUMBERS = (
    *(0.125, 0.375, 2.5, -0.125, 1.005, 0.0, 96.745, -3.14159, 1e-9),
    *(-0.0, -1e-9, -0.004, -0.005, -0.5, -1e-20),
    *(9_999_999_999.5, 1e10, -1.33205808e29, 10_005_000_000.0, 10_015_000_000.0, 1e300),
)


def test_numbers_are_printed_as_python_prints_them(page, tmp_path):
    page.goto(written(tmp_path, history(4)).as_uri())
    for decimals in (0, 1, 2, 4, 15):
        found = page.evaluate("([all, k]) => all.map(v => fixed(v, k))", [NUMBERS, decimals])
        assert found == [printed(f"{{:.{decimals}f}}", value) for value in NUMBERS], decimals


def test_two_ticked_rows_are_paired(report):
    made = history(12)
    report.get_by_label("Compare SELU").check()
    assert report.locator(".pair").is_hidden()
    report.get_by_label("Compare Leaky ReLU").check()
    told = report.locator(".pair-result").inner_text()
    last = made[made.epoch == 3].pivot(index="seed", columns="label", values="test_accuracy")
    d = last.leaky_relu - last.selu
    ahead = d if d.mean() >= 0 else -d
    found = stats.sign_flip_interval(ahead.to_numpy())
    p = p_value(stats.sign_flip_p(ahead.to_numpy()))
    assert told.startswith(f"{difference(ACCURACY, found.mean)} points over 12 seeds")
    assert f"95 % interval {interval(ACCURACY, found.low, found.high)}" in told
    assert f"p {'' if p.startswith('<') else '= '}{p} (exact sign-flip test)" in told
    cells = report.locator(".by-seed tbody tr").all_inner_texts()
    assert len(cells) == 12
    assert [c.split("\t")[-1] for c in cells] == [difference(ACCURACY, v) for v in ahead]
    assert "among 15; times 15" in report.locator(".pair .note").inner_text()
    report.get_by_label("Compare GELU").check()  # a third replaces the first
    assert not report.get_by_label("Compare SELU").is_checked()
    assert "GELU" in report.locator(".pair h3").inner_text()
    report.get_by_label("Close").click()
    assert report.locator(".pair").is_hidden()
    assert report.locator(".tick:checked").count() == 0


def test_tables_are_sorted_by_a_column(report):
    before = names(report)
    head = report.locator("table.comparison thead th", has_text="difference to")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    cells = report.locator("table.comparison tbody tr td:nth-child(4) .number").all_inner_texts()
    values = [float(text.replace("\N{MINUS SIGN}", "-")) for text in cells if text]
    assert values == sorted(values)
    assert names(report)[-1] == "ReLU"  # which has no difference
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    cells = report.locator("table.comparison tbody tr td:nth-child(4) .number").all_inner_texts()
    values = [float(text.replace("\N{MINUS SIGN}", "-")) for text in cells if text]
    assert values == sorted(values, reverse=True)
    first = report.locator("table.comparison thead th").first.locator("button")
    first.focus()
    report.keyboard.press("Enter")
    assert names(report) == sorted(before, key=str.lower)


def test_tables_are_filtered_by_name(report):
    box = report.get_by_label("Filter the tables by name")
    box.fill("elu")
    assert sorted(names(report)) == sorted(["GELU", "SELU", "ReLU", "Leaky ReLU"])
    box.fill("nothing")
    assert names(report) == []
    box.fill("")
    assert len(names(report)) == len(LABELS)


def centre(report: Any, selector: str, at: int = 0) -> tuple[float, float]:
    box = report.locator(selector).nth(at).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_dot_names_its_seed_its_value_and_its_run(report):
    mark = f"#{NAME}-comparison [data-tip*='seed 3'] use"
    report.locator(mark).first.scroll_into_view_if_needed()
    report.mouse.move(*centre(report, mark, 3))
    report.locator("#tip").wait_for()
    told = report.locator("#tip").inner_text()
    label, _, rest = told.partition(", seed ")
    assert label in {proper_name(name) for name in LABELS}
    made = history(12)
    code = {proper_name(name): name for name in LABELS}[label]
    seed, value = int(rest.split(":")[0]), rest.split(": ")[1].split(" ")[0]
    last = made[(made.epoch == 3) & (made.label == code) & (made.seed == seed)]
    assert value == f"{100 * last.test_accuracy.iloc[0]:.2f}"
    assert f"(run 0000000{LABELS.index(code)}" in told or "(run 00000000)" in told
    report.mouse.move(1, 1)
    report.locator("#tip").wait_for(state="hidden")


def test_a_dot_leads_to_its_run(report):
    mark = f"#{NAME}-comparison [data-tip*='seed 3'] use"
    report.locator(mark).first.scroll_into_view_if_needed()
    report.mouse.click(*centre(report, mark, 3))
    report.wait_for_url("**/runs/*.html")


def test_a_curve_names_its_epoch(report):
    figure = f"#{NAME}-overlay"
    report.locator(figure).scroll_into_view_if_needed()
    place = report.evaluate(
        """id => {
          const path = document.querySelector(`${id} [data-tip*="SELU"] > path`);
          const [x, y] = path.getAttribute('d').match(/-?[\\d.]+/g).map(Number).slice(2, 4);
          const p = new DOMPoint(x, y).matrixTransform(path.getScreenCTM());
          return [p.x, p.y];
        }""",
        figure,
    )
    report.mouse.move(*place)
    told = report.locator("#tip").inner_text()
    assert ", epoch 2: " in told
    assert told.endswith("%")
    assert report.locator(f"{figure} .lit").count() == 1


def test_a_point_of_the_frontier_is_named_with_its_time(report):
    figure = f"#{NAME}-frontier"
    report.locator(figure).scroll_into_view_if_needed()
    order = names(report)
    base = SECONDS[order.index("ReLU")]
    for at, name in enumerate(order):
        if name == "my.py:own":  # far off the others, at the edge
            continue
        mark = f"{figure} [data-tip^='[\"{name}:'] use"
        report.mouse.move(*centre(report, mark))
        told = report.locator("#tip").inner_text()
        label, _, rest = told.partition(": ")
        assert label == name
        value, time = rest.split(", ")
        assert value.endswith(" %")
        number, times, unit = time.split(" ")
        assert (times, unit) == ("\N{MULTIPLICATION SIGN}", "ReLU")
        assert float(number) == pytest.approx(SECONDS[at] / base, rel=6e-3)


def test_a_cell_of_the_heat_map_says_how_its_pair_differs(report):
    """Of all cells: which two, the difference, and p; also after the table was sorted."""
    made = history(12)
    last = made[made.epoch == 3].pivot(index="seed", columns="label", values="test_accuracy")
    code = {proper_name(name): name for name in LABELS}
    order = names(report)
    report.locator("table.comparison thead button").first.click()
    figure = report.locator(f"#{NAME}-pairs")
    figure.scroll_into_view_if_needed()
    box = figure.locator("image").bounding_box()
    side = box["width"] / len(order)
    for row, one in enumerate(order):
        for column, other in enumerate(order):
            report.mouse.move(box["x"] + (column + 0.5) * side, box["y"] + (row + 0.5) * side)
            if one == other:
                assert report.locator("#tip").is_hidden()
                continue
            d = (last[code[one]] - last[code[other]]).to_numpy()
            p = p_value(stats.sign_flip_p(d))
            expected = f"{difference(ACCURACY, d.mean())} points over 12 seeds, "
            expected += f"p {'' if p.startswith('<') else '= '}{p}, not adjusted"
            assert report.locator("#tip").inner_text() == f"{one} against {other}: {expected}"
    report.mouse.move(1, 1)
    assert report.locator("#tip").is_hidden()


def test_light_and_dark(browser, tmp_path):
    address = written(tmp_path, history(6)).as_uri()
    colour = "getComputedStyle(document.body).backgroundColor"
    for system, first in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(22, 25, 28)")):
        context = browser.new_context(color_scheme=system)
        page = context.new_page()
        page.goto(address)
        assert page.evaluate(colour) == first
        switch = page.locator("button.theme")
        seen = []
        for _ in range(3):
            switch.click()
            seen.append(page.evaluate(colour))
        assert seen == ["rgb(255, 255, 255)", "rgb(22, 25, 28)", first]
        switch.click()
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "light"  # it is kept
        context.close()


def test_menus_and_folds(report):
    assert not report.locator("#prose").is_visible()
    report.get_by_text("In full").click()
    assert report.locator("#prose").is_visible()
    report.get_by_text("Contents", exact=True).click()
    links = report.locator("nav.bar ol a")
    assert links.all_inner_texts() == ["First", "Second", "The terms"]
    links.nth(2).click()
    assert report.url.endswith("#section-the-terms")
    assert not links.nth(2).is_visible()  # the menu has closed
    report.get_by_text("Files", exact=True).click()
    assert report.locator("nav.bar a[href='tables/some.csv']").is_visible()
    report.keyboard.press("Escape")
    assert not report.locator("nav.bar a[href='tables/some.csv']").is_visible()


def test_a_link_opens_the_fold_that_it_leads_into(page, tmp_path):
    page.goto(f"{written(tmp_path, history(4)).as_uri()}#term-adjusted")
    assert page.locator("#term-adjusted").is_visible()


def test_without_a_script_and_in_print_everything_is_there(browser, tmp_path):
    address = written(tmp_path, history(12)).as_uri()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("#prose").is_visible()
    assert page.locator("#term-adjusted").is_visible()
    assert page.locator("table.comparison tbody tr").count() == len(LABELS)
    for added in (".controls", ".tick", "button", "select"):
        assert page.locator(added).count() == 0, added
    context.close()
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    page.emulate_media(media="print")
    assert page.locator("#prose").is_visible()
    for gone in ("nav.bar", ".controls", ".tick >> nth=0", "button.theme"):
        assert page.locator(gone).is_hidden(), gone
    # Chromium repeats a table's headings on its next page only if no button is in them.
    of_heads = "all => new Set(all.map(e => getComputedStyle(e).display))"
    assert page.locator("thead .sort").evaluate_all(f"all => [...({of_heads})(all)]") == [
        "contents"
    ]
    context.close()


def test_a_phone_shows_that_wide_things_scroll(browser, tmp_path):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(written(tmp_path, history(12)).as_uri())
    wide = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(wide)
    boxes = page.locator(".scroll")
    inner = "e => [e.scrollWidth > e.clientWidth, getComputedStyle(e).backgroundImage]"
    scrolls, shadow = boxes.first.evaluate(inner)
    assert scrolls
    assert "gradient" in shadow
    context.close()


LONG = "a/long/path/to/ideas.py:an_activation_of_which_nobody_knows_why_it_is_called_so"
ODD = {  # labels of somebody's table
    "markup": "</script><b>bold</b> & \"quoted\" 'too'",
    "other letters": "gr\N{LATIN SMALL LETTER O WITH DIAERESIS}\N{GREEK SMALL LETTER PHI}e",
    "long, without a space": LONG,
    "a name of JavaScript's": "constructor",
    "a formula": "$x^2$ \\alpha {z}",
}


@pytest.mark.parametrize("width", [390, 900, 1250])
@pytest.mark.parametrize("label", ["my_activations.py:mishy_of_monday 95.28 %", LONG])
def test_a_long_label_breaks_in_its_tile(width, label, browser):
    page = browser.new_page(viewport={"width": width, "height": 900})
    tile = '<div class="tile"><p class="about">Best</p><p class="value">{}</p></div>'
    tiles = "".join(map(tile.format, (label, "ReLU", "No", "1.02 times")))
    style = STYLE.read_text()
    page.set_content(f'<style>{style}</style><section class="first low"><div class="tiles">{tiles}')
    edges = "all => all.map(e => [e.scrollWidth, e.clientWidth])"
    for inner, outer in page.locator(".tile, .tile p").evaluate_all(edges):
        assert inner <= outer
    page.close()


@pytest.mark.parametrize("width", [390, 1250])
def test_odd_labels_fit_and_are_taken_as_they_are(width, browser, tmp_path):
    rows = dict(zip(LABELS[1:], ODD.values(), strict=True))
    made = history(12).replace({"label": rows})
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(written(tmp_path, made).as_uri())
    assert sorted(names(page)) == sorted([*ODD.values(), "ReLU"])
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    for label in ODD.values():
        page.get_by_label("Baseline").select_option(label=label)
        assert label in page.locator(".rebased").inner_text()
        table = compare_histories(made, label)
        shown = dict(page.locator("table.comparison tbody tr").evaluate_all(VERDICTS))
        assert shown == {proper_name(n): verdict for n, verdict in table.verdict.items()}
    page.locator(".tick").nth(0).check()
    page.locator(".tick").nth(1).check()
    panel = page.locator(".pair").bounding_box()
    for part in ("h3", ".pair-result", ".strip", ".scroll"):
        box = page.locator(f".pair {part}").bounding_box()
        assert box["x"] + box["width"] <= panel["x"] + panel["width"], part
    bars = page.locator("svg.bar").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().width)"
    )
    assert set(bars) == {72}  # where the columns are narrow too
    assert page.evaluate(fits)
    assert errors == []
    context.close()


def test_the_runs_of_several_batches_fit(browser, tmp_path):
    """They stand below each other rather than beyond the edge."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(written(tmp_path, history(12), batches=4).as_uri())
    table = page.locator(".scroll:has(table.comparison)")
    assert table.locator("tbody a").count() == 4 * len(LABELS)
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    page.close()


BARS = """rows => rows.map(row => [
  row.cells[0].textContent,
  [...row.querySelectorAll('.bar *')].map(part => [part.className.baseVal, part.getAttribute('d')]),
  row.querySelector('.bar circle')?.getAttribute('cx'),
])"""


@pytest.mark.parametrize("measure", [ACCURACY, BITS])
@pytest.mark.parametrize("baseline", ["gelu", "my.py:own"])
def test_the_bars_of_another_baseline_are_those_of_python(baseline, measure, page, tmp_path):
    """Of which one row is far off, and is an arrow, or is the baseline, whose 0 is far off then."""
    made = history(12, measure)
    made = made[made.label != "tanh"]  # which would be half as far off
    if measure is BITS:  # of which more is worse
        made[measure.column] = 1 - made[measure.column]
    page.goto(written(tmp_path, made, "relu", None, measure).as_uri())
    page.get_by_label("Baseline").select_option(label=proper_name(baseline))
    shown = {
        name: (kinds, at)
        for name, kinds, at in page.locator("table.comparison tbody tr").evaluate_all(BARS)
    }
    table = compare_histories(made, baseline, metric=measure)
    scale = bars.Scale(table, measure)
    assert scale.far == {"my.py:own"}
    for label, r in table.iterrows():
        kinds, at = shown[proper_name(label)]
        drawn = str(scale.drawn(r))
        assert [kind for kind, _ in kinds if kind] == re.findall(r'path class="(\w+)"', drawn)
        assert [d for kind, d in kinds if kind == "far"] == re.findall(r'"far" d="([^"]+)"', drawn)
        expected = re.search(r'cx="([\d.]+)"', drawn)
        assert (at is None) == (expected is None)
        if expected:
            assert float(at) == pytest.approx(float(expected[1]), abs=0.06)


VERDICTS = (
    "rows => rows.map(r => [r.cells[0].textContent, r.querySelector('.verdict').textContent])"
)


def test_names_are_sorted_by_their_numbers(page, tmp_path):
    rows = dict(
        zip(LABELS[1:], ("srelu(t=10)", "srelu(t=2)", "srelu(t=1.5)", "1e3", "12aa"), strict=True)
    )
    page.goto(written(tmp_path, history(6).replace({"label": rows})).as_uri())
    page.locator("table.comparison thead button").first.click()
    assert names(page) == ["1e3", "12aa", "ReLU", "SReLU(t=1.5)", "SReLU(t=2)", "SReLU(t=10)"]


def test_a_sorted_table_stays_sorted_with_another_baseline(report):
    report.locator("table.comparison thead th", has_text="difference to").locator("button").click()
    for baseline in ("GELU", "my.py:own", "ReLU"):
        report.get_by_label("Baseline").select_option(label=baseline)
        cells = report.locator("table.comparison tbody tr td:nth-child(4)").all_inner_texts()
        values = [float(t.replace("\N{MINUS SIGN}", "-")) for t in cells if t.strip()]
        assert values == sorted(values)
        assert len(values) == len(LABELS) - 1


def test_without_its_baseline_a_table_has_no_empty_column(page, tmp_path):
    page.goto(written(tmp_path, history(6), baseline="mish").as_uri())
    heads = page.locator("table.comparison thead th").all_inner_texts()
    assert not any("difference" in head for head in heads)
    assert page.get_by_label("Baseline").count() == 0


def test_the_script_is_small_and_names_no_address():
    text = script()
    assert len(text.encode()) <= 80_000
    addresses = set(pd.Series(text).str.extractall(r"(https?://[^\s'\"]+)")[0])
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert report_page.NAME == NAME


@pytest.fixture(scope="module")
def many() -> Any:
    """A selection of 31 activations at twelve seeds, tuned, on the digits."""
    (one,) = select(small_runs())
    relu, base = one.rows["relu"], one.records[0]
    rng = np.random.default_rng(0)
    labels = [n for n in list_activations() if n != "relu"][:30]
    made = replace(
        one,
        place="",
        rows={n: replace(relu, group=n, activation=n, label=n) for n in ("relu", *labels)},
        records=[{**base, "group": n, "seeds": list(range(12))} for n in ("relu", *labels)],
    )
    rows = [
        {"label": n, "seed": s, "epoch": 2, "test_accuracy": round(450 * v) / 450, "test_loss": 0.1}
        for n in ("relu", *labels)
        for s, v in enumerate(0.97 + 0.008 * rng.normal(size=12))
    ]
    vars(made)["history"] = pd.DataFrame(rows).assign(diverged=False, seconds=1.0)
    vars(made)["_recorded"] = made.history
    seconds = pd.Series({n: 1.0 + 0.1 * at for at, n in enumerate(made.rows)})
    vars(made)["cost"] = Cost(seconds, slower=2 * seconds)  # of which more is to be said
    axis = {"from": 0.001, "to": 0.1, "log": True}
    vars(made)["tuning"] = space({"lr": axis, "init_scale": axis, "budget": 6})
    kept = {"candidate": 0, "lr": 0.01, "init_scale": 0.01}
    vars(made)["chosen"] = pd.DataFrame([{"label": n, "seed": 0, **kept} for n in made.rows])
    return made


def test_the_first_screen_is_one_screen(many, page, tmp_path):
    """At 1400 x 900 one sees the sentence, all tiles, and 31 rows with their caption."""
    page.set_viewport_size({"width": 1400, "height": 900})
    shown = first_screen(many, "default")
    heads = [(2, "section-the-numbers", "The numbers")]
    body = f"{contents.bar(heads)}<main><h1>Thirty-one activations</h1>{shown.data}</main>"
    path = tmp_path / "page.html"
    path.write_text(shell("A page", body, script=script()), encoding="utf-8")
    page.goto(path.as_uri())
    assert page.get_by_text("afnlab", exact=True).is_visible()
    boxes = {
        name: page.locator(f".first {name}").last.bounding_box()
        for name in (".verdict-line", ".tile", "figure .wide svg", "figcaption")
    }
    for name, box in boxes.items():
        assert box["y"] + box["height"] <= 900, name
        assert box["x"] + box["width"] <= 1400, name
    assert page.locator(".tile").count() == 5
    words = page.locator(".first .tiles").inner_text().split()
    assert len(words) <= 175
    told = page.locator(".tile.next").inner_text()
    assert "Test CELU again\n" in told  # which is the best of 30
    assert re.search(r"\nafnlab confirm default celu --seeds \d+\n", told)
