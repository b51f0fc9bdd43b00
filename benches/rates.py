#!/usr/bin/env python3
"""Whole runs beside each other, on the simulated account of this program.

    cargo build --release && python3 benches/rates.py --write

Each tool makes the same stacks (a role with two of AWS's policies and its instance profile, a vault, a backup plan with
one rule), plans them, changes one, mends what somebody else changed, and destroys them: once on a server that answers at
once, and once, with fewer stacks, on one that takes some time for each answer and as many calls a second as AWS. Calls
are counted by the server. Terraform and the AWS CLI take part where they are installed. `--write` puts the tables and the
chart into docs/performance.md.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "python"), str(ROOT / "benches")]

import chart  # noqa: E402
import support  # noqa: E402
import test_terraform  # noqa: E402

PHASES = ["create", "plan, first", "plan, again", "no change", "one change", "repair", "destroy"]
# Calls a second, by service and share: AWS documents those of AWS Backup; those of IAM are a guess.
RATES = {("backup", "reads"): 15, ("backup", "writes"): 5, ("iam", "reads"): 20, ("iam", "writes"): 10}
LATENCY = "50ms"
POLICIES = ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy"]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SCHEDULE = "cron(0 5 ? * * *)"


@dataclasses.dataclass
class Figure:
    """What one phase of one tool came to."""

    seconds: float
    processor: float
    megabytes: float
    calls: int = 0
    refused: int = 0
    floor: float | None = None


class Server:
    """The simulated account on a port, for one phase: it says at its end how many calls it had."""

    def __init__(self, binary, folder, port, paced):
        rates = [f"--rate={service}:{share}={rate}" for (service, share), rate in RATES.items()]
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        paced_by = [f"--latency={LATENCY}", *rates] if paced else []
        self.command = [binary, f"--sandbox={folder}/account.json", "sandbox", "serve", f"--listen=127.0.0.1:{port}"]
        self.command += paced_by
        self.log = folder / "server.log"
        self.calls = self.refused = 0

    @contextlib.contextmanager
    def running(self):
        with self.log.open("w+") as log:
            process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)
            try:
                support.wait_until_open(self.port, process, self.log)
                yield self.url
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=60)
        self.calls, self.refused = map(int, re.findall(r"(\d+) requests, (\d+) refused", self.log.read_text())[-1])


def timed(command, folder, environment):
    """Runs a command to its end, which must be a good one; gives what it took, its children included."""
    with (folder / "output.log").open("w+") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{(folder / 'output.log').read_text()}")
    return Figure(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def environment(folder, url, **more):
    keys = {"AWS_ACCESS_KEY_ID": support.ACCOUNT, "AWS_SECRET_ACCESS_KEY": "sandbox"}
    keys |= {"AWS_REGION": support.REGION, "AWS_DEFAULT_REGION": support.REGION}
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ENDPOINT_URL": url, **keys, **more}


class Vssctl:
    """vssctl, with the time that its calls take at the rates."""

    name = "vssctl"
    phases = PHASES

    def __init__(self, binary, folder, stacks):
        self.binary, self.folder, self.stacks = binary, folder, stacks
        self.write("35d")

    def write(self, first):
        stacks = "".join(
            f"""
