//! Parameter Store.

use serde_json::{Value, json};

use super::{bench, with};

#[test]
fn a_parameter_is_created_once_and_overwritten_on_demand() {
    let mut bench = bench();
    let put = |change: Value| with(json!({"Name": "/a/b", "Value": "1", "Type": "String"}), &change);
    assert_eq!(bench.ok("PutParameter", &put(json!({})))["Version"], 1);
    assert_eq!(bench.code("PutParameter", &put(json!({}))), "ParameterAlreadyExists");
    assert_eq!(bench.ok("PutParameter", &json!({"Name": "/a/b", "Value": "2", "Overwrite": true}))["Version"], 2);
    assert_eq!(bench.ok("GetParameter", &json!({"Name": "/a/b"}))["Parameter"]["Value"], "2");
    let old = bench.ok("GetParameter", &json!({"Name": "/a/b:1"}))["Parameter"].clone();
    assert_eq!((&old["Value"], &old["Selector"]), (&json!("1"), &json!(":1")));
    bench.ok("GetParameter", &json!({"Name": "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b"}));
    assert_eq!(bench.code("GetParameter", &json!({"Name": "/a/b:9"})), "ParameterVersionNotFound");
    assert_eq!(bench.code("GetParameter", &json!({"Name": "/a"})), "ParameterNotFound");
    for change in [
        json!({"Name": "/new", "Type": null}),
        json!({"Name": "a/b"}),
        json!({"Name": "/ssm/x"}),
        json!({"Name": "/x y"}),
        json!({"Name": "/new", "Value": "x".repeat(4097)}),
        json!({"Overwrite": true, "Tags": [{"Key": "a", "Value": "b"}]}),
    ] {
        assert_eq!(bench.code("PutParameter", &put(change.clone())), "ValidationException", "{change}");
    }
    assert_eq!(
        bench.code("PutParameter", &put(json!({"Overwrite": true, "Type": "StringList"}))),
        "HierarchyTypeMismatchException"
    );
    let pattern = json!({"Name": "/new", "AllowedPattern": "[0-9]+", "Value": "x"});
    assert_eq!(bench.code("PutParameter", &put(pattern)), "ParameterPatternMismatchException");
}

#[test]
fn parameters_are_found_by_path_filter_and_list() {
    let mut bench = bench();
    for name in ["/a/b", "/a/c", "/a/d/e", "top"] {
        bench.ok("PutParameter", &json!({"Name": name, "Value": "1", "Type": "SecureString"}));
    }
    let count = |answer: &Value| answer["Parameters"].as_array().unwrap().len();
    assert_eq!(count(&bench.ok("GetParametersByPath", &json!({"Path": "/a"}))), 2);
    let all = bench.ok("GetParametersByPath", &json!({"Path": "/a", "Recursive": true, "MaxResults": 2}));
    assert_eq!(count(&all), 2);
    let rest = json!({
        "Path": "/a", "Recursive": true, "MaxResults": 2, "NextToken": all["NextToken"], "WithDecryption": true,
    });
    // A token is valid only for the same request.
    assert_eq!(bench.code("GetParametersByPath", &rest), "InvalidNextToken");
    assert_eq!(bench.code("GetParametersByPath", &json!({"Path": "a"})), "ValidationException");
    assert_ne!(bench.ok("GetParameter", &json!({"Name": "top"}))["Parameter"]["Value"], "1");
    assert_eq!(bench.ok("GetParameter", &json!({"Name": "top", "WithDecryption": true}))["Parameter"]["Value"], "1");
    let many = bench.ok("GetParameters", &json!({"Names": ["top", "none"]}));
    assert_eq!((count(&many), &many["InvalidParameters"]), (1, &json!(["none"])));
    let filter = json!({"ParameterFilters": [{"Key": "Name", "Option": "BeginsWith", "Values": ["/a/"]}]});
    assert_eq!(count(&bench.ok("DescribeParameters", &filter)), 3);
    let both = with(filter, &json!({"Filters": [{"Key": "Name", "Values": ["/a"]}]}));
    assert_eq!(bench.code("DescribeParameters", &both), "ValidationException");
    bench.ok("DeleteParameter", &json!({"Name": "top"}));
    assert_eq!(bench.code("DeleteParameter", &json!({"Name": "top"})), "ParameterNotFound");
    let gone = bench.ok("DeleteParameters", &json!({"Names": ["/a/b", "top"]}));
    assert_eq!((&gone["DeletedParameters"], &gone["InvalidParameters"]), (&json!(["/a/b"]), &json!(["top"])));
}
