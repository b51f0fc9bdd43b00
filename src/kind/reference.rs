//! What a resource names that must exist before it can be made: roles, policies, instance profiles, vaults and keys.

use crate::model::KindId;

/// The sort of an object that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// An IAM role.
    Role,
    /// A customer managed policy.
    Policy,
    /// An instance profile.
    InstanceProfile,
    /// A backup vault.
    Vault,
    /// A KMS key.
    Key,
}

impl Sort {
    /// Returns the kind that a file can have entries of, where there is one.
    pub fn kind(self) -> Option<KindId> {
        match self {
            Self::Role => Some(KindId::Role),
            Self::Policy => Some(KindId::Policy),
            Self::InstanceProfile => Some(KindId::InstanceProfile),
            Self::Vault => Some(KindId::Vault),
            Self::Key => None,
        }
    }
}

/// An object that an entry names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What it is.
    pub sort: Sort,
    /// Its ARN, or its name where the field takes no ARN.
    pub id: String,
    /// The field that names it, as the file has it, such as `rule.nightly.vault`.
    pub field: String,
    /// The path of the differences that come with it: the field, unless the plan shows something else in its place.
    pub path: String,
}

impl Reference {
    /// Makes the reference of a field that a plan shows as the file has it; none where the field is empty.
    pub fn new(sort: Sort, field: impl Into<String>, id: &str) -> Option<Self> {
        let field = field.into();
        (!id.is_empty()).then(|| Self { sort, id: id.to_owned(), path: field.clone(), field })
    }

    /// Tells whether a difference at this path is one of the field, or one that the field is in.
    pub fn is_at(&self, path: &str) -> bool {
        let holds = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        holds(&self.path, path) || holds(path, &self.path)
    }

    /// Returns the object's name: the end of its ARN, or the name that the field has.
    pub fn name(&self) -> &str {
        name_of(&self.id)
    }
}

/// Returns the name at the end of an ARN; a name is its own.
pub fn name_of(id: &str) -> &str {
    id.rsplit(['/', ':']).next().filter(|_| id.starts_with("arn:")).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_of_a_field_that_it_holds_or_stands_in() {
        let vault = Reference::new(Sort::Vault, "rule.nightly.vault", "far").expect("a reference");
        for path in ["rule.nightly.vault", "rule.nightly", "rule", "rule.nightly.vault.x"] {
            assert!(vault.is_at(path), "{path}");
        }
        for path in ["rule.nightly.vaults", "rule.night", "rule.weekly.vault", "tags.a"] {
            assert!(!vault.is_at(path), "{path}");
        }
        assert_eq!(Reference::new(Sort::Vault, "rule.nightly.vault", ""), None);
    }

    #[test]
    fn an_object_has_the_name_at_the_end_of_its_arn() {
        assert_eq!(name_of("arn:aws:iam::123456789012:role/service-role/a"), "a");
        assert_eq!(name_of("arn:aws:backup:us-east-1:123456789012:backup-vault:v"), "v");
        assert_eq!(name_of("aws/efs/automatic-backup-vault"), "aws/efs/automatic-backup-vault");
    }
}
