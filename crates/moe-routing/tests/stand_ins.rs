//! Low copies from another file, and a governor that asks for them.

#[path = "support/experts.rs"]
mod support;

use domain_types::testing::{CollectingSink, DenseLinear, MemoryExperts, expert_store_conformance};
use domain_types::{
    Clock, CodecSet, ConditionSensor, DeviceCondition, DomainEvent, ExpertId, ExpertLayout, ExpertProvider,
    ExpertStore, Grade, Linear, OrthogonalTransform, PortError, QuantFormat, QuantTensor, Shape, TensorView,
    ThermalState, WeightCodec, scalar,
};
use moe_routing::cache::{CacheParts, ExpertCache};
use moe_routing::eviction::PolicyKind;
use moe_routing::precision::{Governor, MissPolicy, Restraint};
use moe_routing::{ModelSize, MoeError, PagedExperts, WithLowCopies};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{InPlace, experts, sha256};

const COUNTS: [usize; 2] = [2, 4];
const SHAPE: [usize; 2] = [8, 16];
const BYTES: usize = 3 * 8 * 16 * 4;

/// The same experts in F16, all zero.
struct Zeros(ExpertLayout);

impl Zeros {
    fn new(shape: [usize; 2]) -> Self {
        let up = Shape::matrix(shape[1], shape[0]).unwrap();
        let parts = [up, up, Shape::matrix(shape[0], shape[1]).unwrap()].map(|shape| (scalar::F16, shape));
        let bytes = vec![0; 3 * 2 * shape[0] * shape[1]];
        Self(ExpertLayout::new(parts, sha256(&bytes)).unwrap())
    }
}

impl ExpertStore for Zeros {
    fn layers(&self) -> usize {
        COUNTS[0]
    }

    fn experts(&self) -> usize {
        COUNTS[1]
    }

    fn layout(&self, id: ExpertId, grade: Grade) -> Option<&ExpertLayout> {
        (grade == Grade::Full && id.layer < COUNTS[0] && id.expert < COUNTS[1]).then_some(&self.0)
    }

    fn read(&self, _: ExpertId, _: Grade, buffer: &mut [u8]) -> Result<(), PortError> {
        buffer.fill(0);
        Ok(())
    }
}

/// F32 in place, and F16 that is zero.
struct Both;

impl WeightCodec for Both {
    fn format(&self) -> QuantFormat {
        scalar::F16
    }

    fn decode(&self, _: TensorView<'_>, _: &mut [f32]) -> Result<(), PortError> {
        Err(PortError::invalid("not asked"))
    }

    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
        let shape = tensor.shape();
        Ok(Box::new(DenseLinear::new(vec![0.0; shape.elements()], shape.row_len())))
    }
}

impl CodecSet for Both {
    fn codec(&self, format: &QuantFormat) -> Option<&dyn WeightCodec> {
        if *format == scalar::F16 { Some(self) } else { InPlace.codec(format).map(|_| &InPlace as _) }
    }

    fn rotation(&self, _: usize, _: u64) -> Result<Box<dyn OrthogonalTransform>, PortError> {
        Err(PortError::invalid("these tests rotate nothing"))
    }
}

/// A device whose condition and time are set by hand.
#[derive(Default)]
struct Device {
    condition: Mutex<DeviceCondition>,
    seconds: AtomicU64,
    readings: AtomicU64,
}

impl Device {
    /// A second later, with this heat.
    fn becomes(&self, thermal: ThermalState) {
        *self.condition.lock().unwrap() =
            DeviceCondition { thermal: Some(thermal), ..DeviceCondition::default() };
        self.seconds.fetch_add(1, Ordering::SeqCst);
    }
}

impl ConditionSensor for Device {
    fn condition(&self) -> DeviceCondition {
        self.readings.fetch_add(1, Ordering::SeqCst);
        *self.condition.lock().unwrap()
    }
}

impl Clock for Device {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.seconds.load(Ordering::SeqCst))
    }

    fn unix(&self) -> Duration {
        Duration::ZERO
    }
}

fn with_low_copies() -> WithLowCopies {
    WithLowCopies::new(Arc::new(experts(COUNTS, SHAPE)), Arc::new(Zeros::new(SHAPE))).unwrap()
}

/// Experts with low copies, in room for so many full ones, on a device.
fn paged(room: usize, device: &Arc<Device>, events: &Arc<CollectingSink>) -> PagedExperts {
    let (store, codecs) = (Arc::new(with_low_copies()), Arc::new(Both));
    let parts = CacheParts { store, codecs, events: events.clone(), clock: device.clone() };
    let policy = PolicyKind::Lru.build(ModelSize::new(COUNTS[0], COUNTS[1]));
    PagedExperts::new(Arc::new(ExpertCache::new(parts, room * BYTES, policy)))
}

