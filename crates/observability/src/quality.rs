//! Quality while a model works: running figures at the current precision, and an alarm when they leave their limits.

mod activations;
mod measure;
mod window;

pub use activations::{ActivationCounts, ActivationShares, ActivationWatch, WatchedCodecs};
pub use measure::{Drift, Measure, QualityLimits};

use domain_types::{DomainEvent, EventSink, PrecisionControl, QualityDrop};
use std::fmt;
use std::sync::Arc;
use window::Window;

/// What a model did with some tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Mean negative log-likelihood, in nats per token.
    pub nll: f64,
    /// Share of tokens that a reference also finds most likely, where there is one, 0 to 1.
    pub agreement: Option<f64>,
    /// What an [`ActivationWatch`] saw meanwhile, where there is one.
    pub activations: Option<ActivationShares>,
}

/// Watches the quality of a model over the last observations.
///
/// It is told of tokens and activations as they come, keeps means over a window of each [`Measure`], and holds these
/// against [`QualityLimits`]. When a full window leaves its limit, the sink gets a [`DomainEvent::QualityDrifted`], once:
/// the next alarm of that measure comes after it was within its limit again.
///
/// With a [`PrecisionControl`] an alarm also asks for more bits. Where they come, all windows begin anew: what the old
/// precision did is not held against the new one, which may ask again.
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
    control: Option<Box<dyn PrecisionControl>>,
    drifts: Vec<Drift>,
}

impl QualityMonitor {
    /// A monitor over windows of `window` observations (at least one) that tells `sink`.
    pub fn new(limits: QualityLimits, window: usize, sink: Arc<dyn EventSink>) -> Self {
        let windows = std::array::from_fn(|_| Window::new(window.max(1)));
        Self { limits, windows, alarmed: Default::default(), sink, control: None, drifts: Vec::new() }
    }

    /// Asks `control` for more bits at each alarm.
    #[must_use]
    pub fn with_control(mut self, control: Box<dyn PrecisionControl>) -> Self {
        self.control = Some(control);
        self
    }

    /// A token that the model predicted: its negative log-likelihood in nats, and whether a reference found the same
    /// token most likely, where there is one.
    pub fn token(&mut self, nll: f64, same_top: Option<bool>) {
        let agreement = same_top.map(|same| f64::from(u8::from(same)));
        self.observe(&Observation { nll, agreement, activations: None });
    }

    /// Several tokens at once.
    pub fn observe(&mut self, seen: &Observation) {
        let Observation { nll, agreement, activations } = *seen;
        let figures = [
            (Measure::Perplexity, Some(nll)),
            (Measure::Agreement, agreement),
            (Measure::Saturation, activations.map(|shares| shares.saturation)),
            (Measure::Outliers, activations.map(|shares| shares.outliers)),
        ];
        if let Some(ActivationShares { outliers, saturation }) = activations {
            self.sink.record(&DomainEvent::ActivationsObserved { outliers, saturation });
        }
        let seen = figures.into_iter().filter_map(|(measure, value)| Some((measure, value?)));
        let seen: Vec<Measure> = seen.map(|(measure, value)| self.push(measure, value)).collect();
        for measure in seen {
            self.judge(measure);
        }
    }

    /// The running figure of a measure; `None` before its first observation.
    pub fn value(&self, measure: Measure) -> Option<f64> {
        self.windows[measure as usize].mean().map(|mean| measure.figure(mean))
    }

    /// All alarms so far.
    pub fn drifts(&self) -> &[Drift] {
        &self.drifts
    }

    fn push(&mut self, measure: Measure, value: f64) -> Measure {
        self.windows[measure as usize].push(value);
        measure
    }

    fn judge(&mut self, measure: Measure) {
        let window = &self.windows[measure as usize];
        let Some(limit) = self.limits.of(measure) else { return };
        // A few tokens say little: only whole windows are judged.
        let (true, Some(mean)) = (window.is_full(), window.mean()) else { return };
        let value = measure.figure(mean);
        let outside = !measure.keeps(value, limit);
        let known = std::mem::replace(&mut self.alarmed[measure as usize], outside);
        if outside && !known {
            self.raise(measure, value, limit);
        }
    }

    fn raise(&mut self, measure: Measure, value: f64, limit: f64) {
        self.sink.record(&DomainEvent::QualityDrifted { measure: measure.name().into(), value, limit });
        let drop = QualityDrop { measure: measure.name(), value, limit };
        let raised = self.control.as_mut().is_some_and(|control| control.ask_for_more(&drop));
        if raised {
            self.windows.iter_mut().for_each(Window::clear);
            self.alarmed = Default::default();
        }
        self.drifts.push(Drift { measure, value, limit, raised });
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
    fn shares_of_activations_have_limits_and_are_told() {
        let limits = QualityLimits { saturation: Some(0.001), outliers: Some(0.01), ..Default::default() };
        let (mut monitor, sink) = monitor(limits, 2);
        for (outliers, saturation) in [(0.002, 0.0), (0.004, 0.004)] {
            let activations = Some(ActivationShares { outliers, saturation });
            monitor.observe(&Observation { nll: 1.0, agreement: None, activations });
        }
        assert_eq!(monitor.value(Measure::Outliers), Some(0.003));
        let drifts: Vec<_> = monitor.drifts().iter().map(|d| (d.measure, d.value, d.raised)).collect();
        assert_eq!(drifts, [(Measure::Saturation, 0.002, false)]);
        let told = sink.events().iter().filter(|e| e.name() == "ActivationsObserved").count();
        assert_eq!(told, 2);
    }

    /// Two steps up; remembers why they were asked for.
    struct TwoSteps(Arc<Mutex<Vec<String>>>);

    impl PrecisionControl for TwoSteps {
        fn ask_for_more(&mut self, drop: &QualityDrop<'_>) -> bool {
            let mut asked = self.0.lock().unwrap();
            asked.push(drop.measure.into());
            asked.len() <= 2
        }
    }

    #[test]
    fn a_drop_asks_for_bits_until_there_are_no_more() {
        let limits = QualityLimits { perplexity: Some(5.0), ..QualityLimits::default() };
        let asked = Arc::default();
        let control = Box::new(TwoSteps(Arc::clone(&asked)));
        let mut monitor =
            QualityMonitor::new(limits, 2, Arc::new(domain_types::port::NullSink)).with_control(control);
        let mut alarms = Vec::new();
        for _ in 0..8 {
            monitor.token(3.0, None); // e³ = 20
            alarms.push(monitor.drifts().len());
        }
        // Each precision is judged by a whole window of its own; the last one keeps its alarm.
        assert_eq!(alarms, [0, 1, 1, 2, 2, 3, 3, 3]);
        assert_eq!(monitor.drifts().iter().map(|d| d.raised).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(*asked.lock().unwrap(), ["perplexity"; 3]);
    }
}
