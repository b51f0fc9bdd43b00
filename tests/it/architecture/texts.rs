//! Finds the places that compare a text with one of certain words: by `==` and `!=`, in a pattern, in `matches!`, or in a
//! constant that something is looked up in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::source::is_for_tests;

/// Returns where a file compares a text with one of the words, as lines and words.
pub(super) fn comparisons(file: &Path, words: &BTreeSet<&str>) -> Vec<(PathBuf, usize, String)> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut finder = Finder { words, found: Vec::new() };
    finder.visit_file(&syntax);
    finder.found.into_iter().map(|(line, word)| (file.to_owned(), line, word)).collect()
}

struct Finder<'a> {
    words: &'a BTreeSet<&'a str>,
    found: Vec<(usize, String)>,
}

impl Finder<'_> {
    fn literal(&mut self, literal: &syn::Lit) {
        if let syn::Lit::Str(text) = literal
            && self.words.contains(text.value().as_str())
        {
            self.found.push((text.span().start().line, text.value()));
        }
    }

    fn expression(&mut self, expression: &syn::Expr) {
        match expression {
            syn::Expr::Lit(literal) => self.literal(&literal.lit),
            syn::Expr::Array(array) => array.elems.iter().for_each(|element| self.expression(element)),
            syn::Expr::Reference(reference) => self.expression(&reference.expr),
            syn::Expr::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.expression(element)),
            _ => {}
        }
    }

    /// Takes every text in the tokens of `matches!`.
    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    let line = literal.span().start().line;
                    let text = literal.to_string();
                    let text = text.trim_matches('"');
                    if self.words.contains(text) {
                        self.found.push((line, text.to_owned()));
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        if matches!(binary.op, syn::BinOp::Eq(_) | syn::BinOp::Ne(_)) {
            self.expression(&binary.left);
            self.expression(&binary.right);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_pat(&mut self, pattern: &'ast syn::Pat) {
        if let syn::Pat::Lit(literal) = pattern {
            self.literal(&literal.lit);
        }
        visit::visit_pat(self, pattern);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        if let syn::Expr::Array(_) | syn::Expr::Reference(_) = &*item.expr {
            self.expression(&item.expr);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        // `["a", "b"].contains(x)` is a comparison; `fields.contains_key("a")` is none.
        if call.method == "contains" {
            self.expression(&call.receiver);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        if item.path.is_ident("matches") {
            self.tokens(item.tokens.clone());
        }
        visit::visit_macro(self, item);
    }
}
