//! The table of formats: one row each. Nothing else lists them.

use crate::block::BlockEncoder;
use crate::codec::{BlockCodec, BlockQuantizer, FusedCodec, RowCodec};
use crate::formats::{
    e8p, float, iq1_m, iq1_s, iq2_s, iq2_xs, iq2_xxs, iq3_s, iq3_xxs, iq4_nl, iq4_xs, km, nf, piq, pit, q2_k,
    q3_k, q4_0, q4_1, q4_k, q5_0, q5_1, q5_k, q6_k, q8_0, tq1_0, tq2_0, trellis, uq,
};
use crate::incoherence::Rotation;
use crate::kernel::{
    one_scale::OneScaleKernel, small_blocks::SmallBlocksKernel, sub_scales::SubScalesKernel,
};
use crate::rounding::{HessianQuantizer, Rounding, ScaledFormat};
use crate::{Activations, QuantError, QuantizeOptions};
use domain_types::{
    CodecSet, FormatCatalogue, OrthogonalTransform, PortError, QuantFormat, Quantizer, WeightCodec,
};

type MakeScaled = fn(QuantizeOptions) -> Result<Box<dyn ScaledFormat>, QuantError>;
type MakeQuantizer = fn(QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError>;

/// A row of the table.
pub struct FormatEntry {
    codec: &'static dyn RowCodec,
    fused: Option<&'static dyn WeightCodec>,
    make_quantizer: Option<MakeQuantizer>,
    make_scaled: Option<MakeScaled>,
    summary: &'static str,
}

impl FormatEntry {
    /// The format's descriptor.
    pub fn format(&self) -> QuantFormat {
        self.codec.format()
    }

    /// Whether tensors of this format can be made, not only read.
    pub fn can_encode(&self) -> bool {
        self.make_quantizer.is_some()
    }

    /// Adds a kernel for 8-bit activations.
    const fn fused(self, codec: &'static dyn WeightCodec) -> Self {
        Self { fused: Some(codec), ..self }
    }

    /// Adds rounding that minds the layer's inputs.
    const fn scaled(self, make: MakeScaled) -> Self {
        Self { make_scaled: Some(make), ..self }
    }

    /// Whether tensors of this format can be rounded by [`Rounding::Ldlq`].
    pub fn can_ldlq(&self) -> bool {
        self.make_scaled.is_some()
    }

    /// Whether there is a kernel that multiplies packed weights with 8-bit activations.
    pub fn is_fused(&self) -> bool {
        self.fused.is_some()
    }

    /// The levels, in ascending order, where a block's weights are its scale times one of them.
    pub fn levels(&self) -> Option<&'static [f32]> {
        self.codec.levels()
    }

    /// What the format is, in a line.
    pub fn summary(&self) -> &'static str {
        self.summary
    }
}

const fn readable(codec: &'static dyn RowCodec, summary: &'static str) -> FormatEntry {
    FormatEntry { codec, fused: None, make_quantizer: None, make_scaled: None, summary }
}

const fn makeable(codec: &'static dyn RowCodec, make: MakeQuantizer, summary: &'static str) -> FormatEntry {
    FormatEntry { codec, fused: None, make_quantizer: Some(make), make_scaled: None, summary }
}

/// For encoders without options.
#[expect(clippy::unnecessary_wraps, reason = "the signature of the table")]
fn plain<E: BlockEncoder + Default>(_: QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    Ok(Box::new(BlockQuantizer(E::default())))
}

/// Trellis codes differ in their tables only.
const fn trellis<T: trellis::Trellis>(summary: &'static str) -> FormatEntry {
    makeable(const { &trellis::TrellisCodec::<T>::NEW }, trellis::make::<T>, summary)
        .fused(const { &trellis::FusedTrellisCodec::<T>::NEW })
        .scaled(trellis::scaled::<T>)
}

