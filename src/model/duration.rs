//! TODO duration
