//! Backups over time by their outcome, with one bar for each day, and the same numbers as a table. Series differ in
//! pattern as well as in colour.

use std::fmt::Write as _;

use super::page::table;
use crate::vss::Moment;
use crate::vss::verify::Outcome;

const DAY: i64 = 86_400;
/// The most bars. A longer time has bars of several days.
const BARS: i64 = 120;
/// The size of the picture, in tenths of its units, so that every coordinate is a whole number.
const WIDTH: usize = 7_600;
const HEIGHT: usize = 2_500;
const LEFT: usize = 460;
const TOP: usize = 140;
/// Where bars end and stand.
const RIGHT: usize = WIDTH - 100;
const GROUND: usize = HEIGHT - 460;

/// The outcome of a backup, as the chart groups outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Series {
    Consistent,
    Claimed,
    CrashOnly,
    Failed,
}

impl Series {
    pub(super) const ALL: [Self; 4] = [Self::Consistent, Self::Claimed, Self::CrashOnly, Self::Failed];

    /// Returns the series that an outcome counts for; a job that has not ended counts for none.
    pub(super) fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Consistent => Some(Self::Consistent),
            Outcome::Claimed | Outcome::Gone { .. } | Outcome::Unreadable { .. } => Some(Self::Claimed),
            Outcome::CrashOnly | Outcome::NotTagged { .. } | Outcome::NotAsked => Some(Self::CrashOnly),
            Outcome::Failed => Some(Self::Failed),
            Outcome::Unended => None,
        }
    }

    /// Returns its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Consistent => "consistent",
            Self::Claimed => "VSS by the job alone",
            Self::CrashOnly => "crash-only",
            Self::Failed => "failed",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Consistent => "the job says WindowsVSS, and every snapshot carries AppConsistent",
            Self::Claimed => "the job says WindowsVSS; its snapshots were not looked at, or are gone by now",
            Self::CrashOnly => "there is a backup, and VSS did not work or was not asked for",
            Self::Failed => "there is no backup: failed, aborted, expired or partial",
        }
    }

    fn fill(self) -> &'static str {
        match self {
            Self::Consistent => "consistent",
            Self::Claimed => "claimed",
            Self::CrashOnly => "crash",
            Self::Failed => "failed",
        }
    }
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bar {
    from: Moment,
    counts: [usize; 4],
}

impl Bar {
    fn total(&self) -> usize {
        self.counts.iter().sum()
    }
}

/// Backups over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chart {
    bars: Vec<Bar>,
    /// Days in a bar.
    step: i64,
}

impl Chart {
    /// Counts backups day by day, in UTC, from one moment to another.
    pub(super) fn new(since: Moment, until: Moment, backups: impl IntoIterator<Item = (Moment, Series)>) -> Self {
        let day = |moment: Moment| moment.seconds().div_euclid(DAY);
        let (first, last) = (day(since), day(until).max(day(since)));
        let step = ((last - first) / BARS) + 1;
        let mut bars: Vec<Bar> = (0..=(last - first) / step)
            .map(|index| Bar { from: Moment::from_seconds((first + index * step) * DAY), counts: [0; 4] })
            .collect();
        for (at, series) in backups {
            // A backup outside the range, by a clock that differs, counts at the nearest end, so that none is lost.
            let index = (day(at).clamp(first, last) - first) / step;
            let bar = usize::try_from(index).ok().and_then(|index| bars.get_mut(index));
            if let Some(bar) = bar {
                bar.counts[series as usize] += 1;
            }
        }
        Self { bars, step }
    }

    /// Returns how many backups there are of each series.
    pub(super) fn totals(&self) -> [usize; 4] {
        let mut totals = [0; 4];
        for bar in &self.bars {
            for (total, count) in totals.iter_mut().zip(bar.counts) {
                *total += count;
            }
        }
        totals
    }

