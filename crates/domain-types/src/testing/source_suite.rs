//! Suite for [`TensorSource`].

use crate::TensorSource;
use alloc::collections::BTreeSet;

/// Every listed tensor can be read and is what the list says; names are unique; an unknown name is an error; the
/// specification is consistent.
pub fn tensor_source_conformance(source: &dyn TensorSource) {
    assert!(!source.tensors().is_empty(), "a model has tensors");
    let mut names = BTreeSet::new();
    for info in source.tensors() {
        assert!(names.insert(info.name.clone()), "{} is listed twice", info.name);
        let tensor = source.tensor(&info.name).expect("a listed tensor can be read");
        assert_eq!((tensor.format(), tensor.shape()), (&info.format, &info.shape), "{}", info.name);
        assert_eq!(source.info(&info.name), Some(info));
    }
    assert!(source.tensor("no such tensor").is_err());
    assert!(source.info("no such tensor").is_none());
    let spec = source.spec().expect("the source describes a model");
    spec.validate().expect("the specification is consistent");
}
