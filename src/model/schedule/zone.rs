//! Time zones by their IANA names. They come from the built-in copy of the database, so that no run depends on the
//! machine's copy.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Reports a name that no time zone has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no IANA time zone")]
pub struct ZoneError {
    /// What was written.
    pub name: String,
    /// A name that is close to it.
    pub similar: Option<String>,
}

/// Finds a time zone by its IANA name, such as `Asia/Tokyo`; the case of the name matters, as it does to AWS.
pub fn zone(name: &str) -> Result<TimeZone, ZoneError> {
    let found = DATABASE.get(name).ok();
    if let Some(zone) = found {
        match zone.iana_name() {
            Some(canonical) if canonical != name => {
                return Err(ZoneError { name: name.to_owned(), similar: Some(canonical.to_owned()) });
            }
            _ => return Ok(zone),
        }
    }
    let score = |known: &str| {
        let tail = known.rsplit('/').next().unwrap_or(known);
        let given = name.to_lowercase();
        strsim::jaro_winkler(&given, &known.to_lowercase()).max(strsim::jaro_winkler(&given, &tail.to_lowercase()))
    };
    let similar = DATABASE
        .available()
        .map(|known| (score(known.as_str()), known.as_str().to_owned()))
        .filter(|(score, _)| *score > 0.85)
        .max_by(|left, right| left.0.total_cmp(&right.0).then_with(|| right.1.cmp(&left.1)))
        .map(|(_, known)| known);
    Err(ZoneError { name: name.to_owned(), similar })
}

/// Returns the name that the normal forms hold: AWS Backup reads `UTC` back as `Etc/UTC`.
pub fn canonical_zone(name: &str) -> String {
    match name {
        "UTC" | "Etc/UTC" | "Etc/UCT" | "UCT" | "Etc/Universal" | "Universal" | "Etc/Zulu" | "Zulu" => {
            "Etc/UTC".to_owned()
        }
        other => other.to_owned(),
    }
}
