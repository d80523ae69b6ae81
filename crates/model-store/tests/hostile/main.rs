//! Hundreds of damaged files: an error each, or a file that is sound in every part; never a panic, and never more
//! memory than a file of that size can need.

mod counting_allocator;
mod mutation;

use counting_allocator::CountingAllocator;
use domain_types::{FormatCatalogue, QuantFormat, RowRule, TensorSource};
use model_store::{GgufFile, HfFolder, load_tokenizer, verify};
use mutation::{Random, mutate};
use std::path::{Path, PathBuf};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

const FILES: u64 = 500;
/// The promise is 200 MB; damaged copies of small files need far less.
const MAX_PEAK: usize = 50_000_000;

fn catalogue() -> FormatCatalogue {
    let q4_1 = QuantFormat::new("q4_1", 32, 20, RowRule::WholeBlocks).with_ggml_type(3);
    let q8_0 = QuantFormat::new("q8_0", 32, 34, RowRule::WholeBlocks).with_ggml_type(8);
    FormatCatalogue::scalars().with([q4_1, q8_0]).unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Reads every part of a model that was accepted.
fn visit(source: &dyn TensorSource) {
    for info in source.tensors() {
        let tensor = source.tensor(&info.name).expect("an accepted tensor can be read");
        assert_eq!((tensor.format(), tensor.shape()), (&info.format, &info.shape));
        std::hint::black_box(tensor.bytes().iter().map(|&b| u64::from(b)).sum::<u64>());
    }
    if let Ok(spec) = source.spec() {
        spec.validate().expect("a specification that is given is consistent");
    }
}

/// Both kinds in one test, so that nothing else allocates meanwhile.
#[test]
fn five_hundred_damaged_files_of_each_kind() {
    let gguf = peak_of(damaged_gguf);
    let safetensors = peak_of(damaged_safetensors);
    println!("peak memory: GGUF {gguf} bytes, safetensors {safetensors} bytes");
    assert!(gguf < MAX_PEAK && safetensors < MAX_PEAK, "GGUF {gguf}, safetensors {safetensors}");
}

fn peak_of(work: fn()) -> usize {
    ALLOCATOR.reset_peak();
    work();
    ALLOCATOR.peak()
}

fn damaged_gguf() {
    let sources = ["sample.gguf", "llama.gguf", "spm.gguf"].map(|name| std::fs::read(golden(name)).unwrap());
    let mut accepted = 0;
    for seed in 0..FILES {
        let mut random = Random::new(seed);
        let original = &sources[seed as usize % sources.len()];
        let header = GgufFile::from_bytes(original.clone(), &catalogue()).unwrap().header().len();
        let bytes = mutate(original, header, &mut random);
        let Ok(file) = GgufFile::from_bytes(bytes, &catalogue()) else { continue };
        accepted += 1;
        visit(&file);
        let _ = verify(&file);
        let _ = file.cross_check();
        let _ = load_tokenizer(&file);
    }
    // A changed letter in a name or a changed number leaves a sound file, but most damage must be seen.
    assert!((1..FILES / 2).contains(&accepted), "{accepted} of {FILES} accepted");
}

fn damaged_safetensors() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(golden("llama").join(name), folder.path().join(name)).unwrap();
    }
    // One file with an embedding, so that undamaged it is a model.
    let original = std::fs::read(golden("llama/model-00002-of-00002.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(original[..8].try_into().unwrap()) as usize;
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, &original).unwrap();
    visit(&HfFolder::open(folder.path()).expect("it is a model before it is damaged"));
    let mut accepted = 0;
    for seed in 0..FILES {
        std::fs::write(&path, mutate(&original, header, &mut Random::new(seed))).unwrap();
        let Ok(model) = HfFolder::open(folder.path()) else { continue };
        accepted += 1;
        visit(&model);
    }
    assert!((1..FILES / 2).contains(&accepted), "{accepted} of {FILES} accepted");
}
