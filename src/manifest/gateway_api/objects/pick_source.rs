//! Where a request names its endpoint, as policies and backends of Envoy Gateway write it.

use crate::manifest::decode::Decoder;
use crate::manifest::yaml::Node;
use crate::route::PickSource;

/// One item: a header, or metadata with its path.
pub(super) fn pick_source(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<PickSource> {
    let mut fields = decoder.map(node, "a source of endpoints")?;
    if let Some(header) = fields.text("header", decoder) {
        return Some(PickSource::Header(header.value));
    }
    let mut metadata = fields.map("metadata", "metadata", decoder)?;
    let key = metadata.text("key", decoder)?.value;
    let path = metadata.list("path", decoder, |node, decoder| {
        decoder
            .map(node, "a segment of a path")?
            .text("key", decoder)
    });
    let path: Vec<String> = path.into_iter().map(|segment| segment.value).collect();
    Some(PickSource::Metadata(format!("{key}:{}", path.join("."))))
}
