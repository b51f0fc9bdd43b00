//! The lease's protocol as a pure state machine: events in, actions out, no clock and no I/O. The real client and the
//! model checker run this code.
//!
//! Slots are numbered by epoch and made with create-if-absent; the newest one says who may write. Nobody deletes the
//! newest slot, uses a number twice, or writes another's slot. AWS cannot check epochs, but it refuses requests signed
//! more than 15 minutes ago: who breaks a lease that long after its end can't be overtaken by what its holder signed in
//! time.

/// Milliseconds of this process's own monotonic clock. Only the own deadline is measured with it.
pub type Moment = u64;
/// Milliseconds since 1970 by AWS's clock. Other people's deadlines are measured with it.
pub type Date = u64;

/// The figures of the protocol, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    /// How long a lease is good for after the sending of the last successful write of its slot.
    pub lease: u64,
    /// When to renew, after the last sending.
    pub renew: u64,
    /// How long after its end a lease is still respected: as long as AWS may accept what its holder signed, and as
    /// reads may be stale.
    pub grace: u64,
    /// After how long reads show every change.
    pub settle: u64,
    /// Between two looks, and between a failed renewal and the next.
    pub poll: u64,
}

impl Timing {
    /// The real figures: 15 minutes are the acceptance of a signature, 60 seconds the staleness of reads.
    pub const REAL: Self = Self { lease: 120_000, renew: 40_000, grace: 960_000, settle: 60_000, poll: 5_000 };
    /// For an account that is simulated in this process: its reads are never stale, and a request does not outlive its
    /// sender.
    pub const SIMULATED: Self = Self { lease: 10_000, renew: 3_000, grace: 5_000, settle: 0, poll: 500 };
}

/// What a slot says about its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Its owner may write.
    Held,
    /// Its owner is through.
    Released,
}

/// A slot as a read shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Its number, from 1.
    pub epoch: u32,
    /// Who made it.
    pub owner: u128,
    /// What it says.
    pub mark: Mark,
    /// When it was written last.
    pub renewed: Date,
    /// For how long its owner believes in it.
    pub lease: u64,
}

impl Slot {
    /// Returns when the slot no longer stands in anybody's way.
    pub fn free_at(&self, timing: &Timing) -> Date {
        match self.mark {
            Mark::Released => self.renewed,
            Mark::Held => self.renewed.saturating_add(self.lease.max(timing.lease)).saturating_add(timing.grace),
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// It is time to look, for the first time or again.
    Asked,
    /// The slots were listed: AWS's date and the newest of them.
    Listed {
        /// The date of the (first) answer.
        date: Date,
        /// The slot of the highest epoch.
        top: Option<Slot>,
    },
    /// The slot was made.
    Created,
    /// The slot was there already, or nobody knows what became of the request.
    Unsure,
    /// What a read shows of the slot that was to be made.
    Seen(Option<Slot>),
    /// Time passed.
    Woken,
    /// The slot was written again.
    Renewed,
    /// It was not, or nobody knows.
    NotRenewed,
    /// The run is through, and none of its requests is in flight.
    Finished,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// List the slots.
    List,
    /// Somebody holds the lease: wait and ask again, or give up.
    Wait {
        /// The slot in the way.
        slot: Slot,
    },
    /// Look again after a pause.
    Pause,
    /// Make a slot, if there is none of its number.
    Create {
        /// Its number.
        epoch: u32,
        /// It was sent before: after a pause.
        again: bool,
    },
    /// Read a slot.
    Read {
        /// Its number.
        epoch: u32,
    },
    /// Write the own slot again.
    Renew {
        /// Its number.
        epoch: u32,
    },
    /// Write into the own slot that it is released.
    Release {
        /// Its number.
        epoch: u32,
    },
}

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nothing asked for, or waiting for somebody else.
    Idle,
    /// A list is on its way.
    Listing,
    /// A slot is on its way, or is looked for.
    Taking {
        /// Its number.
        epoch: u32,
        /// When it was sent for the first time.
        first: Moment,
    },
    /// The lease is held.
    Holding {
        /// The slot's number.
        epoch: u32,
        /// No request is sent from here on.
        deadline: Moment,
        /// When to renew.
        due: Moment,
        /// When the renewal that is on its way was sent.
        sent: Option<Moment>,
    },
    /// Released, or to be.
    Over,
    /// The deadline passed.
    Lost,
}

/// Rules that a test takes away, to see that the model checker misses them.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Flaw {
    None,
    /// A create that is sent again restarts the clock of the lease. The model does that.
    RestartsClock,
    /// Renews, and believes the answer, after the deadline.
    RenewsLate,
    /// Sends without asking whether the lease still holds.
    DoesNotCheck,
}

/// One client of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    owner: u128,
    timing: Timing,
    stage: Stage,
    #[cfg(test)]
    flaw: Flaw,
}

