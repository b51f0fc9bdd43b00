"""Servers and commands that the Python tests share: the built binary, moto, and the sandbox on a loopback port.

The tests here are an independent server and an independent client: moto stands in for AWS before vssctl, and botocore
for other people's tools before `vssctl sandbox serve`.
"""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("VSSCTL_BINARY", ROOT / "target" / "debug" / "vssctl"))
ACCOUNT = "123456789012"
REGION = "ap-northeast-1"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_open(port, process, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}: {pathlib.Path(log).read_text()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not open its port within a minute")


@contextlib.contextmanager
def server(command, port, environment=None):
    with tempfile.NamedTemporaryFile("w+", suffix=".log") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
        try:
            wait_until_open(port, process, log.name)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def moto():
    """An AWS account by moto, with AWS's managed policies loaded."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with server(command, port, {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_ACCOUNT_ID": ACCOUNT}) as url:
        yield url


@contextlib.contextmanager
def sandbox(folder):
    """The simulated account of vssctl, kept in `folder`."""
    port = free_port()
    file = pathlib.Path(folder) / "sandbox.json"
    command = [str(BINARY), f"--sandbox={file}", "sandbox", "serve", "--listen", f"127.0.0.1:{port}"]
    with server(command, port) as url:
        yield url


def key(folder, account):
    """Puts a customer's KMS key into the sandbox of a folder, where no operation makes one, served or not; gives its ARN."""
    arn = f"arn:aws:kms:{REGION}:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    grants = [
        f'{{ principal = "arn:aws:iam::{account}:role/r{number}", operations = ["Decrypt", "CreateGrant"] }}'
        for number in range(3)
    ]
    scenario = pathlib.Path(folder) / "key.toml"
    scenario.write_text(
        f"""
region  = "{REGION}"
account = "{account}"
fleet   = "add"

[[key]]
arn    = "{arn}"
grants = [{", ".join(grants)}]
"""
    )
    file = pathlib.Path(folder) / "sandbox.json"
    subprocess.run([BINARY, f"--sandbox={file}", "sandbox", "load", scenario], check=True, capture_output=True)
    return arn


def advance(folder, by):
    """Lets time pass in the sandbox of a folder, served or not."""
    file = pathlib.Path(folder) / "sandbox.json"
    subprocess.run([BINARY, f"--sandbox={file}", "sandbox", "advance", by], check=True, capture_output=True)


def client(service, url, region=REGION, access_key="testing", **options):
    """A boto3 client that tries once and never leaves this machine. `options` are botocore's `Config`."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, **options),
    )


def pages(client_, operation, key, **arguments):
    """All elements of a paged list."""
    found = []
    for page in client_.get_paginator(operation).paginate(**arguments):
        found.extend(page.get(key, []))
    return found


class Vssctl:
    """Runs the built binary in a folder, against an endpoint."""

    def __init__(self, folder, url):
        self.folder = pathlib.Path(folder)
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.folder),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": url,
        }

    def write(self, text, name="vss.toml"):
        (self.folder / name).write_text(text)

    def run(self, *arguments, expect=0):
        done = subprocess.run(
            [str(BINARY), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != expect:
            raise AssertionError(
                f"vssctl {' '.join(arguments)} ended with {done.returncode}, not {expect}\n"
                f"--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
            )
        return done


class FolderCase(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


NO_CHANGES = "No changes. Your infrastructure matches the configuration."
SUMMARY = re.compile(r"^Plan: (\d+) to add, (\d+) to change, (\d+) to destroy\.$", re.MULTILINE)


def summary(output):
    """(add, change, destroy) of a text plan."""
    match = SUMMARY.search(output)
    if match is None:
        raise AssertionError(f"no summary line in:\n{output}")
    return tuple(int(number) for number in match.groups())


def reachable(url):
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
        return True
    return False
