//! Reading, canonical form, equality and difference of documents, with examples of AWS's rules.

use serde_json::{Value, json};

use super::*;

/// Tells whether two documents are equal, and holds equality against the diff.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    let answer = equal(left, right);
    assert_eq!(answer, equal(right, left), "equality has no direction");
    assert_eq!(answer, diff(left, right).unwrap().is_empty(), "an empty diff and equality mean the same");
    answer
}

fn statement(extra: &Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" });
    let object = statement.as_object_mut().unwrap();
    for (key, value) in extra.as_object().unwrap() {
        if value.is_null() {
            object.shift_remove(key);
        } else {
            object.insert(key.clone(), value.clone());
        }
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

#[test]
fn what_aws_treats_the_same_is_the_same() {
    for (left, right) in [
        (json!({ "Action": "s3:GetObject" }), json!({ "Action": ["s3:GetObject"] })),
        (json!({ "Action": "s3:GetObject" }), json!({ "Action": ["S3:getobject", "s3:GetObject"] })),
        (json!({ "Resource": ["b", "a"] }), json!({ "Resource": ["a", "b", "a"] })),
        (json!({ "Sid": "" }), json!({})),
        (json!({}), json!({ "Sid": "a" })),
        (json!({ "Sid": "a" }), json!({ "Sid": "A" })),
        (json!({ "Sid": "a", "Action": ["s3:GetObject"] }), json!({ "Sid": "b", "Action": "S3:getobject" })),
        (json!({ "Condition": {} }), json!({})),
        (json!({ "Condition": { "Bool": {} } }), json!({})),
        (
            json!({ "Condition": { "Bool": { "aws:SecureTransport": true } } }),
            json!({ "Condition": { "bool": { "AWS:securetransport": ["true"] } } }),
        ),
        (
            json!({ "Condition": { "NumericLessThan": { "aws:MultiFactorAuthAge": 3600 } } }),
            json!({ "Condition": { "NumericLessThan": { "aws:MultiFactorAuthAge": "3600" } } }),
        ),
        (
            json!({ "Condition": { "forallvalues:stringlikeifexists": { "aws:TagKeys": ["b", "a"] } } }),
            json!({ "Condition": { "ForAllValues:StringLikeIfExists": { "aws:tagkeys": ["a", "b"] } } }),
        ),
        (
            json!({ "Principal": { "AWS": "123456789012" } }),
            json!({ "Principal": { "AWS": ["arn:aws:iam::123456789012:root"] } }),
        ),
    ] {
        assert!(same(&statement(&left), &statement(&right)), "{left} {right}");
    }
    let one = json!({ "Statement": { "Effect": "Deny", "Action": "*", "Resource": "*" } });
    let list = json!({ "Version": "2008-10-17", "Id": "mine", "Statement": [
        { "Resource": "*", "Action": "*", "Effect": "Deny" },
        { "Effect": "Deny", "Action": ["*"], "Resource": ["*"] },
        { "Sid": "Again", "Effect": "Deny", "Action": ["*"], "Resource": ["*"] },
    ] });
    assert!(same(&one, &list));
}

#[test]
fn what_aws_tells_apart_is_a_difference() {
    for (left, right) in [
        (json!({ "Principal": "*" }), json!({ "Principal": { "AWS": "*" } })),
        (json!({ "Principal": { "AWS": "123456789012" } }), json!({ "NotPrincipal": { "AWS": "123456789012" } })),
        (json!({ "Principal": { "AWS": "x" } }), json!({ "Principal": { "Federated": "x" } })),
        (json!({}), json!({ "Action": null, "NotAction": "s3:GetObject" })),
        (json!({}), json!({ "Resource": null, "NotResource": "*" })),
        (json!({}), json!({ "Resource": null })),
        (json!({ "Sid": "a" }), json!({ "Sid": "a", "Effect": "Deny" })),
        (json!({ "Resource": "arn:aws:s3:::a" }), json!({ "Resource": "arn:aws:s3:::A" })),
        (json!({ "Resource": "A" }), json!({ "Resource": ["a", "A"] })),
        (
            json!({ "Condition": { "StringLike": { "a:b": ["X"] } } }),
            json!({ "Condition": { "StringLike": { "a:b": ["x", "X"] } } }),
        ),
        (json!({ "Principal": { "AWS": "A" } }), json!({ "Principal": { "AWS": ["a", "A"] } })),
        (json!({}), json!({ "Effect": "Deny" })),
        (
            json!({ "Condition": { "StringEquals": { "aws:PrincipalTag/a": "X" } } }),
            json!({ "Condition": { "StringEquals": { "aws:PrincipalTag/a": "x" } } }),
        ),
        (
            json!({ "Condition": { "StringEquals": { "aws:TagKeys": "x" } } }),
            json!({ "Condition": { "ForAnyValue:StringEquals": { "aws:TagKeys": "x" } } }),
        ),
        (
            json!({ "Condition": { "StringEquals": { "a:b": "x" } } }),
            json!({ "Condition": { "StringEqualsIfExists": { "a:b": "x" } } }),
        ),
        (json!({ "Condition": { "StringEquals": { "a:b": [] } } }), json!({})),
    ] {
        assert!(!same(&statement(&left), &statement(&right)), "{left} {right}");
    }
    let old = json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    let new = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    assert!(!same(&old, &new), "the version decides whether variables are expanded");
}

#[test]
fn names_are_written_as_they_are_and_shown_beside_what_differs() {
    let named = |sids: [&str; 2], action: &str| {
        json!({ "Version": "2012-10-17", "Id": sids[0], "Statement": [
            { "Sid": sids[0], "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" },
            { "Sid": sids[1], "Effect": "Deny", "Action": action, "Resource": "*" },
        ] })
    };
    let (mine, theirs) = (named(["A", "B"], "s3:PutObject"), named(["B", "C"], "s3:PutObject"));
    assert!(same(&mine, &theirs));
    let kept = to_text(&canonical(&mine).unwrap());
    assert!(kept.contains(r#""Id":"A""#) && kept.contains(r#""Sid":"A""#) && kept.contains(r#""Sid":"B""#), "{kept}");
    // Two statements with one content stay two where each has its name.
    let twice = json!({ "Statement": [
        { "Sid": "A", "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Sid": "B", "Effect": "Allow", "Action": "*", "Resource": "*" },
    ] });
    assert_eq!(canonical(&twice).unwrap()["Statement"].as_array().map(Vec::len), Some(2));
    let listed: Vec<String> = diff(&mine, &named(["C", "B"], "s3:PutObjectAcl"))
        .unwrap()
        .iter()
        .map(|difference| format!("{} {}", difference.element, difference.value))
        .collect();
    for line in ["Id A", "Id C", "Sid A", "Sid C", "Action s3:PutObject", "Action s3:PutObjectAcl"] {
        assert!(listed.iter().any(|one| one == line), "no {line}: {listed:?}");
    }
}

#[test]
fn the_canonical_form_has_lists_in_iams_order_of_elements() {
    let given = parse(
        r#"{"Statement":{"Condition":{"stringequals":{"AWS:SourceAccount":"1"}},"Resource":"*",
            "Action":["EC2:CreateTags","ec2:CreateImage"],
            "Principal":{"Service":"ec2.amazonaws.com"},"Effect":"Allow","Sid":"a"},"Version":"2012-10-17"}"#,
    );
    let expected = concat!(
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","#,
        r#""Principal":{"Service":["ec2.amazonaws.com"]},"Action":["ec2:CreateImage","ec2:CreateTags"],"#,
        r#""Resource":["*"],"Condition":{"StringEquals":{"aws:SourceAccount":["1"]}}}]}"#
    );
    assert_eq!(to_text(&given.unwrap()), expected);
    let trust = trust_policy(&["ec2.amazonaws.com"]);
    assert_eq!(canonical(&trust).map(|value| to_text(&value)), Ok(to_text(&trust)));
}

#[test]
fn a_key_that_is_there_twice_is_refused_with_its_place() {
    let text = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\"Effect\": \"Deny\", \"Effect\": \"Allow\"}]\n}";
    let error = read(text).unwrap_err();
    assert_eq!((error.kind, error.path.as_str()), (PolicyErrorKind::DuplicateKey, "Statement[0].Effect"));
    let position = error.position.clone().unwrap();
    assert_eq!((position.line, position.column, &text[position.start..position.end]), (3, 36, "\"Effect\""));
    assert_eq!(error.to_string(), "`Statement[0].Effect` is there twice, and IAM would silently take one of them");

    let folded = json!({ "Condition": { "StringEquals": { "aws:x": "1" }, "stringequals": { "AWS:X": "2" } } });
    assert_eq!(canonical(&statement(&folded)).unwrap_err().kind, PolicyErrorKind::DuplicateKey);
}

#[test]
fn a_document_that_iam_would_refuse_is_told_why_and_where() {
    let place = |text: &str| {
        let error = parse(text).unwrap_err();
        let place = error.position.clone().map(|position| (position.line, position.column));
        (error.kind, error.to_string(), place)
    };
    let (kind, message, at) = place("{\n \"Ver\u{202e}sion\": 1}");
    assert_eq!((kind, at), (PolicyErrorKind::Character, Some((2, 6))));
    assert_eq!(message, "has the character U+202E, which IAM does not allow");
    let (kind, message, at) = place("{\n  \"Version\" 1\n}");
    assert_eq!((kind, message.as_str(), at), (PolicyErrorKind::Syntax, "is not JSON: expected `:`", Some((2, 13))));
    assert_eq!(place("").0, PolicyErrorKind::Syntax);
    assert_eq!(place("{} x").0, PolicyErrorKind::Syntax);
    assert_eq!(place("[1e400]").0, PolicyErrorKind::Syntax);
    assert_eq!(
        place("[123456789012345678901234567890]").1,
        "`[0]` has a number with more digits than JSON keeps; write it as a string"
    );
    assert_eq!(place(&"[".repeat(33)).0, PolicyErrorKind::TooDeep);
    assert_eq!(place(&"[".repeat(100_000)).0, PolicyErrorKind::TooDeep);
    assert_eq!(place(&" ".repeat(LARGEST + 1)).0, PolicyErrorKind::TooLarge);
    for (text, message) in [
        ("[]", "the document is not an object"),
        ("{}", "the document has no `Statement`"),
        (r#"{"statement":[]}"#, "the document has the unknown element `statement`; did you mean `Statement`?"),
        (r#"{"Statement":[]}"#, "`Statement` is empty"),
        (r#"{"Statement":[1]}"#, "`Statement[0]` is not an object"),
        (
            r#"{"Version":"2012-10-18","Statement":[1]}"#,
            "`Version` is `2012-10-18`, not `2012-10-17` (or the old `2008-10-17`)",
        ),
        (r#"{"Statement":[{"Action":"*"}]}"#, "`Statement[0]` has no `Effect`"),
        (
            r#"{"Statement":[{"Effect":"allow","Action":"*"}]}"#,
            "`Statement[0].Effect` must be `Allow` or `Deny`, in this case",
        ),
        (r#"{"Statement":{"Effect":"Allow"}}"#, "`Statement` has neither `Action` nor `NotAction`"),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"*","NotAction":"*"}}"#,
            "`Statement` has both `Action` and `NotAction`",
        ),
        (r#"{"Statement":{"Effect":"Allow","Action":[]}}"#, "`Statement.Action` is an empty list"),
        (r#"{"Statement":{"Effect":"Allow","Action":1}}"#, "`Statement.Action` must be a string or a list of strings"),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resources":"*"}}"#,
            "`Statement` has the unknown element `Resources`; did you mean `Resource`?",
        ),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"*","Principal":{"aws":"*"}}}"#,
            "`Statement.Principal` has the unknown element `aws`; did you mean `AWS`?",
        ),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"*","Condition":{"Bool":{"a":null}}}}"#,
            "`Statement.Condition.Bool.a` must be a string, number or truth, or a list of them",
        ),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"\u202e"}}"#,
            "`Statement.Action` has the character U+202E, which IAM does not allow",
        ),
    ] {
        assert_eq!(place(text).1, message);
    }
}

