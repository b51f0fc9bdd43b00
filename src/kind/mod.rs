//! What a kind is: the trait that each folder of `kinds/` implements, the shapes that plan, apply and the renderers
//! understand, and the registry.
//!
//! A kind turns a file's entry and a live object into the same *normal form*, a JSON map of fields. Everything that
//! compares, orders, shows or saves works on normal forms and never asks which kind it holds.

mod carried;
pub mod diff;
pub(crate) mod form;
pub mod marks;
pub(crate) mod targets;
pub(crate) mod value;
pub mod values;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::aws::{AwsError, Reader, Writer};
use crate::model::{Action, PlannedCall};
use crate::model::{Address, Location, Scope};
use crate::model::{KindError, KindId};

pub use carried::Carried;

/// A normal form: the fields of one thing by name.
pub type Fields = Map<String, Value>;

/// How a field is compared, and shown when it differs.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One value: text, number or truth.
    Scalar,
    /// An IAM policy document in canonical form; compared whole, shown as a text diff.
    Document,
    /// A sorted array without repetitions; shown as elements added and removed.
    Set,
    /// Tags by key. Only keys that the file names, or that `vssctl:keys` says we wrote, are ours to compare.
    Tags,
    /// Values by name, all of them ours: a name that the file lacks is removed.
    Map(&'static Shape),
    /// Fields by name, of which only the declared ones are compared.
    Record(&'static [Field]),
    /// The hash of a value that nobody is shown; see [`model::hidden`](crate::model::hidden).
    Hidden,
}

/// One field of a kind: the field tables are the manual.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name in the file and in the normal form.
    pub name: &'static str,
    /// How it is compared.
    pub shape: Shape,
    /// AWS has no call that changes it: a difference replaces the thing.
    pub replaces: bool,
    /// One sentence for the reference, with units and the source of a rule.
    pub doc: &'static str,
}

impl Field {
    /// Makes a field that can be changed in place.
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, replaces: false, doc }
    }

    /// Makes a field whose change replaces the thing.
    pub const fn fixed(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, replaces: true, doc }
    }
}

/// One thing of the file, resolved: presets, defaults and references are in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Desired {
    /// Its address.
    pub address: Address,
    /// The AWS name.
    pub name: String,
    /// The declared fields in normal form; a declared empty value (`""`, `[]`, `{}`) means "none".
    pub fields: Fields,
    /// What steers vssctl and lives on no AWS object: `policies_mode`, `minimum_version`, `wait`.
    pub options: Fields,
    /// The things of the file that must exist before this one.
    pub references: Vec<Address>,
    /// `adopt = true`: take over a live thing of the same name that has no owner.
    pub adopt: bool,
    /// `protect = true`: never delete or replace it.
    pub protect: bool,
    /// `renamed_from`: the address that the live thing still carries in its owner tag.
    pub renamed_from: Option<Address>,
    /// Where the entry stands in the file.
    #[serde(skip)]
    pub location: Option<Location>,
}

impl Desired {
    /// Tells whether one of its fields, tags apart, holds the ARN of a live resource.
    pub fn has_arn_of(&self, live: &Live) -> bool {
        let mut fields = self.fields.iter().filter(|(name, _)| *name != "tags");
        live.ids.get("Arn").is_some_and(|arn| fields.any(|(_, value)| value::holds(value, arn)))
    }
}

/// Who a live thing belongs to, as its tags, name or creation token say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// This stack; the address as marked, where the mark says it.
    Ours(Option<Address>),
    /// Another stack of vssctl.
    Stack(String),
    /// A CloudFormation stack.
    CloudFormation(String),
    /// AWS itself or AWS Organizations: `aws/` vaults, `orgs/` plans.
    Aws,
    /// Nobody said.
    Nobody,
    /// The parent thing, which is ours or not; only for things that carry no mark of their own.
    Parent,
}

/// One live thing.
#[derive(Clone, Debug)]
pub struct Live {
    /// The AWS name.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// Identifiers by AWS's name for them: `Arn`, `RoleId`, `BackupPlanId`, `SelectionId`, `AssociationId`, ...
    pub ids: BTreeMap<String, String>,
    /// Every field in normal form, empty ones left out. `tags` holds all tags but `aws:` ones, marks included.
    pub fields: Fields,
    /// What an update has to carry along and the file format does not model, in the kind's own type.
    pub carried: Carried,
    /// What it refers to, as (kind, AWS name): it must let go before that can be deleted.
    pub refers: Vec<(KindId, String)>,
}

/// A live thing that holds another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// Its AWS name.
    pub name: String,
    /// One of its identifiers.
    pub id: String,
}

