//! Consent to hazards: from the command line, or from the file, where a reviewer sees it with its reason and its end.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;

use super::{Address, Hazard, KindId, Location};

/// The most days that a consent in the file may last.
pub const LONGEST: i64 = 90;

/// Where a consent holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Of the plan as a whole: the only place of `large-change`.
    Stack,
    /// At one resource.
    At(Address),
}

impl Reach {
    /// Reads `stack`, or the address of one resource; none where it is neither.
    pub fn read(text: &str) -> Option<Self> {
        if text == "stack" {
            return Some(Self::Stack);
        }
        let address: Address = text.parse().ok()?;
        // A kind alone is a resource only where there is one of it.
        let is_one = !address.key().is_empty() || address.kind() == KindId::RegionSettings;
        is_one.then_some(Self::At(address))
    }

    /// Tells whether it takes in a hazard that a plan has at an address.
    fn takes(&self, hazard: Hazard, address: &Address) -> bool {
        match self {
            Self::Stack => hazard == Hazard::LargeChange,
            Self::At(own) => own == address && hazard != Hazard::LargeChange,
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack => formatter.write_str("stack"),
            Self::At(address) => address.fmt(formatter),
        }
    }
}

/// One consent of the file: a `[[consent]]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// What is consented to.
    pub hazard: Hazard,
    /// Where.
    pub reach: Reach,
    /// Why, for the reviewer.
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: Date,
    /// Where it stands in the file.
    pub location: Option<Location>,
}

impl Consent {
    /// Tells whether its time is over on a day.
    pub fn is_over(&self, today: Date) -> bool {
        self.until < today
    }

    /// Tells whether it would last longer than a consent may.
    pub fn is_too_long(&self, today: Date) -> bool {
        today.checked_add(LONGEST.days()).is_ok_and(|last| self.until > last)
    }

    /// Tells whether it covers a hazard that a plan has at an address.
    pub fn covers(&self, hazard: Hazard, address: &Address) -> bool {
        self.hazard == hazard && self.reach.takes(hazard, address)
    }
}

/// One consent of the command line: `HAZARD`, or `HAZARD@ADDRESS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// What is consented to.
    pub hazard: Hazard,
    /// Where; everywhere in the plan unless it is said.
    pub reach: Option<Reach>,
}

impl FromStr for Allowance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, place) = text.trim().split_once('@').map_or((text.trim(), None), |(name, at)| (name, Some(at)));
        let hazard: Hazard = name.parse().map_err(|error: super::HazardError| error.to_string())?;
        let reach = match place {
            None => None,
            Some(at) => Some(Reach::read(at).ok_or_else(|| format!("`{at}` is no address such as `plan.daily`"))?),
        };
        Ok(Self { hazard, reach })
    }
}

/// All consents of a run.
#[derive(Clone, Debug, Default)]
pub struct Consents {
    /// Those of the command line.
    pub allowed: Vec<Allowance>,
    /// Those of the file whose time is not over.
    pub declared: Vec<Consent>,
}

impl Consents {
    /// Consents to hazards everywhere.
    pub fn to(hazards: &[Hazard]) -> Self {
        let allowed = hazards.iter().map(|hazard| Allowance { hazard: *hazard, reach: None }).collect();
        Self { allowed, declared: Vec::new() }
    }

    /// Tells whether a hazard that a plan has at an address is consented to.
    pub fn cover(&self, hazard: Hazard, address: &Address) -> bool {
        let by_option = |one: &Allowance| {
            one.hazard == hazard && one.reach.as_ref().is_none_or(|reach| reach.takes(hazard, address))
        };
        self.allowed.iter().any(by_option) || self.declared(hazard, address).is_some()
    }

    /// Returns the consent of the file that covers a hazard at an address.
    pub fn declared(&self, hazard: Hazard, address: &Address) -> Option<&Consent> {
        self.declared.iter().find(|consent| consent.covers(hazard, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent(hazard: Hazard, reach: Reach) -> Consent {
        let until = "2026-03-01".parse().expect("a date");
        Consent { hazard, reach, reason: "why".to_owned(), until, location: None }
    }

    #[test]
    fn a_consent_covers_its_hazard_at_its_address_and_to_the_end_of_its_last_day() {
        let [plan, other]: [Address; 2] = ["plan.a", "plan.b"].map(|text| text.parse().expect("an address"));
        let one = consent(Hazard::ProtectionGap, Reach::At(plan.clone()));
        assert!(one.covers(Hazard::ProtectionGap, &plan));
        assert!(!one.covers(Hazard::ProtectionGap, &other) && !one.covers(Hazard::VssDisabled, &plan));
        let large = consent(Hazard::LargeChange, Reach::Stack);
        assert!(large.covers(Hazard::LargeChange, &other) && !large.covers(Hazard::ProtectionGap, &other));
        let day = |text: &str| text.parse::<Date>().expect("a date");
        assert!(!one.is_over(day("2026-03-01")) && one.is_over(day("2026-03-02")));
        assert!(!one.is_too_long(day("2025-12-01")) && one.is_too_long(day("2025-11-30")));
    }

    #[test]
    fn an_allowance_is_read_with_and_without_an_address() {
        let read = |text: &str| text.parse::<Allowance>();
        assert_eq!(read("large-change"), Ok(Allowance { hazard: Hazard::LargeChange, reach: None }));
        let at = Reach::At("selection.a.b".parse().expect("an address"));
        let wanted = Allowance { hazard: Hazard::ProtectionGap, reach: Some(at) };
        assert_eq!(read("protection-gap@selection.a.b"), Ok(wanted));
        for wrong in ["protection-gap@nothing", "protection-gap@plan", "gap"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