static ENTRIES: &[FormatEntry] = &[
    makeable(&BlockCodec::<float::F32>::NEW, plain::<float::F32>, "IEEE 754 single precision"),
    makeable(&BlockCodec::<float::F16>::NEW, plain::<float::F16>, "IEEE 754 half precision"),
    makeable(&BlockCodec::<float::Bf16>::NEW, plain::<float::Bf16>, "the upper half of an F32"),
    makeable(
        &BlockCodec::<q8_0::Q8_0>::NEW,
        plain::<q8_0::Q8_0>,
        "8-bit integers, blocks of 32, absmax scale",
    )
    .fused(&FusedCodec::<SmallBlocksKernel<q8_0::Q8_0>>::NEW),
    makeable(&BlockCodec::<q4_0::Q4_0>::NEW, plain::<q4_0::Q4_0>, "4-bit integers, blocks of 32, scale")
        .fused(&FusedCodec::<SmallBlocksKernel<q4_0::Q4_0>>::NEW),
    makeable(
        &BlockCodec::<q4_1::Q4_1>::NEW,
        plain::<q4_1::Q4_1>,
        "4-bit integers, blocks of 32, scale and minimum",
    )
    .fused(&FusedCodec::<SmallBlocksKernel<q4_1::Q4_1>>::NEW),
    makeable(&BlockCodec::<q5_0::Q5_0>::NEW, plain::<q5_0::Q5_0>, "5-bit integers, blocks of 32, scale"),
    makeable(
        &BlockCodec::<q5_1::Q5_1>::NEW,
        plain::<q5_1::Q5_1>,
        "5-bit integers, blocks of 32, scale and minimum",
    ),
    makeable(
        &BlockCodec::<iq4_nl::Iq4Nl>::NEW,
        plain::<iq4_nl::Iq4Nl>,
        "4-bit table of values, blocks of 32",
    )
    .fused(&FusedCodec::<SmallBlocksKernel<iq4_nl::Iq4Nl>>::NEW),
    makeable(&BlockCodec::<q2_k::Q2K>::NEW, plain::<q2_k::Q2K>, "K-quant: 2-bit, scale and minimum per 16")
        .fused(&FusedCodec::<SubScalesKernel<q2_k::Q2K>>::NEW),
    makeable(&BlockCodec::<q3_k::Q3K>::NEW, plain::<q3_k::Q3K>, "K-quant: 3-bit, scale per 16")
        .fused(&FusedCodec::<SubScalesKernel<q3_k::Q3K>>::NEW),
    makeable(&BlockCodec::<q4_k::Q4K>::NEW, plain::<q4_k::Q4K>, "K-quant: 4-bit, scale and minimum per 32")
        .fused(&FusedCodec::<SubScalesKernel<q4_k::Q4K>>::NEW),
    makeable(&BlockCodec::<q5_k::Q5K>::NEW, plain::<q5_k::Q5K>, "K-quant: 5-bit, scale and minimum per 32")
        .fused(&FusedCodec::<SubScalesKernel<q5_k::Q5K>>::NEW),
    makeable(&BlockCodec::<q6_k::Q6K>::NEW, plain::<q6_k::Q6K>, "K-quant: 6-bit, scale per 16")
        .fused(&FusedCodec::<SubScalesKernel<q6_k::Q6K>>::NEW),
    makeable(
        &BlockCodec::<tq1_0::Tq1_0>::NEW,
        plain::<tq1_0::Tq1_0>,
        "ternary, five to a byte, blocks of 256",
    ),
    makeable(
        &BlockCodec::<tq2_0::Tq2_0>::NEW,
        plain::<tq2_0::Tq2_0>,
        "ternary in 2-bit codes, blocks of 256",
    )
    .fused(&FusedCodec::<OneScaleKernel<tq2_0::Tq2_0>>::NEW),
    readable(&BlockCodec::<iq1_s::Iq1S>::NEW, "I-quant: ternary codebook, scale per 32"),
    readable(&BlockCodec::<iq1_m::Iq1M>::NEW, "I-quant: ternary codebook, scale per 16"),
    makeable(
        &BlockCodec::<iq2_xxs::Iq2Xxs>::NEW,
        plain::<iq2_xxs::Iq2Xxs>,
        "I-quant: 256 groups of 8, scale per 32",
    ),
    makeable(
        &BlockCodec::<iq2_xs::Iq2Xs>::NEW,
        plain::<iq2_xs::Iq2Xs>,
        "I-quant: 512 groups of 8, scale per 16",
    ),
    readable(&BlockCodec::<iq2_s::Iq2S>::NEW, "I-quant: 1,024 groups of 8, scale per 16"),
    makeable(
        &BlockCodec::<iq3_xxs::Iq3Xxs>::NEW,
        plain::<iq3_xxs::Iq3Xxs>,
        "I-quant: 256 groups of 4, scale per 32",
    ),
    readable(&BlockCodec::<iq3_s::Iq3S>::NEW, "I-quant: 512 groups of 4, scale per 32"),
    makeable(
        &BlockCodec::<iq4_xs::Iq4Xs>::NEW,
        plain::<iq4_xs::Iq4Xs>,
        "I-quant: 4-bit table of values, scale per 32",
    ),
    makeable(
        &BlockCodec::<piq::PiQ2>::NEW,
        piq::make::<piq::PiQ2>,
        "2-bit uniform levels, step α·π/k per 256 with a free orientation",
    )
    .fused(&FusedCodec::<OneScaleKernel<piq::PiQ2>>::NEW)
    .scaled(piq::scaled::<piq::PiQ2>),
    makeable(
        &BlockCodec::<piq::PiQ3>::NEW,
        piq::make::<piq::PiQ3>,
        "3-bit uniform levels, step α·π/k per 256 with a free orientation",
    )
    .fused(&FusedCodec::<OneScaleKernel<piq::PiQ3>>::NEW)
    .scaled(piq::scaled::<piq::PiQ3>),
    makeable(&BlockCodec::<pit::PiT>::NEW, pit::make, "ternary in 2-bit codes, blocks of 256")
        .fused(&FusedCodec::<OneScaleKernel<pit::PiT>>::NEW)
        .scaled(pit::scaled),
    makeable(&BlockCodec::<uq::Uq2>::NEW, uq::make::<uq::Uq2>, "2-bit absmax baseline, storage of piq2")
        .fused(&FusedCodec::<OneScaleKernel<uq::Uq2>>::NEW)
        .scaled(uq::scaled::<uq::Uq2>),
    makeable(&BlockCodec::<uq::Uq3>::NEW, uq::make::<uq::Uq3>, "3-bit absmax baseline, storage of piq3")
        .fused(&FusedCodec::<OneScaleKernel<uq::Uq3>>::NEW)
        .scaled(uq::scaled::<uq::Uq3>),
    makeable(&BlockCodec::<nf::Nf2>::NEW, nf::make::<nf::Nf2>, "2-bit NormalFloat, blocks of 64")
        .fused(&FusedCodec::<SmallBlocksKernel<nf::Nf2>>::NEW)
        .scaled(nf::scaled::<nf::Nf2>),
    makeable(&BlockCodec::<nf::Nf3>::NEW, nf::make::<nf::Nf3>, "3-bit NormalFloat, blocks of 64")
        .fused(&FusedCodec::<SmallBlocksKernel<nf::Nf3>>::NEW)
        .scaled(nf::scaled::<nf::Nf3>),
    makeable(&BlockCodec::<nf::Nf4>::NEW, nf::make::<nf::Nf4>, "4-bit NormalFloat, blocks of 64")
        .fused(&FusedCodec::<SmallBlocksKernel<nf::Nf4>>::NEW)
        .scaled(nf::scaled::<nf::Nf4>),
    makeable(
        &BlockCodec::<km::Km2>::NEW,
        plain::<km::KmEncoder<2>>,
        "2-bit learned centroids, four per 256 by weighted k-means",
    ),
    makeable(
        &BlockCodec::<km::Km3>::NEW,
        plain::<km::KmEncoder<3>>,
        "3-bit learned centroids, eight per 256 by weighted k-means",
    ),
    makeable(&BlockCodec::<e8p::E8p>::NEW, e8p::make, "2-bit E8 lattice: 65,536 groups of 8, scale per 256"),
    trellis::<trellis::T1>("1-bit trellis, windows of 8 bits, scale per row"),
    trellis::<trellis::T2>("2-bit trellis, windows of 4 bits, scale per row"),
    trellis::<trellis::T2L8>("2-bit trellis, windows of 8 bits, scale per row"),
    trellis::<trellis::T2L12>("2-bit trellis, windows of 12 bits, scale per row"),
    trellis::<trellis::T3>("3-bit trellis, windows of 7 bits, scale per row"),
    trellis::<trellis::T3L10>("3-bit trellis, windows of 10 bits, scale per row"),
    trellis::<trellis::T3L12>("3-bit trellis, windows of 12 bits, scale per row"),
    trellis::<trellis::T4>("4-bit trellis, windows of 8 bits, scale per row"),
    trellis::<trellis::T4L12>("4-bit trellis, windows of 12 bits, scale per row"),
];

