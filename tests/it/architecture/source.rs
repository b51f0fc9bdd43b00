//! Reads the sources of a crate: its modules, and every path by which code of one module names something of another one.
//!
//! Paths are taken from `use` items, expressions, types, patterns, attributes and the tokens of macros; re-exports are
//! followed to what they stand for. Code under `cfg(test)` is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// One module: a file, or a block in one.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The file that holds it.
    pub(super) file: PathBuf,
    /// Its child modules.
    pub(super) children: BTreeSet<String>,
    /// What its `use` items bring into it, by the name that they give: the absolute path, or none of this crate.
    uses: BTreeMap<String, Vec<String>>,
    /// The modules whose names it takes with `use x::*`.
    globs: Vec<Vec<String>>,
    /// The paths as they are written, resolved up to the first re-export, with their lines.
    written: Vec<(Vec<String>, usize)>,
}

/// A path in the code, from one module to something of another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    /// The file that has the path.
    pub(super) file: PathBuf,
    /// Its line there, from 1.
    pub(super) line: usize,
    /// The module that has it.
    pub(super) from: Vec<String>,
    /// What the path names, without `crate`.
    pub(super) to: Vec<String>,
    /// The module that `to` is in; of a re-export, the one that defines it.
    pub(super) defined: Vec<String>,
}

/// The modules of a crate by their paths; the root is the empty path.
#[derive(Debug)]
pub(super) struct Source {
    /// All modules that are not only for tests.
    pub(super) modules: BTreeMap<Vec<String>, Module>,
}

impl Source {
    /// Reads the crate whose root module is `root`, such as `src/lib.rs`.
    pub(super) fn read(root: &Path) -> Self {
        let mut source = Self { modules: BTreeMap::new() };
        source.file(root, Vec::new(), root.parent().expect("a file is in a folder"));
        source
    }

    /// Reads one file; its child modules are in `folder`.
    fn file(&mut self, file: &Path, module: Vec<String>, folder: &Path) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if !is_for_tests(&syntax.attrs) {
            self.items(file, module, folder, &syntax.items);
        }
    }

    /// Takes the items of a module.
    fn items(&mut self, file: &Path, module: Vec<String>, folder: &Path, items: &[syn::Item]) {
        let mut found = Module { file: file.to_owned(), ..Module::default() };
        let kept = || items.iter().filter(|item| !is_for_tests(attributes(item)));
        let mut paths = Paths { children: &BTreeSet::new(), found: Vec::new(), uses: Vec::new() };
        let children = kept().filter_map(|item| match item {
            syn::Item::Mod(child) => Some(child.ident.to_string()),
            _ => None,
        });
        let children: BTreeSet<String> = children.collect();
        paths.children = &children;
        for item in kept() {
            match item {
                syn::Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let inner: Vec<String> = module.iter().cloned().chain([name.clone()]).collect();
                    if let Some((_, items)) = &child.content {
                        self.items(file, inner, &folder.join(&name), items);
                    } else {
                        let (flat, nested) = (folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs"));
                        let child = if flat.exists() { flat } else { nested };
                        self.file(&child, inner, &folder.join(&name));
                    }
                }
                other => paths.visit_item(other),
            }
        }
        let Paths { found: written, uses, .. } = paths;
        for (name, path) in uses {
            if name == "*" {
                found.globs.push(path);
            } else {
                found.uses.insert(name, path);
            }
        }
        found.written = written;
        found.children = children;
        self.modules.insert(module, found);
    }

    /// Returns every path between two different modules, each once a line.
    pub(super) fn edges(&self) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for (from, module) in &self.modules {
            for (path, line) in &module.written {
                let Some(to) = self.absolute(from, path) else { continue };
                let defined = self.defined(&to, 0);
                if defined != *from || self.holder(&to) != *from {
                    let file = module.file.clone();
                    edges.insert(Edge { file, line: *line, from: from.clone(), to, defined });
                }
            }
        }
        edges
    }

    /// Resolves a path as a module writes it; none where it names nothing of this crate, or something of the module itself.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                Some([&module[..module.len() - ups], &path[ups..]].concat())
            }
            first => {
                let own = self.modules.get(module)?;
                if own.children.contains(first) {
                    return Some([module, path].concat());
                }
                let used = own.uses.get(first)?;
                // A name that is brought in from another crate resolves to itself.
                let base = (used.first()? != first).then(|| self.absolute(module, used)).flatten()?;
                Some([base.as_slice(), &path[1..]].concat())
            }
        }
    }

    /// Returns the innermost module on a path.
    fn holder(&self, path: &[String]) -> Vec<String> {
        let depth = (0..=path.len()).rev().find(|depth| self.modules.contains_key(&path[..*depth])).unwrap_or(0);
        path[..depth].to_vec()
    }

    /// Returns the module that defines what a path names, through any number of re-exports.
    fn defined(&self, path: &[String], depth: usize) -> Vec<String> {
        let holder = self.holder(path);
        let Some(name) = path.get(holder.len()) else { return holder };
        let module = &self.modules[&holder];
        let next = match module.uses.get(name) {
            Some(used) => self.absolute(&holder, used).map(|base| [&base, &path[holder.len() + 1..]].concat()),
            None => module.globs.iter().find_map(|glob| {
                let base = self.absolute(&holder, glob)?;
                let inner = self.modules.get(&base)?;
                (inner.uses.contains_key(name) || inner.children.contains(name))
                    .then(|| [&base, &path[holder.len()..]].concat())
            }),
        };
        match next {
            Some(next) if depth < 8 && next != path => self.defined(&next, depth + 1),
            _ => holder,
        }
    }
}

