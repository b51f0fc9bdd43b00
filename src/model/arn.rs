//! TODO arn
