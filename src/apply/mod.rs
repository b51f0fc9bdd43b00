//! TODO apply