/// All formats, in the order of the table.
pub fn entries() -> &'static [FormatEntry] {
    ENTRIES
}

/// Descriptors of every format here and of the plain element types: what readers accept.
pub fn catalogue() -> FormatCatalogue {
    FormatCatalogue::scalars()
        .with(ENTRIES.iter().map(FormatEntry::format))
        .expect("a test checks that names and ggml types are unique")
}

/// All codecs of this crate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Codecs {
    activations: Activations,
}

impl Codecs {
    /// Codecs whose linear layers compute with such activations.
    pub const fn new(activations: Activations) -> Self {
        Self { activations }
    }
}

impl CodecSet for Codecs {
    fn codec(&self, format: &QuantFormat) -> Option<&dyn WeightCodec> {
        let entry = ENTRIES.iter().find(|e| e.format() == *format)?;
        match (self.activations, entry.fused) {
            (Activations::Int8, Some(fused)) => Some(fused),
            _ => Some(entry.codec as &dyn WeightCodec),
        }
    }

    fn rotation(&self, width: usize, seed: u64) -> Result<Box<dyn OrthogonalTransform>, PortError> {
        Ok(Box::new(Rotation::new(width, seed)?))
    }
}

/// The codec for a format.
pub(crate) fn row_codec(format: &QuantFormat) -> Option<&'static dyn RowCodec> {
    ENTRIES.iter().find(|e| e.format() == *format).map(|e| e.codec)
}

