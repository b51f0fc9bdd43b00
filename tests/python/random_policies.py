"""Random IAM policies and requests: every effect, element, operator and quantity, wildcards, and policy variables.

A case is some identity policies, at times a permissions boundary, the context of a request, and the actions and
resources that are asked for. `Case.beyond` names what in it an independent judge is known not to judge as AWS
documents it.
"""

import dataclasses

PREFIX = "arn:aws:"
REGION = "ap-northeast-1"
ACCOUNT = "123456789012"
ACTIONS = [
    "backup:StartBackupJob",
    "ec2:CreateImage",
    "ec2:CreateSnapshots",
    "ec2:CreateTags",
    "ec2:DescribeInstances",
    "iam:PassRole",
    "kms:CreateGrant",
    "s3:GetObject",
    "ssm:GetParameter",
    "ssm:SendCommand",
]
RESOURCES = [
    f"{PREFIX}backup:{REGION}:{ACCOUNT}:backup-vault:vss",
    f"{PREFIX}backup:{REGION}:{ACCOUNT}:recovery-point:1b2c",
    f"{PREFIX}ec2:{REGION}:{ACCOUNT}:instance/i-0abc",
    f"{PREFIX}ec2:{REGION}:{ACCOUNT}:instance/i-0def",
    f"{PREFIX}ec2:{REGION}:{ACCOUNT}:volume/vol-0abc",
    f"{PREFIX}ec2:{REGION}::image/ami-0abc",
    f"{PREFIX}ec2:{REGION}::snapshot/snap-0abc",
    f"{PREFIX}iam::{ACCOUNT}:role/vssctl/app",
    f"{PREFIX}kms:eu-west-1:{ACCOUNT}:key/1234",
    f"{PREFIX}s3:::logs/home/anna/a.txt",
    f"{PREFIX}ssm:{REGION}::document/AWSEC2-CreateVssSnapshot",
    f"{PREFIX}ssm:{REGION}:{ACCOUNT}:parameter/vss/note",
    "*",
]

TEXTS = ["anna", "Anna", "bob", "team-a", "team-b", "prod", "Über", "a.b", "a*b", "a?b", "i-0abc"]
ARNS = [resource for resource in RESOURCES if resource != "*"]
NUMBERS = ["0", "1", "7", "7.0", "7.5", "-3", "35", "120"]
DATES = ["2026-01-01T00:00:00Z", "2026-01-01T09:00:00+09:00", "2026-06-30T12:00:00Z", "1767225600", "1790000000"]
TRUTHS = ["true", "false"]
ADDRESSES = ["192.0.2.1", "192.0.2.77", "203.0.113.9", "2001:db8::1"]
NETWORKS = [*ADDRESSES, "192.0.2.0/24", "192.0.2.64/26", "0.0.0.0/0", "2001:db8::/32", "198.51.100.0/24"]
BYTES = ["QmluYXJ5", "VmFsdWU="]

# The condition keys, each with the values that a request may have for it, and whether it may have several.
KEYS = {
    "aws:CalledVia": (["backup.amazonaws.com", "ssm.amazonaws.com", "Anna"], True),
    "aws:CurrentTime": (DATES, False),
    "aws:EpochTime": (["1767225600", "1790000000"], False),
    "aws:MultiFactorAuthPresent": (TRUTHS, False),
    "aws:PrincipalAccount": ([ACCOUNT, "111122223333"], False),
    "aws:PrincipalArn": (ARNS, False),
    "aws:PrincipalTag/team": (TEXTS, False),
    "aws:RequestTag/Team": (TEXTS, False),
    "aws:ResourceTag/VssBackup": (["enabled", "Enabled", "no"], False),
    "aws:SecureTransport": (TRUTHS, False),
    "aws:SourceArn": ([*ARNS, "anna"], False),
    "aws:SourceIp": (ADDRESSES, False),
    "aws:TagKeys": (["AppConsistent", "Device", "team", "Team"], True),
    "aws:userid": (["AIDAEXAMPLE", "AROAEXAMPLE:anna"], False),
    "aws:username": (["anna", "bob"], False),
    "backup:MinRetentionDays": (NUMBERS, False),
    "ec2:InstanceId": (["i-0abc", "i-0def"], False),
    "ec2:SourceInstanceARN": (ARNS, False),
    "example:Bytes": (BYTES, False),
    "s3:max-keys": (NUMBERS, False),
}
# What the judge puts into a request by itself is always there, so that both judge the same request.
ALWAYS = {"aws:CurrentTime", "aws:EpochTime", "aws:PrincipalAccount", "aws:PrincipalArn", "aws:SecureTransport", "aws:userid"}

