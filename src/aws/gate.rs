//! The integrity gate: an answer that was cut short must not pass for a complete one, and an answer without a list must
//! not pass for an empty list.
//!
//! The SDK takes a truncated XML body for a finished answer in most places where it can be cut (a `ListRoles` body then
//! says that there are no more roles), so the gate looks at the ends of every successful answer before it is parsed.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::pages::List;

/// The largest answer that is accepted: real pages have a few megabytes at most.
pub(super) const LIMIT: usize = 8 << 20;

/// The verbs of operations whose answer may have no body at all in the protocols of AWS Backup.
const SILENT: &[&str] = &["Delete", "Put", "Tag", "Untag", "UpdateRegionSettings"];

/// Lists inside of answers, as JSON pointers. An update sends the whole plan again, so that a plan that was read
/// without its rules would lose them.
const WITHIN: &[(&str, &str)] = &[("GetBackupPlan", "/BackupPlan/Rules")];

/// Rejects answers that are not whole.
#[derive(Debug)]
pub(super) struct Gate;

#[dyn_dispatch_hint]
impl Intercept for Gate {
    fn name(&self) -> &'static str {
        "vssctl::gate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let header = |name: &str| response.headers().get(name);
        let answer = Answer {
            operation: config.load::<Metadata>().map_or("", |metadata| metadata.name()),
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            length: header("content-length").and_then(|length| length.parse().ok()),
            // `whole` reads bodies into memory; a body that it did not read can't be checked.
            body: response.body().bytes().ok_or("the answer is not in memory")?,
        };
        answer.check().map_err(Into::into)
    }
}

/// What is known of an answer before it is parsed.
#[derive(Clone, Copy, Debug)]
struct Answer<'a> {
    operation: &'a str,
    status: u16,
    content_type: &'a str,
    length: Option<usize>,
    body: &'a [u8],
}

impl Answer<'_> {
    fn check(self) -> Result<(), String> {
        let Self { operation, status, content_type, length, body } = self;
        if body.len() > LIMIT {
            return Err(format!("the answer has {} bytes, more than any real one", body.len()));
        }
        if let Some(length) = length.filter(|length| *length != body.len()) {
            return Err(format!("the answer has {} of {length} bytes", body.len()));
        }
        if !(200..300).contains(&status) {
            return Ok(());
        }
        if body.is_empty() {
            let is_silent = SILENT.iter().any(|verb| operation.starts_with(verb));
            return if is_silent && !content_type.contains("xml") {
                Ok(())
            } else {
                Err("the answer is empty".to_owned())
            };
        }
        let members = List::find(operation).map(|list| list.members).unwrap_or_default();
        if content_type.contains("xml") {
            return check_xml(operation, members, body);
        }
        if content_type.contains("cbor") {
            return check_cbor(members, body);
        }
        // Emulators use other content types for JSON. The first byte shows whether it is JSON, the last one whether it
        // is whole.
        if content_type.contains("json") || body.trim_ascii_start().starts_with(b"{") {
            check_json(members, body)?;
            return WITHIN
                .iter()
                .filter(|(within, _)| *within == operation)
                .try_for_each(|(_, list)| holds(list, body));
        }
        if content_type.contains("html") {
            return Err("the answer is a web page; something between us and AWS answered".to_owned());
        }
        Err(format!("the answer is `{content_type}`, which AWS does not speak"))
    }
}

const CUT: &str = "the answer is cut off";

/// The message about an answer without its list.
fn without(member: &str) -> String {
    format!("the answer has no `{member}`, which is not the same as an empty one")
}

