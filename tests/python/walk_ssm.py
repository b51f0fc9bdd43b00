"""Every operation of Systems Manager and of the Tagging API that the sandbox offers: at least one success and one error
each."""

import json

from walk import same

DOCUMENT = "AWS-ConfigureAWSPackage"
PACKAGE = {"action": ["Install"], "name": ["AwsVssComponents"], "version": ["2.5.1"]}
MISSING = "00000000-0000-4000-a000-000000000000"


def walk(ssm):
    windows = instances(ssm)
    documents(ssm)
    association, execution = associations(ssm, windows)
    executions(ssm, windows, association, execution)
    commands(ssm, windows)
    parameters(ssm)
    tags(ssm, association)
    ssm("DeleteAssociation", AssociationId=association)
    ssm.refused("AssociationDoesNotExist", "DeleteAssociation", AssociationId=association)


def instances(ssm):
    only = [{"Key": "PlatformTypes", "Values": ["Windows"]}]
    listed = ssm("DescribeInstanceInformation", Filters=only)["InstanceInformationList"]
    same({one["PlatformType"] for one in listed}, {"Windows"}, "the platforms")
    ssm.refused("InvalidFilterKey", "DescribeInstanceInformation", Filters=[{"Key": "Colour", "Values": ["red"]}])
    ids = [one["InstanceId"] for one in listed if one["PingStatus"] == "Online"]
    properties = ssm("DescribeInstanceProperties", InstancePropertyFilterList=[{"key": "InstanceIds", "valueSet": ids}])
    same({one["InstanceId"] for one in properties["InstanceProperties"]}, set(ids), "DescribeInstanceProperties")
    ssm.refused("InvalidNextToken", "DescribeInstanceProperties", NextToken="none of mine")
    only = [{"Key": "AWS:AWSComponent.Name", "Values": ["Amazon SSM"], "Type": "BeginWith"}]
    inventory = ssm("ListInventoryEntries", InstanceId=ids[0], TypeName="AWS:AWSComponent", Filters=only)
    same([one["Name"] for one in inventory["Entries"]], ["Amazon SSM Agent"], "the inventory")
    services = [{"TypeName": "AWS:Service"}]
    only = [{"Key": "AWS:Service.Name", "Values": ["AmazonSSMAgent"]}]
    entities = ssm("GetInventory", Filters=only, ResultAttributes=services)["Entities"]
    same(ids[0] in [one["Id"] for one in entities], True, "a node with an agent is in the inventory")
    colour = [{"Key": "AWS:Service.Colour", "Values": ["red"]}]
    ssm.refused("InvalidFilter", "GetInventory", Filters=colour, ResultAttributes=services)
    ssm.refused("InvalidTypeNameException", "ListInventoryEntries", InstanceId=ids[0], TypeName="AWS:Colours")
    return ids


def documents(ssm):
    described = ssm("DescribeDocument", Name=DOCUMENT)["Document"]
    same((described["Owner"], described["DocumentType"]), ("Amazon", "Command"), "the document")
    ssm.refused("InvalidDocument", "DescribeDocument", Name="AWS-Missing")
    ssm.refused("InvalidDocumentVersion", "DescribeDocument", Name=DOCUMENT, DocumentVersion="99")
    content = json.loads(ssm("GetDocument", Name=DOCUMENT)["Content"])
    same(content["schemaVersion"], "2.2", "the document's schema")
    ssm.refused("InvalidDocument", "GetDocument", Name="AWS-Missing")
    owned = ssm("ListDocuments", Filters=[{"Key": "Owner", "Values": ["Amazon"]}])["DocumentIdentifiers"]
    same(DOCUMENT in [one["Name"] for one in owned], True, "AWS's documents")
    ssm.refused("InvalidFilterKey", "ListDocuments", Filters=[{"Key": "Colour", "Values": ["red"]}])