# The operators by what they compare, and the keys that have such values.
SORTS = {
    "String": (
        ["Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"],
        [
            "aws:CalledVia",
            "aws:PrincipalTag/team",
            "aws:RequestTag/Team",
            "aws:ResourceTag/VssBackup",
            "aws:TagKeys",
            "aws:username",
            "ec2:InstanceId",
        ],
    ),
    "Arn": (["Equals", "NotEquals", "Like", "NotLike"], ["aws:PrincipalArn", "aws:SourceArn", "ec2:SourceInstanceARN"]),
    "Numeric": (
        ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"],
        ["backup:MinRetentionDays", "s3:max-keys"],
    ),
    "Date": (
        ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"],
        ["aws:CurrentTime", "aws:EpochTime"],
    ),
    "Bool": ([""], ["aws:MultiFactorAuthPresent", "aws:SecureTransport"]),
    "IpAddress": ([""], ["aws:SourceIp"]),
    "NotIpAddress": ([""], ["aws:SourceIp"]),
    "Binary": (["Equals"], ["example:Bytes"]),
    "Null": ([""], sorted(KEYS)),
}
OPERATORS = sorted(sort + name for sort, (names, _) in SORTS.items() for name in names)
CASE = "ARNs that differ in case alone: the judge ignores case in all of an ARN"


@dataclasses.dataclass
class Case:
    """Policies, a boundary, and a request's context with what is asked for."""

    policies: list
    boundary: dict | None
    context: dict
    actions: list
    resources: list
    beyond: set = dataclasses.field(default_factory=set)


