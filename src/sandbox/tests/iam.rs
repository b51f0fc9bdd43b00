//! IAM's operations through the real client.

use aws_sdk_iam::error::ProvideErrorMetadata as _;
use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput;
use aws_sdk_iam::types::EntityType;

use super::{DOCUMENT, TRUST, answered, iam, role, tag};
use crate::sandbox::Sandbox;

#[tokio::test]
async fn a_role_is_read_back_as_it_was_created() {
    let sandbox = Sandbox::in_memory();
    let client = iam(&sandbox);
    let made = client
        .create_role()
        .role_name("app")
        .path("/vssctl/")
        .description("backs up")
        .max_session_duration(7200)
        .assume_role_policy_document(TRUST)
        .permissions_boundary("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
        .tags(tag("vssctl:stack", "prod"))
        .tags(tag("Empty", ""))
        .send()
        .await
        .unwrap();
    let got = client.get_role().role_name("app").send().await.unwrap();
    let role = got.role().unwrap();
    assert_eq!(role.arn(), "arn:aws:iam::123456789012:role/vssctl/app");
    assert!(role.role_id().starts_with("AROA") && role.role_id().len() == 21, "{}", role.role_id());
    assert_eq!(role.role_id(), made.role().unwrap().role_id());
    assert_eq!(role.path(), "/vssctl/");
    assert_eq!(role.description(), Some("backs up"));
    assert_eq!(role.max_session_duration(), Some(7200));
    assert_eq!(role.create_date().to_string(), "2026-01-01T00:00:01Z");
    assert_eq!(role.tags().len(), 2);
    let boundary = role.permissions_boundary().unwrap();
    assert_eq!(boundary.permissions_boundary_arn(), Some("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"));
    let trust = role.assume_role_policy_document().unwrap();
    assert!(trust.starts_with("%7B%22Version%22%3A%222012-10-17%22"), "{trust}");
    assert_eq!(percent_encoding::percent_decode_str(trust).decode_utf8().unwrap(), TRUST);

    let listed = client.list_roles().send().await.unwrap();
    let listed = &listed.roles()[0];
    assert!(listed.tags().is_empty() && listed.permissions_boundary().is_none());
    assert_eq!(listed.description(), Some("backs up"));
}

#[tokio::test]
async fn names_are_unique_ignoring_case_and_path() {
    let sandbox = Sandbox::in_memory();
    let client = iam(&sandbox);
    role(&client, "App").await;
    let again = client.create_role().role_name("aPP").path("/other/").assume_role_policy_document(TRUST);
    assert_eq!(code!(again), answered(409, "EntityAlreadyExists", "Role with name aPP already exists."));
    let missing = client.get_role().role_name("none");
    assert_eq!(code!(missing), answered(404, "NoSuchEntity", "The role with name none cannot be found."));
}

#[tokio::test]
async fn a_role_goes_only_when_nothing_holds_on_to_it() {
    let sandbox = Sandbox::in_memory();
    let client = iam(&sandbox);
    role(&client, "app").await;
    let arn = "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy";
    client.create_instance_profile().instance_profile_name("app").send().await.unwrap();
    client.add_role_to_instance_profile().instance_profile_name("app").role_name("app").send().await.unwrap();
    client.attach_role_policy().role_name("app").policy_arn(arn).send().await.unwrap();
    client.put_role_policy().role_name("app").policy_name("own").policy_document(DOCUMENT).send().await.unwrap();

    let second = client.add_role_to_instance_profile().instance_profile_name("app").role_name("app");
    let quota = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
    assert_eq!(code!(second), answered(409, "LimitExceeded", quota));

    let delete = client.delete_role().role_name("app");
    let (status, conflict, _) = code!(delete.clone());
    assert_eq!((status, conflict.as_str()), (409, "DeleteConflict"));
    client.remove_role_from_instance_profile().instance_profile_name("app").role_name("app").send().await.unwrap();
    assert_eq!(code!(delete.clone()).2, "Cannot delete entity, must detach all policies first.");
    client.detach_role_policy().role_name("app").policy_arn(arn).send().await.unwrap();
    assert_eq!(code!(delete.clone()).2, "Cannot delete entity, must delete policies first.");
    client.delete_role_policy().role_name("app").policy_name("own").send().await.unwrap();
    delete.send().await.unwrap();
    client.delete_instance_profile().instance_profile_name("app").send().await.unwrap();
}

#[tokio::test]
async fn lists_come_in_pages_without_gaps_or_repetitions() {
    let sandbox = Sandbox::in_memory();
    let client = iam(&sandbox);
    for number in 0..7 {
        role(&client, &format!("role-{number}")).await;
    }
    let mut names = Vec::new();
    let mut pages = client.list_roles().into_paginator().page_size(3).send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        names.extend(page.unwrap().roles().iter().map(|role| role.role_name().to_owned()));
        count += 1;
    }
    assert_eq!(count, 3);
    assert_eq!(names, (0..7).map(|number| format!("role-{number}")).collect::<Vec<_>>());

    // The pages of the account's details list the roles first and then the policies.
    let mut details = client.get_account_authorization_details().into_paginator().page_size(5).send();
    let (mut roles, mut policies) = (0, 0);
    while let Some(page) = details.next().await {
        let page = page.unwrap();
        roles += page.role_detail_list().len();
        policies += page.policies().len();
    }
    assert_eq!((roles, policies), (7, 0), "no policy of AWS's is in use");
    // One that is attached and one that is a boundary are listed; one that is both, once.
    let arn = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
    let (core, vss) = (arn("AmazonSSMManagedInstanceCore"), arn("AWSEC2VssSnapshotPolicy"));
    client.attach_role_policy().role_name("role-1").policy_arn(&core).send().await.unwrap();
    client.put_role_permissions_boundary().role_name("role-2").permissions_boundary(&core).send().await.unwrap();
    client.put_role_permissions_boundary().role_name("role-3").permissions_boundary(&vss).send().await.unwrap();
    let used = |page: &GetAccountAuthorizationDetailsOutput| -> Vec<String> {
        page.policies().iter().map(|policy| policy.arn().unwrap_or_default().to_owned()).collect()
    };
    let all = client.get_account_authorization_details().send().await.unwrap();
    assert_eq!(used(&all), [vss.clone(), core.clone()]);
    let managed = EntityType::AwsManagedPolicy;
    let only = client.get_account_authorization_details().filter(managed.clone()).send().await.unwrap();
    assert_eq!((used(&only), only.role_detail_list().len()), (vec![vss.clone(), core.clone()], 0));
    client.delete_role_permissions_boundary().role_name("role-3").send().await.unwrap();
    let after = client.get_account_authorization_details().filter(managed).send().await.unwrap();
    assert_eq!(used(&after), [core]);
    let roles = client.get_account_authorization_details().filter(EntityType::Role).send().await.unwrap();
    assert!(roles.policies().is_empty());
    let marker = client.list_roles().marker("!!");
    assert_eq!(code!(marker), answered(400, "ValidationError", "Invalid Marker."));
}