/// Checks XML: the document element must be `<{Operation}Response>`, be closed at the very end, and hold the members.
fn check_xml(operation: &str, members: &[&str], body: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?.trim();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix("<?").and_then(|after| after.split_once("?>")) {
        rest = after.1.trim_start();
    }
    let name: String =
        rest.strip_prefix('<').unwrap_or_default().chars().take_while(char::is_ascii_alphanumeric).collect();
    if name.strip_suffix("Response") != Some(operation) {
        return Err(if text.ends_with('>') { format!("the answer is `<{name}>`") } else { CUT.to_owned() });
    }
    let closed = text.ends_with(&format!("</{name}>")) || (rest.ends_with("/>") && rest.matches('<').count() == 1);
    if !closed {
        return Err(CUT.to_owned());
    }
    let holds = |member: &str| {
        rest.match_indices(member).any(|(at, _)| {
            let after = rest.as_bytes().get(at + member.len()).copied().unwrap_or_default();
            rest[..at].ends_with('<') && (after.is_ascii_whitespace() || matches!(after, b'>' | b'/'))
        })
    };
    members.iter().find(|member| !holds(member)).map_or(Ok(()), |member| Err(without(member)))
}

/// Checks JSON: the body must be one whole object that holds the members, none of them null.
fn check_json(members: &[&str], body: &[u8]) -> Result<(), String> {
    let text = body.trim_ascii();
    if text.first() != Some(&b'{') {
        return Err("the answer is no JSON object".to_owned());
    }
    if text.last() != Some(&b'}') {
        return Err(CUT.to_owned());
    }
    if members.is_empty() {
        return Ok(());
    }
    let held: BTreeMap<String, Option<IgnoredAny>> =
        serde_json::from_slice(text).map_err(|error| format!("the answer is no JSON: {error}"))?;
    let lacks = |member: &&&str| held.get(**member).is_none_or(Option::is_none);
    members.iter().find(lacks).map_or(Ok(()), |member| Err(without(member)))
}

/// Checks that the body holds a list at this place.
fn holds(list: &str, body: &[u8]) -> Result<(), String> {
    let answer: Value = serde_json::from_slice(body).map_err(|error| format!("the answer is no JSON: {error}"))?;
    answer.pointer(list).filter(|list| list.is_array()).map_or_else(|| Err(without(list)), |_| Ok(()))
}

