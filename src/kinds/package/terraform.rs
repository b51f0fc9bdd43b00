//! A package for Terraform: `aws_ssm_association`. One Run Command is no resource there.

use serde_json::{Map, Value, json};

use crate::kind::terraform::{Side, TerraformResource};

/// Returns the resource of a package with a schedule.
pub(super) fn resources(side: &Side<'_>) -> Vec<TerraformResource> {
    if side.options.contains_key("run_command") {
        return Vec::new();
    }
    let said = |field: &str| side.field(field).as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let parameters: Map<String, Value> = [
        ("action", "action"),
        ("name", "package_name"),
        ("version", "version"),
        ("installationType", "installation_type"),
        ("additionalArguments", "additional_arguments"),
    ]
    .into_iter()
    .filter_map(|(parameter, field)| Some((parameter.to_owned(), Value::from(said(field)?))))
    .collect();
    let targets = side.field("targets");
    let targets: Vec<Value> = targets
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, values)| json!({ "key": key, "values": values }))
        .collect();
    let bucket = said("output_s3_bucket").map(|bucket| {
        let mut location = json!({ "s3_bucket_name": bucket });
        for (argument, field) in [("s3_key_prefix", "output_s3_key_prefix"), ("s3_region", "output_s3_region")] {
            if let Some(value) = said(field) {
                location[argument] = Value::from(value);
            }
        }
        json!([location])
    });
    let association = TerraformResource::new("aws_ssm_association", side.key())
        .with("name", "AWS-ConfigureAWSPackage")
        .with("association_name", side.name)
        .with("parameters", parameters)
        .with("targets", targets)
        .with("schedule_expression", side.field("schedule"))
        .with("apply_only_at_cron_interval", side.field("apply_only_at_cron_interval"))
        .with("max_concurrency", side.field("max_concurrency"))
        .with("max_errors", side.field("max_errors"))
        .with("compliance_severity", side.field("compliance_severity"))
        .with("sync_compliance", side.field("sync_compliance"))
        .with("output_location", bucket.unwrap_or_default())
        .with("tags", side.field("tags"));
    vec![association]
}
