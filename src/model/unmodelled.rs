//! Members of an object of AWS that this version of vssctl has no name for. AWS adds some from time to time; a call
//! that replaces the whole object would wipe them, so that it sends them again.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A step on the way to an object within another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    /// The member of this name.
    Member(String),
    /// The item of a list that has these known members. Lists are sets: an item has no place of its own.
    Item(Value),
}

/// The unknown members of one object and of what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unmodelled(Vec<Extra>);

/// The unknown members of one object, and the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Extra {
    at: Vec<Step>,
    members: Map<String, Value>,
}

impl Unmodelled {
    /// Finds what is in an object as AWS sent it (`heard`), and not in the same object as vssctl understood it
    /// (`known`). Members without content, and `answered` ones, which no request has, don't count.
    pub fn between(heard: &Value, known: &Value, answered: &[&str]) -> Self {
        let mut found = Self::default();
        found.compare(heard, known, answered, &mut Vec::new());
        found
    }

    fn compare(&mut self, heard: &Value, known: &Value, answered: &[&str], at: &mut Vec<Step>) {
        match (heard, known) {
            (Value::Object(heard), Value::Object(known)) => {
                let mut members = Map::new();
                for (name, value) in heard.iter().filter(|(name, _)| !answered.contains(&name.as_str())) {
                    match known.get(name).filter(|value| !value.is_null()) {
                        Some(known) => {
                            at.push(Step::Member(name.clone()));
                            self.compare(value, known, answered, at);
                            at.pop();
                        }
                        None if is_empty(value) => {}
                        None => {
                            members.insert(name.clone(), value.clone());
                        }
                    }
                }
                if !members.is_empty() {
                    self.0.push(Extra { at: at.clone(), members });
                }
            }
            (Value::Array(heard), Value::Array(known)) => {
                let pairs =
                    heard.iter().filter_map(|item| Some((item, known.iter().find(|known| is_like(item, known))?)));
                for (heard, known) in pairs {
                    at.push(Step::Item(known.clone()));
                    self.compare(heard, known, answered, at);
                    at.pop();
                }
            }
            _ => {}
        }
    }

    /// Tells whether there is nothing unknown.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the unknown members into the object that takes the place of the one that has them. Returns the names of
    /// those that have no place in it, because what they belonged to is changed.
    pub fn put_into(&self, object: &mut Value) -> Vec<String> {
        let lost = self.0.iter().filter_map(|extra| {
            let mut place = Some(&mut *object);
            for step in &extra.at {
                place = match (step, place) {
                    (Step::Member(name), Some(Value::Object(members))) => members.get_mut(name),
                    (Step::Item(known), Some(Value::Array(items))) => {
                        items.iter_mut().find(|item| is_like(item, known))
                    }
                    _ => None,
                };
            }
            match place {
                Some(Value::Object(place)) => {
                    for (name, value) in &extra.members {
                        place.entry(name.as_str()).or_insert_with(|| value.clone());
                    }
                    None
                }
                _ => Some(extra.members.keys().cloned()),
            }
        });
        let mut lost: Vec<String> = lost.flatten().collect();
        lost.sort();
        lost.dedup();
        lost
    }

    /// The names of the unknown members, each once.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.iter().flat_map(|extra| extra.members.keys().cloned()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Tells whether an item is the one that has these members; it may have unknown ones as well.
fn is_like(item: &Value, known: &Value) -> bool {
    match (item, known) {
        (Value::Object(item), Value::Object(known)) => {
            let null = Value::Null;
            let same = |(name, value): (&String, &Value)| is_like(item.get(name).unwrap_or(&null), value);
            known.iter().all(same)
        }
        (Value::Array(items), Value::Array(known)) => {
            items.len() == known.len() && items.iter().zip(known).all(|(item, known)| is_like(item, known))
        }
        (item, known) => item == known || is_empty(item) && is_empty(known),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Adds to a request what an object in it is to have and lacks: the types that it was built from have no name for that.
/// Lists are those that it was built from, item by item.
pub fn complete(request: &mut Value, whole: &Value) {
    match (request, whole) {
        (Value::Object(request), Value::Object(whole)) => {
            for (name, value) in whole.iter().filter(|(_, value)| !value.is_null()) {
                match request.get_mut(name) {
                    Some(member) => complete(member, value),
                    None => {
                        request.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(request), Value::Array(whole)) if request.len() == whole.len() => {
            for (item, whole) in request.iter_mut().zip(whole) {
                complete(item, whole);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_heard_and_not_known_goes_into_the_object_that_comes_next() {
        let heard = json!({
            "Name": "a", "Id": "1", "New": { "Mode": "x" }, "None": null, "Empty": [],
            "Rules": [{ "Name": "r", "Days": 1, "Newer": 2 }, { "Name": "s" }], "Tags": [{ "Key": "k", "Odd": true }],
        });
        let known = json!({
            "Name": "a", "Rules": [{ "Name": "r", "Days": 1 }, { "Name": "s" }], "Tags": [{ "Key": "k" }],
        });
        let found = Unmodelled::between(&heard, &known, &["Id"]);
        assert_eq!(found.names(), ["New", "Newer", "Odd"]);
        let mut next = json!({ "Name": "b", "Rules": [{ "Name": "s" }, { "Name": "r", "Days": 1 }], "Tags": [] });
        assert_eq!(found.put_into(&mut next), ["Odd"]);
        let wanted = json!({
            "Name": "b", "New": { "Mode": "x" },
            "Rules": [{ "Name": "s" }, { "Name": "r", "Days": 1, "Newer": 2 }], "Tags": [],
        });
        assert_eq!(next, wanted);
        assert!(Unmodelled::between(&known, &known, &[]).is_empty());
    }

    #[test]
    fn a_request_is_completed_where_its_types_have_no_name_for_a_member() {
        let mut request = json!({ "Plan": { "Name": "a", "Rules": [{ "Name": "r" }] }, "Token": "t" });
        let whole =
            json!({ "Plan": { "Name": "other", "Rules": [{ "Name": "r", "Newer": 2 }], "New": 1, "No": null } });
        complete(&mut request, &whole);
        let wanted = json!({ "Plan": { "Name": "a", "Rules": [{ "Name": "r", "Newer": 2 }], "New": 1 }, "Token": "t" });
        assert_eq!(request, wanted);
    }
}
