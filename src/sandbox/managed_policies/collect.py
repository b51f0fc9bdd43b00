"""Collects the documents of the AWS managed policies that vssctl knows by name, as moto ships them from AWS's own list.

usage: python3 collect.py   (with moto of tests/python/requirements.txt)

The policies that have a file of their own beside this program are left out: those keep their older versions too.
"""

import json
import pathlib
import re

from moto.iam.aws_managed_policies import aws_managed_policies_data

HERE = pathlib.Path(__file__).parent
NAMES = HERE.parents[1] / "model" / "managed_policies.rs"


def known():
    """The names that vssctl knows, without their paths."""
    code = NAMES.read_text().split("pub(crate) fn known", 1)[0]
    return sorted({name.rsplit("/", 1)[-1] for name in re.findall(r'^    "(.+)",$', code, re.MULTILINE)})


def main():
    published = json.loads(aws_managed_policies_data)
    lines = []
    for name in known():
        if name not in published or (HERE / f"{name}.json").exists():
            continue
        policy = published[name]
        kept = {
            "name": name,
            "path": policy["Path"],
            "created": policy["CreateDate"],
            "updated": policy["UpdateDate"],
            "version": int(policy["DefaultVersionId"].removeprefix("v")),
            "document": policy["Document"],
        }
        lines.append(json.dumps(kept, separators=(",", ":"), ensure_ascii=False))
    (HERE / "others.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{len(lines)} policies")


main()
