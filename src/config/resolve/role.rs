//! Roles: presets, documents, managed policies and the instance profile that comes with a role.

use crate::model::KindId;
use crate::model::arn::managed_policy_arn;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::context::{Context, Declared, Entry};
use crate::config::limits;
use crate::config::names::{POLICY_NAME, PROFILE_NAME, ROLE_NAME};
use crate::config::presets::{self, Filling};
use crate::config::problems::safe;
use crate::config::structure::closest;
use crate::config::tree::Node;
use crate::kind::form::Form;
use crate::kind::values::{ProfileChoice, TextOrNumber};
use crate::kind::{Desired, Fields};
use crate::kinds::instance_profile::spec::ResolvedInstanceProfile;
use crate::kinds::role::spec::{PoliciesMode, ResolvedRole, RoleSpec};
use crate::model::Address;
use crate::model::arn::{Arn, looks_like_arn};
use crate::model::duration::seconds;
use crate::policy;
use crate::policy::lint::{self, Lint};

use super::across::{Facts, ProfileFacts, RoleFacts};
use super::values::duration;

/// Resolves `[role.*]`, each with the instance profile that comes with it.
pub(crate) fn roles(file: &Node, context: &mut Context<'_>, facts: &mut Facts) -> Vec<Desired> {
    let mut all = Vec::new();
    for entry in context.entries::<RoleSpec>(file.get("role"), KindId::Role, None) {
        let role = role(&entry, context, facts);
        lint(&entry, &role, context);
        let profile = profile(&entry, &role, file, context, facts);
        all.push(role);
        all.extend(profile);
    }
    context.check_unique(KindId::Role, ROLE_NAME);
    all
}

fn role(entry: &Entry<'_, RoleSpec>, context: &mut Context<'_>, facts: &mut Facts) -> Desired {
    let spec = &entry.spec;
    let filling = spec.preset.map(|preset| presets::filling(preset, &context.scope));
    context.check_name(entry, ROLE_NAME);
    context.check_path(entry, &["path"], spec.path.as_deref());
    context.check_description(entry, spec.description.as_deref());
    let mut references = Vec::new();
    let managed_policies = managed_policies(entry, filling.as_ref(), context, &mut references);
    let permissions_boundary = spec.permissions_boundary.as_deref().and_then(|text| {
        if text.is_empty() {
            return Some(String::new());
        }
        managed_policy(entry, &["permissions_boundary"], text, context, &mut references)
    });
    let resolved = ResolvedRole {
        path: context.iam_path(spec.path.as_ref()),
        description: spec.description.clone(),
        trust: trust(entry, filling.as_ref(), context),
        max_session_duration: session(entry, context),
        permissions_boundary,
        managed_policies,
        inline_policies: inline_policies(entry, filling.as_ref(), context),
        tags: context.merged_tags(entry, true),
    };
    facts.roles.push(RoleFacts {
        address: entry.address.clone(),
        name: entry.name.clone(),
        key: entry.key.clone(),
        trust: resolved.trust.clone(),
        trust_place: entry.place(&["trust"]),
        managed: resolved.managed_policies.clone(),
        inline: resolved.inline_policies.clone().unwrap_or_default(),
        additive: spec.policies_mode == Some(PoliciesMode::Additive),
    });
    let mut desired = context.desired(entry, resolved.normal_form());
    desired.options =
        Form::default().text("policies_mode", Some(spec.policies_mode.unwrap_or_default().name())).fields();
    references.sort();
    references.dedup();
    desired.references = references;
    desired
}

