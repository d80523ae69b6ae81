//! Hundreds of damaged files; never a panic, and never more memory than a file of that size can need.
//!
//! Files that pibit wrote carry checksums: every damage is an error or a finding. Files of others do not: damage that
//! breaks their structure is an error; where one sound file became another, all of it can be read.

mod counting_allocator;
mod mutation;

use counting_allocator::CountingAllocator;
use domain_types::{FormatCatalogue, QuantFormat, QuantTensor, RowRule, TensorSource};
use model_store::{GgufFile, GgufWriter, HfFolder, VerifyStatus, load_tokenizer, verify};
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
    Path::new("tests/golden").join(name)
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

/// All kinds in one test, so that nothing else allocates meanwhile.
#[test]
fn five_hundred_damaged_files_of_each_kind() {
    let works = [
        ("own GGUF", damaged_own as fn()),
        ("GGUF", damaged_gguf),
        ("safetensors", damaged_safetensors),
        ("configuration", hostile_configuration),
    ];
    for (kind, work) in works {
        let peak = peak_of(work);
        println!("{kind}: peak memory {peak} bytes");
        assert!(peak < MAX_PEAK, "{kind}: {peak} bytes");
    }
}

/// A model as pibit writes it.
fn own_file() -> Vec<u8> {
    let source = GgufFile::from_bytes(std::fs::read(golden("llama.gguf")).unwrap(), &catalogue()).unwrap();
    let mut writer =
        GgufWriter::in_memory(source.metadata().clone(), source.tensors().to_vec(), None).unwrap();
    for info in source.tensors() {
        let tensor: QuantTensor = source.tensor(&info.name).unwrap();
        writer.push(&info.name, &tensor).unwrap();
    }
    writer.finish().unwrap()
}

/// No damage to a file of ours goes unseen, wherever it is.
fn damaged_own() {
    let original = own_file();
    let intact = GgufFile::from_bytes(original.clone(), &catalogue()).unwrap();
    assert_eq!(verify(&intact).unwrap().status, VerifyStatus::Intact);
    let header = intact.header().len();
    for seed in 0..FILES {
        let mut random = Random::new(seed);
        // every second one is damaged anywhere, weights included
        let reach = if seed % 2 == 0 { header } else { original.len() };
        let bytes = mutate(&original, reach, &mut random);
        if bytes == original {
            continue;
        }
        let Ok(file) = GgufFile::from_bytes(bytes, &catalogue()) else { continue };
        visit(&file);
        if let Ok(report) = verify(&file) {
            assert_ne!(report.status, VerifyStatus::Intact, "damage {seed} was not seen");
        }
    }
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
    println!("GGUF of others: {accepted} of {FILES} are another sound file");
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
    println!("safetensors: {accepted} of {FILES} are another sound file");
    assert!((1..FILES / 2).contains(&accepted), "{accepted} of {FILES} accepted");
}

/// Found by fuzzing: 289 bytes that asked for 1.7 GB.
fn hostile_configuration() {
    let config = include_bytes!("../../fuzz/seeds/model_config/huge-head.json");
    let weights = std::fs::read(golden("llama/model-00002-of-00002.safetensors")).unwrap();
    let files = [("config.json", config.to_vec()), ("model.safetensors", weights)];
    let files = files.map(|(name, bytes)| (name.to_owned(), bytes.into())).into();
    let error = HfFolder::from_files(&files).expect_err("no head is so large").to_string();
    assert!(error.contains("a head of 844444444 dimensions"), "{error}");
}
