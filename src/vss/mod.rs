//! TODO vss
