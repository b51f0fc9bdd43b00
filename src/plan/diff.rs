//! TODO diff
