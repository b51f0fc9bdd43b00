"""What `vssctl apply` makes is what the announcement's CloudFormation template makes: read from the template on one
side, and by boto3 from moto on the other."""

import json
import unittest

import support
import yaml

ROLE = "EC2RoleforSSMVSSSnapshotV2"

FILE = support.stack() + f'[role.{ROLE}]\npreset = "vss-instance"\n'


def template():
    """The template with its parameter's default and its pseudo parameters put in."""
    text = (support.ROOT / "tests" / "announcement.yaml").read_text()
    parameters = {"AWS::Partition": "aws"}

    class Loader(yaml.SafeLoader):
        """Keeps `!Ref` and `!Sub` as what they name."""

    Loader.add_constructor("!Ref", lambda loader, node: {"Ref": node.value})
    Loader.add_constructor("!Sub", lambda loader, node: {"Sub": node.value})
    body = yaml.load(text, Loader)
    parameters.update({name: declared["Default"] for name, declared in body["Parameters"].items()})

    def resolve(value):
        if isinstance(value, dict) and set(value) == {"Ref"}:
            # A reference to a role or profile is its name.
            return parameters.get(value["Ref"]) or resolve(body["Resources"][value["Ref"]]["Properties"]["RoleName"])
        if isinstance(value, dict) and set(value) == {"Sub"}:
            filled = value["Sub"]
            for name, parameter in parameters.items():
                filled = filled.replace("${" + name + "}", parameter)
            return filled
        if isinstance(value, dict):
            return {key: resolve(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [resolve(inner) for inner in value]
        return value

    return {name: resolve(resource) for name, resource in body["Resources"].items()}


def as_sets(document):
    """A trust policy with every list in order and every lone value in a list."""

    def listed(value):
        return sorted(value) if isinstance(value, list) else [value]

    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    return {
        "Version": document["Version"],
        "Statement": [
            {
                "Effect": statement["Effect"],
                "Action": listed(statement["Action"]),
                "Principal": {kind: listed(value) for kind, value in statement["Principal"].items()},
            }
            for statement in statements
        ],
    }


class Announcement(support.FolderCase):
    def test_apply_makes_the_role_and_profile_of_the_template(self):
        resources = template()
        role = resources["VssRole"]["Properties"]
        profile = resources["VssInstanceProfile"]["Properties"]
        with support.moto() as url:
            vssctl = support.Vssctl(self.folder, url)
            vssctl.write(FILE)
            vssctl.run("apply", "--yes", "--no-input")
            iam = support.client("iam", url)
            made = iam.get_role(RoleName=role["RoleName"])["Role"]
            attached = support.pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=role["RoleName"])
            inline = support.pages(iam, "list_role_policies", "PolicyNames", RoleName=role["RoleName"])
            carried = iam.get_instance_profile(InstanceProfileName=profile["InstanceProfileName"])["InstanceProfile"]

        self.assertEqual(made["RoleName"], ROLE)
        self.assertEqual(made["Path"], role["Path"])
        document = made["AssumeRolePolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        self.assertEqual(as_sets(document), as_sets(role["AssumeRolePolicyDocument"]))
        self.assertEqual(sorted(policy["PolicyArn"] for policy in attached), sorted(role["ManagedPolicyArns"]))
        self.assertEqual(inline, [])
        self.assertEqual(carried["Path"], profile["Path"])
        self.assertEqual([held["RoleName"] for held in carried["Roles"]], profile["Roles"])


if __name__ == "__main__":
    unittest.main()
