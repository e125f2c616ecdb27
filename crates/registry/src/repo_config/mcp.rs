//! The Model Context Protocol in the section `feature_server`.

use super::keys::Fate;
use super::read::{Block, Reader};

/// How a server offers its routes as tools of the Model Context Protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpConfig {
    /// What it calls itself.
    pub server_name: String,
    /// Which version it says it is.
    pub server_version: String,
    /// How messages come and go.
    pub transport: McpTransport,
}

/// How messages of the Model Context Protocol come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum McpTransport {
    /// Both ways.
    Both,
    /// Streamable HTTP.
    Http,
    /// The older transport, by server-sent events.
    Sse,
}

/// The keys of a server of `type: mcp`.
pub(super) const KEYS: [&str; 4] = ["mcp_enabled", "mcp_server_name", "mcp_server_version", "mcp_transport"];

/// The same keys where the server is of another type.
pub(super) const ELSEWHERE: [(&str, Fate); 4] = {
    let fate = Fate::Remark("only a server of `type: mcp` has it");
    let [enabled, name, version, transport] = KEYS;
    [(enabled, fate), (name, fate), (version, fate), (transport, fate)]
};

impl<'a> Reader<'a> {
    /// What the block of a server of `type: mcp` says; `None` where it is not enabled.
    pub(super) fn mcp(&mut self, block: &Block<'a>) -> Option<McpConfig> {
        let text = |reader: &mut Self, key: &str, default: &str| {
            let text = block.get(key).and_then(|node| reader.ok(node.text(&format!("`{key}`"))));
            text.unwrap_or(default).to_owned()
        };
        let [enabled, name, version, _] = KEYS;
        let config = McpConfig {
            server_name: text(self, name, "feast-mcp-server"),
            server_version: text(self, version, "1.0.0"),
            transport: self.mcp_transport(block),
        };
        if self.switch(block, enabled, false) {
            return Some(config);
        }
        if let Some(node) = block.get(enabled).or_else(|| block.get("type")) {
            let warning = node.place.problem("the server offers no tools at `/mcp`");
            self.report.warning(warning.because("they are not enabled").remedy("write `mcp_enabled: true`"));
        }
        None
    }

    /// Both where none is named: Feast then has only the older one, and clients only the newer.
    fn mcp_transport(&mut self, block: &Block<'a>) -> McpTransport {
        let [.., key] = KEYS;
        match block.get(key).map(|node| (node, node.text(&format!("`{key}`")))) {
            None => McpTransport::Both,
            Some((_, Ok("http"))) => McpTransport::Http,
            Some((_, Ok("sse"))) => McpTransport::Sse,
            Some((node, Ok(other))) => {
                self.not_there("transport", node, other, false, &["http", "sse"]);
                McpTransport::Both
            }
            Some((_, Err(problem))) => {
                self.report.problem(problem);
                McpTransport::Both
            }
        }
    }
}
