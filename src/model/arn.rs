//! Amazon resource names: parsed, checked, and compared with the region of a run.
//!
//! Source of the shapes: AWS General Reference, "Amazon Resource Names"; for patterns in backup selections the AWS
//! Backup model, `BackupSelection$Resources`.

use super::scope::Scope;
use std::fmt;
use std::str::FromStr;

use super::managed_policies::SERVICE_ROLE;
use super::scope::partition_of;

/// One parsed ARN, `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`. Region and account may be empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov`, ...
    pub partition: String,
    /// Such as `iam`.
    pub service: String,
    /// Such as `ap-northeast-1`; empty for global services, `*` in a pattern.
    pub region: String,
    /// Twelve digits; empty, or `aws` for what AWS owns, `*` in a pattern.
    pub account: String,
    /// The rest of the ARN, such as `role/service-role/AWSBackupDefaultServiceRole`.
    pub resource: String,
}

/// Reports a text that is no ARN, or one that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {problem}")]
pub struct ArnError {
    /// What was written.
    pub text: String,
    /// What is wrong with it, such as `has an account that is not twelve digits`.
    pub problem: String,
}

/// AWS's own limit for an ARN in its models.
const LONGEST: usize = 2_048;

/// Tells whether a text is written as an ARN, so that a reference is either a name or an ARN.
pub fn looks_like_arn(text: &str) -> bool {
    text.starts_with("arn:")
}

