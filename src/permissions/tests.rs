//! The printed documents by themselves.