def associations(ssm, windows):
    definition = {
        "Name": DOCUMENT,
        "AssociationName": "vss",
        "Parameters": PACKAGE,
        "Targets": [{"Key": "InstanceIds", "Values": windows[:1]}],
        "ScheduleExpression": "rate(1 day)",
    }
    made = ssm("CreateAssociation", **definition, Tags=[{"Key": "team", "Value": "a"}])["AssociationDescription"]
    association = made["AssociationId"]
    same(made["AssociationVersion"], "1", "the association's version")
    ssm.refused("InvalidDocument", "CreateAssociation", **{**definition, "Name": "AWS-Missing"})
    ssm.refused("InvalidSchedule", "CreateAssociation", **{**definition, "ScheduleExpression": "rate(1 minute)"})
    ssm.refused("InvalidParameters", "CreateAssociation", **{**definition, "Parameters": {"colour": ["red"]}})
    ssm.refused("InvalidTarget", "CreateAssociation", **{**definition, "Targets": [{"Key": "x", "Values": ["y"]}]})
    got = ssm("DescribeAssociation", AssociationId=association)["AssociationDescription"]
    same({name: got[name] for name in definition}, definition, "the association")
    ssm.refused("AssociationDoesNotExist", "DescribeAssociation", AssociationId=MISSING)
    ssm.refused("InvalidAssociationVersion", "DescribeAssociation", AssociationId=association, AssociationVersion="7")

    ssm.refused("InvalidParameters", "UpdateAssociation", AssociationId=association, ScheduleExpression="rate(2 days)")
    changed = ssm("UpdateAssociation", AssociationId=association, Parameters=PACKAGE, MaxErrors="10%")
    same(changed["AssociationDescription"]["AssociationVersion"], "2", "the association's version")
    same("AssociationName" in changed["AssociationDescription"], False, "a name that an update leaves out")
    ssm.refused("AssociationDoesNotExist", "UpdateAssociation", AssociationId=MISSING)
    only = [{"key": "Name", "value": DOCUMENT}]
    listed = ssm("ListAssociations", AssociationFilterList=only)["Associations"]
    same([one["AssociationId"] for one in listed], [association], "ListAssociations")
    ssm.refused("InvalidNextToken", "ListAssociations", NextToken="none of mine")
    versions = ssm("ListAssociationVersions", AssociationId=association)["AssociationVersions"]
    same([one["AssociationVersion"] for one in versions], ["2", "1"], "the versions")
    ssm.refused("AssociationDoesNotExist", "ListAssociationVersions", AssociationId=MISSING)
    runs = ssm("DescribeAssociationExecutions", AssociationId=association)["AssociationExecutions"]
    ssm.refused("AssociationDoesNotExist", "DescribeAssociationExecutions", AssociationId=MISSING)
    return association, runs[0]["ExecutionId"]


def executions(ssm, windows, association, execution):
    named = {"AssociationId": association, "ExecutionId": execution}
    found = ssm("DescribeAssociationExecutionTargets", **named)["AssociationExecutionTargets"]
    same([one["ResourceId"] for one in found], windows[:1], "where it ran")
    ssm.refused("AssociationDoesNotExist", "DescribeAssociationExecutionTargets", **{**named, "AssociationId": MISSING})
    ssm.refused(
        "AssociationExecutionDoesNotExist", "DescribeAssociationExecutionTargets", **{**named, "ExecutionId": MISSING}
    )
    status = ssm("DescribeInstanceAssociationsStatus", InstanceId=windows[0])["InstanceAssociationStatusInfos"]
    same([one["AssociationId"] for one in status], [association], "the associations of the instance")
    unknown = "i-00000000000000000"
    ssm.refused("InvalidInstanceId", "DescribeInstanceAssociationsStatus", InstanceId=unknown)
    ssm("DescribeEffectiveInstanceAssociations", InstanceId=windows[0])
    ssm.refused("InvalidInstanceId", "DescribeEffectiveInstanceAssociations", InstanceId=unknown)