class Maker:
    """Makes cases from a source of randomness."""

    def __init__(self, random):
        self.random = random
        self.beyond = set()

    def chance(self, part):
        return self.random.random() < part

    def some(self, values, most):
        return [self.random.choice(values) for _ in range(self.random.randint(1, most))]

    def lone(self, values):
        """A list, which of one value may be the value itself."""
        return values[0] if len(values) == 1 and self.chance(0.5) else values

    def case(self):
        """Makes one case."""
        self.beyond = set()
        context = self.context()
        policies = [self.document(context) for _ in range(self.random.randint(1, 2))]
        boundary = self.document(context) if self.chance(0.2) else None
        actions = sorted(set(self.some(ACTIONS, 4)))
        resources = sorted(set(self.some(RESOURCES, 3)))
        return Case(policies, boundary, context, actions, resources, self.beyond)

    def context(self):
        context = {}
        for key, (values, several) in KEYS.items():
            if key in ALWAYS or self.chance(0.6):
                context[key] = sorted(set(self.some(values, 3 if several else 1)))
        return context

    def document(self, context):
        version = "2008-10-17" if self.chance(0.05) else "2012-10-17"
        statements = [self.statement(context, version) for _ in range(self.random.randint(1, 3))]
        return {"Version": version, "Statement": self.lone(statements)}

    def statement(self, context, version):
        statement = {"Effect": "Allow" if self.chance(0.7) else "Deny"}
        action = "NotAction" if self.chance(0.2) else "Action"
        statement[action] = self.lone([self.action() for _ in range(self.random.randint(1, 3))])
        resource = "NotResource" if self.chance(0.2) else "Resource"
        patterns = [self.resource(context, version) for _ in range(self.random.randint(1, 3))]
        statement[resource] = self.lone(patterns)
        if self.chance(0.5):
            statement["Condition"] = self.condition(context)
        return statement

    def action(self):
        """A pattern of an action, with wildcards anywhere, in any case."""
        action = self.random.choice(ACTIONS)
        vendor, name = action.split(":")
        pattern = self.random.choice(
            [action, action, f"{vendor}:*", "*", f"{vendor}:{self.wild(name)}", f"{vendor}:{self.wild(name)}"]
        )
        return self.random.choice([pattern, pattern, pattern.lower(), pattern.upper()])

    def wild(self, text):
        """A text with wildcards in place of some of its letters."""
        start = self.random.randint(0, len(text))
        if self.chance(0.5):
            return text[:start] + "*" + text[self.random.randint(start, len(text)) :]
        return text[:start] + "?" + text[start + self.random.randint(0, 1) :]

    def resource(self, context, version):
        """A pattern of a resource: wildcards in its parts, or variables."""
        if self.chance(0.2):
            return self.with_variable(context, version)
        resource = self.random.choice(RESOURCES)
        if resource == "*" or self.chance(0.3):
            return resource
        parts = resource.split(":", 5)
        for place in range(2, 6):
            if self.chance(0.3):
                parts[place] = "*" if self.chance(0.5) else self.wild(parts[place])
        return self.foreign(":".join(parts), resource)

    def foreign(self, pattern, resource):
        """At times, a pattern that the judge does not read as AWS documents it."""
        if self.chance(0.01) and pattern.lower() != pattern:
            self.beyond.add(CASE)
            return pattern.swapcase().replace("ARN:AWS", "arn:aws")
        if self.chance(0.01):
            self.beyond.add("wildcards across the parts of an ARN: to the judge an ARN is one text")
            first, last = resource.split(":")[2], resource.rsplit(":", 1)[-1]
            return f"{PREFIX}{first}:*:{last}"
        return pattern

    def with_variable(self, context, version):
        key = self.random.choice(["aws:username", "ec2:InstanceId", "aws:PrincipalAccount", "aws:PrincipalTag/team"])
        form = self.random.choice(
            [
                PREFIX + "ec2:*:*:instance/${KEY}",
                PREFIX + "s3:::logs/home/${KEY}/*",
                PREFIX + "iam::${KEY}:role/*",
                PREFIX + "ssm:*:${KEY}:parameter/vss/*",
            ]
        )
        if version == "2008-10-17":
            self.beyond.add("variables in a document of 2008-10-17, where they are plain text")
        elif any(sign in value for value in context.get(key, []) for sign in "*?"):
            self.beyond.add("wildcards in the value of a variable, which are plain text there")
        elif any(value != value.lower() for value in context.get(key, [])):
            self.beyond.add(CASE)
        if self.chance(0.02):
            self.beyond.add("a variable with a default value, or for a sign itself")
            return self.random.choice([form.replace("KEY", f"{key}, 'anna'"), form.replace("KEY", "*")])
        if self.chance(0.02):
            self.beyond.add("a variable whose key is written in another case")
            return form.replace("KEY", key.upper())
        return form.replace("KEY", key)

    def condition(self, context):
        condition = {}
        for _ in range(self.random.randint(1, 2)):
            sort = self.random.choice(sorted(SORTS))
            names, keys = SORTS[sort]
            operator = sort + self.random.choice(names)
            key = self.random.choice(keys)
            quantity = self.quantity(sort, key)
            if sort != "Null" and self.chance(0.15):
                operator += "IfExists"
            values = [self.value(sort, operator, key) for _ in range(self.random.randint(1, 3))]
            found = (context.get(key), values)
            self.judge(sort, operator, quantity, found)
            # Names of keys ignore case.
            spelled = self.random.choice([key, key, key.lower(), key.upper()])
            block = condition.setdefault(quantity + operator, {})
            if key.lower() in (other.lower() for other in block):
                continue
            if block and quantity == "ForAnyValue:":
                self.beyond.add("ForAnyValue over several keys: to the judge one of them is enough")
            block[spelled] = self.lone(values)
        return condition

    def quantity(self, sort, key):
        several = KEYS[key][1]
        if sort == "Null" or not self.chance(0.9 if several else 0.05):
            return ""
        return self.random.choice(["ForAllValues:", "ForAnyValue:"])

    def value(self, sort, operator, key):
        if sort == "Null":
            return self.random.choice(TRUTHS)
        if "IpAddress" in sort:
            return self.random.choice(NETWORKS)
        value = self.random.choice([one for one in KEYS[key][0] if sort != "Arn" or one.startswith("arn:")])
        if self.chance(0.01):
            self.beyond.add("variables in the values of conditions, which the judge takes for text")
            return "${aws:username}"
        if "Like" in operator and sort == "String":
            return self.wild(value) if self.chance(0.6) else value
        if sort == "Arn" and self.chance(0.6):
            head, last = value.rsplit(":", 1)
            return f"{head}:{self.wild(last)}"
        return value

    def judge(self, sort, operator, quantity, found):
        """Notes what the judge does not judge of a condition, or not as "Condition operators" has it."""
        given, values = found
        if_exists, negated = operator.endswith("IfExists"), "Not" in operator
        absent, several = given is None, len(given or []) > 1
        exact = sort in ("Numeric", "Date", "IpAddress")
        if exact and if_exists and not absent:
            self.beyond.add("IfExists with numbers, dates and addresses: the judge knows only the plain operators")
        if sort in ("Numeric", "Date", "IpAddress", "NotIpAddress") and quantity:
            self.beyond.add("quantities with numbers, dates and addresses: the judge knows only the plain operators")
        if sort == "Date" and ("Less" in operator or "Greater" in operator) and len(values) > 1:
            self.beyond.add("several dates in an ordering: the judge stops at the first, and values are alternatives")
        if sort == "Binary" and if_exists and absent:
            self.beyond.add("BinaryEqualsIfExists without its key: the judge overlooks IfExists")
        if operator == "StringNotLike" and absent and not quantity:
            self.beyond.add("StringNotLike without its key: AWS documents that negated operators then hold")
        if quantity == "ForAnyValue:" and if_exists and absent:
            self.beyond.add("ForAnyValue with IfExists without its key: the judge overlooks IfExists")
        if several and not quantity and sort != "Null":
            self.beyond.add("several values without a quantity: AWS documents no result")
        if several and (quantity == "ForAllValues:" and sort != "String" or quantity == "ForAnyValue:" and negated):
            self.beyond.add("quantities over several values: the judge compares all of them at once")
        if sort == "Arn" and given and not given[0].startswith("arn:"):
            self.beyond.add("an ARN operator with a value that is no ARN: AWS documents no result")
