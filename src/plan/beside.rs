//! What the stack has beside the entries of its file, under the addresses that its plans give: orphans and second
//! objects. Deletions, fingerprints and `show` name them by these.

use std::collections::BTreeSet;

use super::verdict::orphan_address;
use crate::kind::{Desired, Kind, KindLive, Live};
use crate::kinds::{self, registry};
use crate::model::{Address, KindId};

/// Something that the stack has beside the entries of its file.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    /// The address that a plan names it by.
    pub address: Address,
    /// Its kind.
    pub kind: &'static dyn Kind,
    /// What was read of it.
    pub live: &'a Live,
    /// The entry that it is a second object of; none for an orphan.
    pub second_of: Option<&'a Address>,
}

/// Lists the orphans, and then the second objects, each under an address of its own. The address depends neither on
/// targets nor on what the plan does.
pub fn beside<'a>(desired: &[Desired], live: &'a [(KindId, KindLive)]) -> Vec<Beside<'a>> {
    let mut taken: BTreeSet<Address> = desired.iter().map(|entry| entry.address.clone()).collect();
    let mut all = Vec::new();
    for kind in registry() {
        for live in live.iter().filter(|(id, _)| *id == kind.id()).flat_map(|(_, read)| &read.orphans) {
            let address = orphan_address(kind, live, &taken);
            taken.insert(address.clone());
            all.push(Beside { address, kind, live, second_of: None });
        }
    }
    for (id, (entry, live)) in live.iter().flat_map(|(id, read)| read.surplus.iter().map(move |one| (id, one))) {
        let address = numbered(entry, &taken);
        taken.insert(address.clone());
        all.push(Beside { address, kind: kinds::of(*id), live, second_of: Some(entry) });
    }
    all
}

/// Returns the address of a second object: the address of the entry with a number.
fn numbered(entry: &Address, taken: &BTreeSet<Address>) -> Address {
    (2..taken.len() + 3)
        .map(|number| Address::new(entry.kind(), format!("{}-{number}", entry.key())))
        .find(|address| !taken.contains(address))
        .expect("there are more numbers than taken addresses")
}
