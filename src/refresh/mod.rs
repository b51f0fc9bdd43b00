//! TODO refresh
