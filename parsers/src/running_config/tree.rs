//! The tree itself: building, looking up, comparing and printing.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use super::{InvalidLine, Line};

/// A configuration: commands, and contexts with commands of their own.
///
/// A whole running configuration is a `Config`, and so is what stands inside one context. At
/// each level FRR's commands keep their order and stand before the contexts.
///
/// `==` compares order too; [`Config::equivalent`] does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    lines: Vec<Line>,
    contexts: Vec<Context>,
}

/// A context: the command that opens it, and what stands in it.
///
/// Copies share their content until one of them is changed: of a thousand contexts that are
/// read again and again, hardly one differs from the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    header: Line,
    body: Arc<Config>,
}

impl Context {
    /// An empty context opened by `header`, for example `router bgp 64514 vrf red`.
    #[must_use]
    pub fn new(header: Line) -> Self {
        Self {
            header,
            body: Arc::default(),
        }
    }

    /// A context with its content.
    #[must_use]
    pub fn with_body(header: Line, body: Config) -> Self {
        Self {
            header,
            body: Arc::new(body),
        }
    }

    /// The command that opens this context.
    #[must_use]
    pub fn header(&self) -> &Line {
        &self.header
    }

    /// What stands in this context.
    #[must_use]
    pub fn body(&self) -> &Config {
        &self.body
    }

    /// What stands in this context, to change it.
    pub fn body_mut(&mut self) -> &mut Config {
        Arc::make_mut(&mut self.body)
    }

    /// Takes the context apart.
    #[must_use]
    pub fn into_parts(self) -> (Line, Config) {
        (self.header, Arc::unwrap_or_clone(self.body))
    }

    /// The command with which FRR closes this context.
    #[must_use]
    pub fn closing(&self) -> &'static str {
        closing_of(&self.header)
    }
}

/// The word after which FRR is back in the surrounding context.
fn closing_of(header: &Line) -> &'static str {
    match header.words().next() {
        Some("vrf") => "exit-vrf",
        Some("address-family") => "exit-address-family",
        Some("vni") => "exit-vni",
        Some("link-params") => "exit-link-params",
        Some(_) | None => "exit",
    }
}

impl Config {
    /// A configuration with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The commands of this level, in order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The contexts of this level, in order.
    #[must_use]
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// The contexts of this level, to change them.
    pub fn contexts_mut(&mut self) -> &mut [Context] {
        &mut self.contexts
    }

