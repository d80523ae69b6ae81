//! Low-rank adapters over frozen matrices (LoRA, Hu et al. 2021, arXiv 2106.09685): y = W·x + (α/r)·B·A·x, where only A and
//! B learn.

mod attach;
mod config;
mod low_rank;
mod svd;

pub(crate) use attach::{AttachAdapters, factors};
pub use config::{LoraConfig, LoraInit};
pub(crate) use low_rank::LowRank;
pub(crate) use svd::low_rank;