/// Checks CBOR: the body must be one whole map that holds the members, none of them null. CBOR itself says where it
/// ends.
fn check_cbor(members: &[&str], body: &[u8]) -> Result<(), String> {
    let mut rest = body;
    let entries = match ciborium::from_reader::<ciborium::Value, _>(&mut rest) {
        Ok(ciborium::Value::Map(entries)) if rest.is_empty() => entries,
        Ok(_) => return Err("the answer is no map".to_owned()),
        Err(_) => return Err(CUT.to_owned()),
    };
    let holds = |member: &str| entries.iter().any(|(key, value)| key.as_text() == Some(member) && !value.is_null());
    members.iter().find(|member| !holds(member)).map_or(Ok(()), |member| Err(without(member)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::pages::lists;

    const WHOLE: &str = "<?xml version=\"1.0\"?>\n<ListRolesResponse xmlns=\"x\"><a><Roles/></a></ListRolesResponse>\n";

    fn check(operation: &str, content_type: &str, body: &[u8]) -> Result<(), String> {
        Answer { operation, status: 200, content_type, length: None, body }.check()
    }

    #[test]
    fn a_whole_answer_passes() {
        assert_eq!(check("ListRoles", "text/xml", WHOLE.as_bytes()), Ok(()));
        assert_eq!(check("DeleteBackupVault", "application/json", b""), Ok(()));
        assert_eq!(check("ListCommands", "application/x-amz-json-1.1", br#"{"Commands":[]}"#), Ok(()));
        assert_eq!(check("GetCommandInvocation", "application/x-amz-json-1.1", b"{}"), Ok(()));
    }

    // A proxy, a wrong endpoint or an incomplete implementation answers `{}`. Taken for an empty list, it would lead to
    // resources being created twice.
    #[test]
    fn an_answer_without_its_list_is_no_empty_list() {
        for list in lists::ALL {
            let refused = |content_type: &str, body: &[u8]| {
                let result = check(list.operation, content_type, body);
                assert_eq!(result.is_err(), !list.members.is_empty(), "{}: {result:?}", list.operation);
            };
            let member = list.members.first().copied().unwrap_or("Tags");
            if matches!(list.service, "iam" | "ec2") {
                let answer = |inside: &str| format!("<{0}Response>{inside}</{0}Response>", list.operation);
                refused("text/xml", answer("").as_bytes());
                refused("text/xml", answer(&format!("<{member}Other/><Other>{member}</Other>")).as_bytes());
                let all: Vec<String> =
                    list.members.iter().map(|member| format!("<{member} a=\"b\"></{member}>")).collect();
                let whole = answer(&all.concat());
                assert_eq!(check(list.operation, "text/xml", whole.as_bytes()), Ok(()), "{}", list.operation);
            } else {
                refused("application/json", b"{}");
                refused("application/json", format!("{{\"{member}\":null}}").as_bytes());
                refused("application/json", format!("{{\"Other\":{{\"{member}\":[]}}}}").as_bytes());
                let whole = format!("{{\"{member}\":[],\"NextToken\":null}}");
                assert_eq!(check(list.operation, "application/json", whole.as_bytes()), Ok(()), "{}", list.operation);
            }
        }
        let cbor = |value: &ciborium::Value| {
            let mut bytes = Vec::new();
            ciborium::into_writer(value, &mut bytes).expect("bytes");
            check("ListCommands", "application/cbor", &bytes)
        };
        let map = |value| ciborium::Value::Map(vec![(ciborium::Value::Text("Commands".into()), value)]);
        assert_eq!(cbor(&map(ciborium::Value::Array(Vec::new()))), Ok(()));
        assert!(cbor(&map(ciborium::Value::Null)).is_err() && cbor(&ciborium::Value::Map(Vec::new())).is_err());
    }

    #[test]
    fn an_answer_cut_anywhere_is_rejected() {
        let whole = WHOLE.trim_end();
        for end in 0..whole.len() {
            assert!(check("ListRoles", "text/xml", &whole.as_bytes()[..end]).is_err(), "{}", &whole[..end]);
        }
        let short = Answer {
            operation: "GetCommandInvocation",
            status: 200,
            content_type: "application/json",
            length: Some(10),
            body: b"{}",
        };
        assert!(short.check().is_err());
    }

    #[test]
    fn an_empty_answer_is_none_where_something_is_asked() {
        for (operation, content_type) in [
            ("ListBackupPlans", "application/json"),
            ("SendCommand", "application/x-amz-json-1.1"),
            ("CreateBackupPlan", "application/json"),
            ("UpdateAssociation", "application/x-amz-json-1.1"),
            ("DeleteRole", "text/xml"),
        ] {
            assert!(check(operation, content_type, b"").is_err(), "{operation}");
        }
    }

    #[test]
    fn a_plan_without_its_rules_is_no_plan() {
        let check = |body: &[u8]| check("GetBackupPlan", "application/json", body);
        assert_eq!(check(br#"{"BackupPlan":{"BackupPlanName":"a","Rules":[]}}"#), Ok(()));
        for body in [&br"{}"[..], br#"{"BackupPlan":{}}"#, br#"{"BackupPlan":{"Rules":null}}"#, br#"{"Rules":[]}"#] {
            assert!(check(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn the_answer_to_another_question_is_rejected() {
        assert!(check("ListPolicies", "text/xml", WHOLE.as_bytes()).is_err());
        assert!(check("ListCommands", "application/json", b"[]").is_err());
    }

    #[test]
    fn a_web_page_is_no_answer() {
        for content_type in ["text/html; charset=utf-8", "text/plain", "application/json", "text/xml", ""] {
            assert!(check("ListRoles", content_type, b"<html></html>").is_err(), "{content_type}");
        }
        assert!(check("ListCommands", "text/plain", b"try again later").is_err());
    }

    // moto sends JSON as `text/html`; the gate notices a cut in it as well.
    #[test]
    fn json_by_another_name_is_an_answer_only_when_whole() {
        assert_eq!(check("ListCommands", "text/html; charset=utf-8", br#"{"Commands": []}"#), Ok(()));
        assert!(check("ListCommands", "text/html; charset=utf-8", br#"{"Commands": []"#).is_err());
    }

    #[test]
    fn an_endless_answer_is_rejected() {
        assert!(check("ListCommands", "application/json", &vec![b' '; LIMIT + 1]).is_err());
    }
}
