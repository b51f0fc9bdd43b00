//! The fields of a kind: their names, how each is compared, and what the reference says of them.

use serde_json::{Map, Value};

/// A normal form: the fields of one resource by name.
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
    /// AWS has no call that changes it: a difference replaces the resource.
    pub replaces: bool,
    /// One sentence for the reference, with units and the source of a rule.
    pub doc: &'static str,
}

impl Field {
    /// Makes a field that can be changed in place.
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, replaces: false, doc }
    }

    /// Makes a field whose change replaces the resource.
    pub const fn fixed(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, replaces: true, doc }
    }
}
