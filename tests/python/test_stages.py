"""The stages of tests/run and the note of tests/figures: a stage that takes too long is stopped with all that it
started, and says so."""

import contextlib
import io
import sys
import time
import unittest

import support

sys.path.append(str(support.ROOT / "tests"))
import stages  # noqa: E402

SECOND = 1 / 60


class Budgets(support.FolderCase):
    def setUp(self):
        super().setUp()
        self.said = self.enterContext(contextlib.redirect_stderr(io.StringIO()))

    def failed(self, stage, *arguments):
        with self.assertRaises(stages.Failed) as raised:
            stage(*arguments)
        return str(raised.exception)

    def test_a_stage_that_takes_too_long_is_stopped_with_all_that_it_started(self):
        stage = stages.Stages("tests/run", 10)
        late = self.folder / "late"
        started = time.monotonic()
        words = self.failed(stage, "slow", SECOND, ["sh", "-c", f"(sleep 4; touch {late}) & wait"], ["touch", late])
        self.assertIn("stage `slow` was stopped: it took more than its", words)
        self.assertLess(time.monotonic() - started, 3.5)
        time.sleep(max(0, started + 5 - time.monotonic()))
        self.assertFalse(late.exists())

    def test_all_stages_together_have_a_budget_too(self):
        words = self.failed(stages.Stages("tests/run", SECOND), "slow", 10, ["sleep", "30"])
        self.assertIn("all stages together took more than", words)

    def test_a_command_that_fails_ends_its_stage_in_words(self):
        stage = stages.Stages("tests/run", 10)
        after = self.folder / "after"
        words = self.failed(stage, "wrong", 1, ["sh", "-c", "exit 3"], ["touch", after])
        self.assertEqual(words, "stage `wrong` failed: `sh -c exit 3` ended with 3")
        self.assertFalse(after.exists())
        stage("right", 1, ["touch", after])
        self.assertTrue(after.exists())
        stage.closing()
        self.assertIn("right", self.said.getvalue())
        self.assertNotIn("wrong  ", self.said.getvalue())


class Note(support.FolderCase):
    def test_a_stage_has_one_row_which_says_when_where_and_what(self):
        file = self.folder / "last-run.md"
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            stages.note("figures b", 12.4, "1 | 2", file)
            stages.note("figures a", 3, "old", file)
            stages.note("figures a", 4, "new", file)
        text = file.read_text()
        self.assertTrue(text.startswith(stages.HEAD))
        rows = text.removeprefix(stages.HEAD).splitlines()
        self.assertEqual(len(rows), 2)
        self.assertRegex(rows[0], r"^\| `figures a` \| \d{4}-\d\d-\d\d \d\d:\d\d \| \S.* \| 4 s \| new \|$")
        self.assertRegex(rows[1], r"\| 12 s \| 1 / 2 \|$")
        self.assertIn(rows[0], printed.getvalue())

    def test_the_note_that_is_checked_in_is_one(self):
        text = stages.LAST_RUN.read_text()
        self.assertTrue(text.startswith(stages.HEAD))
        self.assertEqual(len(stages.noted(text)), len(text.removeprefix(stages.HEAD).splitlines()))


if __name__ == "__main__":
    unittest.main()
