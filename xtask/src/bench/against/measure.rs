//! Running both programs, in turns.

mod llama_cpp;
mod pibit;

use super::contest::{Contender, Contest};
use super::figures::{ContestResult, Figures, PROMPTS, Speeds, TOKENS};
use super::{LlamaCpp, Programs};
use anyhow::Result;
use llama_cpp::Mode;

/// What one call of a program measures.
struct Work {
    prompts: &'static [usize],
    tokens: usize,
    threads: usize,
}

impl Work {
    /// Lengths of the prompts as both programs take them; 0 is none.
    fn prompt_argument(&self) -> String {
        let lengths: Vec<_> = self.prompts.iter().map(ToString::to_string).collect();
        if lengths.is_empty() { "0".into() } else { lengths.join(",") }
    }
}

/// Seconds of each measurement of the bandwidth.
const BANDWIDTH_SECONDS: f64 = 0.3;

/// Everything that measuring needs.
pub(super) struct Measure<'a> {
    pub(super) programs: &'a Programs,
    pub(super) llama_cpp: &'a LlamaCpp,
    pub(super) busy: bool,
    /// What a reader of the results should know.
    pub(super) notes: Vec<String>,
}

impl Measure<'_> {
    /// All contenders in turn, round after round.
    pub(super) fn contest(
        &mut self,
        contest: &Contest,
        threads: usize,
        rounds: usize,
    ) -> Result<ContestResult> {
        let mut lanes: Vec<_> = contest.contenders.iter().cloned().map(Lane::new).collect();
        for round in 1..=rounds {
            for lane in &mut lanes {
                self.turn(lane, threads)?;
                eprintln!("round {round} of {rounds}, {threads} threads: {}", lane.progress());
            }
        }
        Ok(ContestResult { threads, figures: lanes.into_iter().map(|lane| lane.figures).collect() })
    }

    fn turn(&mut self, lane: &mut Lane, threads: usize) -> Result<()> {
        let work = Work { prompts: &PROMPTS, tokens: TOKENS, threads };
        let Some(speeds) = self.run(lane, &work)? else { return Ok(()) };
        lane.figures.push(&speeds);
        let bytes = lane.figures.contender.weight_bytes;
        lane.figures.bandwidth.push(self.programs.read_bandwidth(bytes, threads, BANDWIDTH_SECONDS)?);
        if self.busy {
            let _busy = self.programs.busy()?;
            let work = Work { prompts: &[], tokens: TOKENS, threads };
            if let Some(speeds) = self.run(lane, &work)? {
                lane.figures.busy.push(speeds.decode);
            }
        }
        Ok(())
    }

    /// One run. A failure of ours is an error; llama.cpp's are noted, and where no mode is left it is `None`.
    fn run(&mut self, lane: &mut Lane, work: &Work) -> Result<Option<Speeds>> {
        let Contender { file, format, ours, .. } = &lane.figures.contender;
        if *ours {
            return pibit::run(self.programs, file, work).map(Some);
        }
        while let Some(mode) = lane.mode {
            match llama_cpp::run(self.llama_cpp, file, work, mode) {
                Ok(speeds) => return Ok(Some(speeds)),
                Err(error) => {
                    self.notes.push(format!("llama.cpp {mode}, {format}: {error:#}"));
                    lane.mode = mode.next();
                }
            }
        }
        Ok(None)
    }
}

/// A contender on its way through the rounds.
struct Lane {
    figures: Figures,
    /// How llama.cpp runs the file; `None` once every way has failed.
    mode: Option<Mode>,
}

impl Lane {
    fn new(contender: Contender) -> Self {
        Self { figures: Figures::new(contender), mode: Some(Mode::Repacked) }
    }

    fn progress(&self) -> String {
        let speed =
            self.figures.decode.median().map_or("failed".into(), |d| format!("{d:.1} tokens/s decoded"));
        format!("{}: {speed}", self.figures.contender.name())
    }
}
