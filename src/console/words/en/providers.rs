//! English texts: connections to providers. A table of data: nothing else belongs here.

pub const WORDS: &super::super::Table = &[
    ("providers.title", "Provider management"),
    ("providers.text", "Your accounts at payment providers. Only active ones take payments."),
    ("providers.search", "Search by name"),
    ("providers.name", "Name"),
    ("providers.kind", "Provider type"),
    ("providers.aggregator", "Aggregator"),
    ("providers.direct", "Direct"),
    ("providers.service", "Service"),
    ("providers.services", "Services"),
    ("providers.status", "Status"),
    ("providers.last", "Last activity"),
    ("providers.never", "none yet"),
    ("providers.none", "No providers yet"),
    ("providers.none_text", "Connect your first account at a payment provider through the API."),
    ("providers.none_found", "No provider fits"),
    ("providers.none_found_text", "Search for another name, or clear the filters."),
    ("connection.active", "Active"),
    ("connection.maintenance", "Maintenance"),
    ("connection.inactive", "Inactive"),
];
