"""Cuts AWS's service models (as botocore ships them, Apache-2.0) down to what the sandbox offers.

usage: python3 trim.py FOLDER_OF_BOTOCORE/data

Documentation, unused shapes and operations that the sandbox does not offer go; everything else stays as AWS wrote it.
"""

import gzip
import json
import pathlib
import sys

OPERATIONS = {
    "iam": """CreateRole GetRole ListRoles UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole TagRole UntagRole
        ListRoleTags PutRolePermissionsBoundary DeleteRolePermissionsBoundary PutRolePolicy GetRolePolicy DeleteRolePolicy
        ListRolePolicies AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies CreatePolicy GetPolicy ListPolicies
        DeletePolicy CreatePolicyVersion DeletePolicyVersion GetPolicyVersion ListPolicyVersions SetDefaultPolicyVersion
        TagPolicy UntagPolicy ListPolicyTags ListEntitiesForPolicy CreateInstanceProfile GetInstanceProfile
        ListInstanceProfiles ListInstanceProfilesForRole DeleteInstanceProfile AddRoleToInstanceProfile
        RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile ListInstanceProfileTags
        GetAccountAuthorizationDetails GetAccountSummary
        GetUser SimulateCustomPolicy SimulatePrincipalPolicy""",
    "sts": "GetCallerIdentity",
    "ssm": """AddTagsToResource CancelCommand CreateAssociation DeleteAssociation DeleteParameter DeleteParameters
        DescribeAssociation DescribeAssociationExecutionTargets DescribeAssociationExecutions DescribeDocument
        DescribeEffectiveInstanceAssociations DescribeInstanceAssociationsStatus DescribeInstanceInformation
        DescribeInstanceProperties DescribeParameters GetCommandInvocation GetDocument GetParameter GetParameters
        GetInventory GetParametersByPath ListAssociationVersions ListAssociations ListCommandInvocations ListCommands
        ListDocuments ListInventoryEntries ListTagsForResource PutParameter RemoveTagsFromResource SendCommand UpdateAssociation""",
    "backup": """CreateBackupPlan CreateBackupSelection CreateBackupVault DeleteBackupPlan DeleteBackupSelection
        DeleteBackupVault DeleteBackupVaultAccessPolicy DeleteBackupVaultLockConfiguration
        DeleteBackupVaultNotifications DeleteRecoveryPoint DescribeBackupJob DescribeBackupVault DescribeCopyJob
        DescribeGlobalSettings DescribeProtectedResource DescribeRecoveryPoint DescribeRegionSettings GetBackupPlan GetBackupSelection GetBackupVaultAccessPolicy
        GetBackupVaultNotifications GetSupportedResourceTypes ListBackupJobs ListBackupPlanVersions ListCopyJobs
        ListBackupPlans ListBackupSelections ListBackupVaults ListProtectedResources
        ListRecoveryPointsByBackupVault ListRecoveryPointsByResource ListTags
        CreateRestoreTestingPlan CreateRestoreTestingSelection DeleteRestoreTestingPlan DeleteRestoreTestingSelection
        GetRestoreTestingPlan GetRestoreTestingSelection ListRestoreTestingPlans ListRestoreTestingSelections
        UpdateRestoreTestingPlan UpdateRestoreTestingSelection
        PutBackupVaultAccessPolicy PutBackupVaultLockConfiguration PutBackupVaultNotifications StartBackupJob
        StopBackupJob TagResource
        UntagResource UpdateBackupPlan UpdateRegionSettings""",
    "ec2": """AssociateIamInstanceProfile CreateTags DeleteTags DescribeIamInstanceProfileAssociations DescribeImages
        DescribeInstanceStatus DescribeInstances DescribeRouteTables DescribeSnapshots DescribeTags DescribeVolumes DescribeVpcEndpoints
        DisassociateIamInstanceProfile ReplaceIamInstanceProfileAssociation""",
    "kms": "DescribeKey GetKeyPolicy ListGrants",
    "resourcegroupstaggingapi": "GetResources GetTagKeys GetTagValues",
}
METADATA = ["apiVersion", "protocol", "targetPrefix", "xmlNamespace", "endpointPrefix", "signingName"]
SHAPE = ["type", "required", "enum", "min", "max", "pattern", "flattened", "payload", "error", "exception", "box"]
REFERENCE = ["shape", "location", "locationName", "queryName", "timestampFormat"]


def reference(value):
    return {key: value[key] for key in REFERENCE if key in value}


def trim(model, names):
    shapes, operations = {}, {}

    def add(name):
        if name in shapes:
            return
        source = model["shapes"][name]
        shape = shapes[name] = {key: source[key] for key in SHAPE if key in source}
        if "members" in source:
            shape["members"] = {key: reference(value) for key, value in source["members"].items()}
        for key in ("member", "key", "value"):
            if key in source:
                shape[key] = reference(source[key])
        for value in list(shape.get("members", {}).values()) + [shape[k] for k in ("member", "key", "value") if k in shape]:
            add(value["shape"])

    for name in sorted(names):
        source = model["operations"][name]
        operation = operations[name] = {"http": source["http"]}
        for key in ("input", "output"):
            if key in source:
                operation[key] = source[key]["shape"]
                add(source[key]["shape"])
        if "resultWrapper" in source.get("output", {}):
            operation["resultWrapper"] = source["output"]["resultWrapper"]
        operation["errors"] = [error["shape"] for error in source.get("errors", [])]
        for error in operation["errors"]:
            add(error)
    metadata = {key: model["metadata"][key] for key in METADATA if key in model["metadata"]}
    trimmed = {"metadata": metadata, "operations": operations, "shapes": dict(sorted(shapes.items()))}
    if metadata["protocol"] == "rest-json":
        # Where a path means an operation, the others are known by theirs, so that a refusal names them.
        others = {name: source["http"] for name, source in model["operations"].items() if name not in operations}
        trimmed["others"] = {name: {key: http[key] for key in ("method", "requestUri")} for name, http in others.items()}
    # The newer models name CBOR first; the sandbox's handlers think in JSON and wire/cbor.rs translates.
    if "json" in model["metadata"].get("protocols", []):
        metadata["protocol"] = "json"
    return trimmed


def main():
    data = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).parent
    for service, names in OPERATIONS.items():
        path = sorted(data.glob(f"{service}/*/service-2.json*"))[-1]
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        target = "tagging" if service == "resourcegroupstaggingapi" else service
        trimmed = trim(json.loads(raw), names.split())
        (here / f"{target}.json").write_text(json.dumps(trimmed, indent=1, ensure_ascii=False) + "\n")


main()
