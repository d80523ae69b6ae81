//! Writes a model out as one GGUF file with checksums: `copy_model MODEL OUT.gguf`.
//!
//! `MODEL` is a Hugging Face folder, or a GGUF file of the types f32, f16, bf16, q4_1 and q8_0.

use domain_types::{FormatCatalogue, QuantFormat, RowRule};
use model_store::{GgufFile, GgufWriter, open_model, source_sha256, verify};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: copy_model MODEL OUT.gguf".into());
    };
    let q4_1 = QuantFormat::new("q4_1", 32, 20, RowRule::WholeBlocks).with_ggml_type(3);
    let q8_0 = QuantFormat::new("q8_0", 32, 34, RowRule::WholeBlocks).with_ggml_type(8);
    let catalogue = FormatCatalogue::scalars().with([q4_1, q8_0])?;

    let source = open_model(&model, &catalogue)?;
    let hash = source_sha256(&model)?;
    let mut writer =
        GgufWriter::create(&out, source.metadata().clone(), source.tensors().to_vec(), Some(&hash))?;
    for info in source.tensors() {
        writer.push(&info.name, &source.tensor(&info.name)?)?;
    }
    let report = writer.finish()?;
    let status = verify(&GgufFile::open(&out, &catalogue)?)?.status;
    println!("{out}: {} bytes, {status:?}", report.bytes);
    Ok(())
}
