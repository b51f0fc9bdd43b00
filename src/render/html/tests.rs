//! Pages as XML: hostile text stays text, and numbers agree.
