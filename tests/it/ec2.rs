//! The EC2 client, which is not the SDK's generated one, held to what the generated ones do.

use serde_json::json;
use vssctl::aws::{Clients, ErrorKind};
use vssctl::sandbox::{Fault, FaultKind};

use crate::bench::{self, Bench};

fn clients(bench: &Bench) -> Clients {
    bench.clients(&bench::scope("bench"))
}

fn profile(bench: &Bench, name: &str) {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    bench.call("iam", "CreateRole", &json!({"RoleName": name, "AssumeRolePolicyDocument": trust}));
    bench.call("iam", "CreateInstanceProfile", &json!({"InstanceProfileName": name}));
    bench.call("iam", "AddRoleToInstanceProfile", &json!({"InstanceProfileName": name, "RoleName": name}));
}

#[test]
fn instances_are_read_with_what_vss_depends_on() {
    let bench = Bench::new();
    let instances = bench.wait(clients(&bench).reader().instances()).expect("an answer");
    let sql = instances.iter().find(|one| one.tags.get("Name").is_some_and(|name| name == "sql-1")).expect("sql-1");
    assert_eq!(instances.len(), 5);
    assert!(sql.windows && sql.id.starts_with("i-") && sql.vpc.starts_with("vpc-") && sql.profile.is_none());
    assert_eq!((sql.instance_type.as_str(), sql.state.as_str()), ("m6i.large", "running"));
    assert_eq!((sql.metadata_enabled, sql.metadata_hop_limit), (Some(true), Some(2)));
    assert_eq!(sql.volumes.iter().map(|(device, _)| device.as_str()).collect::<Vec<_>>(), ["/dev/sda1", "xvdb"]);
    assert!(sql.launched.is_some());
    assert_eq!(instances.iter().filter(|one| one.windows).count(), 4);
}

#[test]
fn a_list_is_read_to_its_end_and_once() {
    let bench = Bench::new();
    bench
        .sandbox
        .edit(|account| {
            let mut region = vssctl::sandbox::account::Region::default();
            let seed = vssctl::sandbox::fleet::Fleet::seed("ap-northeast-1", "123456789012");
            let one = seed.named("sql-1").expect("sql-1").clone();
            for number in 0..1200 {
                let id = format!("i-0{number:016x}");
                region.fleet.instances.insert(id.clone(), vssctl::sandbox::fleet::Instance { id, ..one.clone() });
            }
            account.regions.insert("ap-northeast-1".to_owned(), region);
        })
        .expect("a sandbox in memory");
    let reader = clients(&bench).reader();
    for _ in 0..2 {
        assert_eq!(bench.wait(reader.instances()).expect("an answer").len(), 1200);
    }
    assert_eq!(bench.requests(), ["ec2:DescribeInstances"; 3]);
    assert_eq!(reader.calls().get("ec2:DescribeInstances"), Some(&3));
}

#[test]
fn profiles_are_put_on_replaced_and_taken_off() {
    let bench = Bench::new();
    profile(&bench, "one");
    profile(&bench, "two");
    let clients = clients(&bench);
    let (reader, writer) = (clients.reader(), clients.writer());
    let instance = bench.wait(reader.instances()).expect("an answer")[0].id.clone();
    let made = bench.wait(writer.associate_instance_profile(&instance, "one")).expect("an association");
    assert_eq!((made.instance.as_str(), made.state.as_str()), (instance.as_str(), "associating"));
    let again = bench.wait(writer.associate_instance_profile(&instance, "two")).expect_err("there is one");
    assert_eq!(again.code.as_deref(), Some("IncorrectState"));
    assert_eq!(again.action(), "ec2:AssociateIamInstanceProfile");
    assert!(again.request_id.is_some());
    let replaced = bench.wait(writer.replace_instance_profile(&made.id, "two")).expect("an association");
    assert_eq!(replaced.profile, "arn:aws:iam::123456789012:instance-profile/two");
    let live = bench.wait(clients.reader().profile_associations()).expect("an answer");
    assert_eq!(live.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), [replaced.id.as_str()]);
    bench.wait(writer.disassociate_instance_profile(&replaced.id)).expect("an association");
    assert!(bench.wait(clients.reader().profile_associations()).expect("an answer").is_empty());
    assert_eq!(writer.calls().values().sum::<usize>(), 4);
}

