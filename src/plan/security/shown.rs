//! What the view shows: one line each, bounded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::Address;
use crate::policy::shift::Grant;

/// How many differences a plan carries.
const MOST: usize = 400;
/// How many names of one sort a statement carries.
const NAMES: usize = 20;

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// What a role may do.
    Permissions,
    /// Who may assume a role.
    Trust,
    /// Who may do what with a vault.
    VaultPolicy,
    /// What instances may do, by the role that they act as.
    Instances,
}

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// More is allowed.
    Gain,
    /// Less is allowed.
    Loss,
    /// A document that decides could not be read, or is not known.
    Unknown,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecurityTurn")]
pub struct Turn {
    /// The resource that brings it.
    pub address: Address,
    /// Who may do more or less, or what of: an address, or a role that is not in the file.
    pub principal: String,
    /// What it is about.
    pub about: About,
    /// Which way it goes.
    pub sign: Sign,
    /// The difference in a sentence. It may hold text from AWS.
    pub words: String,
    /// What is allowed, or denied no more; none where no statement says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<Statement>,
    /// The instances that act as the role, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<String>,
    /// It is what the preset of the role attaches: no hazard.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preset: bool,
}

/// A statement of a policy, as far as it differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecurityStatement")]
pub struct Statement {
    /// `Allow` or `Deny`.
    pub effect: String,
    /// Who, in trusts and the policies of vaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<String>,
    /// Everyone but these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_principals: Vec<String>,
    /// Actions, with their wildcards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// All actions but these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_actions: Vec<String>,
    /// Resources, with their wildcards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// All resources but these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_resources: Vec<String>,
    /// Its conditions, as policies have them: by operator and key. All of them hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Map<String, Value>>,
    /// The actions among them of which nothing changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// How many names are left out of the lists above, which have at most twenty each.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Statement {
    fn of(grant: &Grant) -> Self {
        let mut left_out = 0;
        let mut few = |names: &[String]| -> Vec<String> {
            left_out += names.len().saturating_sub(NAMES);
            names.iter().take(NAMES).cloned().collect()
        };
        let lists = [
            &grant.principals,
            &grant.not_principals,
            &grant.actions,
            &grant.not_actions,
            &grant.resources,
            &grant.not_resources,
            &grant.except,
        ];
        let [principals, not_principals, actions, not_actions, resources, not_resources, except] =
            lists.map(|names| few(names));
        let conditions = grant.conditions.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
        let effect = if grant.denies { "Deny" } else { "Allow" }.to_owned();
        Self {
            effect,
            principals,
            not_principals,
            actions,
            not_actions,
            resources,
            not_resources,
            conditions,
            except,
            left_out,
        }
    }
}

impl Turn {
    pub(super) fn new(
        address: &Address,
        principal: String,
        about: About,
        sign: Sign,
        words: String,
        grant: Option<&Grant>,
    ) -> Self {
        let statement = grant.map(Statement::of);
        Self { address: address.clone(), principal, about, sign, words, statement, instances: None, preset: false }
    }
}

/// The view.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// The differences, by principal: first what is gained.
    pub turns: Vec<Turn>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

impl Security {
    pub(super) fn of(turns: impl Iterator<Item = Turn>) -> Self {
        let mut turns: Vec<Turn> = turns.collect();
        let left_out = turns.len().saturating_sub(MOST);
        turns.truncate(MOST);
        Self { turns, left_out }
    }

    /// Tells whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}
