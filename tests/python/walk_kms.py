"""Every operation of KMS that the sandbox offers: at least one success and one error each."""

from walk import same


def walk(kms, key):
    missing = key[:-4] + "0000"
    found = kms("DescribeKey", KeyId=key)["KeyMetadata"]
    same((found["Arn"], found["KeyState"], found["KeyManager"]), (key, "Enabled", "CUSTOMER"), "the key")
    by_id = kms("DescribeKey", KeyId=key.rsplit("/")[-1])["KeyMetadata"]
    same(by_id["Arn"], key, "the key by its id")
    same(kms("GetKeyPolicy", KeyId=key)["PolicyName"], "default", "the name of the policy")
    own = kms("DescribeKey", KeyId="alias/aws/ebs")["KeyMetadata"]
    same((own["KeyManager"], own["KeyState"]), ("AWS", "Enabled"), "AWS's own key for EBS")
    same(kms("DescribeKey", KeyId=own["Arn"])["KeyMetadata"], own, "the same key by its ARN")
    alias = own["Arn"].rsplit(":", 1)[0] + ":alias/aws/ebs"
    same(kms("DescribeKey", KeyId=alias)["KeyMetadata"], own, "the same key by its alias's ARN")
    same(kms("ListGrants", KeyId=own["Arn"])["Grants"], [], "the grants of AWS's own key")
    kms.refused("NotFoundException", "DescribeKey", KeyId="alias/aws/nothing")
    kms.refused("NotFoundException", "GetKeyPolicy", KeyId="alias/aws/ebs", PolicyName="default")
    principals = [one["GranteePrincipal"] for one in kms("ListGrants", KeyId=key)["Grants"]]
    first = kms("ListGrants", KeyId=key, Limit=2)
    same(first["Truncated"], True, "whether three grants are more than two")
    rest = kms("ListGrants", KeyId=key, Limit=2, Marker=first["NextMarker"])
    paged = [one["GranteePrincipal"] for page in (first, rest) for one in page["Grants"]]
    same((paged, rest["Truncated"]), (principals, False), "the grants, two at a time")
    kms.refused("InvalidMarkerException", "ListGrants", KeyId=key, Marker="none of mine")
    for operation in ("DescribeKey", "GetKeyPolicy", "ListGrants"):
        kms.refused("NotFoundException", operation, KeyId=missing)