#[tokio::test]
async fn updating_a_role_leaves_an_omitted_description_and_resets_an_omitted_duration() {
    let sandbox = Sandbox::in_memory();
    let client = iam(&sandbox);
    let create = client.create_role().role_name("app").assume_role_policy_document(TRUST);
    create.description("one").max_session_duration(7200).send().await.unwrap();
    client.update_role().role_name("app").send().await.unwrap();
    let role = client.get_role().role_name("app").send().await.unwrap().role.unwrap();
    assert_eq!((role.description(), role.max_session_duration()), (Some("one"), Some(3600)));
    client.update_role().role_name("app").description("").max_session_duration(43200).send().await.unwrap();
    let role = client.get_role().role_name("app").send().await.unwrap().role.unwrap();
    assert_eq!((role.description(), role.max_session_duration()), (None, Some(43200)));
}

#[tokio::test]
async fn a_policy_has_five_versions_and_its_default_cannot_go() {
    let sandbox = Sandbox::in_memory();
    let client = iam(&sandbox);
    let made =
        client.create_policy().policy_name("own").policy_document(DOCUMENT).description("d").send().await.unwrap();
    let arn = made.policy().unwrap().arn().unwrap().to_owned();
    for _ in 0..4 {
        let version = client.create_policy_version().policy_arn(&arn).policy_document(DOCUMENT).set_as_default(true);
        version.send().await.unwrap();
    }
    let sixth = client.create_policy_version().policy_arn(&arn).policy_document(DOCUMENT);
    assert_eq!(code!(sixth).1, "LimitExceeded");
    let default = client.delete_policy_version().policy_arn(&arn).version_id("v5");
    assert_eq!(code!(default), answered(409, "DeleteConflict", "Cannot delete the default version of a policy."));
    let versions = client.list_policy_versions().policy_arn(&arn).send().await.unwrap();
    let ids: Vec<_> = versions.versions().iter().filter_map(|version| version.version_id()).collect();
    assert_eq!(ids, ["v5", "v4", "v3", "v2", "v1"]);
    assert_eq!(code!(client.delete_policy().policy_arn(&arn)).1, "DeleteConflict");
    client.delete_policy_version().policy_arn(&arn).version_id("v1").send().await.unwrap();
    // Numbers are never used again.
    let next = client.create_policy_version().policy_arn(&arn).policy_document(DOCUMENT).send().await.unwrap();
    assert_eq!(next.policy_version().unwrap().version_id(), Some("v6"));
}

