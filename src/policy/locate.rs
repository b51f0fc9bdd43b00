//! Finds the place of a value in the text of a document.

use std::ops::Range;

/// Finds the bytes of the value at a path such as `Statement[1].Action[0]` in JSON text. Where the path leads to no
/// value, it returns the bytes of the last value on the way. A single value without a list counts as the first of the
/// list. `None` if the text is not JSON.
pub fn locate(text: &str, path: &str) -> Option<Range<usize>> {
    let steps: Vec<&str> = path.split(['.', '[', ']']).filter(|step| !step.is_empty()).collect();
    let mut scanner = Scanner { text, at: 0, depth: 0 };
    scanner.space();
    scanner.find(&steps)
}

/// A nesting that is deeper than `read` accepts.
const DEEPEST: usize = 64;

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Scanner<'_> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.next().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Moves past the value at this place and returns the bytes of the wanted value in it.
    fn find(&mut self, steps: &[&str]) -> Option<Range<usize>> {
        let start = self.at;
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut wanted = None;
        match self.next()? {
            b'{' => self.members(steps, &mut wanted)?,
            b'[' => self.items(steps, &mut wanted)?,
            b'"' => self.string()?,
            _ => {
                while self.next().is_some_and(|byte| !byte.is_ascii_whitespace() && !b",]}".contains(&byte)) {
                    self.at += 1;
                }
                if self.at == start {
                    return None;
                }
            }
        }
        self.depth -= 1;
        if wanted.is_none() && steps.first() == Some(&"0") && self.text.as_bytes()[start] != b'[' {
            let end = self.at;
            self.at = start;
            wanted = self.find(&steps[1..]);
            self.at = end;
        }
        Some(wanted.unwrap_or(start..self.at))
    }

    fn members(&mut self, steps: &[&str], wanted: &mut Option<Range<usize>>) -> Option<()> {
        self.at += 1;
        loop {
            self.space();
            match self.next()? {
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                b',' => self.at += 1,
                b'"' => {
                    let start = self.at;
                    self.string()?;
                    let key: String = serde_json::from_str(&self.text[start..self.at]).ok()?;
                    self.space();
                    self.at += 1;
                    self.space();
                    match steps.split_first() {
                        Some((step, rest)) if *step == key => *wanted = self.find(rest),
                        _ => {
                            self.find(&[])?;
                        }
                    }
                }
                _ => return None,
            }
        }
    }

    fn items(&mut self, steps: &[&str], wanted: &mut Option<Range<usize>>) -> Option<()> {
        let mut index: usize = 0;
        self.at += 1;
        loop {
            self.space();
            match self.next()? {
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                b',' => self.at += 1,
                _ => {
                    match steps.split_first() {
                        Some((step, rest)) if step.parse() == Ok(index) => *wanted = self.find(rest),
                        _ => {
                            self.find(&[])?;
                        }
                    }
                    index += 1;
                }
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.next()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_leads_to_its_value_or_to_the_last_one_on_the_way() {
        let text = r#" {"Version": "x\"y", "Statement": [{"Action": "a"}, {"Action": ["b", "c d"], "n": 1}]}"#;
        let found = |path: &str| &text[locate(text, path).unwrap()];
        assert_eq!(found("Version"), r#""x\"y""#);
        assert_eq!(found("Statement[0].Action[0]"), r#""a""#);
        assert_eq!(found("Statement[1].Action[1]"), r#""c d""#);
        assert_eq!(found("Statement[1].n"), "1");
        assert_eq!(found("Statement[0].Effect"), r#"{"Action": "a"}"#);
        assert_eq!(found(""), text.trim());
        let single = r#"{"Statement": {"Action": "a"}}"#;
        assert_eq!(&single[locate(single, "Statement[0].Action").unwrap()], r#""a""#);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_lead_out(text in any::<String>(), json in r#"[\[\]{}":,a\\ 0]{0,20}"#) {
            for text in [text, json] {
                if let Some(range) = locate(&text, "a[0].a") {
                    prop_assert!(range.start <= range.end && range.end <= text.len());
                }
            }
        }
    }
}