impl Arn {
    /// Reads an ARN that names one resource: it has no wildcard anywhere.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let arn: Self = text.parse()?;
        if text.contains(['*', '?']) {
            return Err(error(text, "has a wildcard where one resource must be named"));
        }
        Ok(arn)
    }

    /// Reads an ARN of one service and type of resource, such as `iam` and `role`.
    pub fn parse_as(text: &str, service: &str, resource_type: &str) -> Result<Self, ArnError> {
        let arn = Self::parse(text)?;
        if arn.service != service || arn.resource_type() != Some(resource_type) {
            return Err(error(text, &format!("is not the ARN of an {service} {resource_type}")));
        }
        Ok(arn)
    }

    /// Checks that the ARN belongs to the partition of a region.
    pub fn check_partition(&self, region: &str) -> Result<(), ArnError> {
        let partition = partition_of(region);
        if self.partition == partition {
            return Ok(());
        }
        let problem =
            format!("is in the partition `{}`, but the region `{region}` is in `{partition}`", self.partition);
        Err(error(&self.to_string(), &problem))
    }

    /// Returns what comes before the first `/` or `:` of the resource, such as `role`.
    pub fn resource_type(&self) -> Option<&str> {
        self.resource.split_once(['/', ':']).map(|(resource_type, _)| resource_type)
    }

    /// Returns what comes after the first `/` or `:` of the resource, such as `service-role/X`; the whole of it where
    /// there is none.
    pub fn resource_id(&self) -> &str {
        self.resource.split_once(['/', ':']).map_or(self.resource.as_str(), |(_, id)| id)
    }

    /// Returns the last segment of the resource: the name without an IAM path.
    pub fn name(&self) -> &str {
        self.resource.rsplit(['/', ':']).next().unwrap_or(&self.resource)
    }

    /// Returns the IAM path, such as `/` or `/service-role/`.
    pub fn path(&self) -> String {
        let id = self.resource_id();
        id.rfind('/').map_or_else(|| "/".to_owned(), |slash| format!("/{}", &id[..=slash]))
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    /// Reads an ARN; region, account and resource may hold wildcards.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !looks_like_arn(text) {
            return Err(error(text, "does not start with `arn:`"));
        }
        if text.len() > LONGEST {
            return Err(error(&text.chars().take(60).collect::<String>(), "... is longer than 2,048 bytes"));
        }
        if text.chars().any(|character| character.is_control() || character.is_whitespace()) {
            return Err(error(text, "has white space or a control character in it"));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [_, partition, service, region, account, resource] = parts.as_slice() else {
            return Err(error(text, "has fewer than six parts: arn:partition:service:region:account:resource"));
        };
        let word = |part: &str, extra: &[u8]| {
            part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || extra.contains(&byte))
        };
        if *partition != "aws" && !(partition.starts_with("aws-") && partition.len() > 4 && word(partition, b"-")) {
            return Err(error(text, &format!("has the unknown partition `{partition}`")));
        }
        if service.is_empty() || !word(service, b"-") {
            return Err(error(text, "has no service in lower case after the partition"));
        }
        let wild = |part: &str| part.contains(['*', '?']);
        if !region.is_empty() && !wild(region) && !is_region(region) {
            return Err(error(text, &format!("has `{region}` where the region belongs")));
        }
        if !account.is_empty() && *account != "aws" && !wild(account) && !is_account(account) {
            return Err(error(text, &format!("has `{account}` where an account of twelve digits belongs")));
        }
        if resource.is_empty() {
            return Err(error(text, "has no resource at its end"));
        }
        Ok(Self {
            partition: (*partition).to_owned(),
            service: (*service).to_owned(),
            region: (*region).to_owned(),
            account: (*account).to_owned(),
            resource: (*resource).to_owned(),
        })
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(formatter, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// Checks a pattern of a backup selection: `*`, an ARN, an ARN in which region or account is `*`, or a prefix of an ARN
/// that ends in `*`. A `*` elsewhere is refused, as AWS Backup does (`arn:aws:s3:::*-logs`).
pub fn check_pattern(text: &str, region: &str) -> Result<(), ArnError> {
    if text == "*" {
        return Ok(());
    }
    if text.contains('?') {
        return Err(error(text, "has `?`, and AWS Backup knows only `*`"));
    }
    let Some(prefix) = text.strip_suffix('*') else {
        let arn: Arn = text.parse()?;
        check_fields(&arn, text)?;
        return arn.check_partition(region);
    };
    if prefix.split(':').count() >= 6 {
        let arn: Arn = text.parse()?;
        check_fields(&Arn { resource: arn.resource.trim_end_matches('*').to_owned(), ..arn.clone() }, text)?;
        return arn.check_partition(region);
    }
    // The pattern is a prefix that ends before the resource, such as `arn:aws:ec2:*`.
    let parts: Vec<&str> = prefix.split(':').collect();
    if parts.len() < 4 || parts[0] != "arn" || parts[2].is_empty() {
        return Err(error(text, "must name at least a service before its `*`, as in `arn:aws:ec2:*`"));
    }
    let padded = format!("{}*", text.split(':').chain(std::iter::repeat("*")).take(6).collect::<Vec<_>>().join(":"));
    let arn: Arn = padded.parse().map_err(|failed: ArnError| error(text, &failed.problem))?;
    arn.check_partition(region).map_err(|failed| error(text, &failed.problem))
}

fn check_fields(arn: &Arn, text: &str) -> Result<(), ArnError> {
    let whole = |field: &str| field == "*" || !field.contains('*');
    // AWS's own examples have a whole segment `*` in a typed resource: `arn:aws:rds:*:*:db:*`.
    if whole(&arn.region) && whole(&arn.account) && !arn.resource.contains('*') {
        Ok(())
    } else {
        Err(error(text, "has a `*` that is neither a whole region or account nor at the end"))
    }
}

/// Tells whether a text is an account id: twelve digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells whether a text has the shape of a region name, such as `ap-northeast-1` or `us-gov-west-1`.
pub fn is_region(text: &str) -> bool {
    let segments: Vec<&str> = text.split('-').collect();
    let letters = |segment: &&str| !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_lowercase());
    match segments.as_slice() {
        [area, middle @ .., number] => {
            (2..=4).contains(&area.len())
                && letters(area)
                && !middle.is_empty()
                && middle.iter().all(letters)
                && (1..=2).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        [] | [_] => false,
    }
}

fn error(text: &str, problem: &str) -> ArnError {
    ArnError { text: text.to_owned(), problem: problem.to_owned() }
}

/// Returns the ARN of an AWS managed policy; a name may hold its path, such as `service-role/X`.
pub(crate) fn managed_policy_arn(scope: &Scope, name: &str) -> String {
    let path = if SERVICE_ROLE.contains(&name) { "service-role/" } else { "" };
    format!("arn:{}:iam::aws:policy/{path}{name}", scope.partition())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_arn_is_taken_apart_and_put_together_again() {
        let text = "arn:aws:iam::123456789012:role/service-role/AWSBackupDefaultServiceRole";
        let arn = Arn::parse(text).unwrap();
        assert_eq!((arn.service.as_str(), arn.region.as_str(), arn.account.as_str()), ("iam", "", "123456789012"));
        assert_eq!(arn.resource_type(), Some("role"));
        assert_eq!((arn.path().as_str(), arn.name()), ("/service-role/", "AWSBackupDefaultServiceRole"));
        assert_eq!(arn.to_string(), text);
        let vault = Arn::parse("arn:aws:backup:eu-west-1:123456789012:backup-vault:vss").unwrap();
        assert_eq!((vault.resource_type(), vault.name(), vault.path().as_str()), (Some("backup-vault"), "vss", "/"));
        assert!(Arn::parse("arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy").is_ok());
    }

    #[test]
    fn a_broken_arn_is_told_what_is_broken() {
        for (text, problem) in [
            ("role/x", "does not start with `arn:`"),
            ("arn:aws:iam", "has fewer than six parts: arn:partition:service:region:account:resource"),
            ("arn:asw:iam::123456789012:role/x", "has the unknown partition `asw`"),
            ("arn:aws:IAM::123456789012:role/x", "has no service in lower case after the partition"),
            ("arn:aws:iam::12345:role/x", "has `12345` where an account of twelve digits belongs"),
            ("arn:aws:ssm:tokyo:123456789012:document/x", "has `tokyo` where the region belongs"),
            ("arn:aws:iam::123456789012:", "has no resource at its end"),
            ("arn:aws:iam::123456789012:role/a b", "has white space or a control character in it"),
            ("arn:aws:iam::123456789012:role/*", "has a wildcard where one resource must be named"),
        ] {
            assert_eq!(Arn::parse(text).unwrap_err().problem, problem, "{text}");
        }
        let error = Arn::parse_as("arn:aws:iam::123456789012:user/x", "iam", "role").unwrap_err();
        assert_eq!(error.to_string(), "`arn:aws:iam::123456789012:user/x` is not the ARN of an iam role");
    }

    #[test]
    fn an_arn_of_another_partition_is_refused() {
        let arn = Arn::parse("arn:aws:iam::123456789012:role/x").unwrap();
        assert!(arn.check_partition("ap-northeast-1").is_ok());
        let error = arn.check_partition("cn-north-1").unwrap_err();
        assert_eq!(error.problem, "is in the partition `aws`, but the region `cn-north-1` is in `aws-cn`");
    }

    #[test]
    fn a_selection_pattern_has_its_star_in_a_whole_field_or_at_the_end() {
        for text in [
            "*",
            "arn:aws:ec2:*",
            "arn:aws:ec2:*:*:instance/*",
            "arn:aws:rds:*:*:db:*",
            "arn:aws:ec2:ap-northeast-1:123456789012:instance/i-0123456789abcdef0",
            "arn:aws:ec2:ap-northeast-1:123456789012:instance/i-0*",
            "arn:aws:s3:::bucket",
        ] {
            assert_eq!(check_pattern(text, "ap-northeast-1"), Ok(()), "{text}");
        }
        for text in [
            "arn:aws:s3:::*-logs",
            "arn:aws:ec2:ap-*:*:instance/i-1",
            "arn:aws:ec2:*:*:inst*/i-1",
            "arn:aws:ec2:*:*:instance/*/*",
            "arn:*",
            "arn:aws:*",
            "arn:aws-cn:ec2:*",
            "arn:aws-cn:ec2:*:*:instance/*",
            "i-0123*",
            "arn:aws:ec2:*:*:instance/i-?",
            "",
        ] {
            assert!(check_pattern(text, "ap-northeast-1").is_err(), "{text}");
        }
    }

    #[test]
    fn region_names_are_known_by_their_shape() {
        for text in ["ap-northeast-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "mx-central-1"] {
            assert!(is_region(text), "{text}");
        }
        for text in ["", "tokyo", "ap-northeast", "ap--1", "AP-northeast-1", "a-b-1", "ap-northeast-1a"] {
            assert!(!is_region(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_is_written_back_the_same(
            text in "arn:aws(-cn)?:[a-z]{1,5}:(eu-west-1)?:([0-9]{12})?:[ -~]{0,12}",
        ) {
            if let Ok(arn) = text.parse::<Arn>() {
                prop_assert_eq!(arn.to_string(), text);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>(), tail in any::<String>()) {
            for text in [text.clone(), format!("arn:aws:{text}"), format!("arn:aws:ec2:{text}:{tail}*")] {
                let _ = (text.parse::<Arn>(), check_pattern(&text, "eu-west-1"), is_region(&text));
            }
        }
    }
}
