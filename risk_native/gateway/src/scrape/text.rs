//! The text form of metrics, version 0.0.4, as Prometheus scrapes it.

use std::fmt::Write;

use super::histogram::Histogram;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// A page under construction.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// The page.
    pub fn finish(self) -> String {
        self.text
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One metric with its samples: labels and value.
    pub fn metric(
        &mut self,
        name: &str,
        help: &str,
        kind: Kind,
        samples: impl IntoIterator<Item = (Vec<(&'static str, String)>, f64)>,
    ) {
        self.head(
            name,
            help,
            match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            },
        );
        for (labels, value) in samples {
            self.sample(name, &labels, value);
        }
    }

    /// A histogram in seconds.
    pub fn histogram(
        &mut self,
        name: &str,
        help: &str,
        labels: &[(&'static str, String)],
        histogram: &Histogram,
    ) {
        self.head(name, help, "histogram");
        let bucket = format!("{name}_bucket");
        let count = histogram.count();
        let bounds = histogram
            .cumulative()
            .map(|(bound, below)| (bound.to_string(), below));
        for (bound, below) in bounds.chain([("+Inf".to_string(), count)]) {
            let mut labels = labels.to_vec();
            labels.push(("le", bound));
            self.sample(&bucket, &labels, below as f64);
        }
        self.sample(&format!("{name}_sum"), labels, histogram.sum_seconds());
        self.sample(&format!("{name}_count"), labels, count as f64);
    }

    fn sample(&mut self, name: &str, labels: &[(&'static str, String)], value: f64) {
        self.text.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let escaped = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{label}=\"{escaped}\"");
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Page};
    use crate::scrape::histogram::Histogram;

    #[test]
    fn a_page_reads_as_prometheus_writes_it() {
        let mut page = Page::default();
        page.metric("up_total", "Ups.", Kind::Counter, [(Vec::new(), 3.0)]);
        page.metric(
            "share",
            "Share.",
            Kind::Gauge,
            [(
                vec![("name", "a \"b\" \\".to_string()), ("kind", "x".into())],
                0.5,
            )],
        );
        let mut histogram = Histogram::default();
        histogram.observe(70);
        page.histogram("check_seconds", "Checks.", &[], &histogram);
        let text = page.finish();
        assert!(text.starts_with("# HELP up_total Ups.\n# TYPE up_total counter\nup_total 3\n"));
        assert!(text.contains("share{name=\"a \\\"b\\\" \\\\\",kind=\"x\"} 0.5\n"));
        assert!(text.contains("check_seconds_bucket{le=\"0.00000005\"} 0\n"));
        assert!(text.contains("check_seconds_bucket{le=\"0.0000001\"} 1\n"));
        assert!(text.ends_with("check_seconds_sum 0.00000007\ncheck_seconds_count 1\n"));
    }
}
