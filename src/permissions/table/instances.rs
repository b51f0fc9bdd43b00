//! Instance profiles on instances, and packages through Systems Manager.

use serde_json::{Value, json};

use crate::permissions::row::{
    Reach, Row, action, always, any_association, associations, attached_instances, attachments, claims, commands,
    everything, firsts, on, own, own_and_stays, own_profiles, package_document, package_instances, packages,
    replaced_instances, waits, with,
};

/// The statements.
pub(super) const ROWS: &[Row] = &[
    Row {
        sid: "AttachProfiles",
        reach: Reach::Write,
        why: "Puts the file's instance profiles on the instances that it names, and no other profiles.",
        actions: &[always("ec2:AssociateIamInstanceProfile")],
        targets: |facts| attached_instances(facts, |_, condition| condition),
    },
    Row {
        sid: "ReplaceProfiles",
        reach: Reach::Write,
        why: "Puts them in the place of the stack's own profiles; of others only where the file says `replace = true`.",
        actions: &[always("ec2:ReplaceIamInstanceProfileAssociation")],
        targets: |facts| {
            attached_instances(facts, |one, condition| {
                let own = json!(own_profiles(facts));
                if one.replaces { condition } else { with(condition, "ArnLike", "ec2:InstanceProfile", own) }
            })
        },
    },
    Row {
        sid: "TakeProfilesOff",
        reach: Reach::Write,
        why: "Takes the stack's own profiles off instances when they are no longer meant, or the profile goes.",
        actions: &[always("ec2:DisassociateIamInstanceProfile")],
        targets: |facts| {
            let instances = (facts.prunes || attachments(facts)).then(|| facts.arn("ec2", "instance/*"));
            on(instances, json!({ "ArnLike": { "ec2:InstanceProfile": own_profiles(facts) } }))
        },
    },
    Row {
        sid: "TakeOtherProfilesOff",
        reach: Reach::Write,
        why: "Takes others' profiles off stopped instances, where EC2 replaces none; only with `replace = true`.",
        actions: &[always("ec2:DisassociateIamInstanceProfile")],
        targets: replaced_instances,
    },
    Row {
        sid: "CreateAssociations",
        reach: Reach::Write,
        why: "Makes associations, only with the stack's mark, and marks those that are adopted.",
        actions: &[action("ssm:CreateAssociation", associations), action("ssm:AddTagsToResource", associations)],
        targets: |facts| on(any_association(facts), claims(facts)),
    },
    Row {
        sid: "TagOwnAssociations",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own associations, and never hands one to another stack.",
        actions: &[action("ssm:AddTagsToResource", associations), action("ssm:RemoveTagsFromResource", associations)],
        targets: |facts| on(any_association(facts), own_and_stays(facts)),
    },
    Row {
        sid: "ChangeOwnAssociations",
        reach: Reach::Write,
        why: "Changes and deletes the stack's own associations.",
        actions: &[action("ssm:UpdateAssociation", associations), action("ssm:DeleteAssociation", packages)],
        targets: |facts| on(any_association(facts), own(facts)),
    },
    Row {
        sid: "OnlyThePackageDocument",
        reach: Reach::Write,
        why: "Runs the document that installs packages, and no other.",
        actions: &[
            action("ssm:CreateAssociation", associations),
            action("ssm:UpdateAssociation", associations),
            action("ssm:DeleteAssociation", packages),
            action("ssm:SendCommand", |facts| commands(facts) || firsts(facts)),
        ],
        targets: |facts| on(package_document(facts), Value::Null),
    },
    Row {
        sid: "AssociateChosenInstances",
        reach: Reach::Write,
        why: "Associates the instances that the file's packages target, by their tags or ids.",
        actions: &[always("ssm:CreateAssociation"), always("ssm:UpdateAssociation")],
        targets: |facts| package_instances(facts, |package| !package.is_command),
    },
    Row {
        sid: "CommandChosenInstances",
        reach: Reach::Write,
        why: "Runs the document on the instances that the file's packages without a schedule target, and on those that \
              are ahead of the others: canaries, and instances whose package is too old for their role's policy.",
        actions: &[always("ssm:SendCommand")],
        targets: |facts| package_instances(facts, |package| package.is_command || package.goes_first),
    },
    Row {
        sid: "WaitForInstances",
        reach: Reach::Write,
        why: "Waits until a package is on the instances that are ahead of the others, and reads what an instance says \
              where it failed.",
        actions: &[action("ssm:GetCommandInvocation", |facts| firsts(facts) || waits(facts))],
        targets: everything,
    },
];