    /// Writes the picture, what its patterns mean, and the table.
    pub(super) fn render(&self) -> String {
        let totals = self.totals();
        let mut html = String::new();
        if totals.iter().sum::<usize>() == 0 {
            return "<p>No backup job ended in this time.</p>\n".to_owned();
        }
        html.push_str("<ul class=\"legend\">\n");
        for (series, total) in Series::ALL.into_iter().zip(totals) {
            let _ = writeln!(
                html,
                "<li><svg viewBox=\"0 0 22 16\" aria-hidden=\"true\"><rect class=\"swatch\" x=\"1\" y=\"1\" \
                 width=\"20\" height=\"14\" fill=\"url(#fill-{})\" /></svg><span>\
                 <strong>{}: {total}.</strong> {}</span></li>",
                series.fill(),
                series.name(),
                upper(series.meaning())
            );
        }
        html.push_str(
            "</ul>\n<figure>\n<div class=\"table\" role=\"region\" tabindex=\"0\" aria-label=\"Chart of the \
             backups\">\n<div class=\"chart\">\n",
        );
        self.picture(&mut html, totals);
        html.push_str(
            "</div>\n</div>\n</figure>\n<details>\n<summary>The chart’s numbers as a table</summary>\n\
             <div class=\"inside\">\n",
        );
        html.push_str(&self.numbers(totals));
        html.push_str("</div>\n</details>\n");
        html
    }

    fn unit(&self) -> String {
        if self.step == 1 { "day".to_owned() } else { format!("{} days", self.step) }
    }

    fn picture(&self, html: &mut String, totals: [usize; 4]) {
        let top = ceiling(self.bars.iter().map(Bar::total).max().unwrap_or_default());
        let (first, last) = (self.day(0), self.day(self.bars.len() - 1));
        let said: Vec<String> =
            Series::ALL.into_iter().zip(totals).map(|(series, total)| format!("{total} {}", series.name())).collect();
        let _ = write!(
            html,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" \
             aria-labelledby=\"chart-title chart-text\">\n\
             <title id=\"chart-title\">Backups per {unit}, {first} to {last}</title>\n\
             <desc id=\"chart-text\">Stacked bars, one for each {unit}: {said}. The table below has every \
             number.</desc>\n",
            tenths(WIDTH),
            tenths(HEIGHT),
            unit = self.unit(),
            said = said.join(", ")
        );
        html.push_str(PATTERNS);
        let rise = |count: usize| (GROUND - TOP) * count / top;
        for mark in marks(top) {
            let y = tenths(GROUND - rise(mark));
            let _ = writeln!(
                html,
                "<path class=\"grid\" d=\"M{} {y}H{}\" />\
                 <text x=\"{}\" y=\"{y}\" dy=\"4\" text-anchor=\"end\">{mark}</text>",
                tenths(LEFT),
                tenths(RIGHT),
                tenths(LEFT - 60)
            );
        }
        let slot = (RIGHT - LEFT) / self.bars.len();
        let width = (slot * 8 / 10).min(400);
        // Only some bars have a label, so that no two labels touch.
        let every = 850_usize.div_ceil(slot);
        for (index, bar) in self.bars.iter().enumerate() {
            let left = LEFT + index * slot + (slot - width) / 2;
            if index % every == 0 {
                let _ = writeln!(
                    html,
                    "<path class=\"axis\" d=\"M{x} {}v5\" /><text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                    tenths(GROUND),
                    tenths(GROUND + 190),
                    &self.day(index)[5..],
                    x = tenths(left + width / 2)
                );
            }
            if bar.total() == 0 {
                continue;
            }
            let _ = write!(html, "<g><title>{}: {}</title>", self.day(index), spoken(bar.counts));
            let mut below = 0;
            for (series, count) in Series::ALL.into_iter().zip(bar.counts).filter(|(_, count)| *count > 0) {
                let (foot, head) = (rise(below), rise(below + count));
                let _ = write!(
                    html,
                    "<rect class=\"edge\" fill=\"url(#fill-{})\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" />",
                    series.fill(),
                    tenths(left),
                    tenths(GROUND - head),
                    tenths(width),
                    tenths(head - foot)
                );
                below += count;
            }
            html.push_str("</g>\n");
        }
        let _ = write!(
            html,
            "<path class=\"axis\" d=\"M{} {y}H{}\" />\n<text x=\"{}\" y=\"{}\">Backups per {}, by the day on which the \
             job ended (UTC, {} to {last})</text>\n</svg>\n",
            tenths(LEFT),
            tenths(RIGHT),
            tenths(LEFT),
            tenths(HEIGHT - 60),
            self.unit(),
            first,
            y = tenths(GROUND)
        );
    }

