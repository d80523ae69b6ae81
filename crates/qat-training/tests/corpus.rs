//! The corpus says what is true, says it again when asked again, and keeps its sides apart.

#[path = "corpus/arithmetic.rs"]
mod arithmetic;
#[path = "corpus/determinism.rs"]
mod determinism;
#[path = "corpus/leakage.rs"]
mod leakage;
#[path = "corpus/needle.rs"]
mod needle;
#[path = "corpus/program.rs"]
mod program;
#[path = "corpus/tool_call.rs"]
mod tool_call;
