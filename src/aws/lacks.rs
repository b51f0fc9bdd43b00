//! What a source of credentials lacks, as far as that is to be seen without asking it.

use std::path::Path;

use super::sources::Source;

/// Says what a profile lacks for its source.
pub(super) fn lacking(
    profile: &str,
    source: Source,
    value: impl Fn(&str) -> Option<String>,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let without = |keys: &[&str]| {
        let missing: Vec<String> =
            keys.iter().filter(|key| value(key).is_none()).map(|key| format!("`{key}`")).collect();
        (!missing.is_empty()).then(|| format!("the profile `{profile}` lacks {}", missing.join(" and ")))
    };
    match source {
        Source::Sso if value("sso_session").is_some() => without(&["sso_account_id", "sso_role_name"]),
        Source::Sso => without(&["sso_start_url", "sso_region", "sso_account_id", "sso_role_name"]),
        Source::WebIdentity => without(&["role_arn"]).or_else(|| {
            let path = value("web_identity_token_file")?;
            no_token(&path, &format!("`web_identity_token_file` of the profile `{profile}`"))
        }),
        Source::Elsewhere if value("credential_source").as_deref() == Some("Environment") => {
            let missing: Vec<&str> = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
                .into_iter()
                .filter(|name| variable(name).is_none())
                .collect();
            let verb = if missing.len() == 1 { "is" } else { "are" };
            (!missing.is_empty()).then(|| {
                let names = missing.join(" and ");
                format!(
                    "the profile `{profile}` has `credential_source = Environment`, and {names} {verb} not set there"
                )
            })
        }
        _ => None,
    }
}

/// Says which half of a pair the environment lacks.
pub(super) fn half_of_environment(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    for (one, other) in [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    ] {
        if variable(one).is_some() && variable(other).is_none() {
            return Some(format!("the environment has {one} and lacks {other}"));
        }
    }
    no_token(&variable("AWS_WEB_IDENTITY_TOKEN_FILE")?, "AWS_WEB_IDENTITY_TOKEN_FILE")
}

fn no_token(path: &str, of: &str) -> Option<String> {
    (!Path::new(path).exists()).then(|| format!("{of} is `{path}`, and there is no such file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_which_one_half_is_set_are_named() {
        let only = |set: &'static str| move |name: &str| (name == set).then(|| "x".to_owned());
        let environment = |key: &str| (key == "credential_source").then(|| "Environment".to_owned());
        let told = |set| lacking("p", Source::Elsewhere, environment, only(set)).expect("a sentence");
        assert!(told("").contains("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"), "{}", told(""));
        assert!(told("AWS_ACCESS_KEY_ID").contains("and AWS_SECRET_ACCESS_KEY is not set"));
        for (set, lacks) in [
            ("AWS_ACCESS_KEY_ID", "lacks AWS_SECRET_ACCESS_KEY"),
            ("AWS_SECRET_ACCESS_KEY", "lacks AWS_ACCESS_KEY_ID"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "lacks AWS_ROLE_ARN"),
        ] {
            assert!(half_of_environment(only(set)).is_some_and(|told| told.contains(lacks)), "{set}");
        }
        assert_eq!(half_of_environment(only("PATH")), None);
    }
}
