//! Quality while a model works: running figures at the current precision, and an alarm when they leave their limits.

mod measure;
mod window;

pub use measure::{Drift, Measure, QualityLimits};

use domain_types::{DomainEvent, EventSink};
use std::fmt;
use std::sync::Arc;
use window::Window;

/// What is done about a drift: raise the precision, reload, stop.
type Hook = Box<dyn FnMut(&Drift) + Send>;

/// Watches the quality of a model over the last observations.
///
/// It is told of tokens and activations as they come, keeps means over a window of each [`Measure`], and holds these
/// against [`QualityLimits`]. When a full window leaves its limit, the sink gets a [`DomainEvent::QualityDrifted`] and
/// the hook is called, once: the next alarm of that measure comes after it was within its limit again.
///
/// ```
/// use observability::{Measure, QualityLimits, QualityMonitor};
/// use std::sync::Arc;
///
/// let limits = QualityLimits { perplexity: Some(30.0), ..QualityLimits::default() };
/// let mut monitor = QualityMonitor::new(limits, 2, Arc::new(domain_types::port::NullSink));
/// monitor.token(3.0, None);
/// monitor.token(4.0, None);
/// assert_eq!(monitor.value(Measure::Perplexity), Some(3.5_f64.exp()));
/// assert_eq!(monitor.drifts().len(), 1, "33.1 is above 30");
/// ```
pub struct QualityMonitor {
    limits: QualityLimits,
    windows: [Window; Measure::ALL.len()],
    /// Whether a measure is outside of its limit, as already told.
    alarmed: [bool; Measure::ALL.len()],
    sink: Arc<dyn EventSink>,
    hook: Option<Hook>,
    drifts: Vec<Drift>,
}

impl QualityMonitor {
    /// A monitor over windows of `window` observations (at least one) that tells `sink`.
    pub fn new(limits: QualityLimits, window: usize, sink: Arc<dyn EventSink>) -> Self {
        let windows = std::array::from_fn(|_| Window::new(window.max(1)));
        Self { limits, windows, alarmed: Default::default(), sink, hook: None, drifts: Vec::new() }
    }

