"""The figures of `rates.py` as tables in Markdown and as a chart in SVG."""

import dataclasses
import math
import re

BEGIN, END = "<!-- figures of benches/rates.py -->\n", "<!-- end of the figures -->\n"
COLOURS = {"vssctl": "#1f6feb", "Terraform": "#7d4fb0", "AWS CLI": "#b35900"}
# The widths of the chart in pixels: the names of the phases, a tenfold time, and all of it.
NAMES, DECADE, WIDTH = 110, 130, 720
BAR, GAP = 16, 14


@dataclasses.dataclass
class Head:
    """What is said about all figures."""

    version: str
    machine: str
    date: str
    latency: str
    rates: str
    lacking: list
    phases: list


@dataclasses.dataclass
class Part:
    """The figures on one server, by tool and phase."""

    paced: bool
    stacks: int
    cli: int
    figures: dict


def seconds(value):
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def tables(head, parts):
    lacking = " and ".join(head.lacking)
    lines = [
        f"{head.date}, {head.version}, {head.machine}.",
        f"Not measured, as not installed there: {lacking}." if head.lacking else "",
    ]
    for part in parts:
        lines += ["", *table(head, part)]
    return "\n".join(lines) + "\n"


def table(head, part):
    """The table of one server."""
    ours, theirs = part.figures["vssctl"], part.figures.get("Terraform")
    where = f"{head.latency} an answer, and {head.rates} a second" if part.paced else "a server that answers at once"
    yield f"{part.stacks} stacks, {where}:"
    yield ""
    columns = ["", "vssctl", "calls", "memory"]
    columns += ["least at the rates", "refused"] if part.paced else []
    columns += ["Terraform", "calls", "memory", "times as fast", "part of the calls"] if theirs else []
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for phase in head.phases:
        own = ours[phase]
        cells = [phase, seconds(own.seconds), f"{own.calls:,}", f"{own.megabytes:.0f} MB"]
        cells += [seconds(own.floor), f"{own.refused}"] if part.paced else []
        if theirs:
            other = theirs[phase]
            cells += [seconds(other.seconds), f"{other.calls:,}", f"{other.megabytes:.0f} MB"]
            cells += [f"{other.seconds / own.seconds:.0f}", f"{own.calls / other.calls:.2f}"]
        yield f"| {' | '.join(cells)} |"
    by_hand = part.figures.get("AWS CLI")
    if by_hand:
        made = by_hand["create"]
        yield ""
        yield f"The AWS CLI, one command after the other, takes {seconds(made.seconds / part.cli)} to create one stack, with"
        yield f"{made.calls / part.cli:.0f} calls ({part.cli} stacks were made)."


def drawing(head, part):
    """Bars of seconds, on a scale of powers of ten from a hundredth of a second on."""
    tools = [tool for tool in part.figures if tool in COLOURS and set(head.phases) <= set(part.figures[tool])]
    group = BAR * len(tools) + GAP
    height = 70 + group * len(head.phases)
    title = f"Seconds of {part.stacks} stacks on a server that answers at once"
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="18" font-weight="bold">{title}</text>',
    ]
    for index, tool in enumerate(tools):
        x = NAMES + 110 * index
        body.append(f'<rect x="{x}" y="28" width="10" height="10" fill="{COLOURS[tool]}"/>')
        body.append(f'<text x="{x + 15}" y="37">{tool}</text>')
    for decade in range(5):
        x = NAMES + DECADE * decade
        body.append(f'<line x1="{x}" y1="48" x2="{x}" y2="{height - 18}" stroke="#d0d7de"/>')
        body.append(f'<text x="{x}" y="{height - 5}" text-anchor="middle">{10 ** (decade - 2):g}</text>')
    y = 54
    for phase in head.phases:
        body.append(f'<text x="8" y="{y + BAR * len(tools) / 2 + 4:g}">{phase}</text>')
        for tool in tools:
            value = part.figures[tool][phase].seconds
            long = max(2.0, DECADE * (math.log10(max(value, 0.01)) + 2))
            body.append(f'<rect x="{NAMES}" y="{y}" width="{long:.1f}" height="{BAR - 3}" fill="{COLOURS[tool]}"/>')
            body.append(f'<text x="{NAMES + long + 5:.1f}" y="{y + BAR - 5}">{seconds(value)}</text>')
            y += BAR
        y += GAP
    return "\n".join([*body, "</svg>"]) + "\n"


def write(folder, text, svg):
    """Puts the tables between their marks in performance.md, and the chart beside it."""
    page = folder / "performance.md"
    before = page.read_text()
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    new, count = re.subn(pattern, lambda _: BEGIN + text + END, before, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{page} has no place for the figures: {BEGIN.strip()}")
    page.write_text(new)
    (folder / "performance.svg").write_text(svg)
