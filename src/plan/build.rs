//! TODO build
