//! What the stack has beside the entries of its file, under the addresses that its plans give: orphans and second
//! objects.

use std::collections::BTreeSet;

use super::seconds::numbered;
use super::verdict::orphan_address;
use crate::kind::{Desired, KindLive, Live};
use crate::kinds::registry;
use crate::model::{Address, KindId};

/// Lists orphans and second objects, each under the address that a plan of the whole stack names it by.
pub fn beside<'a>(desired: &[Desired], live: &'a [(KindId, KindLive)]) -> Vec<(Address, &'a Live)> {
    let mut taken: BTreeSet<Address> = desired.iter().map(|entry| entry.address.clone()).collect();
    let mut named = Vec::new();
    for kind in registry() {
        for orphan in live.iter().filter(|(id, _)| *id == kind.id()).flat_map(|(_, read)| &read.orphans) {
            let address = orphan_address(kind, orphan, &taken);
            taken.insert(address.clone());
            named.push((address, orphan));
        }
    }
    for (entry, second) in live.iter().flat_map(|(_, read)| &read.surplus) {
        let address = numbered(entry, &taken);
        taken.insert(address.clone());
        named.push((address, second));
    }
    named
}
