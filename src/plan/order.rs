//! TODO order