#[test]
fn one_added_action_is_one_difference() {
    let before = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["ec2:CreateImage", "ec2:CreateTags"], "Resource": "*" },
        { "Sid": "Describe", "Effect": "Allow", "Action": "ec2:DescribeImages", "Resource": "*" },
    ] });
    let after = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Describe", "Effect": "Allow", "Action": "ec2:describeimages", "Resource": "*" },
        { "Effect": "Allow", "Action": ["ec2:CreateTags", "ec2:CreateImage", "ec2:CreateSnapshots"], "Resource": "*" },
    ] });
    let shown: Vec<String> = diff(&before, &after).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["+ #1 Action: ec2:CreateSnapshots"]);
    let back: Vec<String> = diff(&after, &before).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(back, ["- #1 Action: ec2:CreateSnapshots"]);
}

#[test]
fn a_diff_names_statements_principals_and_conditions() {
    let before = json!({ "Statement": [
        { "Sid": "Trust", "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" },
          "Action": "sts:AssumeRole", "Condition": { "StringEquals": { "aws:SourceAccount": "1" } } },
        { "Sid": "Old", "Effect": "Deny", "Action": "*", "Resource": "*" },
    ] });
    let after = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Trust", "Effect": "Allow", "Principal": { "Service": "backup.amazonaws.com" },
          "Action": "sts:AssumeRole", "Condition": { "StringEquals": { "aws:SourceAccount": "2" } } },
        { "Sid": "New", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" },
    ] });
    let shown: Vec<String> = diff(&before, &after).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "- Version: 2008-10-17",
            "+ Version: 2012-10-17",
            r#"+ New Statement: {"Sid":"New","Effect":"Allow","Action":["s3:GetObject"],"Resource":["*"]}"#,
            "- Trust Condition.StringEquals.aws:sourceaccount: 1",
            "- Trust Principal.Service: ec2.amazonaws.com",
            "+ Trust Condition.StringEquals.aws:sourceaccount: 2",
            "+ Trust Principal.Service: backup.amazonaws.com",
            "- Old Statement: {\"Sid\":\"Old\",\"Effect\":\"Deny\",\"Action\":[\"*\"],\"Resource\":[\"*\"]}",
        ]
    );
}

