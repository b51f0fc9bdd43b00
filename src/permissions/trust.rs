//! The trust policies of the roles that a pipeline takes: who may plan, and who alone may apply.
//!
//! Each names one repository, project and place. A name with a wildcard is refused: it would let in more than was
//! meant, forks included. Sources: GitHub, "`OpenID` Connect reference"; GitLab, "`OpenID` Connect in AWS";
//! `CodeBuild`, "Cross-service confused deputy prevention".

use serde_json::{Value, json};

use super::Purpose;
use crate::model::Scope;

/// Where a pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// AWS `CodeBuild`.
    Codebuild,
}

/// Which runs of a pipeline a role is for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// `OWNER/NAME`, the path of a GitLab project, or the name of a `CodeBuild` project.
    pub repo: &'a str,
    /// GitHub: the environment that a job names.
    pub environment: Option<&'a str>,
    /// The branch.
    pub branch: Option<&'a str>,
}

/// Why there is no trust policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// A name is none.
    #[error("`{0}` is no {1}")]
    Name(String, &'static str),
    /// It would be for more runs than one place has.
    #[error("{0}")]
    Place(&'static str),
}

/// Returns the trust policy of a role.
///
/// # Errors
/// A name that is none or holds a wildcard; an apply that is bound to no branch or environment, or to both.
pub fn trust(platform: Platform, purpose: Purpose, place: &Place<'_>, scope: &Scope) -> Result<Value, TrustError> {
    let applies = purpose == Purpose::Apply;
    match platform {
        Platform::Github => github(applies, place, scope),
        Platform::Gitlab => gitlab(applies, place, scope),
        Platform::Codebuild => codebuild(place, scope),
    }
}

/// Checks the parts of a name.
fn named<'a>(name: &'a str, what: &'static str, least: usize, more: &str) -> Result<&'a str, TrustError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || more.as_bytes().contains(&byte);
    let parts: Vec<&str> = name.split('/').collect();
    let is_one = parts.len() >= least && parts.iter().all(|part| !part.is_empty() && part.bytes().all(is_plain));
    if is_one { Ok(name) } else { Err(TrustError::Name(name.to_owned(), what)) }
}

fn branch<'a>(place: &Place<'a>) -> Result<Option<&'a str>, TrustError> {
    place.branch.map(|branch| named(branch, "branch", 1, "-_.#+@")).transpose()
}

fn github(applies: bool, place: &Place<'_>, scope: &Scope) -> Result<Value, TrustError> {
    let host = "token.actions.githubusercontent.com";
    let repo = named(place.repo, "repository: write it as `OWNER/NAME`", 2, "-_.")?;
    if repo.split('/').count() != 2 {
        return Err(TrustError::Name(repo.to_owned(), "repository: write it as `OWNER/NAME`"));
    }
    let environment = place.environment.map(|name| named(name, "environment", 1, "-_. ")).transpose()?;
    let branch = branch(place)?;
    let subject = match (applies, environment, branch) {
        (true, Some(environment), None) => json!({ "StringEquals": {
            format!("{host}:aud"): "sts.amazonaws.com",
            format!("{host}:sub"): format!("repo:{repo}:environment:{environment}"),
        } }),
        (true, None, Some(branch)) => json!({ "StringEquals": {
            format!("{host}:aud"): "sts.amazonaws.com",
            format!("{host}:sub"): format!("repo:{repo}:ref:refs/heads/{branch}"),
        } }),
        (true, None, None) => {
            return Err(TrustError::Place("a role that applies is for one `--environment`, or for one `--branch`"));
        }
        (true, Some(_), Some(_)) => {
            return Err(TrustError::Place(
                "give `--environment` or `--branch`: a job that names an environment shows no branch, and the \
                 environment's own rules say from which branches it can be used",
            ));
        }
        (false, environment, branch) => {
            let mut subjects = vec![format!("repo:{repo}:pull_request")];
            if let Some(branch) = branch {
                subjects.push(format!("repo:{repo}:ref:refs/heads/{branch}"));
                // The branches of its merge queue, which nobody but GitHub makes.
                subjects.push(format!("repo:{repo}:ref:refs/heads/gh-readonly-queue/{branch}/*"));
            }
            subjects.extend(environment.map(|environment| format!("repo:{repo}:environment:{environment}")));
            json!({
                "StringEquals": { format!("{host}:aud"): "sts.amazonaws.com" },
                "StringLike": { format!("{host}:sub"): subjects },
            })
        }
    };
    Ok(federated(host, scope, &subject))
}

fn gitlab(applies: bool, place: &Place<'_>, scope: &Scope) -> Result<Value, TrustError> {
    let host = "gitlab.com";
    let project = named(place.repo, "project: write its path, such as `GROUP/NAME`", 2, "-_.")?;
    if place.environment.is_some() {
        return Err(TrustError::Place("GitLab's tokens name no environment: give the protected `--branch`"));
    }
    let branch = branch(place)?;
    let subject = |rest: &str| format!("project_path:{project}:ref_type:branch:ref:{rest}");
    let condition = match (applies, branch) {
        (true, Some(branch)) => json!({ "StringEquals": {
            format!("{host}:aud"): "https://gitlab.com",
            format!("{host}:sub"): subject(branch),
        } }),
        (true, None) => return Err(TrustError::Place("a role that applies is for one protected `--branch`")),
        // Merge requests come from any branch of the project; those of forks run in the fork's own project.
        (false, _) => json!({
            "StringEquals": { format!("{host}:aud"): "https://gitlab.com" },
            "StringLike": { format!("{host}:sub"): subject("*") },
        }),
    };
    Ok(federated(host, scope, &condition))
}

