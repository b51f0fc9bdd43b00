//! IAM policy documents: reading, one canonical form, equality, what differs, and what they allow.
//!
//! Where AWS treats two spellings the same, there is no difference here, and otherwise there is one. The rules, each
//! with its source:
//!
//! - `Statement` is one object or a list; `Action`, `Resource`, principals and condition values are one string or a
//!   list. IAM User Guide, "Grammar of the IAM JSON policy language".
//! - The order and repetition of statements and of values have no meaning: values are alternatives, and all statements
//!   are evaluated. The same grammar, and "Policy evaluation logic".
//! - Action names ignore case. "IAM JSON policy elements: Action": prefix and action name are case-insensitive.
//! - Condition operators ignore case. No AWS page says so; they are a closed list, and the canonical form spells them
//!   as the guide does.
//! - Condition key names ignore case, the tag key after `/` included; values do not. "IAM JSON policy elements:
//!   Condition": "condition key names are not case-sensitive"; service guides say the same of tag keys.
//! - Numbers and Booleans in conditions equal their strings. The grammar: quotation marks are optional for them.
//! - What an operator compares is a value and no text: `"True"` is `true`, `192.0.2.1/32` is `192.0.2.1`, `5.0` is `5`,
//!   and a date is the same in every time zone. "Condition operators". `ArnEquals` is `ArnLike` by the same page.
//! - `123456789012` equals `arn:aws:iam::123456789012:root` in `Principal.AWS`. "AWS JSON policy elements: Principal":
//!   "the service might convert it to the principal ARN".
//! - `"*"` and `{"AWS": "*"}` are the same principal in the policy of a resource (`of_resource`), and **not** in a
//!   role's trust policy. They match the same anonymous users, but a trust policy distinguishes them
//!   (hashicorp/terraform-provider-aws, `aws_iam_policy_document`); calling them equal would hide a change of trust.
//! - No `Version` equals `2008-10-17`. "IAM JSON policy elements: Version".
//! - `Sid` and `Id` decide nothing. "IAM JSON policy elements: Sid" and "Id": identifiers for whoever writes the
//!   policy. Some services use them as keys; none of those whose policies are compared here does. Two statements that
//!   differ in their `Sid` alone are one. What is written keeps them as the file has them, and where something else
//!   differs, a difference names them too, because they are written with it.
//! - An empty `Condition`, or an operator without keys, equals none, because it constrains nothing.
//! - `Action` and `NotAction` (and so on) are never the same; `Effect` and resources keep their case. The grammar.
//!
//! The canonical form does not expand wildcards: `s3:*` beside `s3:GetObject` stays. `Policies` evaluates them.

pub(crate) mod actions;
mod canonical;
mod condition;
pub mod context;
mod diff;
mod error;
mod evaluate;
#[cfg(test)]
mod evaluate_tests;
pub mod keys;
pub mod lint;
mod locate;
pub(crate) mod managed;
mod pattern;
pub(crate) mod permits;
#[cfg(test)]
mod properties;
mod read;
pub mod shift;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod trust;
mod values;
mod widen;

pub use canonical::{ELEMENTS, OPERATORS, canonical, equal, is_operator, of_resource, parse};
pub use context::Caller;
pub use diff::{Difference, Sign, align, diff};
pub use error::{PolicyError, PolicyErrorKind, Position};
pub use evaluate::{Decision, Judgement, Policies, Request};
pub use keys::Keys;
pub use locate::locate;
pub use permits::trust_policy;
pub use read::{LARGEST, read};
pub use text::{minified_len, to_text, url_decode};
pub use widen::widened;