#[test]
fn a_document_of_thousands_of_statements_is_compared() {
    let many = |action: &str| {
        let statements: Vec<Value> =
            (0..3_000).map(|index| json!({ "Effect": "Deny", "Action": format!("{action}{index}") })).collect();
        json!({ "Statement": statements })
    };
    assert!(same(&many("a:"), &many("a:")));
    assert_eq!(diff(&many("a:"), &many("b:")).unwrap().len(), 6_000);
}

#[test]
fn iam_documents_are_decoded_and_counted_as_iam_does() {
    assert_eq!(url_decode("%7B%22a%22%3A%20%22b+c%25%22%7D").unwrap(), r#"{"a": "b+c%"}"#);
    assert_eq!(url_decode("%FF").unwrap_err().kind, PolicyErrorKind::Syntax);
    assert_eq!(minified_len(&json!({ "a": ["b c", "d"] })), r#"{"a":["bc","d"]}"#.len());
}

/// Replays the kept corpus of the fuzz target: hostile files that must end in a value or an error.
#[test]
fn every_file_of_the_fuzz_corpus_is_read_or_refused() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/policy");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(document) = parse(&text) {
            assert_eq!(canonical(&document).as_ref(), Ok(&document));
        }
        files += 1;
    }
    assert!(files >= 10, "the corpus is kept: {files} files");
}