/// Lints the role as a whole: its attached policies, its boundary, and what instances may do with it.
fn lint(entry: &Entry<'_, RoleSpec>, role: &Desired, context: &mut Context<'_>) {
    for (index, text) in entry.spec.managed_policies.iter().flatten().enumerate() {
        let name = text.rsplit('/').next().unwrap_or(text);
        if !["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"].contains(&name) {
            continue;
        }
        let index = index.to_string();
        let found = Lint {
            code: "VSS1024",
            is_error: true,
            message: format!("has `{name}`, which allows far more than backups need"),
            path: String::new(),
            help: "attach what the role's job needs".to_owned(),
        };
        let place = entry.place(&["managed_policies", &index]);
        context.report_lint(entry, &place, &format!("`{}`", entry.address), &found);
    }
    let trusts_instances =
        role.fields.get("trust").is_some_and(|trust| trust.to_string().contains("\"ec2.amazonaws.com"));
    let bounded = role.fields.get("permissions_boundary").is_some_and(|boundary| boundary != "");
    let inline = role.fields.get("inline_policies").and_then(Value::as_object);
    for (name, document) in inline.into_iter().flatten().filter(|_| entry.spec.inline_policies.is_some()) {
        let place = entry.place(&["inline_policies", name]);
        let subject = format!("the policy `{}` of `{}`", safe(name), entry.address);
        for found in lint::lint_instance(document).iter().filter(|_| trusts_instances) {
            context.report_lint(entry, &place, &subject, found);
        }
        if !bounded && lint::writes_iam(document) {
            let found = Lint {
                code: "VSS1025",
                is_error: false,
                message: "allows changes of IAM, and the role has no permissions boundary".to_owned(),
                path: String::new(),
                help: "bound it with `permissions_boundary`".to_owned(),
            };
            context.report_lint(entry, &place, &subject, &found);
        }
    }
    context.check_allowances(entry);
}

fn session(entry: &Entry<'_, RoleSpec>, context: &mut Context<'_>) -> Option<String> {
    let keys = ["max_session_duration"];
    let length = match entry.spec.max_session_duration.as_ref()? {
        TextOrNumber::Number(number) => u32::try_from(*number).unwrap_or(u32::MAX),
        TextOrNumber::Text(text) => duration(context, entry, &keys, Some(text), seconds::parse)?,
    };
    if !(3_600..=43_200).contains(&length) {
        let message = format!("`{}` is no session duration that IAM takes", seconds::format(length));
        let diagnostic = entry.error("VSS0212", message).label("from `1h` to `12h`");
        context.report(&entry.place(&keys), diagnostic);
    }
    Some(seconds::format(length))
}

fn trust(entry: &Entry<'_, RoleSpec>, filling: Option<&Filling>, context: &mut Context<'_>) -> Option<Value> {
    let Some(source) = &entry.spec.trust else {
        if let Some(filling) = filling {
            return Some(policy::trust_policy(&[filling.service]));
        }
        // What is there already and only taken over keeps its own trust.
        if entry.gives("preset") || entry.gives("trust") || entry.spec.adopt == Some(true) {
            return None;
        }
        let diagnostic = entry
            .error("VSS0510", format!("`{}` says neither who may assume it nor what it is for", entry.address))
            .label("`trust` or `preset` is missing")
            .help("add `preset = \"vss-instance\"`, `preset = \"backup-service\"` or a `trust` document")
            .help("a role that is there already keeps its trust: add `adopt = true`");
        context.report(&entry.key, diagnostic);
        return None;
    };
    let document = context.trust_document(entry, &["trust"], source)?;
    if document.size > limits::TRUST_MOST {
        let message =
            format!("the trust policy has {} characters, and {} is the most", document.size, limits::TRUST_MOST);
        context.report(&entry.place(&["trust"]), entry.error("VSS0507", message).label("too long"));
    } else if document.size > limits::TRUST {
        let message =
            format!("the trust policy has {} characters, and accounts start with {}", document.size, limits::TRUST);
        let diagnostic = entry
            .warning("VSS0507", message)
            .label("longer than IAM's default quota, white space not counted")
            .help("raise the quota \"Role trust policy length\" first");
        context.report(&entry.place(&["trust"]), diagnostic);
    }
    Some(document.value)
}