    /// Whether there is neither a command nor a context.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.contexts.is_empty()
    }

    /// Whether this level holds the command.
    #[must_use]
    pub fn has_line(&self, line: &str) -> bool {
        self.lines.iter().any(|own| own.as_str() == line)
    }

    /// The content of the first context of this level with this header. Text with two contexts
    /// of one header keeps two, until [`Config::merged`] joins them.
    #[must_use]
    pub fn context(&self, header: &str) -> Option<&Config> {
        self.contexts
            .iter()
            .find(|own| own.header.as_str() == header)
            .map(Context::body)
    }

    /// The contexts of this level by their headers, for many look-ups: each by
    /// [`Config::context`] would walk through all of them.
    #[must_use]
    pub fn by_header(&self) -> HashMap<&str, &Config> {
        let mut found = HashMap::with_capacity(self.contexts.len());
        for context in &self.contexts {
            found
                .entry(context.header.as_str())
                .or_insert(context.body());
        }
        found
    }

    /// The content of the context that the headers lead to, from the outermost inwards.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Config> {
        path.iter()
            .try_fold(self, |config, header| config.context(header))
    }

    /// The content of the context with this header, which is created when there is none.
    pub fn entry(&mut self, header: &Line) -> &mut Config {
        let index = self.contexts.iter().position(|own| own.header == *header);
        let index = index.unwrap_or_else(|| {
            self.contexts.push(Context::new(header.clone()));
            self.contexts.len() - 1
        });
        self.contexts[index].body_mut()
    }

    /// Appends a command. One that opens a context by its nature becomes an empty context.
    pub fn push_line(&mut self, line: Line) {
        if line.opens_context() {
            self.contexts.push(Context::new(line));
        } else {
            self.lines.push(line);
        }
    }

    /// Appends a command given as text.
    ///
    /// # Errors
    /// [`InvalidLine`] when the text is not exactly one command.
    pub fn push(&mut self, line: impl AsRef<str>) -> Result<&mut Self, InvalidLine> {
        self.push_line(Line::new(line)?);
        Ok(self)
    }

    /// Appends a context.
    pub fn push_context(&mut self, context: Context) {
        self.contexts.push(context);
    }

    /// Adds all of another configuration, as FRR would if it were typed after this one:
    /// contexts with the same header become one, a repeated command stays one.
    pub fn merge(&mut self, other: Config) {
        let mut seen: BTreeSet<Line> = self.lines.iter().cloned().collect();
        for line in other.lines {
            if seen.insert(line.clone()) {
                self.lines.push(line);
            }
        }
        // The first context of each header; a thousand VRFs make a search by scan too slow.
        let mut places = BTreeMap::new();
        for (place, context) in self.contexts.iter().enumerate() {
            places.entry(context.header.clone()).or_insert(place);
        }
        for Context { header, body } in other.contexts {
            let place = *places.entry(header.clone()).or_insert(self.contexts.len());
            if place == self.contexts.len() {
                self.contexts.push(Context::new(header));
            }
            let body = Arc::unwrap_or_clone(body);
            self.contexts[place].body_mut().merge(body);
        }
    }

    /// The same configuration as FRR would hold it: contexts with one header are one context,
    /// repeated commands are one command; both keep the place of the first.
    #[must_use]
    pub fn merged(&self) -> Config {
        let mut merged = Config::default();
        merged.merge(self.clone());
        merged
    }

    /// Whether FRR would run the same after either: the order of commands and contexts, and
    /// repetitions, do not count.
    #[must_use]
    pub fn equivalent(&self, other: &Config) -> bool {
        // Most often even the order is the same, and seeing that copies nothing.
        self == other || self.sorted() == other.sorted()
    }

    /// [`Config::merged`], in an order that depends on the content only.
    #[must_use]
    pub fn sorted(&self) -> Config {
        let mut sorted = self.merged();
        sorted.sort();
        sorted
    }

    fn sort(&mut self) {
        self.lines.sort();
        self.contexts
            .sort_by(|left, right| left.header.cmp(&right.header));
        for context in &mut self.contexts {
            context.body_mut().sort();
        }
    }

    /// The commands to type after `configure terminal`, exits included, without indentation.
    #[must_use]
    pub fn commands(&self) -> Vec<&str> {
        let mut commands = Vec::new();
        self.visit(0, &mut |_, command| commands.push(command));
        commands
    }

    /// Calls `visit` with the depth and the text of every command, exits included.
    fn visit<'a>(&'a self, depth: usize, visit: &mut impl FnMut(usize, &'a str)) {
        for line in &self.lines {
            visit(depth, line.as_str());
        }
        for context in &self.contexts {
            visit(depth, context.header.as_str());
            context.body.visit(depth + 1, visit);
            visit(depth, context.closing());
        }
    }
}

/// Prints as FRR does: one space of indentation a level, a `!` after each outermost context.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        for context in &self.contexts {
            writeln!(f, "{context}!")?;
        }
        Ok(())
    }
}

/// Prints as FRR does, from the header to the exit.
impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.header)?;
        let mut result = Ok(());
        self.body.visit(1, &mut |depth, command| {
            if result.is_ok() {
                result = writeln!(f, "{:depth$}{command}", "");
            }
        });
        result?;
        writeln!(f, "{}", self.closing())
    }
}

impl From<Vec<Line>> for Config {
    fn from(lines: Vec<Line>) -> Self {
        let mut config = Config::default();
        for line in lines {
            config.push_line(line);
        }
        config
    }
}
