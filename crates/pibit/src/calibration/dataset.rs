//! The texts of a calibration, cut into chunks of tokens.

use anyhow::{Context as _, Result, bail};
use domain_types::{TokenId, Tokenizer};
use qat_training::corpus::{Corpus, Domain, Split};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Chunks at most where the user does not say.
const MOST_CHUNKS: usize = 256;
/// Chunks of each built-in domain where the user does not say how many in all.
const DOMAIN_CHUNKS: usize = 16;

/// A domain of the built-in corpus, by the name that users give it.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CalibrationDomain {
    /// Sums and word problems with step-by-step answers
    Math,
    /// Small programs and their execution
    Code,
    /// Simple stories
    Language,
    /// Questions about one of many facts given before
    Reasoning,
    /// Requests answered by a call in JSON
    ToolUse,
}

impl CalibrationDomain {
    fn corpus(self) -> Domain {
        match self {
            Self::Math => Domain::Arithmetic,
            Self::Code => Domain::Code,
            Self::Language => Domain::Language,
            Self::Reasoning => Domain::Needle,
            Self::ToolUse => Domain::ToolUse,
        }
    }
}

/// What to calibrate on.
#[derive(Debug)]
pub(crate) struct DatasetOptions<'a> {
    pub(crate) texts: &'a [PathBuf],
    pub(crate) domains: &'a [CalibrationDomain],
    /// Chunks in all.
    pub(crate) samples: Option<usize>,
    /// Tokens per chunk.
    pub(crate) ctx: usize,
    pub(crate) seed: u64,
}

/// Chunks of tokens, those of each source together.
#[derive(Debug)]
pub(crate) struct Dataset {
    pub(crate) sources: Vec<DataSource>,
    pub(crate) chunks: Vec<Vec<TokenId>>,
}

/// A text file or a domain.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DataSource {
    /// File name, or `pibit:DOMAIN`.
    pub(crate) name: String,
    /// SHA-256 of the text, hexadecimal.
    pub(crate) sha256: String,
    /// Chunks of it that were used.
    pub(crate) chunks: usize,
}

impl Dataset {
    /// Reads the texts and makes those of the domains. Sources share the chunks evenly; a text that is too short for
    /// its share leaves the rest to the others. Of a longer text, seed and position decide which chunks are used.
    pub(crate) fn load(tokenizer: &dyn Tokenizer, options: &DatasetOptions<'_>) -> Result<Self> {
        let DatasetOptions { ctx, seed, .. } = *options;
        if ctx == 0 || options.samples == Some(0) {
            bail!("--ctx and --samples must be at least 1");
        }
        let texts = options.texts.iter().map(|path| Text::read(tokenizer, path, ctx));
        let texts = texts.collect::<Result<Vec<_>>>()?;
        let of_domain = options.samples.unwrap_or(DOMAIN_CHUNKS);
        let available: Vec<_> = texts.iter().map(|text| text.tokens.len() / ctx).collect();
        let available = [available, vec![of_domain; options.domains.len()]].concat();
        let quotas = share(options.samples.unwrap_or(MOST_CHUNKS), &available);

        let mut dataset = Self { sources: Vec::new(), chunks: Vec::new() };
        let (of_texts, of_domains) = quotas.split_at(texts.len());
        for (text, &quota) in texts.into_iter().zip(of_texts) {
            let chosen = choose(text.tokens.len() / ctx, quota, seed);
            let chunks = chosen.into_iter().map(|chunk| &text.tokens[chunk * ctx..(chunk + 1) * ctx]);
            dataset.add(text.name, text.sha256, chunks, tokenizer.bos());
        }
        for (&domain, &quota) in options.domains.iter().zip(of_domains) {
            let text = Text::generate(tokenizer, domain, quota * ctx, seed)?;
            let chunks = text.tokens.chunks_exact(ctx).take(quota);
            dataset.add(text.name, text.sha256, chunks, tokenizer.bos());
        }
        Ok(dataset)
    }