impl Machine {
    /// Makes a client. `owner` is its alone.
    pub fn new(owner: u128, timing: Timing) -> Self {
        Self {
            owner,
            timing,
            stage: Stage::Idle,
            #[cfg(test)]
            flaw: Flaw::None,
        }
    }

    /// Makes a client in the middle of the protocol, perhaps without one of the rules.
    #[cfg(test)]
    pub(super) fn resumed(owner: u128, timing: Timing, flaw: Flaw, stage: Stage) -> Self {
        Self { owner, timing, stage, flaw }
    }

    /// Tells where the client stands.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Returns the deadline of a held lease.
    pub fn deadline(&self) -> Option<Moment> {
        match self.stage {
            Stage::Holding { deadline, .. } => Some(deadline),
            Stage::Idle | Stage::Listing | Stage::Taking { .. } | Stage::Over | Stage::Lost => None,
        }
    }

    /// Tells whether a request that is signed already may be sent.
    pub fn may_send(&self, now: Moment) -> bool {
        #[cfg(test)]
        if self.flaw == Flaw::DoesNotCheck {
            return matches!(self.stage, Stage::Holding { .. } | Stage::Lost);
        }
        self.deadline().is_some_and(|deadline| now < deadline)
    }

    /// Takes an event and says what is to be done next, if anything.
    pub fn step(&mut self, now: Moment, event: Event) -> Option<Action> {
        match (self.stage, event) {
            (Stage::Idle, Event::Asked) => {
                self.stage = Stage::Listing;
                Some(Action::List)
            }
            (Stage::Listing, Event::Listed { date, top }) => Some(self.listed(now, date, top)),
            (Stage::Taking { epoch, first }, Event::Created) => {
                self.hold(epoch, first, now);
                None
            }
            (Stage::Taking { epoch, .. }, Event::Unsure) => Some(Action::Read { epoch }),
            (Stage::Taking { epoch, first }, Event::Seen(seen)) => self.seen(now, epoch, first, seen),
            (Stage::Holding { epoch, deadline, due, sent }, Event::Woken) => {
                self.woken(now, epoch, deadline, due, sent)
            }
            (Stage::Holding { epoch, deadline, sent: Some(sent), .. }, Event::Renewed) => {
                if now < deadline || self.renews_late() {
                    self.hold(epoch, sent, now);
                } else {
                    self.stage = Stage::Lost;
                }
                None
            }
            (Stage::Holding { epoch, deadline, sent: Some(_), .. }, Event::NotRenewed) => {
                self.stage = Stage::Holding { epoch, deadline, due: now.saturating_add(self.timing.poll), sent: None };
                None
            }
            (Stage::Holding { epoch, sent: None, .. }, Event::Finished) => {
                self.stage = Stage::Over;
                Some(Action::Release { epoch })
            }
            // What comes too late, or twice, changes nothing.
            (
                Stage::Idle | Stage::Listing | Stage::Taking { .. } | Stage::Holding { .. } | Stage::Over | Stage::Lost,
                Event::Asked
                | Event::Listed { .. }
                | Event::Created
                | Event::Unsure
                | Event::Seen(_)
                | Event::Woken
                | Event::Renewed
                | Event::NotRenewed
                | Event::Finished,
            ) => None,
        }
    }

    fn listed(&mut self, now: Moment, date: Date, top: Option<Slot>) -> Action {
        if let Some(slot) = top.filter(|slot| slot.mark == Mark::Held && date < slot.free_at(&self.timing)) {
            self.stage = Stage::Idle;
            return Action::Wait { slot };
        }
        let epoch = top.map_or(0, |slot| slot.epoch) + 1;
        self.stage = Stage::Taking { epoch, first: now };
        Action::Create { epoch, again: false }
    }

    fn seen(&mut self, now: Moment, epoch: u32, first: Moment, seen: Option<Slot>) -> Option<Action> {
        match seen {
            // A create that was sent twice loses against itself: the owner tells.
            Some(slot) if slot.owner == self.owner => {
                self.hold(epoch, first, now);
                None
            }
            Some(_) => {
                self.stage = Stage::Idle;
                Some(Action::Pause)
            }
            None if now >= first.saturating_add(self.timing.lease) => {
                self.stage = Stage::Lost;
                None
            }
            None => {
                // The clock of the lease is the one of the first sending: that one may be the one that AWS did.
                Some(Action::Create { epoch, again: true })
            }
        }
    }

    fn woken(
        &mut self,
        now: Moment,
        epoch: u32,
        deadline: Moment,
        due: Moment,
        sent: Option<Moment>,
    ) -> Option<Action> {
        if now >= deadline && !self.renews_late() {
            self.stage = Stage::Lost;
            return None;
        }
        if now < due || sent.is_some() {
            return None;
        }
        self.stage = Stage::Holding { epoch, deadline, due, sent: Some(now) };
        Some(Action::Renew { epoch })
    }

