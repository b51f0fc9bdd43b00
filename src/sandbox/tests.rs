//! The sandbox through the real SDK clients.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_iam::error::ProvideErrorMetadata as _;
use aws_sdk_iam::types::{EntityType, Tag};
use serde_json::json;

use super::faults::{Fault, FaultKind};
use super::{Sandbox, SandboxError};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*"}]}"#;

macro_rules! client {
    ($sdk:ident, $sandbox:expr, $key:expr, $region:expr) => {{
        let config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new($key, "secret", None, None, "test"))
            .region(Region::new($region))
            .retry_config(RetryConfig::disabled())
            .http_client($sandbox.http_client())
            .build();
        $sdk::Client::from_conf(config)
    }};
}

fn iam(sandbox: &Sandbox) -> aws_sdk_iam::Client {
    client!(aws_sdk_iam, sandbox, "AKIDEXAMPLE", "ap-northeast-1")
}

fn tagging(sandbox: &Sandbox, region: &'static str) -> aws_sdk_resourcegroupstagging::Client {
    client!(aws_sdk_resourcegroupstagging, sandbox, "AKIDEXAMPLE", region)
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

async fn role(client: &aws_sdk_iam::Client, name: &str) {
    client.create_role().role_name(name).assume_role_policy_document(TRUST).send().await.unwrap();
}

macro_rules! code {
    ($call:expr) => {{
        let error = $call.send().await.unwrap_err();
        let status = error.raw_response().map(|raw| raw.status().as_u16()).unwrap_or_default();
        (status, error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
    }};
}

fn answered(status: u16, code: &str, message: &str) -> (u16, String, String) {
    (status, code.to_owned(), message.to_owned())
}

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

    // Everything at once runs through the roles and on into the policies.
    let mut details = client.get_account_authorization_details().into_paginator().page_size(5).send();
    let (mut roles, mut policies) = (0, 0);
    while let Some(page) = details.next().await {
        let page = page.unwrap();
        roles += page.role_detail_list().len();
        policies += page.policies().len();
    }
    assert_eq!((roles, policies), (7, 4));
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
    let first = home.get_resources().resources_per_page(3).send().await.unwrap();
    let token = first.pagination_token().unwrap().to_owned();
    assert_eq!(arns(first).len(), 3);
    let second = home.get_resources().resources_per_page(3).pagination_token(token).send().await.unwrap();
    assert_eq!(second.pagination_token(), Some(""));
    assert_eq!(arns(second).len(), 1);
    let keys = home.get_tag_keys().send().await.unwrap();
    assert_eq!(keys.tag_keys(), ["Number", "vssctl:stack"]);
    let values = home.get_tag_values().key("Number").send().await.unwrap();
    assert_eq!(values.tag_values(), ["0", "1", "2"]);

    let elsewhere = tagging(&sandbox, "ap-northeast-1").get_resources().send().await.unwrap();
    assert!(arns(elsewhere).is_empty());
    let error = home.get_resources().resources_per_page(101).send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidParameterException"));
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

#[tokio::test]
async fn faults_hit_the_call_that_they_were_ordered_for() {
    let sandbox = Sandbox::in_memory();
    let client = iam(&sandbox);
    sandbox.inject(Fault::new(FaultKind::Throttle).service("iam").operation("CreateRole").nth(2));
    role(&client, "one").await;
    let second = client.create_role().role_name("two").assume_role_policy_document(TRUST);
    assert_eq!(code!(second.clone()), answered(400, "Throttling", "Rate exceeded"));

    sandbox.inject(Fault::new(FaultKind::ResetAfter).operation("CreateRole"));
    assert!(second.clone().send().await.unwrap_err().raw_response().is_none());
    assert_eq!(code!(second).1, "EntityAlreadyExists");
    sandbox.inject(Fault::new(FaultKind::ResetBefore).operation("DeleteRole"));
    assert!(client.delete_role().role_name("two").send().await.unwrap_err().raw_response().is_none());
    client.delete_role().role_name("two").send().await.unwrap();

    sandbox.inject(Fault::new(FaultKind::AccessDenied).times(u32::MAX));
    assert_eq!(code!(client.list_roles()).0, 403);
    assert_eq!(code!(client.list_roles()).1, "AccessDenied");
    sandbox.clear_faults();
    sandbox.inject(Fault::new(FaultKind::Hang));
    let hanging = client.list_roles().send();
    assert!(tokio::time::timeout(Duration::from_millis(20), hanging).await.is_err());
}

#[tokio::test]
async fn a_server_on_loopback_answers_like_the_sandbox_in_the_process() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let sandbox = Sandbox::in_memory();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(sandbox.clone().serve(listener, async move {
        let _ = stopped.await;
    }));
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .region(Region::new("us-east-1"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("http://{address}"))
        .build();
    let client = aws_sdk_iam::Client::from_conf(config);
    role(&client, "app").await;
    assert_eq!(client.list_roles().send().await.unwrap().roles().len(), 1);
    sandbox.inject(Fault::new(FaultKind::ResetBefore));
    assert!(client.list_roles().send().await.unwrap_err().raw_response().is_none());

    for (request, status, part) in [
        ("GET / HTTP/1.1", "403", "<Code>MissingAuthenticationToken</Code>"),
        ("GET /backup-vaults HTTP/1.1", "403", "MissingAuthenticationTokenException:http"),
        ("POST / HTTP/1.1\r\nx-amz-target: AmazonSSM.ListCommands", "403", r#""MissingAuthenticationTokenException""#),
        ("POST / HTTP/1.1\r\nauthorization: Bearer x", "400", "<Code>IncompleteSignature</Code>"),
        ("POST / HTTP/1.1\r\ncontent-length: 99999999\r\nconnection: close", "413", "8 MiB"),
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let text = format!("{request}\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(part), "{request}: {answer}");
    }
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn two_handles_on_one_file_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let (one, two) = (Sandbox::open(&path).unwrap(), Sandbox::open(&path).unwrap());
    for number in 0..5 {
        role(&iam(&one), &format!("one-{number}")).await;
        role(&iam(&two), &format!("two-{number}")).await;
    }
    let names = iam(&one).list_roles().send().await.unwrap().roles().len();
    assert_eq!(names, 10);
    assert_eq!(one.export().unwrap(), two.export().unwrap());
    let again = Sandbox::open(&path).unwrap();
    assert_eq!(again.export().unwrap(), one.export().unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the file");
}

#[test]
fn threads_that_share_a_file_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let sandbox = Sandbox::open(path).unwrap();
                for number in 0..5 {
                    let name = format!("role-{thread}-{number}");
                    let input = json!({"RoleName": name, "AssumeRolePolicyDocument": TRUST});
                    sandbox.call("iam", "CreateRole", "us-east-1", &input).unwrap();
                }
            });
        }
    });
    let sandbox = Sandbox::open(&path).unwrap();
    let roles = sandbox.call("iam", "ListRoles", "us-east-1", &json!({})).unwrap();
    assert_eq!(roles["Roles"].as_array().unwrap().len(), 20);
}

