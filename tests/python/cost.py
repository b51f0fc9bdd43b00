"""Measures what the sandbox costs: CPU seconds of accounts of 200, 400, 800 and 1,600 resources.

Each account is applied twice from nothing: on a served sandbox, where the time of the server stands alone, and in process
(`--sandbox=FILE`). The cost of a resource must stay level. `VSSCTL_BINARY` names the binary; its profile decides the figures.
Counts may be given as arguments.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import support

HEAD = """
[stack]
name       = "cost"
account_id = "123456789012"
region     = "ap-northeast-1"

[role.service]
preset = "backup-service"
"""

# Eight resources: two roles with their instance profiles, the vault, the plan and its selections. AWS's quotas allow 300
# vaults and plans.
GROUP = """
[role.r{0}]
preset = "vss-instance"

[role.q{0}]
preset = "vss-instance"

[vault.v{0}]

[plan.p{0}]
windows_vss = true

[plan.p{0}.rule.nightly]
vault        = "v{0}"
schedule     = "cron(0 18 ? * * *)"
delete_after = "35d"

[plan.p{0}.selection.s]
role  = "service"
match = {{ all = {{ VssBackup = "g{0}" }} }}

[plan.p{0}.selection.t]
role  = "service"
match = {{ all = {{ VssBackup = "t{0}" }} }}
"""

def file_of(count):
    groups = range(count // 8)
    return HEAD + "".join(GROUP.format(number) for number in groups)


def spent():
    """The CPU seconds of the processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def apply(folder, *arguments, env=None):
    """Applies the file of a folder; gives the CPU seconds that it took."""
    before = spent()
    command = [support.BINARY, *arguments, "apply", "--yes"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=env)
    if ended.returncode:
        sys.exit(f"the apply exited with {ended.returncode}: {ended.stderr[-2000:]}")
    return spent() - before


def served(count):
    """The CPU seconds of a server on which a file is applied."""
    env = {**os.environ, "AWS_ACCESS_KEY_ID": support.ACCOUNT, "AWS_SECRET_ACCESS_KEY": "sandbox"}
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "vss.toml").write_text(file_of(count))
        before = spent()
        with support.sandbox(folder) as url:
            client = apply(folder, "--endpoint-url", url, env=env)
        return spent() - before - client


def in_process(count):
    """The CPU seconds of an apply with the sandbox in it."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "vss.toml").write_text(file_of(count))
        return apply(folder, "--sandbox=account.json")


def main():
    counts = [int(text) for text in sys.argv[1:]] or [200, 400, 800, 1600]
    print("resources   server: s  ms each   in process: s  ms each", flush=True)
    for count in counts:
        one, other = served(count), in_process(count)
        print(f"{count:9}   {one:9.2f}  {one / count * 1000:7.2f}   {other:13.2f}  {other / count * 1000:7.2f}", flush=True)


if __name__ == "__main__":
    main()
