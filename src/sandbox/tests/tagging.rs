//! The Tagging API in both of its protocols.

use aws_sdk_iam::error::ProvideErrorMetadata as _;
use serde_json::json;

use super::{DOCUMENT, TRUST, iam, tag};
use crate::sandbox::{Outcome, Sandbox};

fn tagging(sandbox: &Sandbox, region: &'static str) -> aws_sdk_resourcegroupstagging::Client {
    client!(aws_sdk_resourcegroupstagging, sandbox, "AKIDEXAMPLE", region)
}

#[tokio::test]
async fn the_tagging_api_lists_profiles_and_policies_in_the_home_region_and_never_roles() {
    let sandbox = Sandbox::in_memory();
    let client = iam(&sandbox);
    let tags = || tag("vssctl:stack", "prod");
    client.create_role().role_name("app").assume_role_policy_document(TRUST).tags(tags()).send().await.unwrap();
    for number in 0..3 {
        let profile = client.create_instance_profile().instance_profile_name(format!("profile-{number}")).tags(tags());
        profile.tags(tag("Number", &number.to_string())).send().await.unwrap();
    }
    client.create_policy().policy_name("own").policy_document(DOCUMENT).tags(tags()).send().await.unwrap();
    client.create_policy().policy_name("untagged").policy_document(DOCUMENT).send().await.unwrap();

    let home = tagging(&sandbox, "us-east-1");
    let filter = |key: &str, values: &[&str]| {
        let builder = aws_sdk_resourcegroupstagging::types::TagFilter::builder().key(key);
        values.iter().fold(builder, |builder, value| builder.values(*value)).build()
    };
    let arns = |output: aws_sdk_resourcegroupstagging::operation::get_resources::GetResourcesOutput| {
        let list = output.resource_tag_mapping_list.unwrap_or_default();
        list.into_iter().filter_map(|mapping| mapping.resource_arn).collect::<Vec<_>>()
    };
    let all = home.get_resources().tag_filters(filter("vssctl:stack", &["prod", "other"])).send().await.unwrap();
    assert_eq!(all.pagination_token(), Some(""));
    assert_eq!(arns(all).len(), 4);
    let both = home.get_resources().tag_filters(filter("vssctl:stack", &["prod"])).tag_filters(filter("Number", &[]));
    assert_eq!(arns(both.send().await.unwrap()).len(), 3);
    let policies = home.get_resources().resource_type_filters("iam:policy").send().await.unwrap();
    assert_eq!(arns(policies), ["arn:aws:iam::123456789012:policy/own"]);
    let of_iam = || home.get_resources().resource_type_filters("iam").resources_per_page(3);
    let first = of_iam().send().await.unwrap();
    let token = first.pagination_token().unwrap().to_owned();
    assert_eq!(arns(first).len(), 3);
    let second = of_iam().pagination_token(token).send().await.unwrap();
    assert_eq!(second.pagination_token(), Some(""));
    assert_eq!(arns(second).len(), 1);
    let keys = home.get_tag_keys().send().await.unwrap();
    assert_eq!(keys.tag_keys(), ["Name", "Number", "VssBackup", "vssctl:stack"]);
    let values = home.get_tag_values().key("Number").send().await.unwrap();
    assert_eq!(values.tag_values(), ["0", "1", "2"]);

    let elsewhere = tagging(&sandbox, "ap-northeast-1").get_resources();
    assert!(arns(elsewhere.resource_type_filters("iam").send().await.unwrap()).is_empty());
    let error = home.get_resources().resources_per_page(101).send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidParameterException"));
}

#[tokio::test]
async fn the_tagging_api_lists_what_ec2_has_with_tags() {
    let sandbox = Sandbox::in_memory();
    let client = tagging(&sandbox, "ap-northeast-1");
    let listed = async |kind: &str| {
        let answer = client.get_resources().resource_type_filters(kind).send().await.unwrap();
        let list = answer.resource_tag_mapping_list.unwrap_or_default();
        list.into_iter().filter_map(|mapping| mapping.resource_arn).collect::<Vec<_>>()
    };
    let instances = listed("ec2:instance").await;
    let prefix = "arn:aws:ec2:ap-northeast-1:123456789012:instance/i-";
    assert!(instances.len() > 3 && instances.iter().all(|arn| arn.starts_with(prefix)), "{instances:?}");
    assert_eq!(listed("ec2").await, instances);

    // A volume is listed as soon as it has a tag, and a snapshot's ARN names no account.
    let volumes = sandbox.call("ec2", "DescribeVolumes", "ap-northeast-1", &json!({})).unwrap();
    let volume = volumes["Volumes"][0]["VolumeId"].as_str().unwrap();
    let tags = json!({"Resources": [volume], "Tags": [{"Key": "team", "Value": "a"}]});
    sandbox.call("ec2", "CreateTags", "ap-northeast-1", &tags).unwrap();
    let arn = format!("arn:aws:ec2:ap-northeast-1:123456789012:volume/{volume}");
    assert_eq!(listed("ec2:volume").await, [arn]);
    assert!(listed("ec2:snapshot").await.is_empty());
}

#[test]
fn the_tagging_api_speaks_cbor_to_clients_that_do() {
    let sandbox = Sandbox::in_memory();
    let input = json!({"InstanceProfileName": "app", "Tags": [{"Key": "a", "Value": "b"}]});
    sandbox.call("iam", "CreateInstanceProfile", "us-east-1", &input).unwrap();
    let ask = |input: serde_json::Value| {
        let mut body = Vec::new();
        ciborium::into_writer(&input, &mut body).unwrap();
        let request = http::Request::post("/service/ResourceGroupsTaggingAPI_20170126/operation/GetResources")
            .header("smithy-protocol", "rpc-v2-cbor")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/tagging/aws4_request, Signature=0",
            )
            .body(body.into())
            .unwrap();
        let Outcome::Reply(response) = sandbox.answer(&request) else { panic!("no answer") };
        assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
        let value: serde_json::Value = ciborium::from_reader(response.body().as_ref()).unwrap();
        (response.status().as_u16(), value)
    };
    let (status, value) = ask(json!({"TagFilters": [{"Key": "a"}]}));
    assert_eq!(status, 200);
    let arn = &value["ResourceTagMappingList"][0]["ResourceARN"];
    assert_eq!(arn, "arn:aws:iam::123456789012:instance-profile/app");
    let (status, value) = ask(json!({"ResourcesPerPage": 0}));
    assert_eq!((status, value["__type"].as_str()), (400, Some("InvalidParameterException")));
}
