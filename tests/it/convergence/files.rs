//! Random files: few names, so that what one file makes another one changes, renames, replaces or drops.

use std::fmt::Write as _;

use super::random::Random;
use crate::bench::STACK;

const TRUST: [&str; 2] = ["ec2.amazonaws.com", "backup.amazonaws.com"];
const MANAGED: [&str; 3] =
    ["AmazonSSMManagedInstanceCore", "AWSEC2VssSnapshotPolicy", "service-role/AWSBackupServiceRolePolicyForBackup"];

/// What a file may be generated with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// With one-time commands, which can't be taken back.
    pub(crate) commands: bool,
}

/// Writes a file.
pub(crate) fn file(random: &mut Random, bounds: Bounds) -> String {
    let mut text = STACK.to_owned();
    if random.one_in(2) {
        let _ = writeln!(text, "[tags]\nteam = \"{}\"", random.pick(&["a", "b"]));
    }
    if random.one_in(4) {
        let _ = writeln!(text, "[region_settings]\nresource_type_opt_in = {{ EC2 = true }}");
    }
    let policies: Vec<&str> = ["p", "q"].into_iter().filter(|_| random.one_in(3)).collect();
    for key in &policies {
        policy(random, key, &mut text);
    }
    for key in ["a", "b", "c"] {
        if random.one_in(2) {
            role(random, key, &policies, &mut text);
        }
    }
    let _ = writeln!(text, "[role.backup]\nname = \"Backup\"\npreset = \"backup-service\"");
    let vaults: Vec<&str> = ["v", "w"].into_iter().filter(|_| random.one_in(2)).collect();
    for key in &vaults {
        let _ = writeln!(text, "[vault.{key}]\nname = \"vault-{key}\"");
        common(random, &mut text);
        if random.one_in(4) {
            let _ = writeln!(text, "lock = {{ mode = \"governance\", min_retention = \"1d\" }}");
        }
    }
    if !vaults.is_empty() {
        for key in ["d", "e"] {
            if random.one_in(2) {
                plan(random, key, &vaults, &mut text);
            }
        }
    }
    for key in ["s", "t"] {
        if random.one_in(3) {
            package(random, key, bounds, &mut text);
        }
    }
    text
}

/// What any entry may have.
fn common(random: &mut Random, text: &mut String) {
    if random.one_in(6) {
        let _ = writeln!(text, "adopt = true");
    }
    if random.one_in(3) {
        let _ = writeln!(text, "tags = {{ own = \"{}\" }}", random.pick(&["1", "2"]));
    }
}

fn document(action: &str) -> String {
    format!(r#"'{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}'"#)
}

fn policy(random: &mut Random, key: &str, text: &mut String) {
    let action = random.pick(&["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:DescribeVolumes"]);
    let _ = writeln!(text, "[policy.{key}]\nname = \"Policy-{key}\"\ndocument = {}", document(action));
    if random.one_in(4) {
        let _ = writeln!(text, "path = \"/x/\"");
    }
    common(random, text);
}

fn role(random: &mut Random, key: &str, policies: &[&str], text: &mut String) {
    let service = random.pick(&TRUST);
    let _ = writeln!(
        text,
        "[role.{key}]\nname = \"Role-{key}\"\ntrust = \
         '{{\"Version\":\"2012-10-17\",\"Statement\":{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"{service}\"}},\
         \"Action\":\"sts:AssumeRole\"}}}}'"
    );
    if random.one_in(5) {
        let _ = writeln!(text, "path = \"/x/\"");
    }
    if random.one_in(3) {
        let _ = writeln!(text, "description = \"{}\"", random.pick(&["one", "two"]));
    }
    if !random.one_in(3) {
        let mut attached: Vec<&str> = MANAGED.into_iter().filter(|_| random.one_in(2)).collect();
        let own: Vec<String> =
            policies.iter().filter(|_| random.one_in(2)).map(|key| format!("Policy-{key}")).collect();
        attached.extend(own.iter().map(String::as_str));
        let _ = writeln!(text, "managed_policies = {attached:?}");
    }
    let has_inline = random.one_in(3);
    let has_none = !has_inline && random.one_in(3);
    if has_inline {
        let action = random.pick(&["ec2:DescribeImages", "ec2:DescribeTags"]);
        let _ = writeln!(text, "inline_policies.i = {}", document(action));
    } else if has_none {
        let _ = writeln!(text, "inline_policies = {{}}");
    }
    if *service == TRUST[0] && random.one_in(2) {
        let _ = writeln!(text, "instance_profile = true");
    }
    common(random, text);
}

fn plan(random: &mut Random, key: &str, vaults: &[&str], text: &mut String) {
    let name = if random.one_in(5) { "other" } else { "plan" };
    let _ = writeln!(text, "[plan.{key}]\nname = \"{name}-{key}\"\nwindows_vss = {}", random.one_in(2));
    common(random, text);
    for rule in ["m", "n"] {
        if rule == "m" || random.one_in(2) {
            let (vault, hour) = (random.pick(vaults), random.pick(&[3, 4, 5]));
            let _ = writeln!(
                text,
                "[plan.{key}.rule.{rule}]\nvault = \"{vault}\"\nschedule = \"cron(0 {hour} ? * * *)\"\n\
                 start_window = \"1h\"\ncomplete_window = \"8h\"\ndelete_after = \"{}d\"",
                random.pick(&[7, 35])
            );
        }
    }
    for selection in ["x", "y"] {
        if random.one_in(2) {
            let _ = writeln!(
                text,
                "[plan.{key}.selection.{selection}]\nrole = \"backup\"\nmatch = {{ all = {{ Vss = \"{}\" }} }}",
                random.pick(&["on", "yes"])
            );
        }
    }
}

fn package(random: &mut Random, key: &str, bounds: Bounds, text: &mut String) {
    let _ = writeln!(
        text,
        "[package.{key}]\npackage_name = \"AwsVssComponents\"\ntargets = {{ tags = {{ Vss = \"{}\" }} }}",
        random.pick(&["on", "yes"])
    );
    if !bounds.commands || !random.one_in(3) {
        let _ = writeln!(text, "schedule = \"rate({} days)\"", random.pick(&[2, 3]));
        if random.one_in(3) {
            let _ = writeln!(text, "max_errors = \"{}\"", random.pick(&[1, 2]));
        }
        common(random, text);
    }
}
