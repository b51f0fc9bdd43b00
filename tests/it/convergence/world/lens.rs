//! Answers that are whole, valid and odd: lists in another order, with an item twice, in pages of one item or of none, and
//! members that nobody has a name for. That the newest item is not shown yet is one of the sandbox's own faults.
//!
//! The names of the lists are AWS's, written down here a second time: the tests must not share the client's table.

use std::collections::HashMap;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::super::random::Random;
use super::coverage;

/// What a lens does to an answer that has a list.
const LENSES: [&str; 5] = ["reversed", "repeated item", "empty page", "one item a page", "unknown members"];

/// What it does to a backup plan: the plan has a member that nobody has a name for, and an update must send it again.
const KEPT: &str = "unknown member of a plan";

/// The member that is added.
const ADDED: &str = "AddedIn2031";

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
    LENSES.into_iter().chain([KEPT]).map(str::to_owned)
}

/// A lens over the answers to one process.
#[derive(Clone, Debug)]
pub(crate) struct Lens {
    random: Random,
    /// The pages that were not given yet, by our token.
    held: HashMap<String, Held>,
    /// Plans have a member that nobody has a name for.
    adds: bool,
}

/// An answer that comes later.
#[derive(Clone, Debug)]
struct Held {
    body: String,
    headers: Vec<(String, String)>,
}

impl Lens {
    pub(crate) fn new(mut random: Random) -> Self {
        let adds = random.one_in(2);
        Self { random, held: HashMap::new(), adds }
    }

    /// Takes the member that was added out of a request that replaces a plan. Says if it is not there.
    pub(crate) fn sent(&self, request: &mut HttpRequest) -> Option<String> {
        let (_, id) = request.uri().split_once("/backup/plans/")?;
        if !self.adds || request.method() != "POST" || id.is_empty() || id.contains('/') {
            return None;
        }
        let mut body: Value = serde_json::from_slice(request.body().bytes()?).ok()?;
        let plan = body["BackupPlan"].as_object_mut()?;
        if plan.shift_remove(ADDED).is_none() {
            return Some(format!("an update of the plan {id} drops the member `{ADDED}`"));
        }
        for rule in plan.get_mut("Rules").and_then(Value::as_array_mut).into_iter().flatten() {
            rule.as_object_mut().map(|rule| rule.shift_remove(ADDED));
        }
        coverage::note("lenses", [KEPT]);
        let body = body.to_string();
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
        None
    }

    /// Adds the member to a plan that is read, and to each of its rules.
    fn add(&self, body: &mut Value) -> bool {
        let Some(plan) = body["BackupPlan"].as_object_mut().filter(|_| self.adds) else { return false };
        for rule in plan.get_mut("Rules").and_then(Value::as_array_mut).into_iter().flatten() {
            rule[ADDED] = json!({ "Mode": "STRICT" });
        }
        plan.insert(ADDED.to_owned(), json!({ "Mode": "STRICT" }));
        true
    }

    /// Keeps an answer until its page is asked for. Returns the token of the page.
    fn hold(&mut self, body: &Value, answer: &HttpResponse) -> String {
        let ours = format!("{OURS}{}", self.random.next());
        let headers = answer.headers().iter().filter(|(name, _)| *name != "content-length");
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.held.insert(ours.clone(), Held { body: body.to_string(), headers });
        ours
    }

    /// Returns the answer that was held back when another page was given instead of it.
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
        if !answer.status().is_success() {
            return;
        }
        let parsed = || answer.body().bytes().and_then(|body| serde_json::from_slice::<Value>(body).ok());
        if let Some(mut body) = parsed()
            && self.add(&mut body)
        {
            put(answer, body.to_string());
            return;
        }
        if !self.random.one_in(4) {
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
                let ours = self.hold(&body, answer);
                body = json!({ list: [], token: ours });
            }
            "one item a page" => {
                let mut items = std::mem::take(items).into_iter().rev();
                let Some(final_one) = items.next() else { return };
                body[list] = json!([final_one]);
                for item in items {
                    let ours = self.hold(&body, answer);
                    body = json!({ list: [item], token: ours });
                }
            }
            _ => {
                for members in items.iter_mut().filter_map(Value::as_object_mut) {
                    members.insert(ADDED.to_owned(), json!({ "Mode": "STRICT" }));
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
