//! The reads of Parameter Store. They are never remembered: their callers need to know what is there now, and at what
//! time that was.

use super::fence::Dated;
use super::pages::{Items, Pages, lists};
use super::{AwsError, Reader};

/// The largest page of `GetParametersByPath`.
const PAGE: i32 = 10;

/// A parameter with its plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The name, with its path.
    pub name: String,
    /// The value.
    pub value: String,
    /// When it was written last, in milliseconds since 1970 by AWS's clock.
    pub modified: u64,
}

/// The parameters below a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The date of the first answer, in milliseconds since 1970 by AWS's clock.
    pub date: u64,
    /// The parameters in AWS's order.
    pub all: Vec<Parameter>,
}

impl Reader {
    /// Reads all parameters directly below a path.
    pub async fn parameters_by_path(&self, path: &str) -> Result<Parameters, AwsError> {
        let list = lists::PARAMETERS;
        let (service, operation) = (list.service, list.operation);
        let (mut first, mut all, mut token, mut pages) = (None, Items::new(list), None, Pages::new(list));
        loop {
            let dated = Dated::default();
            let request = self.ssm().get_parameters_by_path().path(path).max_results(PAGE).set_next_token(token);
            let page =
                self.call(service, operation, || request.clone().customize().interceptor(dated.clone()).send()).await?;
            let date = match first {
                Some(date) => date,
                None => dated.date().ok_or_else(|| undated(operation))?,
            };
            first = Some(date);
            all.add(page.parameters, |parameter| parameter.name.clone())?;
            token = pages.next(None, page.next_token.as_deref())?;
            if token.is_none() {
                let all = all.into_vec().into_iter().map(|parameter| read(operation, parameter));
                return Ok(Parameters { date, all: all.collect::<Result<_, _>>()? });
            }
        }
    }

    /// Reads one parameter; `None` if it is not there.
    pub async fn parameter(&self, name: &str) -> Result<Option<Parameter>, AwsError> {
        let operation = "GetParameter";
        match self.call("ssm", operation, || self.ssm().get_parameter().name(name).send()).await {
            Ok(answer) => answer.parameter.map(|parameter| read(operation, parameter)).transpose(),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn undated(operation: &str) -> AwsError {
    AwsError::unsettled("ssm", operation, "the answer has no date")
}

fn read(operation: &str, parameter: aws_sdk_ssm::types::Parameter) -> Result<Parameter, AwsError> {
    let modified = parameter.last_modified_date.and_then(|date| u64::try_from(date.to_millis().ok()?).ok());
    Ok(Parameter {
        name: parameter.name.unwrap_or_default(),
        value: parameter.value.unwrap_or_default(),
        modified: modified.ok_or_else(|| undated(operation))?,
    })
}