fn codebuild(place: &Place<'_>, scope: &Scope) -> Result<Value, TrustError> {
    let project = named(place.repo, "CodeBuild project", 1, "-_")?;
    if project.contains('/') {
        return Err(TrustError::Name(project.to_owned(), "CodeBuild project"));
    }
    if place.environment.is_some() || place.branch.is_some() {
        return Err(TrustError::Place(
            "a CodeBuild project is all that its role is for: leave out branch and environment",
        ));
    }
    Ok(json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "codebuild.amazonaws.com" },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": {
                "aws:SourceAccount": scope.account_id,
                "aws:SourceArn": scope.arn("codebuild", &format!("project/{project}")),
            } },
        }],
    }))
}

/// Writes a trust in the tokens of an identity provider of the account.
fn federated(host: &str, scope: &Scope, condition: &Value) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": scope.iam_arn("oidc-provider", "/", host) },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Decision, Keys, Policies, Request};

    fn scope() -> Scope {
        Scope {
            stack: "s".to_owned(),
            account_id: "123456789012".to_owned(),
            region: "eu-central-1".to_owned(),
            iam_path: "/".to_owned(),
        }
    }

    /// Tells whether a trust policy lets in a token of this audience and subject, by the evaluator of policies.
    fn lets_in(trust: &Value, host: &str, audience: &str, subject: &str) -> bool {
        let mut statement = trust["Statement"][0].clone();
        let members = statement.as_object_mut().expect("a statement");
        members.remove("Principal");
        members.insert("Resource".to_owned(), json!("*"));
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let keys = Keys::default().with(&format!("{host}:aud"), audience).with(&format!("{host}:sub"), subject);
        let request = Request { action: "sts:AssumeRoleWithWebIdentity".into(), resource: "*".into(), keys };
        Policies::new(&[document]).expect("a policy").decide(&request) == Decision::Allowed
    }

    #[test]
    fn no_token_of_a_pull_request_a_fork_or_another_branch_reaches_the_role_that_applies() {
        let host = "token.actions.githubusercontent.com";
        let of = |purpose, environment, branch| {
            trust(Platform::Github, purpose, &Place { repo: "o/r", environment, branch }, &scope())
                .expect("a trust policy")
        };
        let aud = "sts.amazonaws.com";
        let others = [
            "repo:o/r:pull_request",
            "repo:o/r:ref:refs/heads/feature",
            "repo:o/r:ref:refs/heads/main2",
            "repo:o/r:ref:refs/tags/main",
            "repo:o/r:environment:staging",
            "repo:o/r-fork:environment:production",
            "repo:fork/r:environment:production",
            "repo:fork/r:ref:refs/heads/main",
            "repo:o/r:ref:refs/heads/gh-readonly-queue/main/pr-1-abc",
        ];
        for (applies, own) in [
            (of(Purpose::Apply, Some("production"), None), "repo:o/r:environment:production"),
            (of(Purpose::Apply, None, Some("main")), "repo:o/r:ref:refs/heads/main"),
        ] {
            assert!(lets_in(&applies, host, aud, own) && !lets_in(&applies, host, "somebody", own));
            assert!(others.iter().all(|other| !lets_in(&applies, host, aud, other)), "{applies:#}");
        }
        let plans = of(Purpose::Plan, None, Some("main"));
        let own = ["pull_request", "ref:refs/heads/main", "ref:refs/heads/gh-readonly-queue/main/pr-1-abc"];
        assert!(own.iter().all(|own| lets_in(&plans, host, aud, &format!("repo:o/r:{own}"))));
        let others = ["repo:fork/r:pull_request", "repo:o/r:ref:refs/heads/feature", "repo:o/r:environment:production"];
        assert!(others.iter().all(|other| !lets_in(&plans, host, aud, other)));
        let place = Place { repo: "g/p", environment: None, branch: Some("main") };
        let gitlab = trust(Platform::Gitlab, Purpose::Apply, &place, &scope()).expect("a trust policy");
        let of = |subject: &str| lets_in(&gitlab, "gitlab.com", "https://gitlab.com", subject);
        assert!(of("project_path:g/p:ref_type:branch:ref:main"));
        assert!(!of("project_path:g/fork:ref_type:branch:ref:main") && !of("project_path:g/p:ref_type:tag:ref:main"));
    }

    #[test]
    fn a_role_that_applies_is_for_one_place_and_no_name_holds_a_wildcard() {
        let of = |platform, purpose, repo, environment, branch| {
            trust(platform, purpose, &Place { repo, environment, branch }, &scope())
        };
        let (github, apply) = (Platform::Github, Purpose::Apply);
        assert!(of(github, apply, "o/r", None, None).is_err());
        assert!(of(github, apply, "o/r", Some("e"), Some("b")).is_err());
        for repo in ["o/*", "o", "o/r/x", "o/r:*", "*/*", "o/", ""] {
            assert!(of(github, Purpose::Plan, repo, None, None).is_err(), "{repo}");
        }
        for name in ["*", "a?b", "a:b", ""] {
            assert!(of(github, apply, "o/r", Some(name), None).is_err(), "{name}");
            assert!(of(github, apply, "o/r", None, Some(name)).is_err(), "{name}");
            assert!(of(Platform::Gitlab, apply, "g/p", None, Some(name)).is_err(), "{name}");
            assert!(of(Platform::Codebuild, apply, name, None, None).is_err(), "{name}");
        }
        let applies = of(github, apply, "o/r", Some("production"), None).expect("a trust policy");
        let wanted = "repo:o/r:environment:production";
        let condition = &applies["Statement"][0]["Condition"];
        assert_eq!(condition["StringEquals"]["token.actions.githubusercontent.com:sub"], wanted);
        assert_eq!(condition.as_object().map(serde_json::Map::len), Some(1));
    }
}
