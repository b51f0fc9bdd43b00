//! The page of `coverage`.

use std::fmt::Write as _;

use super::escape::{code, sentence, text};
use super::page::{Page, Tone, badge, table, time};
use super::verify::title;
use super::{INSTANCES, Origin, plans};
use crate::render::proof::{counted, coverage as words};
use crate::vss::coverage::{self, Coverage, Covered, Membership, Protection};
use crate::vss::evidence::Evidence;
use crate::vss::selection::Selected;

/// Where an instance stands in the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Unprotected,
    WithoutVss,
    Twice,
    Unknown,
    Vss,
}

impl Group {
    const ALL: [Self; 5] = [Self::Unprotected, Self::WithoutVss, Self::Twice, Self::Unknown, Self::Vss];

    fn of(covered: &Covered) -> Self {
        match (covered.protection, covered.overlaps.is_empty()) {
            (Protection::Unprotected, _) => Self::Unprotected,
            (Protection::WithoutVss, _) => Self::WithoutVss,
            (Protection::Unknown, _) => Self::Unknown,
            (Protection::Vss, false) => Self::Twice,
            (Protection::Vss, true) => Self::Vss,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Unprotected => "Not protected",
            Self::WithoutVss => "Protected without VSS",
            Self::Twice => "Protected twice at overlapping times",
            Self::Unknown => "Unknown",
            Self::Vss => "Protected with VSS",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Unprotected | Self::WithoutVss => Tone::Bad,
            Self::Twice | Self::Unknown => Tone::Doubtful,
            Self::Vss => Tone::Good,
        }
    }
}

/// Renders the coverage with the plans and selections behind it.
pub fn coverage(report: &Coverage, evidence: &Evidence, origin: Origin<'_>) -> String {
    let verdict = words::verdict(report);
    let misses = report.instances.iter().filter(|covered| !covered.near_misses.is_empty()).count();
    Page {
        origin,
        title: "Backup coverage",
        command: "coverage",
        read_at: report.read_at,
        verdict: &verdict,
        tone: overall(report),
        counts: vec![
            (report.count(Protection::Vss), "with VSS", Tone::Good),
            (report.count(Protection::WithoutVss), "without VSS", Tone::Bad),
            (report.count(Protection::Unprotected), "unprotected", Tone::Bad),
            (report.overlapping(), "twice", Tone::Doubtful),
            (misses, "by a slip in a tag", Tone::Doubtful),
            (report.count(Protection::Unknown), "unknown", Tone::Doubtful),
        ],
        facts: vec![
            ("Backup plans", told(report.plans.map(|(all, vss)| format!("{all}, {vss} of them with VSS")))),
            ("Windows instances", told(report.others.map(|_| report.instances.len().to_string()))),
            ("Other instances", told(report.others.map(|others| format!("{others}, to which VSS means nothing")))),
        ],
        unread: &report.unread,
        sections: vec![
            ("instances", "Instances", instances(report)),
            ("plans", "Plans and selections", plans::plans(evidence)),
            ("method", "What the words mean", METHOD.to_owned()),
        ],
    }
    .render()
}

/// Says that something could not be read where it is not known.
fn told(words: Option<String>) -> String {
    words.unwrap_or_else(|| "could not be read".to_owned())
}

/// The terms of the page, for readers who do not know them.
const METHOD: &str = "<dl class=\"facts\">\n\
    <div><dt>with VSS</dt><dd>A plan with Windows VSS enabled selects the instance. That it is selected does not say \
    that VSS works: <code>vssctl verify</code> does.</dd></div>\n\
    <div><dt>without VSS</dt><dd>Plans select it, and none of them asks for VSS: its backups are \
    crash-consistent.</dd></div>\n\
    <div><dt>unprotected</dt><dd>No plan selects it.</dd></div>\n\
    <div><dt>twice</dt><dd>Two plans select it, and their start windows overlap. AWS Backup runs one job at a time for \
    an instance, and fails the later one.</dd></div>\n\
    <div><dt>by a slip in a tag</dt><dd>A tag of the instance nearly is what a plan with VSS asks for. Case counts in \
    tags.</dd></div>\n\
    <div><dt>unknown</dt><dd>What could be read does not tell.</dd></div>\n\
    </dl>\n\
    <p>Every plan of the region counts, whoever’s it is. Instances without Windows are left out.</p>\n";

