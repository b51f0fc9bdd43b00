//! One round over the resources: each becomes an entry of the file. Which entries can't stand in the file is known
//! after a round, and the next one refers to those by ARN, until no more fall out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::block::Block;
use super::evaluate::Evaluator;
use super::solved::Solved;
use super::spot::{Gap, Spot, TODO};
use super::template::{Keys, Resource};
use super::types::{Sort, Weight};
use crate::model::safe::escaped;
use crate::model::{Diagnostic, KindId};

/// What all entries of a round are made with, and what is said on the way.
pub(super) struct Round<'r, 'a> {
    pub(super) evaluator: &'r Evaluator<'a>,
    pub(super) keys: &'r Keys,
    /// The properties of each resource.
    pub(super) properties: &'r BTreeMap<&'a str, Solved>,
    /// Resources that can't stand in the file whatever their properties are, with the reason.
    pub(super) refused: &'r BTreeMap<String, Gap>,
    /// Resources whose entries do not stand in the file.
    pub(super) out: &'r BTreeSet<String>,
    pub(super) said: Vec<(Range<usize>, Diagnostic)>,
    /// What belongs to no entry and is to be done by hand.
    pub(super) by_hand: Vec<(String, Gap)>,
}

impl<'r, 'a> Round<'r, 'a> {
    pub(super) fn of(&self, sort: Sort) -> Vec<&'r Resource<'a>> {
        let mut found: Vec<_> = self.evaluator.resources.values().filter(|resource| resource.sort == sort).collect();
        found.sort_by_key(|resource| resource.at.start);
        found
    }

    pub(super) fn spot(&self, id: &str) -> Spot<'r> {
        let properties = self.properties.get(id).expect("each resource has its properties worked out");
        Spot::of(properties)
    }

    pub(super) fn key(&self, id: &str) -> String {
        self.keys.get(id).unwrap_or(id).to_owned()
    }

    /// Starts the entry of a resource with its name.
    pub(super) fn start(&mut self, resource: &Resource<'_>, names: &[&str]) -> Block {
        let id = resource.id;
        let mut block = Block::new(resource.of.kind, names, id, &resource.at);
        self.refuse(&mut block, id);
        let spot = resource.of.named_by.iter().try_fold(self.spot(id), |spot, key| spot.get(key).ok().flatten());
        if let Some(spot) = &spot {
            block.origin(id, "name", spot);
        }
        let key = names.last().copied().unwrap_or_default();
        // What was read for the name counts as read.
        let _ = spot.map(|spot| spot.text());
        match self.evaluator.given_name(id) {
            Some(Ok(name)) => {
                if name != key || resource.sort == Sort::Association {
                    block.table.insert("name".to_owned(), name.into());
                }
            }
            Some(Err(open)) => {
                let path = resource.of.named_by.join("/");
                let gap = Gap { path, why: open.why, at: open.at, is_wrong: open.is_wrong };
                block.table.insert("name".to_owned(), TODO.into());
                block.hole(id, "name", Weight::Entry, gap);
            }
            None => self.unnamed(&mut block, resource),
        }
        block
    }

    /// Says that CloudFormation makes the name.
    fn unnamed(&mut self, block: &mut Block, resource: &Resource<'_>) {
        let property = resource.of.named_by.join("/");
        let id = escaped(resource.id);
        if resource.properties.is_none() && !resource.sort.is_entry() {
            return;
        }
        block.remarks.push(format!(
            "TODO: `{id}` has no {property}, so that CloudFormation makes its name: write it as `name = \"...\"` to \
             take over what is there."
        ));
        let message = format!("`{property}` of `{id}` is not given: CloudFormation makes the name");
        let help = format!("`{}` is new under its own name; to take over what is there, write `name`", block.address());
        let diagnostic = Diagnostic::warning("VSS1107", message).label("has no name of its own").help(help);
        self.said.push((resource.at.clone(), diagnostic));
    }

    /// Adds the reason for which a resource can't stand in the file.
    pub(super) fn refuse(&self, block: &mut Block, id: &str) {
        if let Some(gap) = self.refused.get(id) {
            block.hole(id, "", Weight::Entry, gap.clone());
        }
    }

    /// Returns how the file refers to a resource of the template: by its key, or by its ARN where it does not stand in
    /// the file.
    pub(super) fn refer(&self, id: &str, spot: &Spot<'_>) -> Result<String, Gap> {
        if let Some(key) = self.keys.get(id).filter(|_| !self.out.contains(id)) {
            return Ok(key.to_owned());
        }
        let has_name = self.evaluator.given_name(id).is_some();
        match self.evaluator.arn(id).filter(|_| has_name) {
            Some(Ok(arn)) => Ok(arn.actual),
            Some(Err(open)) => {
                Err(Gap { path: spot.path.clone(), why: open.why, at: spot.node.at.clone(), is_wrong: open.is_wrong })
            }
            None => Err(spot.gap(format!("refers to `{}`, which does not stand in the file", escaped(id)))),
        }
    }

    /// Finds the resource of a sort that a value refers to: by `Ref` or `GetAtt`, by name, or by ARN.
    pub(super) fn meant(&self, spot: &Spot<'_>, sorts: &[Sort]) -> Result<Option<&'r Resource<'a>>, Gap> {
        let fits = |resource: &&Resource<'_>| sorts.contains(&resource.sort);
        if let Some(of) = spot.node.of.as_deref().and_then(|id| self.evaluator.resources.get(id)).filter(fits) {
            spot.node.is_read.set(true);
            return Ok(Some(of));
        }
        let text = spot.text()?;
        Ok(self.evaluator.resources.values().filter(fits).find(|resource| {
            let is_named = matches!(self.evaluator.given_name(resource.id), Some(Ok(name)) if name == text);
            is_named || matches!(self.evaluator.arn(resource.id), Some(Ok(arn)) if arn.actual == text)
        }))
    }

    /// Returns how the file refers to a role.
    pub(super) fn role(&self, spot: &Spot<'_>) -> Result<String, Gap> {
        match self.meant(spot, &[Sort::Role])? {
            Some(role) => self.refer(role.id, spot),
            None => spot.text(),
        }
    }

    /// Returns how the file refers to a vault. A vault that the template does not make is named by ARN.
    pub(super) fn vault(&self, spot: &Spot<'_>) -> Result<String, Gap> {
        if let Some(vault) = self.meant(spot, &[Sort::Vault])? {
            return self.refer(vault.id, spot);
        }
        let text = spot.text()?;
        let is_name = !text.contains(':');
        Ok(if is_name { self.evaluator.scope.arn("backup", &format!("backup-vault:{text}")) } else { text })
    }

    /// Returns the blocks of all entries.
    pub(super) fn blocks(&mut self) -> Vec<Block> {
        let mut blocks = super::iam::blocks(self);
        blocks.extend(super::package::blocks(self));
        blocks.extend(super::backup::blocks(self));
        blocks.extend(super::restore::blocks(self));
        let order = [
            KindId::Policy,
            KindId::Role,
            KindId::InstanceProfile,
            KindId::Package,
            KindId::Vault,
            KindId::Plan,
            KindId::Selection,
            KindId::RestoreTest,
        ];
        // Selections stand below their plan.
        let rank = |block: &Block| order.iter().position(|kind| *kind == block.kind).unwrap_or(order.len());
        let rank = |block: &Block| if block.kind == KindId::Selection { 5 } else { rank(block) };
        blocks.sort_by_key(|block| (rank(block), block.names.get(1).cloned(), block.names.len()));
        blocks
    }
}
