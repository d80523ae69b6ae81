//! What is compared.

use domain_types::{PortError, QuantTensor, QuantizeRequest, Shape};
use quant_core::{GridConstant, QuantizeOptions, StepSearch, quantizer};

/// The name of the absmax baseline of gate G1, and of what is held against it.
pub(super) const BASELINE: &str = "UQ3, absmax";
pub(super) const PIQ3: [&str; 2] = ["PiQ3, α = RMS", "PiQ3, fitted"];

/// A way to quantize weights.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(super) name: String,
    pub(super) format: &'static str,
    pub(super) options: QuantizeOptions,
}

/// All of them: 3 bits, then 2 bits, then ternary.
pub(super) fn contenders() -> Vec<Contender> {
    use GridConstant::Pi;
    use StepSearch::{Mse, Rms};
    let mut all = vec![
        Contender::new(BASELINE, "uq3", Mse),
        Contender::new(PIQ3[0], "piq3", Rms),
        Contender::new("PiQ3, α = RMS, k = 5", "piq3", Rms).with(Pi, Some(5)),
    ];
    all.extend(other_constants("PiQ3", "piq3"));
    all.extend([
        Contender::new(PIQ3[1], "piq3", Mse),
        Contender::new("NF3, absmax", "nf3", Rms),
        Contender::new("NF3, fitted", "nf3", Mse),
        Contender::new("Q3_K", "q3_k", Mse),
        Contender::new("IQ3_XXS", "iq3_xxs", Mse),
        Contender::new("T3", "t3", Mse),
        Contender::new("UQ2, absmax", "uq2", Mse),
        Contender::new("PiQ2, α = RMS", "piq2", Rms),
    ]);
    all.extend(other_constants("PiQ2", "piq2"));
    all.extend([
        Contender::new("PiQ2, fitted", "piq2", Mse),
        Contender::new("NF2, fitted", "nf2", Mse),
        Contender::new("Q2_K", "q2_k", Mse),
        Contender::new("IQ2_XXS", "iq2_xxs", Mse),
        Contender::new("E8P", "e8p", Mse),
        Contender::new("T2", "t2", Mse),
        Contender::new("T2_L8", "t2_l8", Mse),
        Contender::new("ternary, absmean", "pit", Rms),
        Contender::new("π-ternary, absmean·π/3", "pit", Rms).with(Pi, Some(3)),
        Contender::new("π-ternary, absmean·π/2", "pit", Rms).with(Pi, Some(2)),
        Contender::new("ternary, fitted", "pit", Mse),
    ]);
    all
}

/// The closed form with the constants that are not π.
fn other_constants(name: &str, format: &'static str) -> impl Iterator<Item = Contender> {
    let constants = [
        ("e", GridConstant::E),
        ("φ", GridConstant::Phi),
        ("√2", GridConstant::Sqrt2),
        ("ln 2", GridConstant::Ln2),
    ];
    constants.into_iter().map(move |(symbol, constant)| {
        Contender::new(&format!("{name}, {symbol} for π"), format, StepSearch::Rms).with(constant, None)
    })
}

impl Contender {
    fn new(name: &str, format: &'static str, step: StepSearch) -> Self {
        Self { name: name.to_owned(), format, options: QuantizeOptions::default().with_step(step) }
    }

    fn with(self, constant: GridConstant, k: Option<u8>) -> Self {
        Self { options: self.options.with_constant(constant).with_k(k), ..self }
    }

    /// Quantizes a matrix, or its weights in rows of 256 where the format does not take its rows.
    pub(super) fn quantize(&self, weights: &[f32], shape: Shape) -> Result<QuantTensor, PortError> {
        let quantizer = quantizer(self.format, &self.options)?;
        let shape = if quantizer.format().fits(&shape) {
            shape
        } else {
            Shape::matrix(weights.len() / 256, 256).map_err(PortError::from)?
        };
        quantizer.quantize(&QuantizeRequest::new(weights, shape)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(contender: &Contender) -> Vec<u8> {
        let weights: Vec<f32> = (0..4096).map(|i| (i as f32 * 0.7).sin() * (i as f32 * 0.01).cos()).collect();
        contender.quantize(&weights, Shape::matrix(16, 256).unwrap()).unwrap().bytes().to_vec()
    }

    /// The claim behind the study's conclusion: once the step is fitted, the constant says nothing.
    #[test]
    fn a_fitted_step_does_not_know_its_constant() {
        let fitted = Contender::new("π", "piq3", StepSearch::Mse);
        let other = fitted.clone().with(GridConstant::Ln2, Some(2));
        assert_eq!(bytes(&fitted), bytes(&other));
        let closed = Contender::new("π", "piq3", StepSearch::Rms);
        assert_ne!(bytes(&closed), bytes(&closed.clone().with(GridConstant::Ln2, None)));
    }

    #[test]
    fn names_are_unique_and_the_gate_finds_its_rows() {
        let all = contenders();
        let names: std::collections::BTreeSet<_> = all.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), all.len());
        assert!([BASELINE, PIQ3[0], PIQ3[1]].iter().all(|name| names.contains(name)));
    }
}