def commands(ssm, windows):
    sent = ssm(
        "SendCommand",
        DocumentName=DOCUMENT,
        Parameters=PACKAGE,
        InstanceIds=windows,
        Comment="vssctl/ünï",
        MaxConcurrency="1",
        MaxErrors="0",
    )["Command"]
    same((sent["TargetCount"], sent["Comment"]), (len(windows), "vssctl/ünï"), "the command")
    ssm.refused("InvalidDocument", "SendCommand", DocumentName="AWS-Missing", InstanceIds=windows)
    ssm.refused(
        "InvalidInstanceId",
        "SendCommand",
        DocumentName=DOCUMENT,
        Parameters=PACKAGE,
        InstanceIds=["i-00000000000000000"],
    )
    ssm.refused("InvalidParameters", "SendCommand", DocumentName=DOCUMENT, InstanceIds=windows)
    command = sent["CommandId"]
    listed = ssm("ListCommands", Filters=[{"key": "DocumentName", "value": DOCUMENT}])["Commands"]
    same([one["CommandId"] for one in listed], [command], "ListCommands")
    ssm.refused("InvalidCommandId", "ListCommands", CommandId=MISSING)
    runs = ssm("ListCommandInvocations", CommandId=command, Details=True)["CommandInvocations"]
    same({run["InstanceId"] for run in runs}, set(windows), "where the command runs")
    ssm.refused("InvalidCommandId", "ListCommandInvocations", CommandId=MISSING)
    got = ssm("GetCommandInvocation", CommandId=command, InstanceId=windows[0])
    same(got["CommandId"], command, "the invocation's command")
    ssm.refused("InvocationDoesNotExist", "GetCommandInvocation", CommandId=MISSING, InstanceId=windows[0])
    ssm("CancelCommand", CommandId=command)
    same(ssm("ListCommands", CommandId=command)["Commands"][0]["Status"], "Cancelled", "the cancelled command")
    ssm("GetCommandInvocation", CommandId=command, InstanceId=windows[-1])
    ssm.refused("InvalidCommandId", "CancelCommand", CommandId=MISSING)
    # Tags may mean no machine at all.
    nobody = [{"Key": "tag:Nobody", "Values": ["here"]}]
    same(
        ssm("SendCommand", DocumentName=DOCUMENT, Parameters=PACKAGE, Targets=nobody)["Command"]["TargetCount"],
        0,
        "targets",
    )


def parameters(ssm):
    made = ssm("PutParameter", Name="/app/a", Value="é", Type="String", Tags=[{"Key": "team", "Value": "a"}])
    same((made["Version"], made["Tier"]), (1, "Standard"), "the answer")
    ssm("PutParameter", Name="/app/b", Value="secret", Type="SecureString")
    ssm("PutParameter", Name="/app/a", Value="two", Overwrite=True)
    ssm.refused("ParameterAlreadyExists", "PutParameter", Name="/app/a", Value="three", Type="String")
    ssm.refused("ValidationException", "PutParameter", Name="/app/c", Value="no type")
    ssm.refused("HierarchyLevelLimitExceededException", "PutParameter", Name="/a" * 16, Value="x", Type="String")
    got = ssm("GetParameter", Name="/app/a")["Parameter"]
    same((got["Value"], got["Version"]), ("two", 2), "the parameter")
    same(ssm("GetParameter", Name="/app/a:1")["Parameter"]["Value"], "é", "the first version")
    same(ssm("GetParameter", Name="/app/b", WithDecryption=True)["Parameter"]["Value"], "secret", "the secret")
    ssm.refused("ParameterNotFound", "GetParameter", Name="/app/c")
    ssm.refused("ParameterVersionNotFound", "GetParameter", Name="/app/a:9")
    many = ssm("GetParameters", Names=["/app/a", "/app/c"])
    same(([one["Name"] for one in many["Parameters"]], many["InvalidParameters"]), (["/app/a"], ["/app/c"]), "names")
    ssm.refused("ValidationException", "GetParameters", Names=[])
    below = ssm("GetParametersByPath", Path="/app")["Parameters"]
    same([one["Name"] for one in below], ["/app/a", "/app/b"], "what is below the path")
    ssm.refused("ValidationException", "GetParametersByPath", Path="app")
    filters = [{"Key": "Name", "Option": "Contains", "Values": ["/app/"]}]
    same(len(ssm("DescribeParameters", ParameterFilters=filters)["Parameters"]), 2, "the number of parameters")
    ssm.refused("InvalidNextToken", "DescribeParameters", NextToken="none of mine")
    ssm("DeleteParameter", Name="/app/a")
    ssm.refused("ParameterNotFound", "DeleteParameter", Name="/app/a")
    gone = ssm("DeleteParameters", Names=["/app/a", "/app/b"])
    same((gone["DeletedParameters"], gone["InvalidParameters"]), (["/app/b"], ["/app/a"]), "what was deleted")
    ssm.refused("ValidationException", "DeleteParameters", Names=[])