/// What a holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum HolderKind {
    /// Something of a kind that vssctl manages.
    Kind(KindId),
    /// An EC2 instance, which carries an instance profile.
    Instance,
    /// A user or a group of IAM, which has a policy.
    Principal,
}

impl HolderKind {
    /// Returns its name: the kind's, or what AWS calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.name(),
            Self::Instance => "EC2 instance",
            Self::Principal => "user or group",
        }
    }
}

impl From<HolderKind> for &'static str {
    fn from(kind: HolderKind) -> Self {
        kind.name()
    }
}

impl TryFrom<String> for HolderKind {
    type Error = KindError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let foreign = [Self::Instance, Self::Principal].into_iter().find(|kind| kind.name() == text);
        foreign.map_or_else(|| text.parse().map(Self::Kind), Ok)
    }
}

/// A role that a call hands to a service, which asks for `iam:PassRole`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedRole {
    /// The service, as in `backup.amazonaws.com`.
    pub service: &'static str,
    /// The role's ARN.
    pub arn: String,
}

/// What keeps an entry from being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What is in the way, in a sentence without its subject's address.
    pub message: String,
    /// The way out.
    pub help: String,
}

/// What reading one thing gave.
#[derive(Clone, Debug)]
pub enum Found {
    /// A complete answer says that there is none.
    Absent,
    /// There is one.
    Live(Box<Live>),
    /// It could not be read. Never the same as absent.
    Unknown {
        /// The IAM action to allow, or the operation that failed, such as `iam:GetAccountAuthorizationDetails`.
        action: String,
        /// What AWS or the wire said.
        message: String,
    },
    /// Several live things fit and no mark tells them apart.
    Ambiguous {
        /// Their ids.
        ids: Vec<String>,
    },
}

/// What one kind read.
#[derive(Debug, Default)]
pub struct KindLive {
    /// One entry for each desired thing of the kind.
    pub found: BTreeMap<Address, Found>,
    /// What the stack owns and the file no longer has.
    pub orphans: Vec<Live>,
    /// Second objects of one address (an interrupted replacement); they go once the address itself stands.
    pub surplus: Vec<(Address, Live)>,
    /// The number of the next attempt, for things whose attempts are counted.
    pub attempts: BTreeMap<Address, u32>,
    /// What could not be read, so that orphans may be missing from the list: never the same as none.
    pub unreadable: Vec<AwsError>,
}

/// How a package gets onto its instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rings {
    /// Groups of instances that are installed on before all others: each must have succeeded before the next is begun.
    pub first: Vec<Vec<String>>,
    /// Instances where it is as it should be already.
    pub right: BTreeSet<String>,
    /// The number of this attempt at the groups.
    pub attempt: u32,
}

/// One thing on its way from live to desired.
#[derive(Debug)]
pub struct Transition<'a> {
    /// Where it happens.
    pub scope: &'a Scope,
    /// What happens: `Create`, `Adopt`, `Update`, `Replace` or `Delete`.
    pub action: Action,
    /// The address; of an orphan, the one that its mark or name gives.
    pub address: &'a Address,
    /// What the file says; absent for `Delete`.
    pub desired: Option<&'a Desired>,
    /// What is there; absent for `Create`.
    pub live: Option<&'a Live>,
    /// The marks to write: `vssctl:stack`, `vssctl:id`, `vssctl:keys`, and `vssctl:region` on IAM's things.
    pub marks: &'a BTreeMap<String, String>,
    /// What is live at the other addresses of the file: a selection finds the id of its plan here.
    pub neighbours: &'a BTreeMap<Address, &'a Live>,
    /// The addresses that this plan replaces: whoever holds one of them lets go in `release` and takes hold of the new
    /// one in `ensure`.
    pub replaced: &'a BTreeSet<Address>,
    /// The number of this attempt, for things whose attempts are counted; else 0.
    pub attempt: u32,
    /// In which order instances get a package.
    pub rings: &'a Rings,
}

/// The calls of a transition, by phase. Within a phase they are made in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// The reads that must find the live object, and what a call puts into or onto it, as the plan saw them: whoever
    /// writes to a name looks again whose object has it. A replacement looks before the calls that take the old
    /// object away.
    pub looks: Vec<PlannedCall>,
    /// Lets go of what others need to replace; before any `ensure`.
    pub release: Vec<PlannedCall>,
    /// Makes it as the file says.
    pub ensure: Vec<PlannedCall>,
    /// Takes away what the new state no longer needs, once those who depend on it stand.
    pub remove: Vec<PlannedCall>,
}