/// Whether the expert is its low copy.
fn is_low(paged: &PagedExperts, id: ExpertId, before: f32) -> bool {
    let (pin, mut row) = (paged.acquire(id, before).unwrap().expect("not skipped"), [9.0; SHAPE[0]]);
    pin.gate().row(0, &mut row);
    row == [0.0; SHAPE[0]]
}

#[test]
fn another_file_s_experts_are_low_copies() {
    let (store, of) = (with_low_copies(), ExpertId::new(1, 3));
    expert_store_conformance(&store, sha256);
    let bits = |grade| store.layout(of, grade).unwrap().bits_per_weight();
    assert_eq!((bits(Grade::Full), bits(Grade::Low)), (32.0, 16.0));
    assert!(store.layout(ExpertId::new(2, 0), Grade::Low).is_none());
    let full = || Arc::new(experts(COUNTS, SHAPE));
    let refused = |low: Arc<dyn ExpertStore>| WithLowCopies::new(full(), low).err().expect("refused");
    assert!(matches!(refused(full()), MoeError::NotLower));
    assert!(matches!(refused(Arc::new(Zeros::new([8, 32]))), MoeError::OtherExpert { .. }));
    let other: MemoryExperts = experts([2, 5], SHAPE);
    assert!(
        refused(Arc::new(other)).to_string().contains("2 layers of 4 experts, the one for low copies 2 of 5")
    );
}

#[test]
fn changes_of_precision_are_told_and_counted() {
    let (device, events) = (Arc::default(), Arc::default());
    let paged = paged(3, &device, &events).with_miss_policy(MissPolicy::new(0.6, 0.9).unwrap());
    let id = ExpertId::new(1, 2);
    assert!(is_low(&paged, id, 0.7) && is_low(&paged, id, 0.8), "absent, and of little weight");
    assert!(paged.acquire(id, 0.95).unwrap().is_none());
    assert!(!is_low(&paged, id, 0.2), "it matters");
    assert!(!is_low(&paged, id, 0.7), "it is there in full");
    let told: Vec<_> = events.events().into_iter().filter(|e| e.name() == "PrecisionRebalanced").collect();
    let change = |[old_bits, new_bits]: [f64; 2], reason: &str| DomainEvent::PrecisionRebalanced {
        expert_id: 6,
        old_bits,
        new_bits,
        reason: reason.into(),
    };
    let expected = [
        change([32.0, 16.0], "it was absent and weighed little"),
        change([16.0, 32.0], "it is there in full"),
    ];
    assert_eq!(told, expected);
    let counted = paged.stand_ins();
    assert_eq!((counted.low, counted.skipped, counted.rebalanced), (2, 1, 2));
    assert!(paged.cache().arena().peak() <= 3 * BYTES);
    let stats = paged.cache().stats();
    assert_eq!((stats.bytes_loaded, stats.loads), ((BYTES + BYTES / 2) as u64, 2), "{stats:?}");
}

#[test]
fn a_governor_lowers_precision_while_the_device_is_in_trouble() {
    let (device, events): (Arc<Device>, _) = (Arc::default(), Arc::default());
    let interval = Duration::from_secs(1);
    let paged = paged(2, &device, &events).with_governor(device.clone(), Governor::new(2), interval);
    let mut resident = [false; COUNTS[1]];
    let mut enter = |layer| {
        paged.residency(layer, &mut resident);
        (paged.restraint(), resident)
    };
    assert_eq!(enter(0).0, Restraint::None);
    assert_eq!(enter(1).0, Restraint::None);
    assert_eq!(device.readings.load(Ordering::SeqCst), 1, "one reading per interval");
    assert!(!is_low(&paged, ExpertId::new(0, 0), 0.0));

    device.becomes(ThermalState::Critical);
    assert_eq!(enter(0).0, Restraint::Minimum);
    assert!(!is_low(&paged, ExpertId::new(0, 0), 0.0), "what is there stays");
    assert!(is_low(&paged, ExpertId::new(0, 1), 0.0), "the best one, too");
    assert_eq!(enter(0).1, [true, true, false, false], "routers may count on low copies");

    device.becomes(ThermalState::Normal);
    assert_eq!(enter(0).0, Restraint::Minimum, "relief waits");
    device.becomes(ThermalState::Normal);
    assert_eq!(enter(0), (Restraint::None, [true, false, false, false]));
    assert!(!is_low(&paged, ExpertId::new(0, 1), 0.0));
    let told = events.events();
    let reasons = told.iter().filter_map(|event| match event {
        DomainEvent::PrecisionRebalanced { expert_id: 1, reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    let expected = ["the device is hot, drained or short of memory", "it is there in full"];
    assert_eq!(reasons.collect::<Vec<_>>(), expected);
    assert!(paged.cache().arena().peak() <= 2 * BYTES);
}
