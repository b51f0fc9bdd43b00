//! The reader of saved plans.

use serde_json::Value;
use vssctl::plan::file::{Refusal, SavedPlan};

/// A plan that is as it was written, or a refusal. What was changed on the way is refused, and who seals it anew gets what
/// is sealed: then every look at it must hold.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match SavedPlan::parse(&text) {
        Ok(saved) => look(&saved),
        Err(refusal) => super::assert_printable(&vssctl::model::safe::escaped(&refusal.to_string())),
    }
    // A forger seals what he wrote.
    if let Ok(mut forged) = serde_json::from_str::<SavedPlan>(&text) {
        forged.seal();
        look(&forged);
    }
}

fn look(saved: &SavedPlan) {
    let text = saved.to_text().expect("a plan is JSON");
    super::assert_printable(&text);
    match SavedPlan::parse(&text) {
        Ok(again) => assert_eq!(&again, saved),
        // Seals say nothing of the form.
        Err(Refusal::Format(_) | Refusal::Edited(_)) => {}
        Err(refusal) => panic!("{refusal}: {text}"),
    }
    for now in ["1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "9999-12-30T22:00:00Z"] {
        let _ = saved.check_time(now.parse().expect("a time"));
    }
    assert!(saved.expect(Some(&saved.digest)).is_ok() && saved.expect(Some("sha256:0")).is_err());
    // Any change of what a seal covers breaks it.
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    value["caller_arn"] = format!("{}x", saved.caller_arn).into();
    assert!(SavedPlan::parse(&value.to_string()).is_err());
}
