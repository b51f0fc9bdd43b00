//! TODO marks
