//! What the template says of resources that the file has no kind for: what AWS makes of the name that they give
//! themselves. Source: "Return values" of each type in the CloudFormation template reference.

use super::document::Node;
use super::evaluate::Evaluator;
use super::solved::{Content, Solved, Text};

/// What `Ref` or an attribute gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gives {
    Name,
    Arn,
}

/// A type whose name, where it is given, says the rest.
struct Known {
    sort: &'static str,
    named_by: &'static str,
    /// What `Ref` gives.
    reference: Gives,
    /// The attribute that is the ARN.
    arn: &'static str,
    /// The service, whether the ARN names region and account, and what stands before and after the name.
    form: (&'static str, bool, &'static str, &'static str),
}

const KNOWN: [Known; 5] = [
    Known {
        sort: "AWS::SNS::Topic",
        named_by: "TopicName",
        reference: Gives::Arn,
        arn: "TopicArn",
        form: ("sns", true, "", ""),
    },
    Known {
        sort: "AWS::S3::Bucket",
        named_by: "BucketName",
        reference: Gives::Name,
        arn: "Arn",
        form: ("s3", false, "", ""),
    },
    Known {
        sort: "AWS::SQS::Queue",
        named_by: "QueueName",
        // `Ref` is the queue's URL.
        reference: Gives::Arn,
        arn: "Arn",
        form: ("sqs", true, "", ""),
    },
    Known {
        sort: "AWS::Logs::LogGroup",
        named_by: "LogGroupName",
        reference: Gives::Name,
        arn: "Arn",
        form: ("logs", true, "log-group:", ":*"),
    },
    Known {
        sort: "AWS::Lambda::Function",
        named_by: "FunctionName",
        reference: Gives::Name,
        arn: "Arn",
        form: ("lambda", true, "function:", ""),
    },
];

impl Evaluator<'_> {
    /// Works out `Ref`, or an attribute, of a resource that the file has no kind for; none where AWS makes it.
    pub(super) fn foreign_value(&self, id: &str, attribute: Option<&str>, node: &Node) -> Option<Solved> {
        let (sort, resource) = self.foreign.get(id)?;
        let known = KNOWN.iter().find(|known| known.sort == *sort)?;
        let gives = match attribute {
            None if known.sort == "AWS::SQS::Queue" => return None,
            None => known.reference,
            Some(attribute) if attribute == known.named_by => Gives::Name,
            Some(attribute) if attribute == known.arn => Gives::Arn,
            Some(_) => return None,
        };
        let name = self.walk(resource.get("Properties")?, &[known.named_by])?;
        if matches!(name.content, Content::Nothing) {
            return None;
        }
        let name = match name.into_text() {
            Ok(name) => name,
            Err(open) => return Some(Solved::new(Content::Open(open), node)),
        };
        let (service, is_regional, before, after) = known.form;
        let scope = self.scope;
        let mut text = match (gives, is_regional) {
            (Gives::Name, _) => return Some(Solved::new(Content::Text(name), node)),
            (Gives::Arn, true) => Text {
                actual: scope.arn(service, before),
                documented: format!("arn:${{partition}}:{service}:${{region}}:${{account_id}}:{before}"),
                is_plain: false,
            },
            (Gives::Arn, false) => Text {
                actual: format!("arn:{}:{service}:::{before}", scope.partition()),
                documented: format!("arn:${{partition}}:{service}:::{before}"),
                is_plain: false,
            },
        };
        text.push(&name);
        text.push(&Text::new(after, false));
        Some(Solved::new(Content::Text(text), node))
    }
}
