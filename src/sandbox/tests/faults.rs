//! Faults as clients see them.

use std::time::Duration;

use aws_sdk_iam::error::ProvideErrorMetadata as _;

use super::{TRUST, answered, iam, role};
use crate::sandbox::Sandbox;
use crate::sandbox::faults::{Fault, FaultKind};

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
