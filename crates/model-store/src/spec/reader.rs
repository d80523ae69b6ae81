//! Reads a family's metadata keys, saying which key is at fault.

use crate::StoreError;
use domain_types::{MetaValue, TensorInfo, TensorSource};

pub(super) struct SpecReader<'a> {
    source: &'a dyn TensorSource,
    prefix: &'static str,
}

impl<'a> SpecReader<'a> {
    pub(super) fn new(source: &'a dyn TensorSource, prefix: &'static str) -> Self {
        Self { source, prefix }
    }

    pub(super) fn source(&self) -> &'a dyn TensorSource {
        self.source
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a MetaValue> {
        self.source.metadata().get(&self.key(name))
    }

    /// An error that says what is wrong with a key.
    pub(super) fn wrong(&self, name: &str, problem: &str) -> StoreError {
        StoreError::Metadata { key: self.key(name), problem: problem.into() }
    }

    /// A size; an array with one value per layer counts where all are equal.
    pub(super) fn optional_usize(&self, name: &str) -> Result<Option<usize>, StoreError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = match value.as_u64s() {
            None => value.as_u64(),
            Some(per_layer) => {
                let first = per_layer.first().copied();
                if per_layer.iter().any(|&n| Some(n) != first) {
                    return Err(self.wrong(name, "differs between layers, which is not supported"));
                }
                first
            }
        };
        let number = number.and_then(|n| usize::try_from(n).ok());
        number.map(Some).ok_or_else(|| self.wrong(name, "is not a size"))
    }

    pub(super) fn usize(&self, name: &str) -> Result<usize, StoreError> {
        self.optional_usize(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    pub(super) fn optional_f32(&self, name: &str) -> Result<Option<f32>, StoreError> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => value.as_f32().map(Some).ok_or_else(|| self.wrong(name, "is not a number")),
        }
    }

    pub(super) fn optional_bool(&self, name: &str) -> Result<Option<bool>, StoreError> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => match (value.as_bool(), value.as_u64()) {
                (Some(truth), _) => Ok(Some(truth)),
                (None, Some(n @ (0 | 1))) => Ok(Some(n == 1)),
                _ => Err(self.wrong(name, "is not true or false")),
            },
        }
    }

    pub(super) fn f32(&self, name: &str) -> Result<f32, StoreError> {
        self.optional_f32(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    pub(super) fn str(&self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str()
    }

    pub(super) fn has_tensor(&self, name: &str) -> bool {
        self.source.info(name).is_some()
    }

    pub(super) fn tensor(&self, name: &str) -> Result<&'a TensorInfo, StoreError> {
        self.source.info(name).ok_or_else(|| StoreError::NoSuchTensor(name.into()))
    }
}