fn managed_policies(
    entry: &Entry<'_, RoleSpec>,
    filling: Option<&Filling>,
    context: &mut Context<'_>,
    references: &mut Vec<Address>,
) -> Option<Vec<String>> {
    let Some(declared) = &entry.spec.managed_policies else {
        let filling = filling?;
        return Some(filling.managed.iter().map(|name| managed_policy_arn(&context.scope, name)).collect());
    };
    let mut arns: Vec<String> = Vec::new();
    for (index, text) in declared.iter().enumerate() {
        let index = index.to_string();
        let keys = ["managed_policies", index.as_str()];
        let Some(arn) = managed_policy(entry, &keys, text, context, references) else { continue };
        if arns.contains(&arn) {
            let message = format!("the managed policy `{}` is listed twice", safe(text));
            context.report(&entry.place(&keys), entry.error("VSS0215", message).label("once more"));
        } else {
            arns.push(arn);
        }
    }
    if arns.len() > limits::MANAGED_POLICIES {
        let message =
            format!("{} managed policies, and accounts start with {} a role", arns.len(), limits::MANAGED_POLICIES);
        let diagnostic = entry
            .warning("VSS0214", message)
            .label("more than IAM's default quota")
            .help("raise the quota \"Managed policies attached to an IAM role\" first");
        context.report(&entry.place(&["managed_policies"]), diagnostic);
    }
    Some(arns)
}

/// Resolves a managed policy: an ARN, a policy of the file, or the name of one of AWS's own.
fn managed_policy(
    entry: &Entry<'_, RoleSpec>,
    keys: &[&str],
    text: &str,
    context: &mut Context<'_>,
    references: &mut Vec<Address>,
) -> Option<String> {
    let place = entry.place(keys);
    if looks_like_arn(text) {
        return match Arn::parse_as(text, "iam", "policy") {
            Ok(arn) => context.check_arn(entry, &place, &arn, false).then(|| arn.to_string()),
            Err(failed) => {
                context.report_arn(entry, &place, &failed);
                None
            }
        };
    }
    let declared = context.declared.get(&KindId::Policy).map(Vec::as_slice).unwrap_or_default();
    if let Some(found) = declared.iter().find(|policy| policy.key == text || policy.name == text) {
        let address = Address::new(KindId::Policy, found.key.clone());
        let arn = context.iam_arn(KindId::Policy, &address, "policy");
        references.push(address);
        return arn;
    }
    let names: Vec<&str> = declared.iter().take(limits::RESOURCES).map(|policy| policy.key.as_str()).collect();
    // The names of AWS's own policies are not all known offline, but a name that is almost a known one is reported.
    let meant = closest(text, &names).or_else(|| {
        let known = [
            presets::SSM_CORE,
            presets::VSS_POLICY,
            "AWSBackupServiceRolePolicyForBackup",
            "AWSBackupServiceRolePolicyForRestores",
        ];
        known.into_iter().find(|name| *name != text && strsim::damerau_levenshtein(name, text) <= 2)
    });
    let bare = text.rsplit('/').next().unwrap_or(text);
    if bare.is_empty()
        || bare.len() > 128
        || !bare.chars().all(|it| it.is_ascii_alphanumeric() || "_+=,.@-".contains(it))
    {
        context.check_name_at(&entry.address, text, &place, POLICY_NAME);
        return None;
    }
    if let Some(meant) = meant {
        let diagnostic = entry
            .error(
                "VSS0301",
                format!("there is no policy `{}` in the file, nor one of AWS's that is known", safe(text)),
            )
            .label("unknown policy")
            .help(format!("did you mean `{meant}`?"))
            .help("for one that is not in the file, write its ARN");
        context.report(&place, diagnostic);
        return None;
    }
    let arn = managed_policy_arn(&context.scope, text);
    if !presets::is_known(text) {
        let diagnostic = entry
            .warning("VSS0306", format!("the policy `{}` is neither in the file nor one that vssctl knows", safe(text)))
            .label(format!("taken for `{}`", safe(&arn)))
            .help("for one that is not in the file, write its ARN: nothing is guessed then");
        context.report(&place, diagnostic);
    }
    Some(arn)
}