    /// Also calls `hook` at each alarm: the place to choose another precision.
    #[must_use]
    pub fn with_hook(mut self, hook: impl FnMut(&Drift) + Send + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// A token that the model predicted: its negative log-likelihood in nats, and whether a reference found the same
    /// token most likely, where there is one.
    pub fn token(&mut self, nll: f64, same_top: Option<bool>) {
        self.observe(Measure::Perplexity, nll);
        if let Some(same) = same_top {
            self.observe(Measure::Agreement, f64::from(u8::from(same)));
        }
    }

    /// Means over several tokens at once: of the negative log-likelihood, and the share of the same top token.
    pub fn tokens(&mut self, mean_nll: f64, agreement: Option<f64>) {
        self.observe(Measure::Perplexity, mean_nll);
        if let Some(share) = agreement {
            self.observe(Measure::Agreement, share);
        }
    }

    /// Values that are about to be quantized, with the largest magnitude that the format can hold. Counts those beyond it
    /// (saturation) and those beyond six times their root mean square (outliers: Dettmers et al. 2022, arXiv 2208.07339).
    pub fn values(&mut self, values: &[f32], largest: f32) {
        if values.is_empty() {
            return;
        }
        let n = values.len() as f64;
        let rms = (values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / n).sqrt();
        let share = |limit: f64| values.iter().filter(|x| f64::from(x.abs()) > limit).count() as f64 / n;
        self.observe(Measure::Saturation, share(f64::from(largest)));
        self.observe(Measure::Outliers, share(6.0 * rms));
    }

    /// The running figure of a measure; `None` before its first observation.
    pub fn value(&self, measure: Measure) -> Option<f64> {
        self.windows[measure as usize].mean().map(|mean| measure.figure(mean))
    }

    /// All alarms so far.
    pub fn drifts(&self) -> &[Drift] {
        &self.drifts
    }

    fn observe(&mut self, measure: Measure, value: f64) {
        let window = &mut self.windows[measure as usize];
        window.push(value);
        let Some(limit) = self.limits.of(measure) else { return };
        // A few tokens say little: only whole windows are judged.
        let (true, Some(mean)) = (window.is_full(), window.mean()) else { return };
        let value = measure.figure(mean);
        let outside = !measure.keeps(value, limit);
        let known = std::mem::replace(&mut self.alarmed[measure as usize], outside);
        if outside && !known {
            self.raise(Drift { measure, value, limit });
        }
    }

    fn raise(&mut self, drift: Drift) {
        let Drift { measure, value, limit } = drift;
        self.sink.record(&DomainEvent::QualityDrifted { measure: measure.name().into(), value, limit });
        if let Some(hook) = &mut self.hook {
            hook(&drift);
        }
        self.drifts.push(drift);
    }
}

impl fmt::Debug for QualityMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QualityMonitor")
            .field("limits", &self.limits)
            .field("drifts", &self.drifts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::CollectingSink;
    use std::sync::Mutex;

    fn monitor(limits: QualityLimits, window: usize) -> (QualityMonitor, Arc<CollectingSink>) {
        let sink = Arc::new(CollectingSink::default());
        (QualityMonitor::new(limits, window, sink.clone()), sink)
    }

    #[test]
    fn an_alarm_comes_once_per_excursion_and_after_a_whole_window() {
        let limits = QualityLimits { perplexity: Some(10.0), ..QualityLimits::default() };
        let (mut monitor, sink) = monitor(limits, 3);
        let (calm, wild) = (2.0, 3.0); // e² = 7.4, e³ = 20.1
        for (nll, alarms) in [(wild, 0), (wild, 0), (wild, 1), (wild, 1), (calm, 1), (calm, 1), (calm, 1)] {
            monitor.token(nll, None);
            assert_eq!(monitor.drifts().len(), alarms);
        }
        for nll in [wild; 3] {
            monitor.token(nll, None);
        }
        assert_eq!(monitor.drifts().len(), 2, "it was calm between");
        assert_eq!(sink.events().len(), 2);
        assert!(matches!(&sink.events()[0],
            DomainEvent::QualityDrifted { measure, value, limit }
                if measure == "perplexity" && (value - 3.0_f64.exp()).abs() < 1e-9 && *limit == 10.0));
    }

    #[test]
    fn agreement_has_a_lower_limit_and_nan_is_outside_of_any() {
        let limits =
            QualityLimits { agreement: Some(0.75), perplexity: Some(1e9), ..QualityLimits::default() };
        let (mut monitor, _) = monitor(limits, 4);
        for same in [true, true, true, false] {
            monitor.token(1.0, Some(same));
        }
        assert_eq!((monitor.value(Measure::Agreement), monitor.drifts().len()), (Some(0.75), 0));
        monitor.token(1.0, Some(false));
        assert_eq!(monitor.drifts()[0].measure, Measure::Agreement);
        monitor.token(f64::NAN, None);
        assert_eq!(monitor.drifts()[1].measure, Measure::Perplexity);
    }

    #[test]
    fn values_beyond_the_format_and_far_from_the_others_are_counted() {
        let limits = QualityLimits { saturation: Some(0.001), outliers: Some(0.001), ..Default::default() };
        let (mut monitor, _) = monitor(limits, 1);
        let mut values = vec![1.0; 1000];
        monitor.values(&values, 2.0);
        assert_eq!((monitor.value(Measure::Saturation), monitor.drifts().len()), (Some(0.0), 0));
        values[..5].fill(-20.0);
        monitor.values(&values, 2.0);
        assert_eq!(monitor.value(Measure::Saturation), Some(0.005));
        assert_eq!(monitor.value(Measure::Outliers), Some(0.005));
        assert_eq!(monitor.drifts().len(), 2);
    }

    #[test]
    fn the_hook_can_change_the_precision() {
        let bits = Arc::new(Mutex::new(2));
        let raised = bits.clone();
        let limits = QualityLimits { perplexity: Some(5.0), ..QualityLimits::default() };
        let mut monitor = QualityMonitor::new(limits, 1, Arc::new(domain_types::port::NullSink))
            .with_hook(move |_| *raised.lock().unwrap() += 1);
        monitor.tokens(3.0, None);
        assert_eq!(*bits.lock().unwrap(), 3);
    }
}
