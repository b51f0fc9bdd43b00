//! The region that the environment or the profile names, as the AWS CLI finds it.

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;

/// Finds the region: `AWS_REGION`, `AWS_DEFAULT_REGION`, then that of the named or the usual profile. Nothing is asked
/// of the network.
pub async fn default_region(profile: Option<&str>) -> Option<String> {
    let environment = EnvironmentVariableRegionProvider::new();
    let mut named = ProfileFileRegionProvider::builder();
    if let Some(profile) = profile {
        named = named.profile_name(profile);
    }
    let region = match ProvideRegion::region(&environment).await {
        Some(region) => Some(region),
        None => ProvideRegion::region(&named.build()).await,
    };
    region.map(|region| region.as_ref().to_owned()).filter(|region| !region.is_empty())
}