[role.r{number}]
preset = "vss-instance"
[vault.v{number}]
[plan.p{number}]
windows_vss = true
[plan.p{number}.rule.daily]
vault = "v{number}"
schedule = "{SCHEDULE}"
delete_after = "{"35d" if number else first}"
"""
            for number in range(self.stacks)
        )
        (self.folder / "vss.toml").write_text(support.stack("bench") + stacks)

    def run(self, phase, url):
        if phase == "plan, first":
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
        if phase == "one change":
            self.write("36d")
        command = {"plan, first": ["plan"], "plan, again": ["plan"], "destroy": ["destroy", "--yes"]}
        # What it would otherwise ask for: the policy that is given back allows more.
        consent = ["--allow=privilege-widened"] if phase == "repair" else []
        arguments = [*command.get(phase, ["apply", "--yes"]), *consent]
        env = environment(self.folder, url, XDG_CACHE_HOME=str(self.folder / "cache"))
        figure = timed([self.binary, "--stats=stats.json", *arguments], self.folder, env)
        figure.floor = self.floor()
        return figure

    def floor(self):
        """The seconds that the calls of the last run take at the rates, if nothing else took any time."""
        calls = {}
        for name, figures in json.loads((self.folder / "stats.json").read_text())["operations"].items():
            service, operation = name.split(":")
            share = "reads" if operation.startswith(("Get", "List", "Describe")) else "writes"
            calls[service, share] = calls.get((service, share), 0) + figures["calls"] - figures["throttled"]
        return max(count / RATES[lane] for lane, count in calls.items() if lane in RATES)


class Terraform:
    """Terraform with the AWS provider."""

    name = "Terraform"
    phases = PHASES

    def __init__(self, _, folder, stacks):
        self.folder, self.days = folder, 35
        head = test_terraform.HEAD.replace("IGNORED", "")
        (folder / "main.tf").write_text(
            head
            + f"""
variable "days" {{}}

resource "aws_iam_role" "r" {{
  count              = {stacks}
  name               = "r${{count.index}}"
  assume_role_policy = jsonencode({json.dumps(TRUST)})
}}

resource "aws_iam_role_policy_attachment" "a" {{
  count      = {stacks * len(POLICIES)}
  role       = aws_iam_role.r[floor(count.index / {len(POLICIES)})].name
  policy_arn = {json.dumps(POLICIES)}[count.index % {len(POLICIES)}]
}}

resource "aws_iam_instance_profile" "r" {{
  count = {stacks}
  name  = "r${{count.index}}"
  role  = aws_iam_role.r[count.index].name
}}

resource "aws_backup_vault" "v" {{
  count = {stacks}
  name  = "v${{count.index}}"
}}

resource "aws_backup_plan" "p" {{
  count = {stacks}
  name  = "p${{count.index}}"
  rule {{
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.v[count.index].name
    schedule          = "{SCHEDULE}"
    lifecycle {{
      delete_after = count.index == 0 ? var.days : 35
    }}
  }}
  advanced_backup_setting {{
    resource_type  = "EC2"
    backup_options = {{ WindowsVSS = "enabled" }}
  }}
}}
"""
        )
        mirror = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{test_terraform.MIRROR}"\n  }}\n}}\n'
        (folder / "terraform.rc").write_text(mirror)
        timed(["terraform", "init", "-input=false"], folder, self.environment("http://127.0.0.1:1"))

    def environment(self, url):
        config = str(self.folder / "terraform.rc")
        return environment(self.folder, url, TF_CLI_CONFIG_FILE=config, CHECKPOINT_DISABLE="1", TF_VAR_days=str(self.days))

    def run(self, phase, url):
        if phase == "one change":
            self.days = 36
        command = {"plan, first": ["plan"], "plan, again": ["plan"], "destroy": ["destroy", "-auto-approve"]}
        arguments = command.get(phase, ["apply", "-auto-approve"])
        return timed(["terraform", *arguments, "-input=false", "-no-color"], self.folder, self.environment(url))


class Cli:
    """The AWS CLI: a script of commands, one after the other, that makes the stacks and does nothing else."""

    name = "AWS CLI"
    phases = ["create"]

    def __init__(self, _, folder, stacks):
        self.folder, self.stacks = folder, stacks
        (folder / "trust.json").write_text(json.dumps(TRUST))

    def script(self):
        for number in range(self.stacks):
            role, rule = f"r{number}", {"RuleName": "daily", "TargetBackupVaultName": f"v{number}"}
            rule |= {"ScheduleExpression": SCHEDULE, "Lifecycle": {"DeleteAfterDays": 35}}
            vss = [{"ResourceType": "EC2", "BackupOptions": {"WindowsVSS": "enabled"}}]
            plan = {"BackupPlanName": f"p{number}", "Rules": [rule], "AdvancedBackupSettings": vss}
            yield f"aws iam create-role --role-name {role} --assume-role-policy-document file://trust.json"
            for policy in POLICIES:
                yield f"aws iam attach-role-policy --role-name {role} --policy-arn {policy}"
            yield f"aws iam create-instance-profile --instance-profile-name {role}"
            yield f"aws iam add-role-to-instance-profile --instance-profile-name {role} --role-name {role}"
            yield f"aws backup create-backup-vault --backup-vault-name v{number}"
            yield f"aws backup create-backup-plan --backup-plan '{json.dumps(plan)}'"

    def run(self, _, url):
        (self.folder / "create.sh").write_text("set -e\n" + "\n".join(self.script()) + "\n")
        return timed(["sh", "create.sh"], self.folder, environment(self.folder, url))


def detach(url, role):
    """Takes a policy from a role, as somebody else would."""
    body = {"Action": "DetachRolePolicy", "Version": "2010-05-08", "RoleName": role, "PolicyArn": POLICIES[1]}
    scope = f"{support.ACCOUNT}/20260101/us-east-1/iam/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
    request = urllib.request.Request(url, urllib.parse.urlencode(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def measured(kind, binary, stacks, paced):
    """All phases of one tool."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # One port for all phases: what vssctl remembers belongs to an address.
        tool, port = kind(binary, folder, stacks), support.free_port()
        for phase in tool.phases:
            if phase == "repair":
                with Server(binary, folder, port, False).running() as url:
                    detach(url, "r0")
            server = Server(binary, folder, port, paced)
            with server.running() as url:
                figure = tool.run(phase, url)
            figure.calls, figure.refused = server.calls, server.refused
            figures[phase] = figure
            print(f"{tool.name}, {stacks} stacks, {phase}: {figure}", flush=True)
    return figures


