"""The same calls to EC2 on moto and on the sandbox. The instances differ, so that each call says what of its answer counts.

Where the two differ, a row below says who is right and by what. A difference without a row fails, so does a row without a
difference.
"""

import unittest

import botocore.exceptions
import botocore.parsers
import support
import walk_iam
from botocore import xform_name

# What is asked: (the sandbox, moto, why the sandbox is right).
DEVIATIONS = {
    "a malformed instance": (
        "InvalidInstanceID.Malformed 400",
        "InvalidInstanceID.NotFound 400",
        "Error codes for the Amazon EC2 API: InvalidInstanceID.Malformed",
    ),
    "an unknown filter": ("InvalidParameterValue 400", "no answer of AWS's", "moto stumbles"),
    "by instance-state-name=run*": (3, 0, "wildcards in filter values (Filter your resources, EC2 User Guide)"),
    "by iam-instance-profile.arn=none": (0, "no answer of AWS's", "moto stumbles over instances without a profile"),
    "a tag of aws:": ("InvalidParameterValue 400", "done", "the prefix `aws:` is reserved (Tag your EC2 resources)"),
    "tags of a missing instance": ("InvalidInstanceID.NotFound 400", "done", "CreateTags is about resources that exist"),
    "a missing profile": (
        "InvalidParameterValue 400",
        "NoSuchEntity 404",
        "`Invalid IAM Instance Profile name`, which Terraform's provider waits for; NoSuchEntity is IAM's",
    ),
    "a profile without a role": (
        "InvalidParameterValue 400",
        "done",
        "`has no associated IAM Roles`, which Terraform's provider waits for",
    ),
    "a replaced association has a new id": (True, False, "the example of `aws ec2 replace-iam-instance-profile-association`"),
    "replaced again by the old id": ("InvalidAssociationID.NotFound 400", "done", "the old id is gone (see above)"),
    "taken off by the old id": ("InvalidAssociationID.NotFound 400", "done", "the old id is gone (see above)"),
    "taken off": (
        (True, f"arn:aws:iam::{support.ACCOUNT}:instance-profile/other", "disassociating"),
        "InvalidAssociationID.NotFound 400",
        "moto took it off by the old id already",
    ),
}


class Script:
    """Calls a server and writes down what counts of each answer, by what was asked."""

    def __init__(self, url):
        self.ec2, self.iam = (
            support.client(service, url, access_key=support.ACCOUNT, parameter_validation=False)
            for service in ("ec2", "iam")
        )
        self.told = {}

    def __call__(self, what, operation, counts=lambda answer: "done", **input):
        try:
            answer = getattr(self.ec2, xform_name(operation))(**input)
            told = counts(answer)
        except botocore.exceptions.ClientError as error:
            answer, status = {}, error.response["ResponseMetadata"]["HTTPStatusCode"]
            told = f"{error.response['Error']['Code']} {status}"
        except botocore.parsers.ResponseParserError:
            # moto shows a web page when it stumbles.
            answer, told = {}, "no answer of AWS's"
        assert what not in self.told, what
        self.told[what] = told
        return answer


def instances(answer):
    return [instance for reservation in answer["Reservations"] for instance in reservation["Instances"]]


def count(answer):
    return len(instances(answer))


def run(url, ids):
    call = Script(url)
    reading(call, ids)
    tags(call, ids)
    profiles(call, ids[0])
    return call.told


def reading(call, ids):
    for what, given in (("missing", "i-0ffffffffffffffff"), ("malformed", "sql-1")):
        call(f"a {what} instance", "DescribeInstances", InstanceIds=[given])
    call("a known and a missing one", "DescribeInstances", InstanceIds=[ids[0], "i-0ffffffffffffffff"])
    call("two of them", "DescribeInstances", count, InstanceIds=ids[:2])
    call("an unknown filter", "DescribeInstances", Filters=[{"Name": "colour", "Values": ["red"]}])
    call("a size with ids", "DescribeInstances", InstanceIds=ids, MaxResults=5)
    for name, value in (
        ("instance-state-name", "running"),
        ("instance-state-name", "stopped"),
        ("instance-state-name", "run*"),
        ("tag:Group", "of-the-test"),
        ("tag:Group", "of-*"),
        ("tag:Group", "OF-THE-TEST"),
        ("tag-key", "Group"),
        ("tag:group", "of-the-test"),
        ("iam-instance-profile.arn", "none"),
    ):
        filters = [{"Name": name, "Values": [value]}]
        call(f"by {name}={value}", "DescribeInstances", count, InstanceIds=ids, Filters=filters)
    of = [{"Name": "attachment.instance-id", "Values": [ids[0]]}]
    call("the states of volumes", "DescribeVolumes", lambda answer: {one["State"] for one in answer["Volumes"]}, Filters=of)
    for operation, member, id in (
        ("DescribeVolumes", "VolumeIds", "vol-0ffffffffffffffff"),
        ("DescribeImages", "ImageIds", "ami-0ffffffffffffffff"),
        ("DescribeSnapshots", "SnapshotIds", "snap-0ffffffffffffffff"),
        ("DescribeVpcEndpoints", "VpcEndpointIds", "vpce-0123456789abcdef0"),
        ("DescribeInstanceStatus", "InstanceIds", "i-0ffffffffffffffff"),
    ):
        call(f"{operation} of what is missing", operation, **{member: [id]})
    call("own images", "DescribeImages", lambda answer: answer["Images"], Owners=["self"])
    call("statuses", "DescribeInstanceStatus", lambda answer: len(answer["InstanceStatuses"]), InstanceIds=ids)


