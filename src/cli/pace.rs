//! AWS sets the pace, in words.

use std::time::Duration;

use crate::aws::Pace;

/// Says how fast a service takes calls, and how long it takes until those that wait are sent.
pub(super) fn sentence(pace: &Pace) -> String {
    format!("AWS sets the pace: {}", short(pace))
}

/// Says the same in fewer words, for the status line.
pub(super) fn short(pace: &Pace) -> String {
    let (service, calls) = (service(pace.service), pace.category.word());
    format!("{service} takes {} {calls} a second; about {} left", rate(pace.rate), left(pace.left()))
}

/// Returns the name of a service.
fn service(prefix: &str) -> &str {
    match prefix {
        "backup" => "AWS Backup",
        "ec2" => "EC2",
        "iam" => "IAM",
        "kms" => "KMS",
        "ssm" => "Systems Manager",
        "sts" => "STS",
        "tag" => "the Tagging API",
        other => other,
    }
}

fn rate(rate: f64) -> String {
    if rate >= 10.0 { format!("{rate:.0}") } else { format!("{rate:.1}") }
}

fn left(left: Duration) -> String {
    match left.as_secs() {
        seconds @ 0..=90 => format!("{} s", seconds.max(1)),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Category;

    #[test]
    fn a_pace_says_who_sets_it_and_for_how_long() {
        let pace = |rate, waiting| Pace { service: "backup", category: Category::Read, rate, waiting };
        assert_eq!(
            sentence(&pace(15.2, 200)),
            "AWS sets the pace: AWS Backup takes 15 reads a second; about 13 s left"
        );
        assert_eq!(
            sentence(&pace(0.93, 300)),
            "AWS sets the pace: AWS Backup takes 0.9 reads a second; about 6 min left"
        );
    }
}
