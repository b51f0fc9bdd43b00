//! EC2's query protocol: it sends form parameters and receives XML.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// The version of the API.
const VERSION: &str = "2016-11-15";
/// The characters that a form carries without an escape.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The deepest nesting that is read; EC2's answers are less deep.
const DEEPEST: usize = 64;

/// The parameters of a request, lists as `Name.1`, `Name.2`.
#[derive(Clone, Debug, Default)]
pub(in crate::aws) struct Parameters {
    pairs: Vec<(String, String)>,
    filters: usize,
}

impl Parameters {
    pub(in crate::aws) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.pairs.push((name.to_owned(), value.into()));
        self
    }

    pub(in crate::aws) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a filter: the answer has only what has one of the values.
    pub(in crate::aws) fn filter<'a>(mut self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.filters += 1;
        let filter = format!("Filter.{}", self.filters);
        self = self.with(&format!("{filter}.Name"), name);
        for (index, value) in values.into_iter().enumerate() {
            self = self.with(&format!("{filter}.Value.{}", index + 1), value);
        }
        self
    }

    /// Writes the body of a request.
    pub(super) fn form(&self, operation: &str) -> String {
        let mut form = format!("Action={operation}&Version={VERSION}");
        for (name, value) in &self.pairs {
            for (separator, text) in [('&', name), ('=', value)] {
                form.push(separator);
                form.extend(utf8_percent_encode(text, KEPT));
            }
        }
        form
    }
}

/// An element of an answer: its text, or the elements in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::aws) struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Reads a whole document. A document that is cut off or not well-formed is an error.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Element> = Vec::new();
        let mut root = None;
        loop {
            let event = reader.read_event().map_err(|error| format!("the answer is no XML: {error}"))?;
            let closed = match event {
                Event::Start(tag) => {
                    if open.len() >= DEEPEST {
                        return Err("the answer is nested deeper than any real one".to_owned());
                    }
                    open.push(Self { name: tag.local_name().as_ref().to_owned(), ..Self::default() });
                    None
                }
                Event::Empty(tag) => Some(Self { name: tag.local_name().as_ref().to_owned(), ..Self::default() }),
                Event::End(_) => open.pop(),
                Event::Text(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text.xml10_content());
                    }
                    None
                }
                Event::CData(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text.xml10_content());
                    }
                    None
                }
                Event::GeneralRef(entity) => {
                    let letter = entity.resolve_char_ref().map_err(|error| format!("the answer is no XML: {error}"))?;
                    let text =
                        letter.map(String::from).or_else(|| resolve_predefined_entity(&entity).map(str::to_owned));
                    let text = text.ok_or_else(|| "the answer is no XML: an unknown entity".to_owned())?;
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text);
                    }
                    None
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => None,
            };
            if let Some(element) = closed {
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
        }
        match root {
            Some(root) if open.is_empty() => Ok(root),
            Some(_) | None => Err("the answer is cut off".to_owned()),
        }
    }

    /// Finds a child by name.
    pub(in crate::aws) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Gives the text of a child, if it has any.
    pub(in crate::aws) fn text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
    }

    /// Gives the element's own text.
    pub(super) fn own_text(&self) -> &str {
        &self.text
    }

    /// Lists the `<item>`s of a child; there are none where the child is absent.
    pub(in crate::aws) fn items(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.child(name).into_iter().flat_map(|list| list.children.iter().filter(|item| item.name == "item"))
    }

    /// Reads an error: code, message and request id, as far as the answer has them.
    pub(super) fn error(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        let error = self.child("Errors").and_then(|errors| errors.child("Error"));
        let part = |name: &str| error.and_then(|error| error.text(name));
        (part("Code"), part("Message"), self.text("RequestID"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "<?xml version=\"1.0\"?>\n<DescribeTagsResponse xmlns=\"x\"><requestId>r</requestId>\
        <tagSet><item><key>a&amp;&#65;</key><value/></item><item><key>b</key></item></tagSet></DescribeTagsResponse>";

    #[test]
    fn lists_texts_and_references_are_read() {
        let root = Element::parse(ANSWER.as_bytes()).unwrap();
        let keys: Vec<Option<&str>> = root.items("tagSet").map(|tag| tag.text("key")).collect();
        assert_eq!(keys, [Some("a&A"), Some("b")]);
        assert_eq!(root.items("tagSet").next().unwrap().text("value"), None);
        assert_eq!(root.items("other").count(), 0);
    }

    #[test]
    fn an_answer_cut_anywhere_is_an_error() {
        for end in 0..ANSWER.len() {
            assert!(Element::parse(&ANSWER.as_bytes()[..end]).is_err(), "{}", &ANSWER[..end]);
        }
    }

    #[test]
    fn parameters_are_encoded_and_filters_numbered() {
        let parameters =
            Parameters::default().filter("tag:a b", ["1+1", "ü"]).filter("x", ["y"]).with("MaxResults", "5");
        assert_eq!(
            parameters.form("DescribeInstances"),
            "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Aa%20b&Filter.1.Value.1=1%2B1\
             &Filter.1.Value.2=%C3%BC&Filter.2.Name=x&Filter.2.Value.1=y&MaxResults=5"
        );
    }

    #[test]
    fn an_error_is_read_as_ec2_writes_it() {
        let body = b"<Response><Errors><Error><Code>C</Code><Message>m</Message></Error></Errors>\
                     <RequestID>r</RequestID></Response>";
        assert_eq!(Element::parse(body).unwrap().error(), (Some("C"), Some("m"), Some("r")));
    }
}
