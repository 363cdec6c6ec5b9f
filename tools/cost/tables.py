"""The tables of docs/cost.md and docs/scale.md, between markers."""

import re
from collections.abc import Callable, Iterable, Sequence

from tools.cost.billing import Bill, bill, bound, steady
from tools.cost.classic import classic
from tools.cost.counting import SIZES, Tally, kept
from tools.cost.measuring import measured
from tools.cost.months import month
from tools.cost.prices import PRICES, REGION
from tools.cost.ranges import between, gathered, moves
from tools.cost.template import memory, traces

Counts = dict[str, dict[str, Tally]]
CASES = ("alone", "steady", "relayed", "backlog")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table; all columns but the first are figures."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _tally(counts: Counts, size: int, case: str) -> Tally:
    cases = counts[str(size)]
    return steady(cases) if case == "steady" else cases[case]


def _bill(counts: Counts, size: int, case: str) -> Bill:
    return bill(_tally(counts, size, case), size, "alone" if case == "steady" else case)


def sizes(counts: Counts) -> str:
    rows = []
    for size in SIZES:
        bills = {case: _bill(counts, size, case) for case in CASES}
        rows.append(
            [
                f"{size:,}",
                f"{bound(size):,.2f}",
                *(f"{bills[case].dollars():,.2f}" for case in CASES),
                *(f"{bills[case].share(size):.3f}" for case in ("alone", "steady", "backlog")),
            ]
        )
    head = ["members, all connected", "bound, $", *(f"{case}, $" for case in CASES)]
    return table([*head, "alone / bound", "steady / bound", "backlog / bound"], rows)


def quiet(counts: Counts) -> str:
    """The cost of a message whose push serves as its acknowledgement."""
    rows = []
    for size in SIZES:
        acked, pushed = _bill(counts, size, "alone"), _bill(counts, size, "quiet")
        saved = acked.dollars() - pushed.dollars()
        frames = f"{acked.units['frame']:,.0f}", f"{pushed.units['frame']:,.0f}"
        dollars = f"{acked.dollars():,.2f}", f"{pushed.dollars():,.2f}"
        share = f"{saved / acked.dollars():.1%}"
        rows.append([f"{size:,}", *frames, *dollars, f"{saved:.2f}", share])
    head = ["members", "frames, acknowledged", "quiet", "$, acknowledged", "quiet", "saved, $"]
    return table([*head, "saved"], rows)


def lines(counts: Counts) -> str:
    """The costs of a room of 50 by service."""
    bills = {case: _bill(counts, 50, case) for case in CASES}
    names = [name for name in PRICES if any(name in b.units for b in bills.values())]
    rows = []
    for name in names:
        price = PRICES[name]
        label = f"{price.service}: {price.unit}"
        rows.append([label, *(f"{bills[case].dollars(name):.3f}" for case in CASES)])
    rows.append(["**sum, without transfer**", *(f"**{bills[c].dollars():.2f}**" for c in CASES)])
    rows.append(["over the bound of 52", *(f"{bills[c].share(50):.3f}" for c in CASES)])
    free = [f"{bills[c].share(50, sends=False):.3f}" for c in CASES]
    rows.append(["the same, with free sends from SNS to SQS", *free])
    return table(["$ per million messages, room of 50", *CASES], rows)


def calls(counts: Counts) -> str:
    """Every call of a message in a room of 50."""
    found = {case: _tally(counts, 50, case) for case in ("alone", "backlog")}
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for case, tally in found.items():
        for row in tally.rows:
            shown = ", ".join(
                f"{amount:,.4g} {unit}" for unit, amount in row.units.items() if amount
            )
            key = row.function or "API Gateway", row.operation, row.target
            rows.setdefault(key, {})[case] = f"{row.times:g}"
            rows[key]["units"] = rows[key].get("units") or shown
    shown_rows = [
        [f"{f} {o} {t}".strip(), r.get("alone", "0"), r["units"], r.get("backlog", "0")]
        for (f, o, t), r in sorted(rows.items())
    ]
    return table(["call", "alone", "its units", "backlog, per message"], shown_rows)


def durations(counts: Counts) -> str:
    rows = []
    for size in SIZES:
        took = _bill(counts, size, "alone").functions
        rows.append([f"{size:,}", *(f"{took[f][0]:.0f} ms, {took[f][1]:.4f}" for f in FUNCTIONS)])
    head = [f"{name} ({memory(name)} MB)" for name in FUNCTIONS]
    return table(["members", *head], rows)


FUNCTIONS = ("socket_message", "relay_events", "project_views", "deliver")


def machine(_: Counts) -> str:
    known = measured()["machine"]
    rows = [
        [size, *(f"{cases['alone'][name]:.1f}" for name in FUNCTIONS)]
        for size, cases in measured()["cpu_ms"].items()
    ]
    told = (
        f"{known['processor']}, Python {known['python']}, {known['day']}, "
        f"{known['million_loop_steps_a_second']} million steps of a plain loop a second."
    )
    return f"{told}\n\n" + table(["members", *(f"{name}, CPU ms" for name in FUNCTIONS)], rows)