fn overall(report: &Coverage) -> Tone {
    match (report.has_findings(), report.has_unknown() || report.instances.is_empty()) {
        (true, _) => Tone::Bad,
        (false, true) => Tone::Doubtful,
        (false, false) => Tone::Good,
    }
}

fn instances(report: &Coverage) -> String {
    if report.instances.is_empty() {
        return "<p>There is none to show.</p>\n".to_owned();
    }
    let mut html = String::new();
    let mut room = INSTANCES;
    for group in Group::ALL {
        let all: Vec<&Covered> = report.instances.iter().filter(|covered| Group::of(covered) == group).collect();
        if all.is_empty() {
            continue;
        }
        let _ = writeln!(html, "<h3>{}: {}</h3>", group.heading(), counted(all.len(), "instance"));
        let shown = all.len().min(room);
        room -= shown;
        for covered in all.iter().take(shown) {
            block(&mut html, covered, group);
        }
        if all.len() > shown {
            let _ = writeln!(
                html,
                "<p>{} of these left out here, and counted above; <code>--format json</code> has every one.</p>",
                counted(all.len() - shown, "instance")
            );
        }
    }
    html
}

fn block(html: &mut String, covered: &Covered, group: Group) {
    let badge = badge(words::word(covered), group.tone());
    let title = title(&covered.name, &covered.id);
    let _ = match group {
        Group::Vss => {
            let plans: Vec<String> =
                covered.plans.iter().filter(|one| one.is_sure()).map(|one| code(&one.plan)).collect();
            write!(
                html,
                "<details class=\"row\">\n<summary>{badge} {title}: {}</summary>\n<div class=\"inside\">\n{}</div>\n\
                 </details>\n",
                plans.join(", "),
                memberships(covered)
            )
        }
        Group::Unprotected | Group::WithoutVss | Group::Twice | Group::Unknown => {
            let plans = match covered.plans.len() {
                0 => String::new(),
                several => format!(
                    "<details>\n<summary>{} of {}</summary>\n<div class=\"inside\">\n{}</div>\n</details>\n",
                    counted(several, "selection"),
                    text(if covered.name.is_empty() { &covered.id } else { &covered.name }),
                    memberships(covered)
                ),
            };
            write!(
                html,
                "<article class=\"instance\">\n<header><h4>{title}</h4> {badge}</header>\n{}{plans}</article>\n",
                about(covered)
            )
        }
    };
}

fn about(covered: &Covered) -> String {
    let mut html = String::from("<dl>\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    };
    line("State", &text(&covered.state));
    for overlap in &covered.overlaps {
        let said = format!(
            "{} and {} have overlapping start windows, first at {}: the later job fails.",
            code(&overlap.one),
            code(&overlap.other),
            time(overlap.first)
        );
        line("Overlap", &said);
    }
    for miss in &covered.near_misses {
        let said = format!(
            "it has {}, and selection {} of plan {} wants {}.",
            code(&miss.found),
            code(&miss.selection),
            code(&miss.plan),
            code(&miss.wanted)
        );
        line("Near miss", &said);
    }
    let fix = words::fix(covered);
    if !fix.is_empty() {
        line("Fix", &sentence(&fix));
    }
    html.push_str("</dl>\n");
    html
}

fn memberships(covered: &Covered) -> String {
    let rows = covered.plans.iter().map(|membership| {
        vec![
            code(&membership.plan),
            plans::owner(&membership.owner),
            if membership.windows_vss { "yes" } else { "no" }.to_owned(),
            code(&membership.selection),
            format!("<p>{}</p>", selected(membership)),
        ]
    });
    table(&format!("Plans that select {}", covered.id), &["Plan", "Whose", "Windows VSS", "Selection", "Why"], rows)
}

fn selected(membership: &Membership) -> String {
    match &membership.selected {
        Selected::Yes(by) => sentence(&coverage::by(by)),
        Selected::SwitchedOff(by) => {
            format!("{} But AWS Backup does not handle EC2 in this region.", sentence(&coverage::by(by)))
        }
        Selected::Unsure(by) => {
            format!("{} If AWS Backup handles EC2 in this region, which is unknown.", sentence(&coverage::by(by)))
        }
        Selected::No => String::new(),
    }
}
