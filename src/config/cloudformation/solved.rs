//! A value of the template whose functions are worked out. Each remembers whether it was read: what nobody read is
//! reported at the end.

use std::cell::Cell;
use std::ops::Range;

use super::document::{Key, Node};

/// A value that the template does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// Why, such as `the parameter ... has no default`.
    pub(super) why: String,
    pub(super) at: Range<usize>,
    /// Whether CloudFormation itself would refuse it.
    pub(super) is_wrong: bool,
}

impl Open {
    pub(super) fn new(why: String, node: &Node) -> Self {
        Self { why, at: node.at.clone(), is_wrong: false }
    }

    pub(super) fn wrong(why: &str, node: &Node) -> Self {
        Self { why: why.to_owned(), at: node.at.clone(), is_wrong: true }
    }
}

/// A text, twice: as it is in this account and region, and as a policy document of the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) actual: String,
    /// With `${account_id}`, `${region}` and `${partition}`, which the file expands in documents.
    pub(super) documented: String,
    /// Whether it stands without quotes, so that YAML may take it for a number or a truth value.
    pub(super) is_plain: bool,
}

impl Text {
    pub(super) fn new(text: &str, is_plain: bool) -> Self {
        Self { actual: text.to_owned(), documented: text.to_owned(), is_plain }
    }

    pub(super) fn push(&mut self, other: &Self) {
        self.actual.push_str(&other.actual);
        self.documented.push_str(&other.documented);
        self.is_plain = false;
    }

    /// Returns the text as CloudFormation makes a string of it: `True` without quotes is `true`.
    pub(super) fn compared(&self) -> String {
        if self.is_plain && ["true", "false"].iter().any(|truth| self.actual.eq_ignore_ascii_case(truth)) {
            self.actual.to_ascii_lowercase()
        } else {
            self.actual.clone()
        }
    }

    /// Returns the truth value that it stands for: without quotes those of YAML 1.1, in quotes those that
    /// CloudFormation converts.
    pub(super) fn flag(&self) -> Option<bool> {
        let is = |words: &[&str]| words.iter().any(|word| self.actual.eq_ignore_ascii_case(word));
        if is(&["true"]) || self.is_plain && is(&["yes", "on"]) {
            Some(true)
        } else if is(&["false"]) || self.is_plain && is(&["no", "off"]) {
            Some(false)
        } else {
            None
        }
    }

    /// Returns what YAML 1.1 makes of a text without quotes, where that is written in another way: `yes` is true, `010`
    /// is 8, `1.50` is 1.5.
    pub(super) fn misread(&self) -> Option<String> {
        if !self.is_plain || self.actual.is_empty() {
            return None;
        }
        if let Some(flag) = self.flag() {
            return Some(flag.to_string()).filter(|read| !read.eq_ignore_ascii_case(&self.actual));
        }
        let begins = |byte: u8| byte.is_ascii_digit();
        if !self.actual.bytes().next().is_some_and(begins) {
            return None;
        }
        let is_decimal = self.actual.bytes().all(|byte| byte.is_ascii_digit());
        let is_octal = self.actual.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        // A zero in front of an 8 or a 9 makes no number of YAML 1.1, and a long number is one as it is written.
        if is_decimal && !(is_octal && self.actual.len() > 1 && self.actual.starts_with('0')) {
            return None;
        }
        if is_octal {
            return u64::from_str_radix(&self.actual, 8).ok().map(|number| number.to_string());
        }
        if let Some(number) = self.number() {
            return Some(number.to_string()).filter(|read| *read != self.actual);
        }
        let parts: Vec<&str> = self.actual.split('.').collect();
        let is_float = parts.len() == 2 && parts.iter().all(|part| part.bytes().all(begins));
        let read = is_float.then(|| self.actual.parse::<f64>().ok()).flatten()?.to_string();
        (read != self.actual).then_some(read)
    }

    /// Returns the whole number that it stands for. Without quotes it is read as YAML 1.1 reads it: `010` is 8, `0x1f`
    /// is 31, `1_000` is 1000 and `1:30` is 90. In quotes it is decimal.
    pub(super) fn number(&self) -> Option<u32> {
        let text = self.actual.trim();
        let decimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        if !self.is_plain {
            return decimal(text);
        }
        let plain = text.replace('_', "");
        let in_base = |digits: &str, base| u32::from_str_radix(digits, base).ok().filter(|_| !digits.starts_with('+'));
        if let Some(digits) = plain.strip_prefix("0x") {
            in_base(digits, 16)
        } else if let Some(digits) = plain.strip_prefix("0b") {
            in_base(digits, 2)
        } else if plain.len() > 1 && plain.starts_with('0') && plain.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
            in_base(&plain, 8)
        } else if plain.contains(':') {
            plain.split(':').try_fold(0_u32, |sum, part| sum.checked_mul(60)?.checked_add(decimal(part)?))
        } else {
            decimal(&plain)
        }
    }
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// `AWS::NoValue`: as if the property were not there.
    Nothing,
    Text(Text),
    List(Vec<Solved>),
    Map(Vec<(Key, Solved)>),
    Open(Open),
}

impl Content {
    /// Returns the content, or why it is open.
    pub(super) fn closed(self) -> Result<Self, Open> {
        match self {
            Self::Open(open) => Err(open),
            closed => Ok(closed),
        }
    }
}

/// A branch of `Fn::If` that was not taken.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) condition: String,
    pub(super) holds: bool,
    pub(super) at: Range<usize>,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Solved {
    pub(super) content: Content,
    pub(super) at: Range<usize>,
    /// The resource of the template that it refers to, with `Ref` or `GetAtt`.
    pub(super) of: Option<String>,
    /// The branches that were not taken on the way to it.
    pub(super) choices: Vec<Choice>,
    pub(super) is_read: Cell<bool>,
    /// Whether it was taken as a text, as it is written.
    pub(super) is_text: Cell<bool>,
}

impl Solved {
    pub(super) fn new(content: Content, node: &Node) -> Self {
        Self {
            content,
            at: node.at.clone(),
            of: None,
            choices: Vec::new(),
            is_read: Cell::new(false),
            is_text: Cell::new(false),
        }
    }

    /// Returns the text that it is.
    pub(super) fn into_text(self) -> Result<Text, Open> {
        let wrong = |why: &str| Open { why: why.to_owned(), at: self.at.clone(), is_wrong: true };
        match self.content {
            Content::Text(text) => Ok(text),
            Content::Open(open) => Err(open),
            Content::Nothing => Err(wrong("`AWS::NoValue` stands where a text belongs")),
            Content::List(_) => Err(wrong("a list stands where a text belongs")),
            Content::Map(_) => Err(wrong("a map stands where a text belongs")),
        }
    }
}
