//! AWS managed policies.
