"""Every operation of EC2 that the sandbox offers: at least one success and one error each."""

import walk_iam
from walk import same

MISSING = "i-0ffffffffffffffff"


def walk(ec2, iam):
    windows = instances(ec2)
    volumes(ec2, windows)
    images(ec2)
    tags(ec2, windows)
    profiles(ec2, iam, windows)
    routes = ec2("DescribeRouteTables", Filters=[{"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    same([one["VpcId"] for one in routes], [windows[0]["VpcId"]], "the main route tables")
    ec2.refused("InvalidRouteTableID.NotFound", "DescribeRouteTables", RouteTableIds=["rtb-0123456789abcdef0"])
    ec2("DescribeVpcEndpoints")
    ec2.refused("InvalidVpcEndpointId.NotFound", "DescribeVpcEndpoints", VpcEndpointIds=["vpce-0123456789abcdef0"])
    ec2.refused("DryRunOperation", "DescribeVpcEndpoints", DryRun=True)


def listed(answer):
    return [instance for reservation in answer["Reservations"] for instance in reservation["Instances"]]


def instances(ec2):
    only = [{"Name": "platform", "Values": ["windows"]}]
    windows = listed(ec2("DescribeInstances", Filters=only))
    same({one["PlatformDetails"] for one in windows}, {"Windows"}, "the platforms")
    same({one["State"]["Code"] for one in windows}, {16}, "the states")
    ids = [one["InstanceId"] for one in windows]
    two = listed(ec2("DescribeInstances", InstanceIds=ids[:2]))
    same([one["InstanceId"] for one in two], ids[:2], "the instances of two ids")
    first = ec2("DescribeInstances", MaxResults=5)
    same("NextToken" in first, False, "more than five instances")
    ec2.refused("InvalidInstanceID.NotFound", "DescribeInstances", InstanceIds=[MISSING])
    ec2.refused("InvalidInstanceID.Malformed", "DescribeInstances", InstanceIds=["sql-1"])
    ec2.refused("InvalidParameterValue", "DescribeInstances", Filters=[{"Name": "colour", "Values": ["red"]}])
    ec2.refused("InvalidParameterValue", "DescribeInstances", MaxResults=4)
    ec2.refused("InvalidParameterCombination", "DescribeInstances", MaxResults=5, InstanceIds=ids)
    ec2.refused("InvalidNextToken", "DescribeInstances", NextToken="none of mine")
    statuses = ec2("DescribeInstanceStatus", InstanceIds=ids)["InstanceStatuses"]
    same({one["SystemStatus"]["Status"] for one in statuses}, {"ok"}, "the instances' statuses")
    ec2.refused("InvalidInstanceID.NotFound", "DescribeInstanceStatus", InstanceIds=[MISSING])
    return windows


def volumes(ec2, windows):
    of = [{"Name": "attachment.instance-id", "Values": [windows[0]["InstanceId"]]}]
    found = {one["VolumeId"] for one in ec2("DescribeVolumes", Filters=of)["Volumes"]}
    same(found, {one["Ebs"]["VolumeId"] for one in windows[0]["BlockDeviceMappings"]}, "the volumes of an instance")
    ec2.refused("InvalidVolume.NotFound", "DescribeVolumes", VolumeIds=["vol-0ffffffffffffffff"])


def images(ec2):
    same(ec2("DescribeImages", Owners=["self"])["Images"], [], "images before the first backup")
    ec2.refused("InvalidAMIID.NotFound", "DescribeImages", ImageIds=["ami-0ffffffffffffffff"])
    ec2.refused("InvalidAMIID.Malformed", "DescribeImages", ImageIds=["one"])
    same(ec2("DescribeSnapshots", OwnerIds=["self"])["Snapshots"], [], "snapshots before the first backup")
    ec2.refused("InvalidSnapshot.NotFound", "DescribeSnapshots", SnapshotIds=["snap-0ffffffffffffffff"])


def tags(ec2, windows):
    instance = windows[0]["InstanceId"]
    volume = windows[0]["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    ec2("CreateTags", Resources=[instance, volume], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    of = [{"Name": "resource-id", "Values": [volume]}]
    found = {one["Key"]: one["Value"] for one in ec2("DescribeTags", Filters=of)["Tags"]}
    same(found, {"a": "1", "b": ""}, "the tags of a volume")
    ec2("DeleteTags", Resources=[instance, volume], Tags=[{"Key": "a", "Value": "2"}, {"Key": "b"}])
    same([one["Key"] for one in ec2("DescribeTags", Filters=of)["Tags"]], ["a"], "the tags that stay")
    ec2.refused("InvalidParameterValue", "DescribeTags", Filters=[{"Name": "colour", "Values": ["red"]}])
    ec2.refused("InvalidParameterValue", "CreateTags", Resources=[instance], Tags=[{"Key": "aws:x", "Value": ""}])
    many = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    ec2.refused("TagLimitExceeded", "CreateTags", Resources=[instance], Tags=many)
    ec2.refused("InvalidInstanceID.NotFound", "CreateTags", Resources=[MISSING], Tags=many[:1])
    ec2.refused("InvalidID", "DeleteTags", Resources=["x"], Tags=many[:1])
    ec2.refused("MissingParameter", "CreateTags", Tags=many[:1])


def profiles(ec2, iam, windows):
    iam("CreateRole", RoleName="app", AssumeRolePolicyDocument=walk_iam.TRUST)
    for name in ("app", "other", "empty"):
        iam("CreateInstanceProfile", InstanceProfileName=name)
    for name in ("app", "other"):
        iam("AddRoleToInstanceProfile", InstanceProfileName=name, RoleName="app")
    id = windows[0]["InstanceId"]

    def named(name):
        return {"InstanceId": id, "IamInstanceProfile": {"Name": name}}

    refused = ec2.refused("InvalidParameterValue", "AssociateIamInstanceProfile", **named("missing"))
    same(refused["Error"]["Message"].endswith("Invalid IAM Instance Profile name"), True, refused)
    refused = ec2.refused("InvalidParameterValue", "AssociateIamInstanceProfile", **named("empty"))
    same(refused["Error"]["Message"].endswith("has no associated IAM Roles"), True, refused)
    made = ec2("AssociateIamInstanceProfile", **named("app"))["IamInstanceProfileAssociation"]
    same(made["State"], "associating", "the association")
    ec2.refused("IncorrectState", "AssociateIamInstanceProfile", **named("other"))
    ec2.refused("MissingParameter", "AssociateIamInstanceProfile", InstanceId=id)
    by_arn = {"Arn": f"arn:aws:iam::{iam.account}:instance-profile/other"}
    replaced = ec2(
        "ReplaceIamInstanceProfileAssociation", AssociationId=made["AssociationId"], IamInstanceProfile=by_arn
    )["IamInstanceProfileAssociation"]
    ec2.refused(
        "InvalidAssociationID.NotFound",
        "ReplaceIamInstanceProfileAssociation",
        AssociationId=made["AssociationId"],
        IamInstanceProfile=by_arn,
    )
    found = ec2("DescribeIamInstanceProfileAssociations")["IamInstanceProfileAssociations"]
    same([one["AssociationId"] for one in found], [replaced["AssociationId"]], "the associations")
    same(listed(ec2("DescribeInstances", InstanceIds=[id]))[0]["IamInstanceProfile"]["Arn"], by_arn["Arn"], "on it")
    ec2.refused(
        "InvalidAssociationID.NotFound",
        "DescribeIamInstanceProfileAssociations",
        AssociationIds=["iip-assoc-00000000000000000"],
    )
    gone = ec2("DisassociateIamInstanceProfile", AssociationId=replaced["AssociationId"])
    same(gone["IamInstanceProfileAssociation"]["State"], "disassociating", "the association that goes")
    ec2.refused(
        "InvalidAssociationID.NotFound", "DisassociateIamInstanceProfile", AssociationId=replaced["AssociationId"]
    )
