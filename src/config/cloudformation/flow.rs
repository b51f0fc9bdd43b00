//! Flow collections as libyaml reads them. CloudFormation, `PyYAML` and the AWS CLI read YAML by libyaml's rules, under
//! which indentation has no meaning between brackets: a closing brace may stand at the indentation of its key. The
//! parser here holds to YAML 1.2, which asks for more. So a text that it refuses is read once more with its flow
//! collections on one line each; every byte keeps its place.

/// What the scanner is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Plain,
    Quoted(u8),
    Comment,
    /// The text after `|` or `>`, which goes on as long as lines are indented deeper than this.
    Block(usize),
}

/// Returns the text with a blank in place of each line break that stands next to a bracket, a comma or a colon of a
/// flow collection, and in place of each character of a comment between brackets. It is as long as it was.
pub(super) fn on_one_line(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut scanner = Scanner { within: Within::Plain, depth: 0, begins: true, blanks: Vec::new() };
    let mut at = 0;
    while at < bytes.len() {
        at = scanner.step(&bytes, at);
    }
    for blank in scanner.blanks {
        bytes[blank] = b' ';
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

struct Scanner {
    within: Within,
    /// How many brackets are open.
    depth: usize,
    /// Whether a value may begin here.
    begins: bool,
    /// The bytes that become blanks.
    blanks: Vec<usize>,
}

impl Scanner {
    /// Reads one byte, or the blanks after a line break; returns where the next one is.
    fn step(&mut self, bytes: &[u8], at: usize) -> usize {
        let byte = bytes[at];
        match self.within {
            Within::Quoted(b'"') if byte == b'\\' => return at + 2,
            Within::Quoted(quote) => {
                if byte == quote {
                    self.within = Within::Plain;
                    self.begins = false;
                }
            }
            Within::Comment if byte != b'\n' => {
                if self.depth > 0 {
                    self.blanks.push(at);
                }
            }
            Within::Block(indent) => {
                if byte == b'\n' && ends_block(&bytes[at + 1..], indent) {
                    self.within = Within::Plain;
                    self.begins = true;
                }
            }
            Within::Plain | Within::Comment => self.plain(bytes, at),
        }
        at + 1
    }

    fn plain(&mut self, bytes: &[u8], at: usize) {
        let byte = bytes[at];
        let before = at.checked_sub(1).map_or(b'\n', |before| bytes[before]);
        let after = bytes.get(at + 1).copied().unwrap_or(b'\n');
        let is_flow = self.depth > 0;
        match byte {
            b'\n' => {
                self.within = Within::Plain;
                if is_flow && joins(bytes, at) {
                    self.blanks.push(at);
                } else if !is_flow {
                    self.begins = true;
                }
            }
            b' ' | b'\t' | b'\r' => {}
            b'#' if before.is_ascii_whitespace() => {
                self.within = Within::Comment;
                if is_flow {
                    self.blanks.push(at);
                }
            }
            b'"' | b'\'' if self.begins => self.within = Within::Quoted(byte),
            b'{' | b'[' if self.begins || is_flow => {
                self.depth += 1;
                self.begins = true;
            }
            b'}' | b']' if is_flow => {
                self.depth -= 1;
                self.begins = false;
            }
            b',' if is_flow => self.begins = true,
            b':' if after.is_ascii_whitespace() || (is_flow && before == b'"') => self.begins = true,
            b'-' | b'?' if self.begins && after.is_ascii_whitespace() => {}
            b'|' | b'>' if self.begins && !is_flow => self.within = Within::Block(indent_of(bytes, at)),
            // A tag such as `!Sub` stands before a value.
            b'!' if self.begins => {}
            _ => self.begins = self.begins && is_in_tag(bytes, at),
        }
    }
}

/// Tells whether a line break stands next to a character that divides values.
fn joins(bytes: &[u8], at: usize) -> bool {
    let divides = |byte: Option<&u8>| byte.is_none_or(|byte| b"{}[],:#".contains(byte));
    let is_blank = |byte: &&u8| !byte.is_ascii_whitespace();
    divides(bytes[..at].iter().rev().find(is_blank)) || divides(bytes[at..].iter().find(is_blank))
}

/// Tells whether a byte belongs to a tag: nothing but the tag's name stands between it and its `!`.
fn is_in_tag(bytes: &[u8], at: usize) -> bool {
    let word = bytes[..at].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b':');
    let length = word.count();
    let is_letter = bytes[at].is_ascii_alphanumeric() || bytes[at] == b':';
    is_letter && at > length && bytes[at - length - 1] == b'!'
}

/// Returns how far the line of a byte is indented.
fn indent_of(bytes: &[u8], at: usize) -> usize {
    let begin = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    bytes[begin..at].iter().take_while(|byte| **byte == b' ').count()
}

/// Tells whether the next line that is not empty is indented no deeper.
fn ends_block(rest: &[u8], indent: usize) -> bool {
    let line = rest.split(|byte| *byte == b'\n').find(|line| !line.iter().all(u8::is_ascii_whitespace));
    let next = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_empty = next.iter().all(u8::is_ascii_whitespace);
    !is_empty && line.is_some_and(|line| line.iter().take_while(|byte| **byte == b' ').count() <= indent)
}
