//! The conditions of a template: whether they hold, as far as the template itself decides.

use super::document::Node;
use super::evaluate::{DEEPEST, Evaluator, TOO_DEEP, function};
use super::solved::{Content, Open};
use crate::model::safe::escaped;

impl Evaluator<'_> {
    /// Notes that a condition or a name is being worked out; says why it can't be.
    pub(super) fn ask(&self, asked: &str) -> Result<(), &'static str> {
        let mut asking = self.asking.borrow_mut();
        if asking.contains(asked) {
            return Err("needs itself");
        }
        asking.insert(asked.to_owned());
        Ok(())
    }

    /// Tells whether a condition of the template holds.
    pub(super) fn holds(&self, name: &str, at: &Node) -> Result<bool, Open> {
        if let Some(known) = self.decided.borrow().get(name) {
            return known.clone();
        }
        let Some(node) = self.conditions.get(name) else {
            return Err(Open::wrong(&format!("there is no condition `{}`", escaped(name)), at));
        };
        let asked = format!("condition {name}");
        if let Err(why) = self.ask(&asked) {
            return Err(Open::wrong(&format!("the condition `{}` {why}", escaped(name)), at));
        }
        let decided = self.decide(node).map_err(|open| Open {
            why: format!("the condition `{}` is not decided: {}", escaped(name), open.why),
            ..open
        });
        self.asking.borrow_mut().remove(&asked);
        self.decided.borrow_mut().insert(name.to_owned(), decided.clone());
        decided
    }

    fn decide(&self, node: &Node) -> Result<bool, Open> {
        if self.depth.get() >= DEEPEST {
            return Err(Open::wrong(TOO_DEEP, node));
        }
        self.depth.set(self.depth.get() + 1);
        let decided = self.decide_one(node);
        self.depth.set(self.depth.get() - 1);
        decided
    }

    fn decide_one(&self, node: &Node) -> Result<bool, Open> {
        // A condition that names another one: `!Condition X` or `{ Condition: X }`.
        let named = match (node.tag.as_deref(), node.entries()) {
            (Some("Condition"), _) => node.text(),
            (None, [(key, name)]) if key.text == "Condition" => name.text(),
            _ => None,
        };
        if let Some(name) = named {
            return self.holds(name, node);
        }
        let Some((name, argument)) = function(node) else {
            return Err(Open::wrong("a condition is a function", node));
        };
        let untagged = node.untagged();
        let operands = argument.unwrap_or(&untagged).items();
        match (name, operands) {
            ("Equals", [left, right]) => Ok(self.compared(left)? == self.compared(right)?),
            ("Not", [one]) => self.decide(one).map(|holds| !holds),
            ("And" | "Or", [_, _, ..]) => {
                let is_or = name == "Or";
                let decided: Vec<_> = operands.iter().map(|operand| self.decide(operand)).collect();
                // One that holds decides `Or`, whatever the others are; one that does not decides `And`.
                if decided.iter().any(|one| matches!(one, Ok(holds) if *holds == is_or)) {
                    return Ok(is_or);
                }
                decided.into_iter().find(Result::is_err).unwrap_or(Ok(!is_or))
            }
            _ => Err(Open::wrong(&format!("`{}` decides no condition here", escaped(name)), node)),
        }
    }

    /// Works out what `Equals` compares: texts; of a list, those of its items.
    fn compared(&self, node: &Node) -> Result<Vec<String>, Open> {
        match self.solve(node).content.closed()? {
            Content::List(items) => items.into_iter().map(|item| Ok(item.into_text()?.compared())).collect(),
            Content::Text(text) => Ok(vec![text.compared()]),
            Content::Nothing | Content::Map(_) | Content::Open(_) => Err(Open::wrong("`Equals` compares texts", node)),
        }
    }
}