    fn numbers(&self, totals: [usize; 4]) -> String {
        let columns: Vec<&str> = std::iter::once("From").chain(Series::ALL.map(Series::name)).collect();
        let row = |head: String, counts: [usize; 4]| -> Vec<String> {
            std::iter::once(head).chain(counts.map(|count| count.to_string())).collect()
        };
        let rows = self.bars.iter().enumerate().map(|(index, bar)| row(self.day(index), bar.counts));
        table(&format!("Backups per {}", self.unit()), &columns, rows.chain([row("all".to_owned(), totals)]))
    }

    fn day(&self, index: usize) -> String {
        self.bars.get(index).map(|bar| bar.from.day()).unwrap_or_default()
    }
}

/// A solid field, dots, stripes and crosses.
const PATTERNS: &str = "<defs>\n\
    <pattern id=\"fill-consistent\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
    <rect class=\"consistent\" width=\"8\" height=\"8\" /></pattern>\n\
    <pattern id=\"fill-claimed\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
    <rect class=\"claimed\" width=\"6\" height=\"6\" /><circle class=\"dots\" cx=\"3\" cy=\"3\" r=\"1.2\" />\
    </pattern>\n\
    <pattern id=\"fill-crash\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
    patternTransform=\"rotate(45)\"><rect class=\"crash\" width=\"6\" height=\"6\" />\
    <path class=\"stripes\" d=\"M1.5 0v6\" /></pattern>\n\
    <pattern id=\"fill-failed\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
    <rect class=\"failed\" width=\"6\" height=\"6\" /><path class=\"crosses\" d=\"M0 0l6 6M6 0l-6 6\" /></pattern>\n\
    </defs>\n";

/// Says the counts of a bar that are not zero.
fn spoken(counts: [usize; 4]) -> String {
    let parts: Vec<String> = Series::ALL
        .into_iter()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|(series, count)| format!("{count} {}", series.name()))
        .collect();
    parts.join(", ")
}

fn upper(words: &str) -> String {
    let (first, rest) = words.split_at(1);
    format!("{}{rest}.", first.to_uppercase())
}

/// Writes a length that is given in tenths.
fn tenths(length: usize) -> String {
    match length % 10 {
        0 => (length / 10).to_string(),
        rest => format!("{}.{rest}", length / 10),
    }
}

/// Returns the top of an axis that has room for a count: 1, 2, 4, 6 or 8, or one of these times a power of ten.
fn ceiling(most: usize) -> usize {
    let mut tenfold = 1;
    loop {
        for times in [1, 2, 4, 6, 8] {
            if times * tenfold >= most.max(1) {
                return times * tenfold;
            }
        }
        tenfold *= 10;
    }
}

/// Returns the counts at which the axis has marks.
fn marks(top: usize) -> Vec<usize> {
    let steps = (1..=4).rev().find(|steps| top.is_multiple_of(*steps)).unwrap_or(1);
    (0..=steps).map(|step| top / steps * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vss::fixture::at;

    #[test]
    fn a_long_time_has_as_many_bars_as_fit_and_loses_no_backup() {
        let (since, until) = (at("2024-01-01T00:00:00Z"), at("2026-01-15T12:00:00Z"));
        let backups: Vec<(Moment, Series)> =
            (0..800).map(|day| (since.plus(day * DAY), Series::ALL[usize::try_from(day).unwrap() % 4])).collect();
        let chart = Chart::new(since, until, backups);
        assert!(chart.bars.len() <= 121 && chart.step > 1);
        assert_eq!(chart.totals(), [200; 4]);
    }

    #[test]
    fn an_axis_has_whole_numbers_and_room_for_the_highest_bar() {
        for most in (0..200).chain([999, 1_000, 1_001, 12_345]) {
            let top = ceiling(most);
            assert!(top >= most && top >= 1);
            let marks = marks(top);
            assert_eq!((marks.first(), marks.last()), (Some(&0), Some(&top)));
        }
    }

    #[test]
    fn a_time_without_backups_has_no_empty_picture() {
        let chart = Chart::new(at("2026-01-01T00:00:00Z"), at("2026-01-15T12:00:00Z"), []);
        assert!(!chart.render().contains("<svg"));
    }
}
