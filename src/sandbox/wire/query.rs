//! The AWS query protocol of IAM and STS, and EC2's dialect of it: form parameters in, XML out.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use serde_json::{Map, Value, json};

use super::model::{Model, Operation, Protocol, Shape, Sort};
use super::time;
use crate::sandbox::account::ApiError;

/// Splits a form body into its parameters; later ones win.
pub(super) fn parameters(body: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    body.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Builds the input of an operation from `Tags.member.1.Key=..` parameters.
pub(super) fn decode(model: &Model, shape: &str, parameters: &BTreeMap<String, String>) -> Result<Value, ApiError> {
    Ok(structure(model, model.shape(shape), "", parameters)?.unwrap_or_else(|| json!({})))
}

fn structure(
    model: &Model,
    shape: &Shape,
    prefix: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Option<Value>, ApiError> {
    let mut members = Map::new();
    for (name, reference) in &shape.members {
        let key = match model.metadata.protocol {
            Protocol::Ec2 => format!("{prefix}{}", reference.parameter_name(name)),
            Protocol::Query | Protocol::Json | Protocol::RestJson => format!("{prefix}{}", reference.wire_name(name)),
        };
        if let Some(value) = node(model, model.shape(&reference.shape), &key, parameters)? {
            members.insert(name.clone(), value);
        }
    }
    Ok((!members.is_empty()).then_some(Value::Object(members)))
}

fn node(
    model: &Model,
    shape: &Shape,
    key: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Option<Value>, ApiError> {
    let malformed = |text: &str| {
        if model.metadata.protocol == Protocol::Ec2 {
            let message = format!("Value ({text}) for parameter {key} is invalid.");
            return ApiError::new(400, "InvalidParameterValue", message);
        }
        ApiError::new(400, "MalformedInput", format!("could not read the value `{text}` of the parameter {key}"))
    };
    match shape.sort {
        Sort::Structure => structure(model, shape, &format!("{key}."), parameters),
        Sort::List => {
            let Some(member) = &shape.member else { return Ok(None) };
            let mut items = Vec::new();
            for index in 1.. {
                // EC2's lists are always flat.
                let key = match model.metadata.protocol {
                    Protocol::Ec2 => format!("{key}.{index}"),
                    Protocol::Query | Protocol::Json | Protocol::RestJson => format!("{key}.member.{index}"),
                };
                match node(model, model.shape(&member.shape), &key, parameters)? {
                    Some(item) => items.push(item),
                    None => break,
                }
            }
            // A client sends an empty list as `Tags=`.
            let given = !items.is_empty() || parameters.contains_key(key);
            Ok(given.then_some(Value::Array(items)))
        }
        Sort::Map => Ok(None),
        Sort::String | Sort::Timestamp => Ok(parameters.get(key).map(|text| json!(text))),
        Sort::Integer | Sort::Long => match parameters.get(key) {
            None => Ok(None),
            Some(text) => text.parse::<i64>().map(|number| Some(json!(number))).map_err(|_| malformed(text)),
        },
        Sort::Boolean => match parameters.get(key).map(String::as_str) {
            None => Ok(None),
            Some("true") => Ok(Some(json!(true))),
            Some("false") => Ok(Some(json!(false))),
            Some(text) => Err(malformed(text)),
        },
    }
}

/// Writes an answer as `<OperationResponse><OperationResult>..`.
pub(super) fn encode(model: &Model, name: &str, operation: &Operation, answer: &Value, request_id: &str) -> String {
    if model.metadata.protocol == Protocol::Ec2 {
        return encode_ec2(model, name, operation, answer, request_id);
    }
    let mut writer = Writer::new(Vec::new());
    let response = format!("{name}Response");
    start(&mut writer, &response, Some(&model.metadata.xml_namespace));
    if let Some(shape) = &operation.output {
        let wrapper = operation.result_wrapper.clone().unwrap_or_else(|| format!("{name}Result"));
        element(&mut writer, model, model.shape(shape), &wrapper, answer);
    }
    start(&mut writer, "ResponseMetadata", None);
    text(&mut writer, "RequestId", request_id);
    end(&mut writer, "ResponseMetadata");
    end(&mut writer, &response);
    finish(writer)
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Writes an answer as EC2 does: `<OperationResponse><requestId>..`, the members without a wrapper.
fn encode_ec2(model: &Model, name: &str, operation: &Operation, answer: &Value, request_id: &str) -> String {
    let mut writer = Writer::new(Vec::from(DECLARATION));
    let response = format!("{name}Response");
    start(&mut writer, &response, Some(&format!("{}/", model.metadata.xml_namespace)));
    text(&mut writer, "requestId", request_id);
    match &operation.output {
        Some(shape) => members(&mut writer, model, model.shape(shape), &response, answer),
        None => text(&mut writer, "return", "true"),
    }
    end(&mut writer, &response);
    finish(writer)
}

/// Writes an error as `<ErrorResponse>`, or as EC2 does.
pub(super) fn encode_error(model: &Model, error: &ApiError, request_id: &str) -> String {
    if model.metadata.protocol == Protocol::Ec2 {
        let mut writer = Writer::new(Vec::from(DECLARATION));
        for name in ["Response", "Errors", "Error"] {
            start(&mut writer, name, None);
        }
        text(&mut writer, "Code", &error.code);
        text(&mut writer, "Message", &error.message);
        end(&mut writer, "Error");
        end(&mut writer, "Errors");
        text(&mut writer, "RequestID", request_id);
        end(&mut writer, "Response");
        return finish(writer);
    }
    let mut writer = Writer::new(Vec::new());
    start(&mut writer, "ErrorResponse", Some(&model.metadata.xml_namespace));
    start(&mut writer, "Error", None);
    text(&mut writer, "Type", if error.status < 500 { "Sender" } else { "Receiver" });
    text(&mut writer, "Code", &error.code);
    text(&mut writer, "Message", &error.message);
    for (name, value) in &error.members {
        text(&mut writer, name, value);
    }
    end(&mut writer, "Error");
    text(&mut writer, "RequestId", request_id);
    end(&mut writer, "ErrorResponse");
    finish(writer)
}

fn element(writer: &mut Writer<Vec<u8>>, model: &Model, shape: &Shape, name: &str, value: &Value) {
    match shape.sort {
        Sort::Structure => {
            start(writer, name, None);
            members(writer, model, shape, name, value);
            end(writer, name);
        }
        Sort::List => {
            start(writer, name, None);
            if let Some(member) = &shape.member {
                for item in value.as_array().into_iter().flatten() {
                    let name = match model.metadata.protocol {
                        Protocol::Ec2 => member.wire_name("item"),
                        Protocol::Query | Protocol::Json | Protocol::RestJson => "member",
                    };
                    element(writer, model, model.shape(&member.shape), name, item);
                }
            }
            end(writer, name);
        }
        Sort::Map => {
            start(writer, name, None);
            if let Some(inner) = &shape.value {
                for (key, item) in value.as_object().into_iter().flatten() {
                    start(writer, "entry", None);
                    text(writer, "key", key);
                    element(writer, model, model.shape(&inner.shape), "value", item);
                    end(writer, "entry");
                }
            }
            end(writer, name);
        }
        Sort::Timestamp => {
            let seconds = value.as_f64().unwrap_or_default();
            let moment = match model.metadata.protocol {
                Protocol::Ec2 => time::iso8601_milliseconds(seconds),
                Protocol::Query | Protocol::Json | Protocol::RestJson => time::iso8601(seconds),
            };
            text(writer, name, &moment);
        }
        Sort::String | Sort::Integer | Sort::Long | Sort::Boolean => {
            text(writer, name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
}

/// Writes the members of a structure.
fn members(writer: &mut Writer<Vec<u8>>, model: &Model, shape: &Shape, name: &str, value: &Value) {
    super::encode::check_members(shape, name, value);
    for (member, reference) in &shape.members {
        if let Some(inner) = value.get(member).filter(|inner| !inner.is_null()) {
            element(writer, model, model.shape(&reference.shape), reference.wire_name(member), inner);
        }
    }
}

const MEMORY: &str = "writing to memory cannot fail";

fn start(writer: &mut Writer<Vec<u8>>, name: &str, namespace: Option<&str>) {
    let mut tag = BytesStart::new(name);
    if let Some(namespace) = namespace {
        tag.push_attribute(("xmlns", namespace));
    }
    writer.write_event(Event::Start(tag)).expect(MEMORY);
}

fn end(writer: &mut Writer<Vec<u8>>, name: &str) {
    writer.write_event(Event::End(BytesEnd::new(name))).expect(MEMORY);
}

fn text(writer: &mut Writer<Vec<u8>>, name: &str, value: &str) {
    start(writer, name, None);
    // XML cannot carry most control characters in any form.
    let carried = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    let value: String = value.chars().map(|letter| if carried(letter) { letter } else { '\u{FFFD}' }).collect();
    // A bare carriage return would be read as a line feed.
    let escaped = quick_xml::escape::escape(&value).replace('\r', "&#13;");
    writer.write_event(Event::Text(BytesText::from_escaped(escaped))).expect(MEMORY);
    end(writer, name);
}

fn finish(writer: Writer<Vec<u8>>) -> String {
    String::from_utf8(writer.into_inner()).expect("the parts were UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_xml_cannot_carry_leave_the_document_well_formed() {
        let model = Model::of("iam").unwrap();
        let error = ApiError::new(400, "ValidationError", "a\0b\u{FFFE}\u{1F600}<&>\r\n");
        let xml = encode_error(model, &error, "1");
        assert!(xml.contains("<Message>a\u{FFFD}b\u{FFFD}\u{1F600}&lt;&amp;&gt;&#13;\n</Message>"), "{xml}");
    }
}
