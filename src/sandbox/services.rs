//! The services: the operations that the sandbox offers, and the function that performs those of each service.

use serde_json::Value;

use super::account::{Answer, ApiError, Context, Handler};
use super::wire::model::Model;
use super::{backup, ec2, iam, kms, ssm, sts, tagging};

/// Lists the operations that the sandbox offers as (service, operation), sorted. A service has the name that stands in
/// the scope of a signature.
pub fn operations() -> Vec<(&'static str, &'static str)> {
    let mut all: Vec<(&str, &str)> = iam::operations().map(|name| ("iam", name)).collect();
    for (service, names) in [
        ("sts", sts::OPERATIONS),
        ("ssm", ssm::OPERATIONS),
        ("backup", backup::OPERATIONS),
        ("ec2", ec2::OPERATIONS),
        ("kms", kms::OPERATIONS),
        ("tagging", tagging::OPERATIONS),
    ] {
        all.extend(names.iter().map(|name| (service, *name)));
    }
    all.sort_unstable();
    all
}

/// Performs an operation of a service.
pub(super) fn dispatch(context: &mut Context<'_>, service: &str, operation: &str, input: &Value) -> Answer {
    let unknown = || ApiError::new(404, "UnknownService", format!("the sandbox has no service `{service}`"));
    let model = Model::of(service).ok_or_else(unknown)?;
    let (offered, handle): (bool, Handler) = match service {
        "iam" => (iam::offers(operation), iam::handle),
        "sts" => (sts::OPERATIONS.contains(&operation), sts::handle),
        "ssm" => (ssm::OPERATIONS.contains(&operation), ssm::handle),
        "backup" => (backup::OPERATIONS.contains(&operation), backup::handle),
        "ec2" => (ec2::OPERATIONS.contains(&operation), ec2::handle),
        "kms" => (kms::OPERATIONS.contains(&operation), kms::handle),
        "tagging" => (tagging::OPERATIONS.contains(&operation), tagging::handle),
        _ => return Err(unknown()),
    };
    if !offered || !model.operations.contains_key(operation) {
        return Err(model.unknown_operation(operation));
    }
    handle(context, operation, input)
}