/// A quantizer for the format of this name; an error names the formats that there are.
pub fn quantizer(id: &str, options: &QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    let Some(entry) = ENTRIES.iter().find(|e| e.format().id() == id) else {
        return Err(unknown(id));
    };
    match (options.rounding, entry.make_quantizer, entry.make_scaled) {
        (Rounding::Rtn, Some(make), _) => make(*options),
        (Rounding::Ldlq | Rounding::LdlqRefine, _, Some(make)) => {
            Ok(Box::new(HessianQuantizer::new(make(*options)?, *options)?))
        }
        (_, Some(_), None) => Err(QuantError::BadOption {
            format: id.into(),
            reason: format!(
                "rounding {} is not available; choose rtn, or one of {}",
                options.rounding,
                names(FormatEntry::can_ldlq)
            ),
        }),
        _ => Err(QuantError::DecodeOnly { name: id.into(), encodable: names(FormatEntry::can_encode) }),
    }
}

/// The error for a name that is not in the table.
pub(crate) fn unknown(id: &str) -> QuantError {
    QuantError::UnknownFormat { name: id.into(), known: names(|_| true) }
}

fn names(keep: impl Fn(&FormatEntry) -> bool) -> String {
    let names: Vec<_> = ENTRIES.iter().filter(|e| keep(e)).map(|e| e.format().id()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ggml_types_are_unique() {
        let catalogue = catalogue();
        for entry in entries() {
            assert_eq!(catalogue.by_id(entry.format().id()), Some(&entry.format()));
        }
    }

    #[test]
    fn unknown_names_list_the_known_ones() {
        let Err(error) = quantizer("q9_9", &QuantizeOptions::default()) else {
            panic!("q9_9 does not exist")
        };
        assert!(error.to_string().contains("q8_0"), "{error}");
    }
}