def tags(call, ids):
    def shown(answer):
        return {(one["Key"], one["Value"], one["ResourceType"]) for one in answer["Tags"]}

    of = [{"Name": "resource-id", "Values": [ids[0]]}, {"Name": "key", "Values": ["a", "b", "c"]}]
    given = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}, {"Key": "c", "Value": "3"}]
    call("tags are made", "CreateTags", Resources=[ids[0]], Tags=given)
    call("tags that were made", "DescribeTags", shown, Filters=of)
    call("a tag is overwritten", "CreateTags", Resources=[ids[0]], Tags=[{"Key": "a", "Value": "2"}])
    call("tags that were overwritten", "DescribeTags", shown, Filters=of)
    call("a tag goes with its value only", "DeleteTags", Resources=[ids[0]], Tags=[{"Key": "a", "Value": "1"}])
    call("a tag goes without a value", "DeleteTags", Resources=[ids[0]], Tags=[{"Key": "c"}])
    call("tags that are left", "DescribeTags", shown, Filters=of)
    call("a tag of aws:", "CreateTags", Resources=[ids[0]], Tags=[{"Key": "aws:x", "Value": ""}])
    many = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    call("too many tags", "CreateTags", Resources=[ids[0]], Tags=many)
    call("tags of a missing instance", "CreateTags", Resources=["i-0ffffffffffffffff"], Tags=many[:1])
    call("tags of nothing known", "CreateTags", Resources=["x-1"], Tags=many[:1])


def profiles(call, id):
    iam = call.iam
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=walk_iam.TRUST)
    for name in ("app", "other"):
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="app")
    iam.create_instance_profile(InstanceProfileName="empty")

    def one(answer):
        association = answer["IamInstanceProfileAssociation"]
        return association["InstanceId"] == id, association["IamInstanceProfile"]["Arn"], association["State"]

    def all_of(answer):
        return [
            (found["IamInstanceProfile"]["Arn"], found["InstanceId"] == id)
            for found in answer["IamInstanceProfileAssociations"]
        ]

    def carried(answer):
        return [found.get("IamInstanceProfile", {}).get("Arn") for found in instances(answer)]

    def named(name):
        return {"InstanceId": id, "IamInstanceProfile": {"Name": name}}

    call("a missing profile", "AssociateIamInstanceProfile", **named("missing"))
    answer = call("a profile without a role", "AssociateIamInstanceProfile", **named("empty"))
    if answer:
        # One of the servers ought to have refused it.
        wrong = answer["IamInstanceProfileAssociation"]["AssociationId"]
        call.ec2.disassociate_iam_instance_profile(AssociationId=wrong)
    answer = call("a profile is put on", "AssociateIamInstanceProfile", one, **named("app"))
    call("another one on top", "AssociateIamInstanceProfile", **named("other"))
    call("what is on", "DescribeIamInstanceProfileAssociations", all_of)
    call("what the instance says", "DescribeInstances", carried, InstanceIds=[id])
    old = answer["IamInstanceProfileAssociation"]["AssociationId"]
    other = {"AssociationId": old, "IamInstanceProfile": {"Name": "other"}}
    answer = call("a profile is replaced", "ReplaceIamInstanceProfileAssociation", one, **other)
    new = answer["IamInstanceProfileAssociation"]["AssociationId"]
    call.told["a replaced association has a new id"] = old != new
    call("replaced again by the old id", "ReplaceIamInstanceProfileAssociation", **other)
    call("taken off by the old id", "DisassociateIamInstanceProfile", AssociationId=old)
    call("taken off", "DisassociateIamInstanceProfile", one, AssociationId=new)
    call("what is on at last", "DescribeIamInstanceProfileAssociations", all_of)
    call("taken off again", "DisassociateIamInstanceProfile", AssociationId=new)


def prepared(url, make):
    """Three running instances that carry one tag."""
    ec2 = support.client("ec2", url, access_key=support.ACCOUNT)
    if make:
        image = ec2.describe_images()["Images"][0]["ImageId"]
        ec2.run_instances(ImageId=image, MinCount=3, MaxCount=3)
    ids = [one["InstanceId"] for one in instances(ec2.describe_instances())][:3]
    ec2.create_tags(Resources=ids, Tags=[{"Key": "Group", "Value": "of-the-test"}])
    return ids


class AgainstMoto(unittest.TestCase):
    def test_both_answer_alike_but_for_the_deviations_that_are_known(self):
        sandbox, moto = support.on_both(lambda url, is_moto: run(url, prepared(url, make=is_moto)))
        self.assertEqual(sandbox.keys(), moto.keys())
        found = {what: (sandbox[what], moto[what]) for what in sandbox if sandbox[what] != moto[what]}
        self.assertEqual(found, {what: (mine, other) for what, (mine, other, _) in DEVIATIONS.items()})
        self.assertGreater(len(sandbox), len(found) * 2)


if __name__ == "__main__":
    unittest.main()
