//! Creates in the account what a fleet file lists.

use serde_json::json;
use toml::Spanned;

use super::{Call, Merge, ReadFleet, Scenario, past};
use crate::model::scope::partition_of;
use crate::sandbox::account::{ApiError, Context};
use crate::sandbox::fleet::{Fleet, Instance};
use crate::sandbox::store::State;
use crate::sandbox::{backup, dispatch, kms};

/// Creates in its account what a file lists. Returns the number of jobs.
pub(super) fn load(state: &mut State, scenario: &Scenario, fleet: ReadFleet<'_>) -> Result<usize, (usize, String)> {
    let now = state.clock.now();
    let ReadFleet { region, account, history, instances, volume_keys, keys, associations, jobs } = fleet;
    let held = state.held(&account);
    let mut context = Context {
        account: &mut held.account,
        account_id: &account,
        region: &region,
        partition: partition_of(&region),
        now,
        serial: &mut held.serial,
        caught_up: false,
    };
    let mut loader = Loader { context: &mut context };
    loader.place(scenario.fleet, instances, keys, volume_keys);
    for call in &scenario.calls {
        loader.call(call)?;
    }
    loader.find_profiles();
    loader.make_past(&associations, &jobs, history)
}

/// The account into which a file is loaded. Errors have their place in the file.
pub(super) struct Loader<'a, 'b> {
    pub(super) context: &'a mut Context<'b>,
}

impl Loader<'_, '_> {
    /// Puts the instances and keys of the file into the region.
    fn place(
        &mut self,
        merge: Merge,
        instances: Vec<Instance>,
        keys: Vec<(String, kms::Key)>,
        volume_keys: Vec<(String, Option<&String>)>,
    ) {
        let region = self.context.region_mut();
        if merge == Merge::Replace {
            region.fleet = Fleet::default();
        }
        region.fleet.instances.extend(instances.into_iter().map(|instance| (instance.id.clone(), instance)));
        region.kms.keys.extend(keys);
        for (volume, key) in volume_keys {
            match key {
                Some(key) => region.ec2.volume_keys.insert(volume, key.clone()),
                None => region.ec2.volume_keys.remove(&volume),
            };
        }
    }

    /// Gives instances the profile of the account that has the name they say: it is unique without its path.
    fn find_profiles(&mut self) {
        let iam = &self.context.account.iam;
        let named = |arn: &str| {
            let is_there = iam.profiles.values().any(|profile| profile.arn == arn);
            let name = arn.rsplit('/').next().unwrap_or_default();
            iam.profile(name).filter(|_| !is_there).map(|profile| profile.arn.clone())
        };
        let region = self.context.account.regions.get(self.context.region);
        let found: Vec<(String, String)> = region
            .into_iter()
            .flat_map(|region| region.fleet.instances.values())
            .filter_map(|instance| Some((instance.id.clone(), named(instance.instance_profile.as_deref()?)?)))
            .collect();
        for (id, profile) in found {
            if let Some(instance) = self.context.region_mut().fleet.instances.get_mut(&id) {
                instance.instance_profile = Some(profile);
            }
        }
    }

    fn call(&mut self, call: &Spanned<Call>) -> Result<(), (usize, String)> {
        let Call { service, operation, input } = call.get_ref();
        let input = if input.is_null() { json!({}) } else { input.clone() };
        backup::settle(self.context);
        let refused = dispatch(self.context, service, operation, &input).err();
        let message = |error: ApiError| format!("{service}:{operation} failed: {}: {}", error.code, error.message);
        refused.map_or(Ok(()), |error| Err((call.span().start, message(error))))
    }

    /// Makes the past in the order in which it happened: jobs depend on the packages that associations installed, and
    /// the jobs of plans are decided together with those that the file lists. Returns the number of jobs.
    fn make_past(
        &mut self,
        associations: &[past::ReadAssociation<'_>],
        jobs: &[past::ReadJob<'_>],
        history: Option<i64>,
    ) -> Result<usize, (usize, String)> {
        let now = self.context.now;
        for association in associations {
            self.associate(association)?;
        }
        self.catch_up();
        let ids = jobs.iter().map(|job| self.start(job)).collect::<Result<Vec<String>, _>>()?;
        let planned = history.map_or(0, |past| backup::run_schedules(self.context, now - past, now));
        backup::settle(self.context);
        for (job, id) in jobs.iter().zip(&ids) {
            self.end(job, id)?;
        }
        Ok(planned + jobs.len())
    }
}
