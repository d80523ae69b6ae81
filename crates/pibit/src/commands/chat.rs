//! `pibit chat`: a conversation on the terminal.

mod conversation;
mod input;

use super::run::Sampling;
use crate::compute::Compute;
use crate::context::Context;
use crate::generation::stream;
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use anyhow::{Context as _, Result};
use conversation::Conversation;
use domain_types::{Metadata, TokenModel};
use inference::ChatTemplate;
use input::Input;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Type a line and press Enter; lines that are pasted together are one message, and so is what stands between two lines of
\"\"\". Ctrl-D ends. Where the context is full, the oldest turns are left out.

Example: pibit chat smollm2 --temp 0.7")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// What the model is told first
    #[arg(long)]
    system: Option<String>,
    /// Template of the conversation instead of the model's own: `chatml`, `llama3`, `gemma`, or a Jinja file
    #[arg(long, value_name = "NAME|FILE")]
    chat_template: Option<String>,
    /// Tokens of an answer at most
    #[arg(short = 'n', long, default_value_t = 512)]
    tokens: usize,
    /// Apply an adapter that `pibit qat --lora` trained over this model
    #[arg(long, value_name = "ADAPTER")]
    lora: Option<PathBuf>,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    sampling: Sampling,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let mut sampler = args.sampling.sampler()?;
    let options = args.compute.load_options();
    let mut model = match &args.lora {
        Some(lora) => LoadedModel::adapted(context, &args.model, options, args.compute, lora)?,
        None => LoadedModel::fast(context, &args.model, options, args.compute)?,
    };
    let template = template(args.chat_template.as_deref(), model.source.metadata())?;
    let mut conversation = Conversation::new(template, args.system.as_deref(), args.tokens);
    let mut input = Input::new();
    while let Some(message) = input.message(context)? {
        let (model, sampler) = (&mut model, &mut sampler);
        let Some(prompt) = conversation.ask(context, model, message)? else { continue };
        // The whole conversation is read again: templates may change earlier turns.
        model.transformer.reset();
        let mut out = std::io::stdout();
        let answer = stream(context, model, &prompt, sampler, args.tokens, &mut out)?.text;
        println!();
        conversation.answered(&answer);
    }
    Ok(())
}

/// The model's own template, or the one that was asked for.
fn template(asked: Option<&str>, metadata: &Metadata) -> Result<ChatTemplate> {
    let Some(asked) = asked else { return Ok(ChatTemplate::from_metadata(metadata)?) };
    if let Some(named) = ChatTemplate::named(asked, metadata) {
        return Ok(named?);
    }
    let source = std::fs::read_to_string(asked).with_context(|| {
        let names: Vec<_> = ChatTemplate::names().collect();
        format!("--chat-template {asked}: neither a file that can be read nor one of {}", names.join(", "))
    })?;
    ChatTemplate::with_tokens_of(&source, metadata).with_context(|| format!("--chat-template {asked}"))
}