def tags(ssm, association):
    named = {"ResourceType": "Association", "ResourceId": association}
    missing = {"ResourceType": "Association", "ResourceId": MISSING}
    ssm("AddTagsToResource", **named, Tags=[{"Key": "more", "Value": "é"}])
    listed = ssm("ListTagsForResource", **named)["TagList"]
    same({tag["Key"]: tag["Value"] for tag in listed}, {"team": "a", "more": "é"}, "the tags")
    ssm("RemoveTagsFromResource", **named, TagKeys=["more"])
    ssm.refused("InvalidResourceId", "AddTagsToResource", **missing, Tags=[{"Key": "a", "Value": "b"}])
    ssm.refused("ValidationException", "AddTagsToResource", ResourceType="Colour", ResourceId="x", Tags=[])
    ssm.refused("InvalidResourceId", "ListTagsForResource", **missing)
    ssm.refused("InvalidResourceId", "RemoveTagsFromResource", **missing, TagKeys=["a"])


def tagging(tagging, backup):
    """Wants an account with no other tagged thing than the instances of the fleet."""
    fleet = tagging("GetResources", ResourceTypeFilters=["ec2:instance"])["ResourceTagMappingList"]
    same(len(fleet) > 3, True, "whether the instances are listed")
    same({one["ResourceARN"].split("/")[0].split(":")[5] for one in fleet}, {"instance"}, "the type of all instances")
    keys = {tag["Key"] for one in fleet for tag in one["Tags"]}
    same(tagging("GetTagKeys")["TagKeys"], sorted(keys), "the keys of the instances")
    for name, team in (("one", "a"), ("two", "b")):
        arn = backup("CreateBackupVault", BackupVaultName=name, BackupVaultTags={"team": team})["BackupVaultArn"]
    all_of_them = tagging("GetResources", ResourceTypeFilters=["backup:backup-vault"])["ResourceTagMappingList"]
    same(len(all_of_them), 2, "the number of tagged vaults")
    found = tagging("GetResources", TagFilters=[{"Key": "team", "Values": ["b"]}])["ResourceTagMappingList"]
    same(found, [{"ResourceARN": arn, "Tags": [{"Key": "team", "Value": "b"}]}], "GetResources")
    tagging.refused("InvalidParameterException", "GetResources", ResourcesPerPage=0)
    tagging.refused("PaginationTokenExpiredException", "GetResources", PaginationToken="%")
    same(tagging("GetTagKeys")["TagKeys"], sorted({*keys, "team"}), "GetTagKeys")
    tagging.refused("PaginationTokenExpiredException", "GetTagKeys", PaginationToken="%")
    same(tagging("GetTagValues", Key="team")["TagValues"], ["a", "b"], "GetTagValues")
    tagging.refused("InvalidParameterException", "GetTagValues")
