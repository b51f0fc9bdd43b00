//! The region's network. Its one VPC has a subnet with a route to the internet. Instances that cannot reach EC2 are in
//! another subnet, whose routes lead nowhere outside and which reaches Systems Manager by interface endpoints.

use serde_json::{Value, json};

use super::instances::{derived, vpc};
use super::operations::refusal;
use super::query::{Filters, paged, texts};
use crate::sandbox::account::{Answer, Context};
use crate::sandbox::fleet::{Ailment, Instance};

/// Returns the subnet of an instance.
pub(super) fn subnet(vpc: &str, instance: &Instance) -> String {
    if is_closed(instance) { closed_subnet(vpc) } else { derived("subnet-", vpc) }
}

fn is_closed(instance: &Instance) -> bool {
    instance.ailments.contains(&Ailment::NoEndpoint)
}

fn closed_subnet(vpc: &str) -> String {
    derived("subnet-", &format!("{vpc}/closed"))
}

fn has_closed_subnet(context: &mut Context<'_>) -> bool {
    context.region_mut().fleet.instances.values().any(is_closed)
}

pub(super) fn describe_route_tables(context: &mut Context<'_>, input: &Value) -> Answer {
    let known = ["association.main", "association.subnet-id", "route-table-id", "vpc-id"];
    let filters = Filters::read(input, &known)?;
    let closed = has_closed_subnet(context);
    let vpc = vpc(context);
    let local = json!({
        "DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active",
    });
    let out = json!({
        "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": derived("igw-", &vpc),
        "Origin": "CreateRoute", "State": "active",
    });
    let ids = texts(input, "RouteTableIds");
    let mut all = Vec::new();
    for (name, subnet, routes) in
        [("main", None, json!([local, out])), ("closed", closed.then(|| closed_subnet(&vpc)), json!([local]))]
    {
        if name == "closed" && subnet.is_none() {
            continue;
        }
        let id = derived("rtb-", &format!("{vpc}/{name}"));
        let mut association = json!({
            "Main": subnet.is_none(),
            "RouteTableAssociationId": derived("rtbassoc-", &format!("{vpc}/{name}")),
            "RouteTableId": id,
            "AssociationState": { "State": "associated" },
        });
        if let Some(subnet) = &subnet {
            association["SubnetId"] = json!(subnet);
        }
        let shown = json!({
            "RouteTableId": id, "VpcId": vpc, "OwnerId": context.account_id, "Routes": routes,
            "Associations": [association], "PropagatingVgws": [],
        });
        let values = |filter: &str| match filter {
            "association.main" => vec![subnet.is_none().to_string()],
            "association.subnet-id" => subnet.iter().cloned().collect(),
            "route-table-id" => vec![id.clone()],
            _ => vec![vpc.clone()],
        };
        if (ids.is_empty() || ids.contains(&id.as_str())) && filters.pass(&std::collections::BTreeMap::new(), values) {
            all.push((id.clone(), shown));
        }
    }
    if let Some(id) = ids.iter().find(|id| !all.iter().any(|(other, _)| other == *id)) {
        return Err(refusal("InvalidRouteTableID.NotFound", format!("The routeTable ID '{id}' does not exist")));
    }
    paged("DescribeRouteTables", input, "RouteTables", all)
}

pub(super) fn describe_vpc_endpoints(context: &mut Context<'_>, input: &Value) -> Answer {
    let known = ["service-name", "vpc-endpoint-id", "vpc-endpoint-state", "vpc-endpoint-type", "vpc-id"];
    let filters = Filters::read(input, &known)?;
    let closed = has_closed_subnet(context);
    let vpc = vpc(context);
    let ids = texts(input, "VpcEndpointIds");
    let services: &[&str] = if closed { &["ssm", "ssmmessages"] } else { &[] };
    let mut all = Vec::new();
    for name in services {
        let (id, service) =
            (derived("vpce-", &format!("{vpc}/{name}")), format!("com.amazonaws.{}.{name}", context.region));
        let values = |filter: &str| {
            vec![match filter {
                "service-name" => service.clone(),
                "vpc-endpoint-id" => id.clone(),
                "vpc-endpoint-state" => "available".to_owned(),
                "vpc-endpoint-type" => "Interface".to_owned(),
                _ => vpc.clone(),
            }]
        };
        if (ids.is_empty() || ids.contains(&id.as_str())) && filters.pass(&std::collections::BTreeMap::new(), values) {
            let shown = json!({
                "VpcEndpointId": id, "VpcEndpointType": "Interface", "VpcId": vpc, "ServiceName": service,
                "State": "available", "PrivateDnsEnabled": true, "SubnetIds": [closed_subnet(&vpc)],
                "OwnerId": context.account_id,
            });
            all.push((id, shown));
        }
    }
    if let Some(id) = ids.iter().find(|id| !all.iter().any(|(other, _)| other == *id)) {
        return Err(refusal("InvalidVpcEndpointId.NotFound", format!("The Vpc Endpoint Id '{id}' does not exist")));
    }
    paged("DescribeVpcEndpoints", input, "VpcEndpoints", all)
}
