//! TODO policy
