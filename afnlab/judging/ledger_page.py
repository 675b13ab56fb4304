"""A ledger as one HTML page."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from afnlab.figures.evidence import campaign as draw_campaign
from afnlab.figures.fragment import Fragment
from afnlab.figures.style import show, styled
from afnlab.judging.judgement import Judgement
from afnlab.judging.ledger import Ledger
from afnlab.judging.standings import BETTER, OPEN, WORSE, Standing
from afnlab.markup import filled
from afnlab.report.page import shell
from afnlab.report.sections.html import name, sentence, table_of
from afnlab.runs.storage.safe_files import are_same
from afnlab.usercode.lookup import expanded

MOST_DRAWN = 24  # ideas whose evidence is drawn seed by seed
_TITLE = "Ideas judged on "
_HEAD_SIZE = 4096  # bytes of a page, among which its title is
_HEAD = (
    *("idea", "verdict", "seeds", "difference", "interval"),
    *("evidence for", "e-value", "needed", "entered"),
)


def write_page(ledger: Ledger, path: str | Path) -> Path:
    """Write how the ideas of a campaign stand, with the evidence drawn.

    Args:
        ledger: the ledger.
        path: the HTML file; a page of a ledger that is there is written over.

    Returns:
        The path.

    Raises:
        ValueError: if it is the ledger's own file, or another that is no page of a ledger.
    """
    target = expanded(path)
    if ledger.path is not None and are_same(target, ledger.path):
        raise ValueError(f"{target}: is the ledger itself; name another file for the page")
    if not _may_be_written(target):
        raise ValueError(f"{target}: is no page of a ledger; name another file for the page")
    title = f"{_TITLE}{ledger.campaign.task}"
    lines = ledger.lines
    parts: list[str | Fragment] = [filled("<h1>{}</h1>", title), _paragraph(lines[0])]
    standings = ledger.standings
    if standings:
        parts += [_overview(standings), _table(ledger, standings)]
    chosen = [one for one in standings if one.decision().verdict in (BETTER, OPEN) and one.seeds]
    for one in chosen[:MOST_DRAWN]:
        parts += [filled("<h2>{}</h2>", one.entry["name"]), _evidence(ledger, one)]
    if len(chosen) > MOST_DRAWN:
        parts.append(_paragraph(f"{len(chosen) - MOST_DRAWN} more ideas are not drawn."))
    parts.append(
        _paragraph(
            f"The ledger has {len(ledger.events)} events, each of which holds the digest of the one"
            f" before; the last is {ledger.head}."
        )
    )
    with styled(for_page=True):
        body = Fragment(*parts)
    target.write_text(shell(title, body.data), encoding="utf-8")
    return target


def _may_be_written(path: Path) -> bool:
    """Whether nothing is lost if a page is written there."""
    if not path.is_file():
        return True
    with path.open("rb") as file:
        start = file.read(_HEAD_SIZE)
    return not start or f"<title>{_TITLE}".encode() in start


def _paragraph(text: str) -> Markup:
    return filled("<p>{}</p>", sentence(text))


def _overview(standings: list[Standing]) -> Fragment:
    shown = [one.evidence for one in standings]
    is_worse = [way == WORSE for way, _, _ in shown]
    with styled(for_page=True):
        figure = draw_campaign(
            [e_value for _, e_value, _ in shown],
            [one.needed for one in standings],
            [one.is_discovery for one in standings],
            is_worse,
            needed_worse=standings[0].needed_worse,
        )
        made = sum(one.is_discovery for one in standings)
        alt = (
            f"The e-values of {len(standings)} ideas and the values needed; {made} are discoveries,"
            f" {sum(is_worse)} are worse."
        )
        note = (
            "For better, later entries need more evidence, and less again after discoveries. Of an"
            " idea that is worse the evidence for worse is shown, which takes as much for each."
        )
        return show(figure, alt, note, "campaign")


def _evidence(ledger: Ledger, one: Standing) -> Fragment:
    judgement = Judgement(one.entry["name"], one, ledger)
    words = judgement.lines[:-1]
    with styled(for_page=True):
        return show(judgement.figure(), " ".join(words), ". ".join(words) + ".")


def _table(ledger: Ledger, standings: list[Standing]) -> Markup:
    measure = ledger.campaign.measure_of("task")
    rows = []
    for one in standings:
        mean = Judgement(one.entry["name"], one, ledger).difference()
        way, e_value, needed = one.evidence
        rows.append(
            [
                name(one.entry["name"]),
                one.verdict,
                str(one.decision().seeds),
                mean,
                one.interval_text(),
                way,
                f"{e_value:.3g}",
                f"{needed:.3g}",
                str(one.entry["at"])[:16].replace("T", " "),
            ]
        )
    head = [measure.of_differences(of) if of == "difference" else of for of in _HEAD]
    return table_of(head, rows)