#[tokio::test]
async fn awss_own_policies_are_there_and_cannot_be_changed() {
    let sandbox = Sandbox::in_memory();
    let client = iam(&sandbox);
    let arn = "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy";
    let policy = client.get_policy().policy_arn(arn).send().await.unwrap().policy.unwrap();
    assert_eq!(policy.default_version_id(), Some("v2"));
    let version = client.get_policy_version().policy_arn(arn).version_id("v1").send().await.unwrap();
    assert!(version.policy_version().unwrap().document().unwrap().contains("StringLike"));
    assert_eq!(code!(client.delete_policy().policy_arn(arn)).1, "AccessDenied");
    let china = client!(aws_sdk_iam, sandbox, "AKIDEXAMPLE", "cn-north-1");
    let arn = "arn:aws-cn:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";
    china.get_policy().policy_arn(arn).send().await.unwrap();
}

#[tokio::test]
async fn bad_input_is_refused_in_awss_words() {
    let sandbox = Sandbox::in_memory();
    let client = iam(&sandbox);
    let name = client.create_role().role_name("a b").assume_role_policy_document(TRUST);
    assert_eq!(
        code!(name),
        answered(
            400,
            "ValidationError",
            "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        )
    );
    let long = client.create_role().role_name("a".repeat(65)).assume_role_policy_document(TRUST);
    assert!(code!(long).2.ends_with("Member must have length less than or equal to 64"));
    let trust = client.create_role().role_name("app").assume_role_policy_document("{}");
    assert_eq!(code!(trust), answered(400, "MalformedPolicyDocument", "Syntax errors in policy."));
    let stranger = TRUST.replace(r#""Service":"ec2.amazonaws.com""#, r#""AWS":"arn:aws:iam::123456789012:role/none""#);
    let trust = client.create_role().role_name("app").assume_role_policy_document(stranger);
    assert_eq!(code!(trust).2, r#"Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:role/none""#);
    let big = DOCUMENT.replace("ec2:CreateTags", &format!("ec2:{}", "a".repeat(10_240)));
    role(&client, "app").await;
    let inline = client.put_role_policy().role_name("app").policy_name("big").policy_document(big);
    let message = "Maximum policy size of 10240 bytes exceeded for role app";
    assert_eq!(code!(inline), answered(409, "LimitExceeded", message));
    let twice = client.tag_role().role_name("app").tags(tag("Key", "1")).tags(tag("KEY", "2"));
    assert_eq!(code!(twice).1, "InvalidInput");
}

#[tokio::test]
async fn a_twelve_digit_access_key_names_the_account() {
    let sandbox = Sandbox::in_memory();
    let one = client!(aws_sdk_sts, sandbox, "111122223333", "eu-west-1");
    let identity = one.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some("111122223333"));
    assert_eq!(identity.arn(), Some("arn:aws:iam::111122223333:user/sandbox"));
    role(&client!(aws_sdk_iam, sandbox, "111122223333", "us-east-1"), "app").await;
    assert!(iam(&sandbox).list_roles().send().await.unwrap().roles().is_empty());
    assert_eq!(iam(&sandbox).get_account_summary().send().await.unwrap().summary_map().unwrap().len(), 34);
    assert_eq!(sandbox.requests().iter().filter(|request| request.write).count(), 1);
}