#[test]
fn a_profile_that_ec2_does_not_know_yet_is_waited_for_and_a_missing_association_is_gone() {
    let bench = Bench::new();
    bench.call("iam", "CreateInstanceProfile", &json!({"InstanceProfileName": "empty"}));
    let clients = clients(&bench);
    let writer = clients.writer();
    let instance = bench.wait(clients.reader().instances()).expect("an answer")[0].id.clone();
    for name in ["missing", "empty"] {
        let error = bench.wait(writer.associate_instance_profile(&instance, name)).expect_err("no profile");
        assert_eq!(
            (error.kind, error.code.as_deref()),
            (ErrorKind::Propagating, Some("InvalidParameterValue")),
            "{error}"
        );
    }
    let gone = bench.wait(writer.disassociate_instance_profile("iip-assoc-00000000000000000")).expect_err("none");
    assert_eq!(gone.kind, ErrorKind::NotFound);
    let missing = bench.wait(writer.associate_instance_profile("i-0ffffffffffffffff", "empty")).expect_err("none");
    assert_eq!(missing.kind, ErrorKind::NotFound);
}

#[test]
fn reads_are_sent_again_when_ec2_has_too_much_to_do_and_writes_are_not() {
    let bench = Bench::new();
    let clients = clients(&bench);
    for kind in [FaultKind::Throttle, FaultKind::ServerError, FaultKind::ResetBefore] {
        bench.sandbox.inject(Fault::new(kind).service("ec2"));
        assert_eq!(bench.wait(clients.reader().instances()).expect("the second try").len(), 5, "{kind:?}");
    }
    bench.forget_requests();
    bench.sandbox.inject(Fault::new(FaultKind::Throttle).service("ec2"));
    let error = bench.wait(clients.writer().disassociate_instance_profile("iip-assoc-1")).expect_err("throttled");
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Throttled, Some("RequestLimitExceeded")));
    assert_eq!(bench.requests().len(), 1);
}

#[test]
fn refusals_and_answers_that_are_not_whole_are_errors_of_their_kind() {
    let bench = Bench::new();
    let clients = clients(&bench);
    for (kind, expected) in [
        (FaultKind::AccessDenied, ErrorKind::AccessDenied),
        (FaultKind::ExpiredCredentials, ErrorKind::Credentials),
        (FaultKind::Truncated, ErrorKind::Unsettled),
        (FaultKind::CutAt(0), ErrorKind::Unsettled),
    ] {
        bench.sandbox.inject(Fault::new(kind).service("ec2").times(9));
        let error = bench.wait(clients.reader().instances()).expect_err("spoilt");
        assert_eq!(error.kind, expected, "{kind:?}: {error}");
        assert_eq!(error.action(), "ec2:DescribeInstances");
        bench.sandbox.clear_faults();
    }
}

#[test]
fn images_and_snapshots_are_found_by_id_and_one_that_is_gone_is_left_out() {
    let bench = Bench::new();
    let ids: Vec<String> = (0..450).map(|number| format!("snap-0{number:016x}")).collect();
    bench
        .sandbox
        .edit(|account| {
            let mut region = vssctl::sandbox::account::Region::default();
            for id in ids.iter().skip(1) {
                let snapshot = vssctl::sandbox::ec2::Snapshot {
                    volume: "vol-00000000000000001".to_owned(),
                    description: String::new(),
                    created: 1_767_225_600_000,
                    completed: 1_767_225_600_000,
                    tags: [("AppConsistent".to_owned(), "True".to_owned())].into(),
                };
                region.ec2.snapshots.insert(id.clone(), snapshot);
            }
            account.regions.insert("ap-northeast-1".to_owned(), region);
        })
        .expect("a sandbox in memory");
    let reader = clients(&bench).reader();
    let found = bench.wait(reader.snapshots(Some(&ids))).expect("an answer");
    assert_eq!(found.len(), 449);
    assert!(found.iter().all(|one| one.state == "completed" && one.tags["AppConsistent"] == "True"));
    assert_eq!(bench.requests(), ["ec2:DescribeSnapshots"; 3]);
    assert_eq!(bench.wait(reader.snapshots(None)).expect("an answer").len(), 449);
    assert!(bench.wait(reader.images(None)).expect("an answer").is_empty());
    assert!(bench.wait(reader.vpc_endpoints()).expect("an answer").is_empty());
}