    /// Adds the chunks of a source; BOS replaces the first token of each where the model asks for one, as in an
    /// evaluation.
    fn add<'a>(
        &mut self,
        name: String,
        sha256: String,
        chunks: impl Iterator<Item = &'a [TokenId]>,
        bos: Option<TokenId>,
    ) {
        let before = self.chunks.len();
        self.chunks.extend(chunks.map(|chunk| match bos {
            Some(bos) => [&[bos], &chunk[1..]].concat(),
            None => chunk.to_vec(),
        }));
        self.sources.push(DataSource { name, sha256, chunks: self.chunks.len() - before });
    }

    /// Tokens of all chunks.
    pub(crate) fn tokens(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }

    /// Tokens of each source's chunks.
    pub(crate) fn tokens_by_source(&self) -> Vec<u64> {
        let mut chunks = self.chunks.iter();
        let tokens = |n| chunks.by_ref().take(n).map(|chunk| chunk.len() as u64).sum();
        self.sources.iter().map(|source| source.chunks).map(tokens).collect()
    }

    /// SHA-256 of all tokens in their order, each as four little-endian bytes.
    pub(crate) fn sha256(&self) -> String {
        let tokens = self.chunks.iter().flatten();
        model_store::sha256_bytes(&tokens.flat_map(|token| token.to_le_bytes()).collect::<Vec<_>>())
    }
}

/// A tokenized text.
struct Text {
    name: String,
    sha256: String,
    tokens: Vec<TokenId>,
}

impl Text {
    fn read(tokenizer: &dyn Tokenizer, path: &Path, ctx: usize) -> Result<Self> {
        let read = std::fs::read_to_string(path);
        let text = read.with_context(|| format!("could not read {}", path.display()))?;
        let mut tokens: Vec<_> = tokenizer.bos().into_iter().collect();
        tokens.extend(tokenizer.encode(&text, false)?);
        if tokens.len() < ctx {
            bail!(
                "{} has {} tokens, less than one chunk of {ctx}: give a longer text or a smaller --ctx",
                path.display(),
                tokens.len()
            );
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, sha256: model_store::sha256_bytes(text.as_bytes()), tokens })
    }

    /// Samples of a domain, each ended by the end-of-text token, until there are enough tokens. They are of the
    /// training split: evaluations never see them.
    fn generate(
        tokenizer: &dyn Tokenizer,
        domain: CalibrationDomain,
        enough: usize,
        seed: u64,
    ) -> Result<Self> {
        let Some(&end) = tokenizer.eos().first() else { bail!("the model has no end-of-text token") };
        let (corpus, mut text, mut tokens) = (Corpus::new(seed), String::new(), Vec::new());
        for index in 0.. {
            if tokens.len() >= enough {
                break;
            }
            let sample = corpus.sample(domain.corpus(), Split::Train, index).text();
            tokens.extend(tokenizer.encode(&sample, false)?);
            tokens.push(end);
            text.push_str(&sample);
            text.push('\n');
        }
        let value = clap::ValueEnum::to_possible_value(&domain).expect("no domain is hidden");
        let name = format!("pibit:{}", value.get_name());
        Ok(Self { name, sha256: model_store::sha256_bytes(text.as_bytes()), tokens })
    }
}

/// Shares `samples` evenly among sources that have so many `available`.
fn share(samples: usize, available: &[usize]) -> Vec<usize> {
    let mut order: Vec<_> = (0..available.len()).collect();
    order.sort_by_key(|&source| available[source]);
    let (mut shares, mut left) = (vec![0; available.len()], samples);
    for (done, &source) in order.iter().enumerate() {
        shares[source] = available[source].min(left / (available.len() - done));
        left -= shares[source];
    }
    shares
}

/// `count` of `available` chunks in their order: those for which the SHA-256 of seed and number is smallest.
fn choose(available: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut chunks: Vec<_> = (0..available).collect();
    if count < available {
        chunks.sort_by_cached_key(|chunk| model_store::sha256_bytes(format!("{seed}/{chunk}").as_bytes()));
        chunks.truncate(count);
        chunks.sort_unstable();
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_share_evenly_and_short_ones_leave_the_rest() {
        assert_eq!(share(9, &[100, 100, 100]), [3, 3, 3]);
        assert_eq!(share(10, &[100, 1, 100]), [4, 1, 5]);
        assert_eq!(share(256, &[20, 16]), [20, 16]);
        assert_eq!(share(1, &[5, 5]), [0, 1]);
    }

    #[test]
    fn chunks_are_chosen_by_seed_over_the_whole_text() {
        assert_eq!(choose(5, 5, 1), [0, 1, 2, 3, 4]);
        let chosen = choose(1000, 100, 1);
        assert_eq!((chosen.len(), &chosen), (100, &choose(1000, 100, 1)));
        assert!(chosen.is_sorted() && chosen[20] < 500 && chosen[80] > 500, "{chosen:?}");
        assert_ne!(chosen, choose(1000, 100, 2));
    }
}
