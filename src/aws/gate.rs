//! The integrity gate: an answer that was cut short must not pass for a complete one.
//!
//! The SDK takes a truncated XML body for a finished answer in most places where it can be cut (a `ListRoles` body then says
//! that there are no more roles), so the gate looks at the ends of every successful answer before it is parsed.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Larger answers are not ours: the largest real page is a few megabytes.
const LIMIT: usize = 32 << 20;

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
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let Some(body) = response.body().bytes() else { return Ok(()) };
        let content_type = response.headers().get("content-type").unwrap_or_default();
        let length = response.headers().get("content-length").and_then(|length| length.parse().ok());
        check(response.status().as_u16(), content_type, length, body).map_err(Into::into)
    }
}

fn check(status: u16, content_type: &str, length: Option<usize>, body: &[u8]) -> Result<(), String> {
    if body.len() > LIMIT {
        return Err(format!("the answer has {} bytes, more than any real one", body.len()));
    }
    if let Some(length) = length.filter(|length| *length != body.len()) {
        return Err(format!("the answer has {} of {length} bytes", body.len()));
    }
    if !(200..300).contains(&status) {
        return Ok(());
    }
    if content_type.contains("html") {
        return Err("the answer is a web page; something between us and AWS answered".to_owned());
    }
    if content_type.contains("xml") {
        return check_xml(body);
    }
    Ok(())
}

/// The document element must be `<...Response>` and be closed.
fn check_xml(body: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?.trim();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix("<?").and_then(|after| after.split_once("?>")) {
        rest = after.1.trim_start();
    }
    let name: String =
        rest.strip_prefix('<').unwrap_or_default().chars().take_while(char::is_ascii_alphanumeric).collect();
    let closed = text.ends_with(&format!("</{name}>")) || (rest.ends_with("/>") && rest.matches('<').count() == 1);
    if name.ends_with("Response") && closed { Ok(()) } else { Err("the answer is cut off".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "<?xml version=\"1.0\"?>\n<ListRolesResponse xmlns=\"x\"><a><b/></a></ListRolesResponse>\n";

    #[test]
    fn a_whole_answer_passes() {
        assert_eq!(check(200, "text/xml", Some(WHOLE.len()), WHOLE.as_bytes()), Ok(()));
        assert_eq!(check(200, "application/json", None, b""), Ok(()));
    }

    #[test]
    fn an_answer_cut_anywhere_is_rejected() {
        let whole = WHOLE.trim_end();
        for end in 0..whole.len() {
            assert!(check(200, "text/xml", None, &whole.as_bytes()[..end]).is_err(), "{}", &whole[..end]);
        }
        assert!(check(200, "application/json", Some(10), b"{}").is_err());
    }

    #[test]
    fn a_web_page_is_no_answer() {
        assert!(check(200, "text/html; charset=utf-8", None, b"<html></html>").is_err());
    }
}
