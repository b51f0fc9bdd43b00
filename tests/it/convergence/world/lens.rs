//! Answers that are whole, valid and odd: lists in another order, with an item twice, in pages of which one is empty.
//!
//! The names of the lists are AWS's, written down here a second time: the tests must not share the client's table.

use std::collections::HashMap;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::super::random::Random;
use super::coverage;

/// What a lens does to an answer that has a list.
const LENSES: [&str; 4] = ["reversed", "repeated item", "empty page", "unknown members"];

/// The lists of JSON answers, with the token of the next page.
const LISTS: [(&str, &str); 9] = [
    ("Associations", "NextToken"),
    ("BackupPlansList", "NextToken"),
    ("BackupSelectionsList", "NextToken"),
    ("BackupVaultList", "NextToken"),
    ("CommandInvocations", "NextToken"),
    ("InstanceInformationList", "NextToken"),
    ("ResourceTagMappingList", "PaginationToken"),
    ("RestoreTestingPlans", "NextToken"),
    ("RestoreTestingSelections", "NextToken"),
];

/// What stands before a token of ours.
const OURS: &str = "lens~";

pub(crate) fn names() -> impl Iterator<Item = String> {
    LENSES.into_iter().map(str::to_owned)
}

/// A lens over the answers to one process.
#[derive(Clone, Debug)]
pub(crate) struct Lens {
    random: Random,
    /// The answers whose empty page was given, by our token.
    held: HashMap<String, Held>,
}

/// An answer that comes later.
#[derive(Clone, Debug)]
struct Held {
    body: String,
    headers: Vec<(String, String)>,
}

impl Lens {
    pub(crate) fn new(random: Random) -> Self {
        Self { random, held: HashMap::new() }
    }

    /// Returns the answer that was held back when an empty page was given instead of it.
    pub(crate) fn held(&mut self, request: &HttpRequest) -> Option<HttpResponse> {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let text = format!("{} {body}", request.uri());
        let start = text.find(OURS).or_else(|| text.find("lens%7E"))?;
        let token: String = text[start..]
            .replace("%7E", "~")
            .chars()
            .take_while(|char| char.is_alphanumeric() || *char == '~')
            .collect();
        let held = self.held.remove(&token)?;
        let mut answer = HttpResponse::new(200.try_into().ok()?, SdkBody::from(held.body));
        for (name, value) in held.headers {
            answer.headers_mut().insert(name, value);
        }
        Some(answer)
    }

    /// Changes a successful answer, now and then.
    pub(crate) fn change(&mut self, answer: &mut HttpResponse) {
        if !answer.status().is_success() || !self.random.one_in(4) {
            return;
        }
        let Some(mut body) = answer.body().bytes().and_then(|body| serde_json::from_slice::<Value>(body).ok()) else {
            return;
        };
        let Some((list, token)) = LISTS.into_iter().find(|(list, _)| body[list].is_array()) else { return };
        let lens = *self.random.pick(&LENSES);
        let Some(items) = body[list].as_array_mut() else { return };
        match lens {
            "reversed" => items.reverse(),
            "repeated item" => {
                if items.is_empty() {
                    return;
                }
                let again = self.random.pick(items).clone();
                items.push(again);
            }
            "empty page" => {
                let ours = format!("{OURS}{}", self.random.next());
                let headers = answer.headers().iter().filter(|(name, _)| *name != "content-length");
                let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                self.held.insert(ours.clone(), Held { body: body.to_string(), headers });
                body = json!({ list: [], token: ours });
            }
            _ => {
                for members in items.iter_mut().filter_map(Value::as_object_mut) {
                    members.insert("AddedIn2031".to_owned(), json!({ "Mode": "STRICT" }));
                }
            }
        }
        coverage::note("lenses", [lens]);
        put(answer, body.to_string());
    }
}

/// Gives an answer another body.
fn put(answer: &mut HttpResponse, body: String) {
    answer.headers_mut().remove("content-length");
    *answer.body_mut() = SdkBody::from(body);
}
