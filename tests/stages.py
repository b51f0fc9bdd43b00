"""Stages of tests, each with a budget of time, and the note of when the long ones last ran."""

import datetime
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAST_RUN = ROOT / "tests" / "last-run.md"
# How long a command that is stopped may take to end.
GRACE = 10


class Failed(Exception):
    """A stage that did not pass, in words."""


class Stages:
    """Runs stages one after the other. Each has its budget in minutes, and all of them together have one."""

    def __init__(self, command, minutes):
        self.command = command
        self.minutes = minutes
        self.started = time.monotonic()
        self.took = []

    def __call__(self, name, minutes, *commands, log=None, **environment):
        """Runs commands, one after the other; their output goes to the terminal, or to a log. Raises `Failed`."""
        started = time.monotonic()
        print(f"{self.command}: {name}, at most {minutes} minutes", file=sys.stderr, flush=True)
        own = started + 60 * minutes
        whole = self.started + 60 * self.minutes
        for command in commands:
            code = run(command, min(own, whole) - time.monotonic(), environment, log)
            if code is None and whole < own:
                raise Failed(f"stage `{name}` was stopped: all stages together took more than {self.minutes} minutes")
            if code is None:
                raise Failed(f"stage `{name}` was stopped: it took more than its {minutes} minutes")
            if code:
                words = " ".join(str(word) for word in command)
                raise Failed(f"stage `{name}` failed: `{words}` ended with {code}")
        self.took.append((name, time.monotonic() - started, minutes))

    def closing(self):
        """Says how long everything took."""
        rows = [*self.took, ("all of it", time.monotonic() - self.started, self.minutes)]
        for name, seconds, minutes in rows:
            print(f"{self.command}: {name:13} {seconds:6.0f} s of {60 * minutes}", file=sys.stderr, flush=True)


def run(command, seconds, environment, log):
    """Runs a command with all that it starts; its exit code, or nothing if its time was over."""
    with open(log, "ab") if log else open(os.dup(1), "wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT if log else None,
            start_new_session=True,
        )
        try:
            return process.wait(timeout=max(seconds, 0))
        except subprocess.TimeoutExpired:
            stop(process)
            return None
        except BaseException:
            stop(process)
            raise


def stop(process):
    """Ends a process and everything that it started."""
    for way in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, way)
            process.wait(timeout=GRACE)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def main(command, body):
    """Runs a program of stages: 0 if all passed, 1 if one did not, in words."""
    # Whoever stops it stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        body()
    except Failed as failed:
        print(f"{command}: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def commit():
    """The commit that is checked out, and whether anything differs from it but the note itself."""

    def git(*arguments):
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "--short", "HEAD")
    if head is None:
        return "no commit"
    changed = git("status", "--porcelain", "--", ".", f":!{LAST_RUN.relative_to(ROOT)}")
    return f"{head} with changes" if changed else head


HEAD = """# When the long tests last ran

`tests/figures` and `tests/mutants` write here, one row for each of their stages, and print it.

| stage | ended (UTC) | commit | took | result |
|---|---|---|---|---|
"""


def noted(text):
    """The rows of a note by stage."""
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return {row.split("`")[1]: row for row in rows}


def note(stage, seconds, result, file=LAST_RUN):
    """Writes down what a stage came to, in place of its last result."""
    rows = noted(file.read_text()) if file.exists() else {}
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
    rows[stage] = f"| `{stage}` | {now} | {commit()} | {seconds:.0f} s | {result.replace('|', '/')} |"
    file.write_text(HEAD + "".join(f"{rows[name]}\n" for name in sorted(rows)))
    print(rows[stage], flush=True)


def cargo_test(*arguments):
    """The command that tests the crate. One profile for everything: nothing is compiled twice."""
    return ["cargo", "test", "--locked", "--quiet", "--profile", "simulation", *arguments]