def others(counts: Counts) -> str:
    rows = []
    names = {
        "ping": "a ping about 5 rooms and its pong",
        "typing": "a typing push",
        "read": "a read mark, with its ack and its push to the person",
        "connection": "a connection: ticket, $connect, sync of a room, $disconnect, presence",
    }
    for name, label in names.items():
        row = [label]
        for size in (10, 50):
            one = bill(counts[f"others {size}"][name], size, "relayed")
            row += [f"{one.units['frame']:.0f}", f"{one.dollars():.2f}"]
        rows.append(row)
    rows.append(["a minute connected", "0", "0.25", "0", "0.25"])
    return table(
        ["of a million", "frames, room of 10", "$", "frames, room of 50", "$"],
        rows,
    )


def ranges(counts: Counts) -> str:
    rows = []
    for size in SIZES:
        alone, flowing = _bill(counts, size, "alone"), _bill(counts, size, "steady")
        found = between(size, alone, flowing)
        low, high = found.over()
        cells = [f"{found.low:,.2f}", f"{found.high:,.2f}", f"{low:.2f} to {high:.2f}"]
        rows.append([f"{size:,}", *cells])
    return table(["members", "lowest, $", "highest, $", "over the bound"], rows)


def assumptions(counts: Counts) -> str:
    bills = _bill(counts, 50, "alone"), _bill(counts, 50, "steady")
    rows = [[what, f"{dollars:+.2f}"] for what, dollars in moves(*bills)]
    return table(["room of 50", "$ per million messages"], rows)


def busy(counts: Counts) -> str:
    rows = []
    for size in (2, 10, 50, 100):
        each = _bill(counts, size, "steady")
        one = gathered(size, each)
        frames = f"{each.units['frame']:.0f}", f"{one.units['frame']:.1f}"
        dollars = f"{each.dollars():.2f}", f"{one.dollars():.2f}"
        rows.append([f"{size}", *frames, *dollars, f"{one.share(size):.2f}"])
    head = ["members", "frames, pushed separately", "gathered", "$, pushed separately", "gathered"]
    return table([*head, "gathered / bound"], rows)


def tracing(_: Counts) -> str:
    rows = []
    for rate in (0.1, 1, 10, 100, 1_000):
        kept_share = min(1.0, (1 + 0.05 * max(0.0, rate - 1)) / rate)
        dollars = PRICES["trace"].of(1e6 * kept_share * len(FUNCTIONS))
        rows.append([f"{rate:g}", f"{kept_share:.0%}", f"{dollars:.2f}"])
    state = "Active" if traces() else "PassThrough"
    return f"template.yaml's default: `{state}`.\n\n" + table(
        ["messages a second", "share of each function's calls that is traced", "$ per million"],
        rows,
    )


def scans(counts: Counts) -> str:
    rows = []
    for members, connections in ((50, 50), (50, 1_000), (50, 10_000), (50, 100_000)):
        one = classic(members, connections)
        ours = _bill(counts, members, "alone").dollars()
        rows.append(
            [
                f"{connections:,}",
                f"{one.rru:,.1f}",
                f"{PRICES['rru'].of(1e6 * one.rru):,.2f}",
                f"{one.dollars:,.2f}",
                f"{ours:,.2f}",
            ]
        )
    return table(
        ["connections in all", "RRU a Scan", "Scans, $", "classic, $", "Parley alone, $"], rows
    )


def monthly(counts: Counts) -> str:
    people = (100, 1_000, 10_000)
    months = [month(number, counts, traces=traces()) for number in people]
    rows = [["messages sent, no dollars", *(f"{one.messages:,}" for one in months)]]
    rows += [[line, *(f"{one.lines[line]:,.2f}" for one in months)] for line in months[0].lines]
    rows.append(["**sum**", *(f"**{one.total:,.2f}**" for one in months)])
    rows.append(
        ["per person", *(f"{m.total / n:,.3f}" for m, n in zip(months, people, strict=True))]
    )
    return table(["$ a month", *(f"{number:,} active" for number in people)], rows)


def prices(_: Counts) -> str:
    rows = [[p.service, p.unit, f"{p.dollars:g}", p.source] for p in PRICES.values()]
    return f"Region {REGION}, first tier.\n\n" + table(
        ["service", "unit", "$", "source and date"], rows
    )


def writes(counts: Counts) -> str:
    """The load of one message of a room on each table's partition."""
    rows = []
    for row in _tally(counts, 50, "alone").rows:
        if "wru" in row.units or "rru" in row.units:
            unit = "wru" if "wru" in row.units else "rru"
            amount = row.units[unit]
            limit = (1_000 if unit == "wru" else 3_000) / amount
            rows.append(
                [
                    f"{row.target}: {row.operation} of {row.function}",
                    f"{amount:g} {unit}",
                    f"{limit:,.0f}",
                ]
            )
    return table(["table and call, room of 50", "a message", "messages/s of one room"], rows)


SECTIONS: dict[str, Callable[[Counts], str]] = {
    "sizes": sizes,
    "quiet": quiet,
    "lines": lines,
    "ranges": ranges,
    "assumptions": assumptions,
    "busy": busy,
    "calls": calls,
    "durations": durations,
    "machine": machine,
    "others": others,
    "tracing": tracing,
    "scans": scans,
    "monthly": monthly,
    "prices": prices,
    "writes": writes,
}

MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """Returns a page with new generated sections."""
    counts = kept()

    def section(found: re.Match[str]) -> str:
        return f"{found[1]}\n{SECTIONS[found[2]](counts)}\n\n{found[3]}"

    return MARKED.sub(section, text)