#[test]
fn a_file_that_is_no_sandbox_or_too_new_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    for text in ["{\"format\":1", "[]", "hello", "{\"format\":1,\"generation\":3}"] {
        std::fs::write(&path, text).unwrap();
        let error = Sandbox::open(&path).unwrap_err();
        assert!(matches!(error, SandboxError::Corrupt { .. }), "{text}: {error}");
        assert!(error.to_string().contains("account.json"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    std::fs::write(&path, "{\"format\":99,\"surprise\":true}").unwrap();
    let error = Sandbox::open(&path).unwrap_err();
    assert!(matches!(error, SandboxError::Newer { found: 99, .. }), "{error}");
    let device = Sandbox::open("/dev/null").unwrap_err();
    assert!(matches!(device, SandboxError::Io { action: "used", .. }), "{device}");
    let nowhere = Sandbox::open(folder.path().join("no/such/folder.json")).unwrap_err();
    assert!(nowhere.to_string().ends_with("cannot be opened"), "{nowhere}");
}

#[test]
fn tests_can_change_and_read_the_account_behind_the_wire() {
    let sandbox = Sandbox::in_memory();
    let before = sandbox.export().unwrap();
    let input = json!({"RoleName": "app", "AssumeRolePolicyDocument": TRUST});
    sandbox.call("iam", "CreateRole", "us-east-1", &input).unwrap();
    assert_ne!(sandbox.export().unwrap(), before);
    sandbox.edit(|account| account.iam.roles.clear()).unwrap();
    assert_eq!(sandbox.export().unwrap(), before);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn every_operation_offered_is_in_its_services_model() {
    let iam: Vec<&str> = super::iam::OFFERED.iter().map(|(name, _)| *name).collect();
    for (service, offered) in [
        ("iam", iam.as_slice()),
        ("sts", super::sts::OPERATIONS),
        ("ssm", super::ssm::OPERATIONS),
        ("backup", super::backup::OPERATIONS),
        ("kms", super::kms::OPERATIONS),
        ("tagging", super::tagging::OPERATIONS),
    ] {
        let model = super::wire::model::Model::of(service).unwrap();
        for operation in offered {
            assert!(model.operations.contains_key(*operation), "{service} {operation}");
        }
        for operation in model.operations.keys() {
            assert!(offered.contains(&operation.as_str()), "{service} {operation} is described and not offered");
        }
    }
}

#[tokio::test]
async fn faults_have_each_services_own_form() {
    let sandbox = Sandbox::in_memory();
    let ssm = client!(aws_sdk_ssm, sandbox, "AKIDEXAMPLE", "us-east-1");
    let backup = client!(aws_sdk_backup, sandbox, "AKIDEXAMPLE", "us-east-1");
    for (kind, from_ssm, from_backup) in [
        (FaultKind::Throttle, (400, "ThrottlingException"), (429, "TooManyRequestsException")),
        (FaultKind::ServerError, (500, "InternalServerError"), (500, "ServiceUnavailableException")),
        (FaultKind::AccessDenied, (400, "AccessDeniedException"), (403, "AccessDeniedException")),
        (FaultKind::ExpiredCredentials, (400, "ExpiredTokenException"), (403, "ExpiredTokenException")),
    ] {
        sandbox.inject(Fault::new(kind).times(2));
        let (status, code, message) = code!(ssm.list_commands());
        assert_eq!((status, code.as_str()), from_ssm, "{message}");
        let (status, code, message) = code!(backup.list_backup_vaults());
        assert_eq!((status, code.as_str()), from_backup, "{message}");
        assert!(!message.is_empty());
    }
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
        let super::Outcome::Reply(response) = sandbox.answer(&request) else { panic!("no answer") };
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

#[test]
fn looking_around_leaves_no_trace() {
    let sandbox = Sandbox::in_memory();
    sandbox.call("iam", "ListRoles", "us-east-1", &json!({})).unwrap();
    let before = sandbox.export().unwrap();
    for region in ["eu-west-1", "us-east-1"] {
        sandbox.call("tagging", "GetResources", region, &json!({})).unwrap();
        sandbox.call("backup", "ListBackupVaults", region, &json!({})).unwrap();
        sandbox.call("ssm", "ListAssociations", region, &json!({})).unwrap();
    }
    assert_eq!(sandbox.export().unwrap(), before);
}

#[test]
fn every_answer_says_by_how_much_the_clock_is_ahead_of_the_machines() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::open(folder.path().join("account.json")).unwrap();
    sandbox.advance(Duration::from_hours(2)).unwrap();
    let signed = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/backup/aws4_request, Signature=0";
    let ask = |sandbox: &Sandbox, authorization: &str| {
        let request = http::Request::get("/backup-vaults").header("authorization", authorization);
        let request = request.body(bytes::Bytes::new()).unwrap();
        let super::Outcome::Reply(response) = sandbox.answer(&request) else { panic!("no answer") };
        let headers = response.headers();
        let shift = headers[crate::model::clock::SANDBOX_SHIFT].to_str().unwrap().parse::<i64>().unwrap();
        (response.status().as_u16(), headers["date"].to_str().unwrap().to_owned(), shift)
    };
    for (authorization, status) in [(signed, 200), ("none", 400)] {
        let (answered, _, shift) = ask(&sandbox, authorization);
        assert_eq!((answered, shift), (status, 7_200_000));
    }
    // The clock of tests stands somewhere else altogether.
    let (_, date, shift) = ask(&Sandbox::in_memory(), signed);
    assert_eq!(date, "Thu, 01 Jan 2026 00:00:01 GMT");
    let here = jiff::Timestamp::now().as_millisecond();
    assert!((1_767_225_601_000 - shift - here).abs() < 60_000, "{shift}");
}
