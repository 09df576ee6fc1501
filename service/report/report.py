"""What a report says, in order: sections of figures, charts and tables, for whatever writes them down."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from model.contrasts import Contrasts
from model.labels import Dimension, Label, Side
from service.report.charts import Balance, Chart, Profile, Timeline
from service.report.data import Entry, Group, leadership_share

SHOWN_BARS: Final = 25
SHOWN_ENTRIES: Final = 2000
SHOWN_FAILURES: Final = 200
SHOWN_SPEAKERS: Final = 50

USES_TO_AVOID: Final = (
    "What somebody wrote or said is not how they lead or manage: no figure here judges a person, and none is fit for an automatic decision"
    " on hiring, pay, promotion or dismissal. The tags are those of a model, which errs; read the sentences before drawing a conclusion."
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `numeric` are the columns that hold numbers. `note` says what was left out, if anything."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a line on how to read it, and a chart or a table or both."""

    heading: str
    text: str
    chart: Chart | None
    table: Table | None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report.

    Attributes:
        title: on top.
        groups: the documents of a report, or the two sides of a comparison.
        model: which model made it.
        made: when, and from how much.
    """

    title: str
    groups: Sequence[Group]
    contrasts: Contrasts
    model: str
    made: str

    @property
    def compares(self) -> bool:
        """Whether two groups stand beside each other."""
        return len(self.groups) > 1

    def sections(self) -> list[Section]:
        """Return everything but the sentences, in order."""
        if self.compares:
            return [_side_by_side(self.groups), _profile(self.groups, self.contrasts), *self._details()]
        (group,) = self.groups
        found = [_documents(group.entries, "Documents", "documents"), _profile(self.groups, self.contrasts)]
        return [*found, *_timeline(group), *_speakers(group), _skipped(group), *_failed(group)]

    def _details(self) -> list[Section]:
        sections = []
        for letter, group in zip("AB", self.groups, strict=False):
            if len(group.entries) > 1:
                sections.append(_documents(group.entries, f"Documents of {letter}: {group.name}", f"documents-{letter}"))
            sections += _failed(group)
        return sections


def percent(share: float | None) -> str:
    """Write a share."""
    return "–" if share is None else f"{share:.0%}"


def _label_cells(counts: dict[Label, int]) -> list[str]:
    total = sum(counts.values())
    return [f"{total:,}", *(f"{counts[label]:,}" for label in Label), percent(leadership_share(counts))]


_LABEL_HEAD: Final = ("sentences", *(str(label) for label in Label), "leadership share")
_LABEL_COLUMNS: Final = frozenset(range(1, 7))


def _documents(entries: Sequence[Entry], heading: str, name: str) -> Section:
    largest = sorted(entries, key=lambda entry: -entry.sentences)[:SHOWN_BARS]
    drawn = [entry for entry in entries if entry in largest][:SHOWN_BARS]
    text = "Each bar is a document; the leadership share is that of leadership among the oriented sentences, a mixed one counting half."
    if len(entries) > len(drawn):
        text += f" Drawn are the {len(drawn)} with the most sentences; the table has the others, too."
    note = (
        "" if len(entries) <= SHOWN_ENTRIES else f"The first {SHOWN_ENTRIES:,} of {len(entries):,} documents; `helmkeel score` writes all."
    )
    rows = [[e.name, *_label_cells(e.counts), str(e.label), f"{e.date or ''}"] for e in entries[:SHOWN_ENTRIES]]
    table = Table(("document", *_LABEL_HEAD, "verdict", "date"), rows, _LABEL_COLUMNS, note)
    return Section(heading, text, Balance(name, [(entry.name, entry.counts) for entry in drawn]), table)


def _profile(groups: Sequence[Group], contrasts: Contrasts) -> Section:
    by_id = {contrast.id: contrast for contrast in contrasts.contrasts}
    several = len(groups) > 1
    head = ["dimension"]
    for letter in "AB"[: len(groups)]:
        head += [f"leadership {letter}", f"management {letter}"] if several else ["leadership", "management"]
    rows = []
    for dimension in Dimension:
        counts = [f"{group.dimensions.get(dimension, Counter())[side]:,}" for group in groups for side in Side]
        statements = [] if several else [by_id[dimension].side(side).statements[0].text for side in Side]
        rows.append([str(dimension), *counts, *statements])
    if not several:
        head += ["leadership means", "management means"]
    chart = Profile("profile", [(g.name, {d: dict(sides) for d, sides in g.dimensions.items()}, g.sentences) for g in groups])
    text = "Which of the eleven contrasts between leadership and management the oriented sentences speak to."
    return Section("Profile", text, chart, Table(head, rows, frozenset(range(1, 1 + 2 * len(groups)))))


def _timeline(group: Group) -> list[Section]:
    points = group.over_time()
    if not points:
        return []
    drawn = [(name, share, sum(c.values()) - c[Label.NEITHER]) for name, c in points if (share := leadership_share(c)) is not None]
    undated = sum(entry.date is None for entry in group.entries)
    text = "By the date in a column, the front matter, the head of a mail, or the file name."
    if undated:
        text += f" {undated:,} of {len(group.entries):,} documents have none and are left out here."
    table = Table(("date", *_LABEL_HEAD), [[name, *_label_cells(counts)] for name, counts in points], _LABEL_COLUMNS)
    return [Section("Over time", text, Timeline("timeline", drawn) if len(drawn) > 1 else None, table)]


def _speakers(group: Group) -> list[Section]:
    if not group.speakers:
        return []
    ordered = sorted(group.speakers.items(), key=lambda item: -item[1].total())[:SHOWN_SPEAKERS]
    named = [(name, {label: counts[label] for label in Label}) for name, counts in ordered]
    note = "" if len(group.speakers) <= SHOWN_SPEAKERS else f"The {SHOWN_SPEAKERS} who speak most, of {len(group.speakers):,}."
    table = Table(("speaker", *_LABEL_HEAD), [[name, *_label_cells(counts)] for name, counts in named], _LABEL_COLUMNS, note)
    text = "Where documents name who speaks. What somebody says in a meeting depends on their part in it."
    return [Section("Speakers", text, Balance("speakers", named[:SHOWN_BARS]), table)]


def _skipped(group: Group) -> Section:
    skipped = sum(group.skipped.values())
    rows = [[reason.replace("_", " "), f"{n:,}", f"{n / max(group.characters, 1):.1%}"] for reason, n in group.skipped.most_common()]
    share = percent(1 - skipped / group.characters if group.characters else None)
    text = f"{share} of the {group.characters:,} characters are in sentences that were scored; the others are no sentences to judge."
    return Section("What was skipped", text, None, Table(("reason", "characters", "of all"), rows, frozenset({1, 2})) if rows else None)


def _failed(group: Group) -> list[Section]:
    found = []
    if group.unsupported:
        rows = [[name] for name in group.unsupported[:SHOWN_FAILURES]]
        text = "Most of their text has hardly any word the model knows: it reads English, and gives no tag where it cannot judge."
        found.append(Section("Documents in another language", text, None, Table(("document",), rows, frozenset())))
    if group.failures:
        failures = group.failures[:SHOWN_FAILURES]
        note = "" if len(group.failures) <= SHOWN_FAILURES else f"The first {SHOWN_FAILURES} of {len(group.failures):,}."
        rows = [[f.source if f.row is None else f"{f.source}, line {f.row}", f.reason] for f in failures]
        found.append(Section("Not read", "These are in none of the figures.", None, Table(("file", "why"), rows, frozenset(), note)))
    return found


def _side_by_side(groups: Sequence[Group]) -> Section:
    names = [f"{letter}: {group.name}" for letter, group in zip("AB", groups, strict=False)]
    rows = [["documents", *(f"{len(group.entries):,}" for group in groups), ""], ["sentences", *(f"{g.sentences:,}" for g in groups), ""]]
    for label in Label:
        shares = [group.counts[label] / group.sentences if group.sentences else None for group in groups]
        rows.append([f"share of {label}", *map(percent, shares), _difference(shares)])
    shares = [group.leadership_share for group in groups]
    rows.append(["leadership share", *map(percent, shares), _difference(shares)])
    rows.append(["verdict", *(str(group.label) for group in groups), ""])
    text = "Shares of the scored sentences; the leadership share is that among the oriented ones, a mixed one counting half."
    table = Table(("figure", *names, "B less A"), rows, frozenset({1, 2, 3}))
    return Section("Side by side", text, Balance("groups", list(zip(names, (g.counts for g in groups), strict=True))), table)


def _difference(shares: Sequence[float | None]) -> str:
    one, other = shares
    return "" if one is None or other is None else f"{100 * (other - one):+.0f} points"