/// Tells whether code is only there for tests.
pub(super) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let words: Vec<String> = list.tokens.to_string().split_whitespace().map(str::to_owned).collect();
        list.path.is_ident("cfg") && (words == ["test"] || words.starts_with(&["all".into(), "(test".into()]))
    })
}

/// Returns the attributes of an item.
fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Collects the paths in one module.
struct Paths<'a> {
    children: &'a BTreeSet<String>,
    found: Vec<(Vec<String>, usize)>,
    uses: Vec<(String, Vec<String>)>,
}

impl Paths<'_> {
    /// Takes each path of a `use` item apart.
    fn tree(&mut self, tree: &syn::UseTree, before: &[String], line: usize) {
        let with = |name: &syn::Ident| {
            let name = name.to_string();
            if name == "self" && !before.is_empty() { before.to_vec() } else { [before, &[name]].concat() }
        };
        match tree {
            syn::UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident), line),
            syn::UseTree::Name(name) => {
                let path = with(&name.ident);
                let last = path.last().expect("a name was added").clone();
                self.used(last, path, line);
            }
            syn::UseTree::Rename(rename) => self.used(rename.rename.to_string(), with(&rename.ident), line),
            syn::UseTree::Glob(_) => self.used("*".to_owned(), before.to_vec(), line),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, before, line);
                }
            }
        }
    }

    fn used(&mut self, name: String, path: Vec<String>, line: usize) {
        self.found.push((path.clone(), line));
        self.uses.push((name, path));
    }

    /// Finds the paths in tokens that are not parsed, such as those of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    // Attributes of serde and schemars have paths as text.
                    let text = literal.to_string();
                    let text = text.trim_matches('"');
                    let parts: Vec<String> = text.split("::").map(str::to_owned).collect();
                    if matches!(parts[0].as_str(), "crate" | "super" | "self") && parts.len() > 1 {
                        self.found.push((parts, literal.span().start().line));
                    }
                }
                TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    while let (Some(TokenTree::Punct(one)), Some(TokenTree::Punct(two)), Some(TokenTree::Ident(next))) =
                        (tokens.get(at + 1), tokens.get(at + 2), tokens.get(at + 3))
                        && (one.as_char(), two.as_char()) == (':', ':')
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.found.push((path, first.span().start().line));
                    }
                }
                TokenTree::Punct(_) => {}
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, &[], item.use_token.span.start().line);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |first| first.ident.span().start().line);
        self.found.push((parts, line));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {
        // `pub(in crate::x)` asks for nothing.
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        assert!(self.children.contains(&item.ident.to_string()), "a module in a function: {}", item.ident);
    }
}
