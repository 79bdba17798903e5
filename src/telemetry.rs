//! Logs and metrics: set up once by the command line, used everywhere by the `tracing` and `metrics` facades.
//!
//! Fields carry ids (`payment`, `request`), never a secret, a name or a whole account number.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// Sends log lines to standard error. The first caller in a process wins; later calls change nothing.
pub fn init_logs(log: &Log) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&log.filter));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match log.format.as_str() {
        "json" => lines.json().flatten_event(true).try_init(),
        _ => lines.try_init(),
    };
}

/// Installs the process-wide metrics recorder; the handle renders the text of `/metrics`.
pub fn init_metrics() -> anyhow::Result<PrometheusHandle> {
    use metrics_exporter_prometheus::Matcher::Suffix;
    const SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0];
    Ok(PrometheusBuilder::new().set_buckets_for_metric(Suffix("_seconds".into()), &SECONDS)?.install_recorder()?)
}