fn inline_policies(
    entry: &Entry<'_, RoleSpec>,
    filling: Option<&Filling>,
    context: &mut Context<'_>,
) -> Option<BTreeMap<String, Value>> {
    let Some(declared) = &entry.spec.inline_policies else {
        let inline = &filling?.inline;
        let documents = || inline.iter().map(|(name, document)| ((*name).to_owned(), canonical(document)));
        return (!inline.is_empty()).then(|| documents().collect());
    };
    let mut documents = BTreeMap::new();
    let mut size = 0;
    for (name, source) in declared {
        let keys = ["inline_policies", name.as_str()];
        context.check_name_at(&entry.address, name, &entry.key_place(&keys), POLICY_NAME);
        if let Some(document) = context.identity_document(entry, &keys, source) {
            size += document.size;
            documents.insert(name.clone(), document.value);
        }
    }
    if size > limits::INLINE {
        let message =
            format!("the inline policies have {size} characters together, and {} is the most", limits::INLINE);
        let diagnostic = entry
            .error("VSS0508", message)
            .label("too long, white space not counted")
            .help("move some of it to a `policy` entry, which may have 6,144 characters of its own");
        context.report(&entry.place(&["inline_policies"]), diagnostic);
    }
    Some(documents)
}

fn canonical(document: &Value) -> Value {
    policy::canonical(document).unwrap_or_else(|_| document.clone())
}

/// Makes the instance profile that comes with a role.
fn profile(
    entry: &Entry<'_, RoleSpec>,
    role: &Desired,
    file: &Node,
    context: &mut Context<'_>,
    facts: &mut Facts,
) -> Option<Desired> {
    let spec = &entry.spec;
    let preset = spec.preset.is_some_and(|preset| presets::filling(preset, &context.scope).profile);
    let own = match &spec.instance_profile {
        Some(ProfileChoice::Own(own)) => Some(own.clone()),
        Some(ProfileChoice::Flag(true)) => None,
        None if preset => None,
        Some(ProfileChoice::Flag(false)) | None => return None,
    };
    let key = entry.address.key();
    if file.get("instance_profile").is_some_and(|profiles| profiles.member(key).is_some()) {
        // A profile of the preset gives way to an entry of the file. A profile that the role itself asks for does not.
        if spec.instance_profile.is_some() {
            let diagnostic = entry
                .error("VSS0308", format!("`instance_profile.{key}` is defined twice"))
                .label("here, and as an entry of its own")
                .help("remove one of them");
            context.report(&entry.place(&["instance_profile"]), diagnostic);
        }
        return None;
    }
    let own = own.unwrap_or_default();
    let address = Address::new(KindId::InstanceProfile, key);
    let place = entry.place(&["instance_profile", "name"]);
    // The name of the role has been checked, and every name of a role is allowed for a profile too.
    if let Some(name) = &own.name {
        context.check_name_at(&address, name, &place, PROFILE_NAME);
    }
    let name = own.name.unwrap_or_else(|| entry.name.clone());
    context.check_path(entry, &["instance_profile", "path"], own.path.as_deref());
    let path = context.iam_path(own.path.as_ref().or(spec.path.as_ref()));
    let declared = Declared {
        key: key.to_owned(),
        old_key: key.to_owned(),
        name: name.clone(),
        path: path.clone(),
        place: place.clone(),
    };
    context.declared.entry(KindId::InstanceProfile).or_default().push(declared);
    facts.profiles.push(ProfileFacts { address: address.clone(), role: entry.address.clone() });
    let tags = role.fields.get("tags").and_then(Value::as_object).map(|tags| {
        tags.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    });
    let resolved = ResolvedInstanceProfile { path, role: Some(entry.name.clone()), tags };
    Some(Desired {
        address,
        name,
        fields: resolved.normal_form(),
        options: Fields::new(),
        references: vec![entry.address.clone()],
        renamed_from: role.renamed_from.as_ref().map(|old| Address::new(KindId::InstanceProfile, old.key())),
        ..role.clone()
    })
}