def machine():
    """The machine, in words: the processor, how many of it, the memory and the system."""
    with contextlib.suppress(OSError):
        model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        named = model.group(1) if model else platform.machine()
        return f"{os.cpu_count()} processors ({named}), {memory:.0f} GB, {platform.system()}"
    return platform.platform()


def tools(arguments):
    """Those that take part, and what is said of the others."""
    taking, lacking = [Vssctl], ["Ansible"]
    if test_terraform.LACKING:
        lacking.append("Terraform")
    elif "terraform" not in arguments.without:
        taking.append(Terraform)
    if shutil.which("aws") is None:
        lacking.append("the AWS CLI")
    elif "aws" not in arguments.without:
        taking.append(Cli)
    return taking, lacking


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "target" / "release" / "vssctl"), help="the program")
    parser.add_argument("--stacks", type=int, default=200, help="stacks on the server that answers at once (200)")
    parser.add_argument("--paced", type=int, default=25, help="stacks on the server with AWS's rates (25)")
    parser.add_argument("--cli", type=int, default=5, help="stacks that the AWS CLI makes (5)")
    parser.add_argument("--without", nargs="*", default=[], choices=["terraform", "aws"], help="leave out")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    arguments = parser.parse_args()
    binary = str(pathlib.Path(arguments.binary).resolve())
    taking, lacking = tools(arguments)
    parts = []
    for paced, stacks in ((False, arguments.stacks), (True, arguments.paced)):
        counts = {kind: arguments.cli if kind is Cli else stacks for kind in taking}
        figures = {kind.name: measured(kind, binary, count, paced) for kind, count in counts.items()}
        parts.append(chart.Part(paced, stacks, arguments.cli, figures))
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    today = datetime.datetime.now(datetime.UTC).strftime("%-d %B %Y")
    rates = ", ".join(f"{rate} {share} of {service}" for (service, share), rate in RATES.items())
    head = chart.Head(version, machine(), today, LATENCY, rates, lacking, PHASES)
    text = chart.tables(head, parts)
    print(text)
    if arguments.write:
        chart.write(ROOT / "docs", text, chart.drawing(head, parts[0]))


if __name__ == "__main__":
    main()
