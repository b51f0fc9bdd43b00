//! Policy documents: what IAM accepts, and what is underlined.

use super::*;

#[test]
fn documents_are_policies_for_their_use() {
    check("VSS0501", &policy("{"), "{", &policy(IDENTITY));
    check(
        "VSS0505",
        &policy(&IDENTITY.replace("\"*\"", "\"${acount_id}\"")),
        "${acount_id}",
        &policy(&IDENTITY.replace("\"*\"", "\"${account_id}${aws:username}\"")),
    );
    check(
        "VSS0511",
        &policy(&IDENTITY.replace("\"Effect\"", "\"Effect\":\"Deny\",\"Effect\"")),
        "\"Effect\"",
        &policy(IDENTITY),
    );
    check("VSS0512", &policy(&IDENTITY.replace("GetObject", "日")), "日", &policy(IDENTITY));
    let misspelt = IDENTITY.replace("Allow", "Alow");
    check("VSS0506", &policy(&misspelt), "\"Alow\"", &policy(IDENTITY));
    let with_principal = IDENTITY.replace("\"Action\"", "\"Principal\":\"*\",\"Action\"");
    let statement = |document: &str| document[document.find('[').unwrap() + 1..document.len() - 2].to_owned();
    check("VSS0513", &policy(&with_principal), &statement(&with_principal), &policy(IDENTITY));
    check(
        "VSS0513",
        &vault(&format!("access_policy = '{IDENTITY}'")),
        &statement(IDENTITY),
        &vault(&format!("access_policy = '{with_principal}'")),
    );
}

#[test]
fn a_problem_in_a_table_is_underlined_at_its_value() {
    let body = "[policy.p.document]\nVersion = \"2012-10-17\"\n[[policy.p.document.Statement]]\nEffect = \"Alow\"\n\
         Action = \"s3:GetObject\"\nResource = \"*\"\n";
    check("VSS0506", body, "\"Alow\"", &body.replace("Alow", "Allow"));
}

#[test]
fn every_statement_of_a_document_is_told_its_fault() {
    let body = "[policy.p.document]\nVersion = \"2012-10-17\"\n\
         Statement = [{ Effect = \"A\" }, { Effect = \"Allow\" }, { Effect = \"C\" }]\n";
    let underlined: Vec<String> =
        problems(&file(body)).into_iter().filter(|(code, _)| *code == "VSS0506").map(|(_, text)| text).collect();
    let second = "{ Effect = \"Allow\" }";
    assert_eq!(underlined, ["{ Effect = \"A\" }", "\"A\"", second, "{ Effect = \"C\" }", "\"C\""]);
}

#[test]
fn actions_resources_operators_and_sids_follow_iams_grammar() {
    let with = |from: &str, to: &str| policy(&IDENTITY.replace(from, to));
    for (from, to, underlined) in [
        ("s3:GetObject", "s3", "\"s3\""),
        ("s3:GetObject", "s3:Get:Object", "\"s3:Get:Object\""),
        ("s3:GetObject", "s3:Get Object", "\"s3:Get Object\""),
        ("s3:GetObject", ":GetObject", "\":GetObject\""),
        ("\"*\"", "[\"*\",\"x\"]", "\"x\""),
        ("\"*\"", "\"arn:aws:s3\"", "\"arn:aws:s3\""),
        ("\"*\"}", "\"*\",\"Condition\":{\"StringEqual\":{\"a:b\":\"c\"}}}", "{\"a:b\":\"c\"}"),
        ("\"Effect\"", "\"Sid\":\"a b\",\"Effect\"", "\"a b\""),
    ] {
        check("VSS0506", &with(from, to), underlined, &policy(IDENTITY));
    }
    let cn = "\"arn:aws-cn:s3:::b\"";
    check("VSS0303", &with("\"*\"", cn), cn, &with("\"*\"", "\"arn:${partition}:s3:::b\""));
    let twice = concat!(
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:Get*","Resource":"*"},"#,
        r#"{"Sid":"a","Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b*"}]}"#
    );
    check("VSS0506", &policy(twice), "\"a\"", &policy(&twice.replacen("\"a\"", "\"b\"", 1)));
    let trust = TRUST.replace("sts:AssumeRole", "s3:GetObject");
    check("VSS0506", &format!("[role.r]\n{trust}\n"), "\"s3:GetObject\"", &role(""));
    let fine = [
        "s3:*",
        "s3:Get*Object?",
        "EC2:createimage",
        "execute-api:Invoke",
        "sms-voice:*",
        "s3-object-lambda:GetObject",
    ];
    for action in fine {
        let body = with("s3:GetObject", action).replace("\"*\"", "\"arn:aws:s3:::b\"");
        assert!(file(&body).diagnostics.is_empty(), "{action}: {:#?}", file(&body).diagnostics);
    }
    for resource in ["arn:aws:s3:::b/${aws:username}/*", "arn:*:s3:::b", "arn:aws:iam::aws:policy/x", "arn:aws:s3:*"] {
        let body = with("\"*\"", &format!("\"{resource}\""));
        assert!(file(&body).diagnostics.is_empty(), "{resource}: {:#?}", file(&body).diagnostics);
    }
}

#[test]
fn a_document_is_a_document_or_names_its_file() {
    let document = |text: &str| format!("[policy.p]\ndocument = {text}\n");
    check("VSS0102", &document("{ file = \"ok.json\", x = 1 }"), "x", &policy(IDENTITY));
    check("VSS0102", &document("{ files = \"ok.json\" }"), "files", &policy(IDENTITY));
    check("VSS0103", &document("{ file = 3 }"), "3", &policy(IDENTITY));
    check("VSS0501", &document("\"sub/ok.json\""), "\"sub/ok.json\"", &policy(IDENTITY));
    let loaded = file(&document("\"sub/ok.json\""));
    assert_eq!(loaded.diagnostics.iter().next().unwrap().help, ["write `{ file = \"sub/ok.json\" }`"]);
}

#[test]
fn documents_keep_to_iams_sizes() {
    let sized = |count: usize| {
        let actions = (0..count).map(|index| format!("\"s3:Action{index:04}\"")).collect::<Vec<_>>().join(",");
        IDENTITY.replace("\"s3:GetObject\"", &format!("[{actions}]"))
    };
    let quoted = |text: &str| format!("'{text}'");
    check("VSS0509", &policy(&sized(400)), &quoted(&sized(400)), &policy(&sized(300)));
    let inline =
        |count: usize| role(&format!("inline_policies = {{ a = '{}', b = '{}' }}", sized(count), sized(count)));
    check("VSS0508", &inline(400), &format!("{{ a = '{}', b = '{}' }}", sized(400), sized(400)), &inline(300));
    let trust = |count: usize| {
        let roles = (0..count)
            .map(|index| format!("\"arn:aws:iam::123456789012:role/r{index:04}\""))
            .collect::<Vec<_>>()
            .join(",");
        let principal = format!(r#"{{"AWS":[{roles}]}}"#);
        let statement = format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}"#);
        format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
    };
    let with_trust = |count: usize| format!("[role.r]\ntrust = '{}'\n", trust(count));
    check("VSS0507", &with_trust(100), &quoted(&trust(100)), &with_trust(40));
    check("VSS0510", "[role.r]\n", "r", &role(""));
}
