//! Who answers each request, over which connection, and how long it takes: a mesh as a sequence of draws. Not: what is
//! made of the answers.

use std::collections::HashMap;

use resplit::stats::sampler::Sampler;

/// Time of a fast answer, in microseconds; every answer takes between one and one and a half times its target's.
const FAST: f64 = 1000.0;

/// How targets are chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Model {
    /// For every request by itself.
    Independent,
    /// Once per connection.
    PerConnection,
    /// Each connection has shares of its own: Dirichlet-multinomial with this intraclass correlation.
    Clustered { icc: f64 },
    /// In turn, as evenly as the weights allow.
    Rotation,
    /// In turn by each of so many workers, which all begin with the same turn; a connection belongs to one of them.
    InStep(usize),
}

/// How long targets take.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Latency {
    /// All the same.
    Even,
    /// The last takes so many times as long.
    SlowLast(u32),
    /// This part of the responses takes a thousand times as long, whoever gives them.
    Stalls(f64),
}

/// What a mesh does.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    shares: Vec<f64>,
    model: Model,
    latency: Latency,
    unattributed: f64,
}

/// A mesh at work.
pub(crate) struct Mesh<'a> {
    traffic: &'a Traffic,
    sampler: Sampler,
    /// What each target is owed, in rotation.
    owed: Vec<f64>,
    /// The same of each worker, by its number; of one that goes by deadlines these.
    workers: HashMap<usize, Vec<f64>>,
    seed: u64,
}

/// What a connection has answered so far, as targets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) number: u32,
    answered: Vec<usize>,
}

/// One answer.
pub(crate) struct LocalReply {
    /// Who; nobody knows of an unattributed one.
    pub(crate) target: Option<usize>,
    /// After how many microseconds.
    pub(crate) after: f64,
}

impl Traffic {
    /// Independent draws, all equally fast.
    pub(crate) fn new(shares: &[f64]) -> Self {
        Self {
            shares: shares.to_vec(),
            model: Model::Independent,
            latency: Latency::Even,
            unattributed: 0.0,
        }
    }

    pub(crate) fn model(self, model: Model) -> Self {
        Self { model, ..self }
    }

    pub(crate) fn latency(self, latency: Latency) -> Self {
        Self { latency, ..self }
    }

    /// This part of the answers says nothing about who gave it.
    pub(crate) fn unattributed(self, unattributed: f64) -> Self {
        Self {
            unattributed,
            ..self
        }
    }

    pub(crate) fn mesh(&self, seed: u64) -> Mesh<'_> {
        Mesh {
            traffic: self,
            sampler: Sampler::new(seed),
            owed: vec![0.0; self.shares.len()],
            workers: HashMap::new(),
            seed,
        }
    }
}

impl Line {
    pub(crate) fn new(number: u32) -> Self {
        Self {
            number,
            answered: Vec::new(),
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.answered.len()
    }
}

impl Mesh<'_> {
    /// The answer to the next request in order of dispatch.
    pub(crate) fn answer(&mut self, line: &mut Line) -> LocalReply {
        let target = self.target(line);
        line.answered.push(target);
        let slowness = match self.traffic.latency {
            Latency::SlowLast(times) if target + 1 == self.traffic.shares.len() => f64::from(times),
            Latency::Stalls(part) if self.sampler.uniform() < part => 1000.0,
            Latency::SlowLast(_) | Latency::Stalls(_) | Latency::Even => 1.0,
        };
        let lost =
            self.traffic.unattributed > 0.0 && self.sampler.uniform() < self.traffic.unattributed;
        LocalReply {
            target: (!lost).then_some(target),
            after: FAST * slowness * (1.0 + 0.5 * self.sampler.uniform()),
        }
    }

    fn target(&mut self, line: &Line) -> usize {
        match self.traffic.model {
            Model::Independent => self.draw(),
            Model::PerConnection => match line.answered.first() {
                Some(first) => *first,
                None => self.draw(),
            },
            // Pólya's urn: a new draw, or one of those before once more.
            Model::Clustered { icc } => {
                let (fresh, before) = ((1.0 - icc) / icc, line.answered.len());
                if self.sampler.uniform() * (fresh + before as f64) < fresh {
                    self.draw()
                } else {
                    line.answered[self.sampler.below(before)]
                }
            }
            Model::InStep(workers) => {
                let connection = self.seed.wrapping_mul(1 << 20) + u64::from(line.number);
                self.turn_of(Sampler::new(connection).below(workers))
            }
            Model::Rotation => {
                for (owed, share) in self.owed.iter_mut().zip(&self.traffic.shares) {
                    *owed += share;
                }
                let most = |a: &usize, b: &usize| self.owed[*a].total_cmp(&self.owed[*b]);
                let next = (0..self.owed.len()).max_by(most).expect("a target");
                self.owed[next] -= 1.0;
                next
            }
        }
    }

    /// The next turn of a worker, by smooth weighted round robin.
    fn turn_of(&mut self, worker: usize) -> usize {
        let shares = &self.traffic.shares;
        let own = (self.workers.entry(worker)).or_insert_with(|| vec![0.0; shares.len()]);
        own.iter_mut()
            .zip(shares)
            .for_each(|(owed, share)| *owed += share);
        let mut next = 0;
        for target in 1..own.len() {
            // Of two alike the first.
            if own[target] > own[next] + 1e-9 {
                next = target;
            }
        }
        own[next] -= 1.0;
        next
    }

    fn draw(&mut self) -> usize {
        let mut left = self.sampler.uniform();
        for (target, share) in self.traffic.shares.iter().enumerate() {
            if left < *share {
                return target;
            }
            left -= share;
        }
        // Rounding left a crumb; it belongs to somebody with a share.
        let with_share = self.traffic.shares.iter().rposition(|share| *share > 0.0);
        with_share.expect("somebody answers")
    }
}
