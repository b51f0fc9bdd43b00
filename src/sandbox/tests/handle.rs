//! The handle: files that several handles share, changes behind the wire, the clock, and the server on loopback.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use serde_json::json;

use super::{TRUST, iam, role};
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::{Outcome, Sandbox, SandboxError};

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
        let Outcome::Reply(response) = sandbox.answer(&request) else { panic!("no answer") };
        let headers = response.headers();
        let shift = headers[crate::model::clock::SANDBOX_SHIFT].to_str().unwrap().parse::<i64>().unwrap();
        (response.status().as_u16(), headers["date"].to_str().unwrap().to_owned(), shift)
    };
    for (authorization, status) in [(signed, 200), ("none", 400)] {
        let (answered, _, shift) = ask(&sandbox, authorization);
        assert_eq!((answered, shift), (status, 7_200_000));
    }
    // The clock for tests does not follow the machine's at all.
    let (_, date, shift) = ask(&Sandbox::in_memory(), signed);
    assert_eq!(date, "Thu, 01 Jan 2026 00:00:01 GMT");
    let here = jiff::Timestamp::now().as_millisecond();
    assert!((1_767_225_601_000 - shift - here).abs() < 60_000, "{shift}");
}

#[test]
fn every_operation_offered_is_in_its_services_model() {
    let iam: Vec<&str> = crate::sandbox::iam::OFFERED.iter().map(|(name, _)| *name).collect();
    for (service, offered) in [
        ("iam", iam.as_slice()),
        ("sts", crate::sandbox::sts::OPERATIONS),
        ("ssm", crate::sandbox::ssm::OPERATIONS),
        ("backup", crate::sandbox::backup::OPERATIONS),
        ("kms", crate::sandbox::kms::OPERATIONS),
        ("tagging", crate::sandbox::tagging::OPERATIONS),
    ] {
        let model = crate::sandbox::wire::model::Model::of(service).unwrap();
        for operation in offered {
            assert!(model.operations.contains_key(*operation), "{service} {operation}");
        }
        for operation in model.operations.keys() {
            assert!(offered.contains(&operation.as_str()), "{service} {operation} is described and not offered");
        }
    }
}