#[test]
fn values_of_conditions_are_compared_by_what_their_operators_read() {
    let document = |operator: &str, value: Value| {
        json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": { operator: { "aws:key": value } },
        }]})
    };
    for (operator, one, other) in [
        ("Bool", json!("true"), json!("True")),
        ("boolifexists", json!(false), json!("FALSE")),
        ("IpAddress", json!(["192.0.2.1/32", "2001:DB8::1"]), json!(["2001:db8::1/128", "192.0.2.1"])),
        ("NumericEquals", json!(5), json!("5.0")),
        ("DateLessThan", json!("2026-01-31T09:00:00+09:00"), json!("2026-01-31T00:00:00Z")),
        ("StringEqualsIgnoreCase", json!("Windows"), json!("windows")),
    ] {
        let (one, other) = (document(operator, one), document(operator, other));
        assert!(same(&one, &other), "{one} {other}");
    }
    let (equals, like) = (document("ArnEquals", json!("arn:*")), document("ArnLike", json!("arn:*")));
    assert!(same(&equals, &like) && !same(&equals, &document("StringLike", json!("arn:*"))));
    assert!(!same(&document("StringEquals", json!("true")), &document("StringEquals", json!("True"))));
    // Both operators of one statement must hold, so that neither is the other.
    let both = |one: &str, other: &str| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*",
            "Condition": { "ArnEquals": { "aws:key": one }, "ArnLike": { "aws:key": other } } }]})
    };
    assert!(!same(&both("arn:a", "arn:b"), &document("ArnLike", json!(["arn:a", "arn:b"]))));
}

#[test]
fn everyone_has_two_spellings_in_the_policy_of_a_resource_alone() {
    let document = |principal: Value| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Principal": principal, "Action": "backup:*",
            "Resource": "*" }]})
    };
    let star = document(json!("*"));
    for everyone in [json!({ "AWS": "*" }), json!({ "AWS": ["*"] }), json!({ "AWS": ["*", "123456789012"] })] {
        let other = document(everyone);
        assert!(equal(&of_resource(&star), &of_resource(&other)), "{other}");
        assert!(!equal(&star, &other), "a trust policy keeps them apart: {other}");
    }
    for fewer in [json!({ "AWS": "123456789012" }), json!({ "Service": "*" }), json!({ "AWS": "*", "Service": "a.b" })]
    {
        assert!(!equal(&of_resource(&star), &of_resource(&document(fewer.clone()))), "{fewer}");
    }
    assert_eq!(of_resource(&json!("no policy")), json!("no policy"));
}
