//! Low copies of experts, from another file of the same model.

use crate::{ExpertCopy, MoeError};
use domain_types::{ExpertId, ExpertLayout, ExpertPart, ExpertStore, Grade, PortError, Shape};
use std::sync::Arc;

/// A store whose low copies are the full copies of another store: the same model in fewer bits (HOBBIT, Tang et al. 2024,
/// arXiv 2411.01433).
pub struct WithLowCopies {
    full: Arc<dyn ExpertStore>,
    low: Arc<dyn ExpertStore>,
}

impl WithLowCopies {
    /// Takes `low`'s experts as low copies of `full`'s. An expert that is no smaller in `low` has no low copy. Fails where
    /// the stores are not of models with the same experts, or nothing is smaller.
    pub fn new(full: Arc<dyn ExpertStore>, low: Arc<dyn ExpertStore>) -> Result<Self, MoeError> {
        let sizes = [&full, &low].map(|store| (store.layers(), store.experts()));
        if sizes[0] != sizes[1] {
            return Err(MoeError::OtherModel { sizes });
        }
        let store = Self { full, low };
        let (layers, experts) = sizes[0];
        let mut smaller = 0;
        for id in (0..layers).flat_map(|layer| (0..experts).map(move |e| ExpertId::new(layer, e))) {
            let [full, low] = [&store.full, &store.low].map(|store| store.layout(id, Grade::Full));
            if full.map(shapes) != low.map(shapes) {
                return Err(MoeError::OtherExpert { copy: ExpertCopy::low(id) });
            }
            smaller += usize::from(store.layout(id, Grade::Low).is_some());
        }
        if smaller == 0 { Err(MoeError::NotLower) } else { Ok(store) }
    }
}

fn shapes(layout: &ExpertLayout) -> [Shape; 3] {
    ExpertPart::ALL.map(|part| layout.part(part).1)
}

impl ExpertStore for WithLowCopies {
    fn layers(&self) -> usize {
        self.full.layers()
    }

    fn experts(&self) -> usize {
        self.full.experts()
    }

    fn layout(&self, id: ExpertId, grade: Grade) -> Option<&ExpertLayout> {
        let full = self.full.layout(id, Grade::Full)?;
        match grade {
            Grade::Full => Some(full),
            Grade::Low => self.low.layout(id, Grade::Full).filter(|low| low.byte_len() < full.byte_len()),
        }
    }

    fn read(&self, id: ExpertId, grade: Grade, buffer: &mut [u8]) -> Result<(), PortError> {
        let copy = ExpertCopy { id, grade };
        self.layout(id, grade).ok_or(MoeError::NoSuchExpert { copy })?;
        let store = match grade {
            Grade::Full => &self.full,
            Grade::Low => &self.low,
        };
        store.read(id, Grade::Full, buffer)
    }
}
