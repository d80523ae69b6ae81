//! Trains `tiny` and prints how it goes: `cargo run --release --example train_tiny --features train -- [STEPS] [CHECKPOINT]`.

use domain_types::Clock;
use domain_types::port::NullSink;
use qat_training::{Progress, TrainConfig, train_tiny};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

struct SystemClock(Instant);

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut config = TrainConfig::default();
    if let Some(steps) = args.next() {
        config.steps = steps.parse()?;
    }
    config.checkpoint = args.next().map(Into::into);
    if let Some(n) = args.next() {
        config.batch_tokens = n.parse()?;
    }
    if let Some(n) = args.next() {
        config.learning_rate = n.parse()?;
    }
    let mut report = |progress: &Progress| match progress {
        Progress::Loss(p) => {
            println!("step {} loss {:.4} lr {:.2e} t {:.1}", p.step, p.loss, p.learning_rate, p.seconds);
        }
        Progress::Evaluated { step, accuracy } => {
            for a in accuracy {
                println!("eval {step} {:<10} exact {:.3} steps {:.3}", a.domain, a.exact, a.steps);
            }
        }
        _ => {}
    };
    let model = train_tiny(&config, &NullSink, &SystemClock(Instant::now()), &mut report)?;
    println!("{} tensors, {} metadata entries", model.tensors.len(), model.metadata.len());
    Ok(())
}
