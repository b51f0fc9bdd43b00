use std::path::Path;

use super::*;

#[test]
fn the_example_at_the_root_becomes_its_seven_things() {
    let loaded = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vss.toml"));
    assert!(loaded.diagnostics.is_empty(), "{:#?}", loaded.diagnostics);
    let config = loaded.config.unwrap();
    let addresses: Vec<String> = config.desired.iter().map(|desired| desired.address.to_string()).collect();
    let expected = [
        "role.AWSBackupVss",
        "role.EC2RoleforSSMVSSSnapshotV2",
        "instance_profile.EC2RoleforSSMVSSSnapshotV2",
        "package.AwsVssComponents",
        "vault.vss",
        "plan.daily",
        "selection.daily.windows",
    ];
    assert_eq!(addresses, expected);
}
