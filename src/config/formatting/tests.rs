//! What the layout looks like.

use super::*;

#[track_caller]
fn laid_out(text: &str, expected: &str) {
    let formatted = format(text).expect("TOML");
    assert_eq!(formatted, expected, "\n{formatted}");
    assert_eq!(format(&formatted).expect("TOML"), formatted, "a second time");
}

#[test]
fn blanks_and_empty_lines_are_put_in_order() {
    let text = "\n\n  # first\n\n\n\nextends='base.toml'\n[ stack ]   # whose  \n\n\nname   =  \"a\"\n\n\n\n\
                region=\"b\" \t# where\naccount_id  = '1'#who\n# of the next\n[role . \"a b\"]\n\
                [[ consent ]]\nx.y . z=1";
    let expected = "# first\n\nextends = 'base.toml'\n\n[stack] # whose\nname = \"a\"\n\n\
                    region = \"b\"     # where\naccount_id = '1' #who\n\n# of the next\n[role.\"a b\"]\n\n\
                    [[consent]]\nx.y.z = 1\n";
    laid_out(text, expected);
    laid_out("", "");
    laid_out("\n \n\t\n", "");
    laid_out("# only", "# only\n");
}

#[test]
fn a_comment_keeps_its_paragraph() {
    laid_out("[a]\n\n# alone\n\n# of b\n[b]\n", "[a]\n\n# alone\n\n# of b\n[b]\n");
    laid_out("[a]\n# of a\n[b]\n", "[a]\n\n# of a\n[b]\n");
    laid_out("[a]\nx = 1\n# y = 2\n\n[b]\n", "[a]\nx = 1\n# y = 2\n\n[b]\n");
    laid_out("# head\n[a]\n", "# head\n[a]\n");
}

#[test]
fn comments_behind_values_that_follow_each_other_stand_in_one_column() {
    laid_out(
        "a = 1 # one\nlonger = 2      # two\nb = 3\nc = 4 # four\n\nd = 5 # five\n[t] # head\ne = 'ü' # wide\n\
         f = 'uu' # w",
        "a = 1      # one\nlonger = 2 # two\nb = 3\nc = 4 # four\n\nd = 5 # five\n\n[t] # head\n\
         e = 'ü'  # wide\nf = 'uu' # w\n",
    );
}

#[test]
fn lists_are_broken_by_their_width_and_by_comments() {
    laid_out(
        "a=[1,2 , 3,]\nb = [\n1,\n2\n]\nc=[ ]\nd = [[1],[ 2,3 ]]",
        "a = [1, 2, 3]\nb = [1, 2]\nc = []\nd = [[1], [2, 3]]\n",
    );
    let long = "x".repeat(60);
    laid_out(
        &format!("a = ['{long}', '{long}']\nb = {{ c = 1, d = ['{long}', '{long}'], e = 2 }}"),
        &format!(
            "a = [\n    '{long}',\n    '{long}',\n]\nb = {{ c = 1, d = [\n    '{long}',\n    '{long}',\n], e = 2 }}\n"
        ),
    );
    laid_out(
        "a = [ # first\n1 # one\n, # more\n# own\n\n\n# next\n2,3 # three\n\n]  # end",
        "a = [ # first\n    1, # one\n    # more\n    # own\n\n    # next\n    2,\n    3, # three\n] # end\n",
    );
    laid_out(
        "a = [{ b = [1, # one\n2], c = 3 }, 4]",
        "a = [\n    { b = [\n        1, # one\n        2,\n    ], c = 3 },\n    4,\n]\n",
    );
}

#[test]
fn inline_tables_stay_in_one_line_unless_they_have_comments() {
    laid_out("a = {b=1,c = {  }}\nd = {\n  e = 1,\n  f = 2,\n}", "a = { b = 1, c = {} }\nd = { e = 1, f = 2 }\n");
    laid_out("a = { # why\nb.c=1 # one\n,d = 2 }", "a = { # why\n    b.c = 1, # one\n    d = 2,\n}\n");
}

#[test]
fn values_and_keys_stay_as_they_are_written() {
    let text = "\"quoted\" = 0x1F\n'li ter' = 1_000\n\u{22}\u{22} = +1.0e3\nt = 1979-05-27 07:32:00Z\n\
                m = '''\n  a\t\n # no comment\n'''\nn = \"\"\"a\\\n   b  \n\"\"\" # after\no = [\"\"\"x\ny\"\"\", 1]\n";
    let expected = text.replace("o = [\"\"\"x\ny\"\"\", 1]", "o = [\n    \"\"\"x\ny\"\"\",\n    1,\n]");
    laid_out(text, &expected);
}

#[test]
fn line_ends_are_those_of_the_first_line_and_a_byte_order_mark_goes() {
    laid_out("\u{feff}a=1\r\nb = [1, # x\n2]\n", "a = 1\r\nb = [\r\n    1, # x\r\n    2,\r\n]\r\n");
    laid_out("a=1\nb=2\r\nc = '''x\r\ny'''\r\n", "a = 1\nb = 2\nc = '''x\r\ny'''\n");
}

#[test]
fn what_is_not_toml_has_no_layout() {
    for text in ["a", "a = ", "[a", "a = 1\na = 2", "a = \"x\ny\"", "a = [1 2]", "\u{0}", "[a]\n[a]"] {
        assert_eq!(format(text), Err(LayoutError::NotToml), "{text:?}");
    }
}

#[test]
fn a_comment_between_a_key_and_its_value_is_no_toml_though_a_parser_takes_it() {
    for text in ["a = { b = # c\n1 }", "a = { b = \n# c\n[1] }"] {
        assert!(text.parse::<toml::Table>().is_ok(), "{text}");
        assert_eq!(format(text), Err(LayoutError::Comment), "{text}");
    }
    laid_out("a = { b =\n 1 }", "a = { b = 1 }\n");
}

#[test]
fn a_layout_that_loses_or_moves_a_comment_is_not_taken() {
    assert!(same_tokens("a = [1, # x\n2]", "a = [\n  1,\n # x\n 2,\n]"));
    for other in [
        "a = [1,\n2]",
        "a = [1, 2 # x\n]",
        "a = [1, # y\n2]",
        "a = [1, # x\n3]",
        "b = [1, # x\n2]",
        "a = [1, # x\n'2']",
    ] {
        assert!(!same_tokens("a = [1, # x\n2]", other), "{other}");
    }
}

#[test]
fn what_nobody_is_shown_is_not_shown() {
    let text = "[restore_test.a.selection.b]\nrole = \"r\"\n\
                overrides = { k = \"secret\", l = [\"secret\"] }\nname = \"n\"\n\
                [restore_test.a.selection.c]\n\"over\\u0072ides\".k = \"secret\" # why\n\
                x = { overrides = { k = 'secret' }, y = 'n' }\n\
                [restore_test.a.selection.d.overrides]\nk = \"\"\"secret\n\"\"\"\n[z]\nk = \"n\"\n";
    let shown = for_people(text);
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!(shown.matches("(hidden)").count(), 5, "{shown}");
    assert_eq!(shown.matches('n').count(), text.matches('n').count() + 5, "{shown}");
}