/// What a look at the effect of a call gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// It is as the call asks; what of the call's answer later calls may need.
    Stands(Value),
    /// A complete answer says that the call was not made, or not yet.
    Absent,
    /// Something else stands in its place.
    Differs,
    /// Looking tells nothing about this call.
    Unclear,
}

/// One kind of thing that vssctl manages.
pub trait Kind: Sync + std::fmt::Debug {
    /// Which kind it is.
    fn id(&self) -> KindId;

    /// The name for people, such as `IAM role`.
    fn title(&self) -> &'static str;

    /// The fields, in the order in which they are shown.
    fn fields(&self) -> &'static [Field];

    /// Whether a replacement makes the new one before it deletes the old one.
    fn replaces_create_first(&self) -> bool {
        false
    }

    /// Returns the AWS name of an entry that gives none.
    fn default_name(&self, key: &str) -> String {
        key.to_owned()
    }

    /// Returns what its ARNs call it, where it is one of IAM's, whose ARNs have a path: `role`, `policy`,
    /// `instance-profile`.
    fn iam_resource(&self) -> Option<&'static str> {
        None
    }

    /// Whether AWS takes names that differ in case only for the same, as IAM does.
    fn ignores_case_of_names(&self) -> bool {
        false
    }

    /// What becomes of an unchanged thing when something of kind `replaced` that it refers to is replaced: an instance
    /// profile swaps its role (`Update`), a selection moves to the new plan (`Replace`).
    fn follows(&self, _replaced: KindId) -> Option<Action> {
        None
    }

    /// Why AWS would refuse to delete this live thing, such as a vault that holds recovery points.
    fn obstacle(&self, _live: &Live) -> Option<String> {
        None
    }

    /// Who holds this live thing, so that AWS deletes it only when they have let go. `all` is what every kind read.
    fn holders(&self, _live: &Live, _all: &[(KindId, KindLive)]) -> Vec<Holder> {
        Vec::new()
    }

    /// Whether `live`, on its way to `desired`, lets go of `held`, which is deleted or replaced.
    fn lets_go(&self, _desired: &Desired, _live: &Live, _held: &Live) -> bool {
        false
    }

    /// Tells whether an entry of this kind names a live resource of the kind `held`, which must stay then.
    fn names(&self, desired: &Desired, _held: KindId, live: &Live) -> bool {
        desired.has_arn_of(live)
    }

    /// Returns the roles that an entry hands to services. Those of instance profiles are named, and have no ARN here.
    fn passed_roles(&self, _desired: &Desired) -> Vec<PassedRole> {
        Vec::new()
    }

    /// Fills in what an entry means and only live says, such as the instances that have a tag.
    fn complete(&self, _desired: &mut Desired, _live: &Live) {}

    /// Tells whether anything of it is there: an attachment that no instance carries yet is to be added.
    fn is_made(&self, _live: &Live) -> bool {
        true
    }

    /// What keeps the entry from being done at all, whatever differs.
    fn conflict(&self, _desired: &Desired, _live: &Live) -> Option<Conflict> {
        None
    }

    /// Reads what is live for the entries of this kind, and what else the stack owns of it. `desired` is the whole file, as
    /// a selection needs its plan's entry. An answer that could not be read is `Found::Unknown`; this never fails as a
    /// whole.
    fn refresh<'a>(&'a self, reader: &'a Reader, desired: &'a [Desired]) -> BoxFuture<'a, KindLive>;

    /// Reads what only the deletion or replacement of live things of these names needs to know, such as the instances that
    /// carry a profile, or what a vault has that the file does not speak of. Tells whether it read anything.
    fn look_closer<'a>(
        &'a self,
        _reader: &'a Reader,
        _going: &'a BTreeMap<String, Action>,
        _all: &'a mut [(KindId, KindLive)],
    ) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(false))
    }

    /// Gives the calls of a transition. Pure. A `Delete` has its calls in `remove`; an `Adopt` writes marks only.
    fn calls(&self, transition: &Transition<'_>) -> Calls;

    /// Makes one planned call and returns what of its answer later calls may need, such as `BackupPlanId`.
    fn perform<'a>(&'a self, writer: &'a Writer, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>>;

    /// Reads whether what a call asks for is so: its answer was lost, or AWS says that it exists already. Needed for calls
    /// that must not be sent twice and for names that may be taken by an earlier try of ours.
    fn look<'a>(&'a self, _reader: &'a Reader, _call: &'a PlannedCall) -> BoxFuture<'a, Result<Look, AwsError>> {
        Box::pin(std::future::ready(Ok(Look::Unclear)))
    }
}