    /// Holds the lease on the strength of a request that was sent at `sent`.
    fn hold(&mut self, epoch: u32, sent: Moment, now: Moment) {
        let deadline = sent.saturating_add(self.timing.lease);
        self.stage = if now < deadline || self.renews_late() {
            Stage::Holding { epoch, deadline, due: sent.saturating_add(self.timing.renew), sent: None }
        } else {
            Stage::Lost
        };
    }

    #[cfg(test)]
    fn renews_late(&self) -> bool {
        self.flaw == Flaw::RenewsLate
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests take the rule away")]
    fn renews_late(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing::REAL;

    fn slot(epoch: u32, owner: u128, mark: Mark, renewed: Date) -> Slot {
        Slot { epoch, owner, mark, renewed, lease: TIMING.lease }
    }

    fn listed(top: Option<Slot>, date: Date) -> (Machine, Option<Action>) {
        let mut machine = Machine::new(7, TIMING);
        assert_eq!(machine.step(0, Event::Asked), Some(Action::List));
        let action = machine.step(0, Event::Listed { date, top });
        (machine, action)
    }

    fn holding() -> Machine {
        let (mut machine, action) = listed(None, 0);
        assert_eq!(action, Some(Action::Create { epoch: 1, again: false }));
        assert_eq!(machine.step(10, Event::Created), None);
        machine
    }

    #[test]
    fn a_held_lease_is_respected_until_its_end_and_the_grace_after_it() {
        let held = slot(4, 9, Mark::Held, 1_000);
        let free = 1_000 + TIMING.lease + TIMING.grace;
        assert_eq!(listed(Some(held), free - 1).1, Some(Action::Wait { slot: held }));
        assert_eq!(listed(Some(held), free).1, Some(Action::Create { epoch: 5, again: false }));
        assert_eq!(
            listed(Some(slot(4, 9, Mark::Released, 1_000)), 1_000).1,
            Some(Action::Create { epoch: 5, again: false })
        );
    }

    #[test]
    fn a_create_that_loses_against_itself_holds_from_its_first_sending() {
        let (mut machine, _) = listed(None, 0);
        assert_eq!(machine.step(50_000, Event::Unsure), Some(Action::Read { epoch: 1 }));
        assert_eq!(machine.step(50_000, Event::Seen(None)), Some(Action::Create { epoch: 1, again: true }));
        assert_eq!(machine.step(60_000, Event::Unsure), Some(Action::Read { epoch: 1 }));
        assert_eq!(machine.step(60_000, Event::Seen(Some(slot(1, 7, Mark::Held, 0)))), None);
        assert_eq!(machine.deadline(), Some(TIMING.lease));
    }

    #[test]
    fn who_comes_second_starts_again() {
        let (mut machine, _) = listed(None, 0);
        machine.step(1, Event::Unsure);
        assert_eq!(machine.step(1, Event::Seen(Some(slot(1, 8, Mark::Held, 0)))), Some(Action::Pause));
        assert_eq!(machine.step(2, Event::Asked), Some(Action::List));
    }

    #[test]
    fn a_renewal_counts_from_its_sending_and_only_if_answered_in_time() {
        let mut machine = holding();
        assert_eq!(machine.step(39_999, Event::Woken), None);
        assert_eq!(machine.step(40_000, Event::Woken), Some(Action::Renew { epoch: 1 }));
        assert_eq!(machine.step(41_000, Event::Woken), None, "one renewal at a time");
        machine.step(45_000, Event::Renewed);
        assert_eq!(machine.deadline(), Some(160_000));
        assert_eq!(machine.step(80_000, Event::Woken), Some(Action::Renew { epoch: 1 }));
        machine.step(160_000, Event::Renewed);
        assert_eq!(machine.stage(), Stage::Lost);
    }

    #[test]
    fn a_failed_renewal_is_tried_again_until_the_deadline() {
        let mut machine = holding();
        assert_eq!(machine.step(40_000, Event::Woken), Some(Action::Renew { epoch: 1 }));
        machine.step(41_000, Event::NotRenewed);
        assert_eq!(machine.step(45_000, Event::Woken), None);
        assert_eq!(machine.step(46_000, Event::Woken), Some(Action::Renew { epoch: 1 }));
        machine.step(47_000, Event::NotRenewed);
        assert!(machine.may_send(119_999) && !machine.may_send(120_000));
        assert_eq!(machine.step(120_000, Event::Woken), None);
        assert_eq!(machine.stage(), Stage::Lost);
    }

    #[test]
    fn nothing_is_released_while_a_renewal_is_on_its_way() {
        let mut machine = holding();
        machine.step(40_000, Event::Woken);
        assert_eq!(machine.step(41_000, Event::Finished), None);
        machine.step(42_000, Event::Renewed);
        assert_eq!(machine.step(43_000, Event::Finished), Some(Action::Release { epoch: 1 }));
        assert!(!machine.may_send(43_000));
    }

    #[test]
    fn a_lease_that_took_too_long_to_get_is_none() {
        let (mut machine, _) = listed(None, 0);
        machine.step(120_000, Event::Created);
        assert_eq!(machine.stage(), Stage::Lost);
    }
}
