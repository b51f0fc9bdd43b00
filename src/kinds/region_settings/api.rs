//! What AWS says about the settings of a region, and how it is told.

use super::carried::SettingsCarried;
use crate::kind::Carried;
use crate::model::KindId;
use crate::model::Operation;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::MEMBERS;
use crate::aws::{AwsError, Completing, Reader, RegionSettings, Writer};
use crate::kind::{Desired, Found, KindLive, Live, Owner};
use crate::kinds::identity::{entries, unknown};
use crate::kinds::input::{body, open, unusable};
use crate::kinds::live_form::LiveForm;
use crate::model::{PlannedCall, Unmodelled};

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mut live = KindLive::default();
    for entry in entries(desired, KindId::RegionSettings) {
        let found = match reader.region_settings().await {
            Ok(settings) => Found::Live(Box::new(normal_form(reader, entry, &settings))),
            Err(error) => unknown(&error),
        };
        live.found.insert(entry.address.clone(), found);
    }
    live
}

fn normal_form(reader: &Reader, entry: &Desired, settings: &RegionSettings) -> Live {
    let mut form = LiveForm::default();
    let (opt_in, management) = (&settings.opt_in, &settings.management);
    let known = json!({ MEMBERS[0].1: opt_in, MEMBERS[1].1: management });
    for ((field, _), settings) in MEMBERS.iter().zip([opt_in, management]) {
        let declared = |name: &str| entry.fields.get(*field).is_some_and(|declared| declared.get(name).is_some());
        let ours = settings.iter().filter(|(name, _)| declared(name));
        form.value(field, ours.map(|(name, on)| (name.clone(), Value::from(*on))).collect::<Map<_, _>>());
    }
    Live {
        name: entry.name.clone(),
        owner: Owner::Ours(None),
        ids: BTreeMap::from([("Region".to_owned(), reader.scope().region.clone())]),
        fields: form.fields(),
        carried: Carried::new(SettingsCarried {
            resource_type_opt_in_preference: opt_in.clone(),
            resource_type_management_preference: management.clone(),
            unmodelled: Unmodelled::between(&settings.heard, &known, &[]),
        }),
        refers: Vec::new(),
    }
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    if call.operation != Operation::UpdateRegionSettings {
        return Err(unusable(call, "region settings are only updated"));
    }
    let request = open(call, |input| {
        Ok(writer
            .backup()
            .update_region_settings()
            .set_resource_type_opt_in_preference(input.flags("ResourceTypeOptInPreference")?)
            .set_resource_type_management_preference(input.flags("ResourceTypeManagementPreference")?)
            .customize()
            .interceptor(Completing::new(body(call, &[]))))
    })?;
    writer.send(call.operation, request.send()).await?;
    Ok(json!({}))
}
