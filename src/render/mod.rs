//! Plans, reports and problems as text and JSON. Pure: renderers return text and never print.

pub mod safe;
pub mod text_diff;
