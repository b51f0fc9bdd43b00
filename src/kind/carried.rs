//! What was read of a resource beside its fields: what an update has to carry along, and what a deletion or a hazard
//! must know. Each kind has a type of its own for it; whoever asks names that type, so that a misspelt member does not
//! compile.

use std::any::{Any, type_name};
use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

/// What a kind's type can do behind [`Carried`].
trait Carry: Any + Debug + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn to_json(&self) -> Value;
}

impl<T: Serialize + Any + Debug + Send + Sync> Carry for T {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("what is carried has texts for keys")
    }
}

/// What was read of a resource beside its fields, in its kind's own type.
#[derive(Clone, Debug, Default)]
pub struct Carried(Option<Arc<dyn Carry>>);

impl Carried {
    /// Makes it of a kind's own type. What is skipped when that is written as JSON changes by itself: a saved plan does
    /// not hold it against anybody.
    pub fn new<T: Serialize + Any + Debug + Send + Sync>(carried: T) -> Self {
        Self(Some(Arc::new(carried)))
    }

    /// Returns what was read; `None` where nothing was. `T` is the type of the resource's kind: another one is a
    /// mistake in the program, and the tests end with it.
    pub fn get<T: Any>(&self) -> Option<&T> {
        let carried = self.0.as_deref()?;
        let found = carried.as_any().downcast_ref();
        debug_assert!(found.is_some(), "{carried:?} is no {}", type_name::<T>());
        found
    }

    /// Returns it as JSON; null where nothing was read.
    pub fn to_json(&self) -> Value {
        self.0.as_deref().map_or(Value::Null, Carry::to_json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize)]
    struct Own {
        kept: u8,
        #[serde(skip)]
        moving: u8,
    }

    #[test]
    fn what_changes_by_itself_is_known_and_not_written() {
        let carried = Carried::new(Own { kept: 1, moving: 2 });
        assert_eq!(carried.get::<Own>().map(|own| own.moving), Some(2));
        assert_eq!(carried.to_json(), serde_json::json!({ "kept": 1 }));
        assert!(Carried::default().get::<Own>().is_none());
        assert_eq!(Carried::default().to_json(), Value::Null);
    }

    #[test]
    #[should_panic(expected = "is no")]
    fn the_type_of_another_kind_is_a_mistake() {
        let _ = Carried::new(Own { kept: 1, moving: 2 }).get::<String>();
    }
}
