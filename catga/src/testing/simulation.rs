use std::cell::Cell;
use std::fmt;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::{Either, join, select};
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};
use tokio::time::{sleep, timeout};

use super::broker::Broker;
use super::chaos::Chaos;
use super::faults::Faults;
use super::history::{End, History};
use super::moves::Moves;
use super::report::{Report, Rule};
use super::wall;
use super::world::{Inner, Make, Service, World};
use crate::message::chance;
use crate::node::Builder;

/// Describes a simulated cluster; see the [module](super).
#[must_use = "a simulation does nothing until it runs"]
#[derive(Clone)]
pub struct Simulation {
    seed: u64,
    services: Vec<Service>,
    faults: Faults,
    settles: Duration,
    lasts: Duration,
    layer: bool,
}

impl Simulation {
    /// A simulation in which everything follows from this seed: the same seed makes the same run
    /// again. Any number will do; a test takes a range of them.
    ///
    /// With `--cfg tokio_unstable` among the compiler's flags this includes the order in which
    /// tokio wakes tasks that wait for the same thing.
    ///
    /// # Examples
    ///
    /// ```
    /// use catga::testing::Simulation;
    ///
    /// let report = Simulation::new(7)
    ///     .service("empty", 2, |builder| builder.only(|_| false))
    ///     .run(|_| async {});
    /// assert_eq!((report.seed(), report.acknowledged()), (7, 0));
    /// report.assert_clean();
    /// ```
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            services: Vec::new(),
            faults: Faults::none(),
            settles: Duration::from_secs(300),
            lasts: Duration::from_secs(3_600),
            layer: true,
        }
    }

    /// Adds a service that begins with this many nodes.
    ///
    /// `make` gives the builder of each node what that needs, for each of its lives anew: its states,
    /// which handlers it runs, its options. The simulation sets its name and its broker.
    ///
    /// What `make` creates is lost in a crash, as the memory of a process is. What it clones from
    /// outside, such as an `Arc`, outlives all crashes, as a database does: a test looks at it when
    /// the simulation is over; see the [example](super#examples).
    pub fn service(
        mut self,
        name: &str,
        nodes: usize,
        make: impl Fn(Builder) -> Builder + Send + Sync + 'static,
    ) -> Self {
        let make: Make = Arc::new(make);
        let name = name.into();
        self.services.push(Service { name, nodes, make });
        self
    }

    /// What may go wrong, every few seconds of the simulated clock while the workload runs; nothing by
    /// default.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// How long after the last disturbance everything must be done; 5 simulated minutes by
    /// default.
    pub fn settles_within(mut self, within: Duration) -> Self {
        self.settles = within;
        self
    }

    /// How long the workload may take; a simulated hour by default.
    pub fn lasts_at_most(mut self, most: Duration) -> Self {
        self.lasts = most;
        self
    }

    /// Adds no layer to the nodes: their handlers tell by themselves, with a [`Sink`](super::Sink),
    /// when they start and end. Nodes without layers take a shorter way to their handlers.
    pub fn without_layer(mut self) -> Self {
        self.layer = false;
        self
    }

    /// Runs the simulation, with a workload beside the faults; then everything heals, comes to
    /// rest and is checked.
    ///
    /// The workload begins when all nodes have started. If one does not start, before any fault, the
    /// simulation ends at once, and the report has the reason as a [`Rule::Progress`].
    ///
    /// It has a thread and a runtime of its own, so that nothing outside has a part in it; the
    /// calling thread waits.
    ///
    /// # Panics
    ///
    /// If the workload panics, or no thread or runtime can be made.
    pub fn run<F>(self, workload: impl FnOnce(World) -> F + Send) -> Report
    where
        F: Future<Output = ()>,
    {
        let name = format!("simulation-{}", self.seed);
        let ran = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name(name);
            let spawned = thread.spawn_scoped(scope, || {
                runtime(self.seed).map(|runtime| runtime.block_on(self.live(workload)))
            });
            spawned.map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        match ran.and_then(std::convert::identity) {
            Ok(report) => report,
            Err(error) => panic!("a simulation has a thread and a runtime of its own: {error}"),
        }
    }

    async fn live<F>(self, workload: impl FnOnce(World) -> F) -> Report
    where
        F: Future<Output = ()>,
    {
        let mut chance = Rng::with_seed(self.seed);
        wall::start();
        let history = History::new();
        let broker = Broker::new(&history, chance.fork());
        let faults = self.faults.draw(&mut chance);
        history.note(format_args!("seed {}: {faults:?}", self.seed));
        let services = self.services;
        let world = Inner::new(
            self.seed,
            services,
            broker,
            Arc::clone(&history),
            !self.layer,
        );
        let letters = match world.begin().await {
            Ok(()) => {
                let workload = workload(World {
                    inner: Arc::clone(&world),
                });
                let workload = timeout(self.lasts, workload);
                if disturbed(&world, &faults, chance, workload).await.is_err() {
                    let text = format!("the workload did not end within {:?}", self.lasts);
                    history.violation(Rule::Progress, text);
                }
                history.note("the last disturbance is over");
                world.bring_back(self.settles).await;
                world.resume_forgotten().await;
                let letters = world.settle(self.settles).await;
                // What comes twice may come late.
                sleep(Duration::from_secs(40)).await;
                letters
            }
            // It would fail in the same way for ever, and the workload wait for it.
            Err(text) => {
                history.violation(Rule::Progress, text);
                Vec::new()
            }
        };
        world.shut_all_down().await;
        let takers = world.state().takers.clone();
        let elapsed = history.elapsed();
        let trace = history.hash();
        let mut record = history.record();
        record.check_end(&takers, &letters, faults.is_planned());
        let interrupted = record.executions.iter();
        let interrupted = interrupted.filter(|execution| execution.end == Some(End::Interrupted));
        Report {
            seed: self.seed,
            elapsed,
            acknowledged: record.acknowledged,
            executions: record.executions.len(),
            interrupted: interrupted.count(),
            dead_letters: letters.len(),
            disturbances: record.disturbances,
            trace,
            violations: std::mem::take(&mut record.violations),
        }
    }
}

/// Runs a workload while things go wrong; they are right again when it has ended.
async fn disturbed<T>(
    world: &Arc<Inner>,
    faults: &Faults,
    chance: Rng,
    workload: impl Future<Output = T>,
) -> T {
    if *faults == Faults::none() {
        workload.await
    } else if faults.is_planned() {
        let over = Cell::new(false);
        let workload = async {
            let ended = workload.await;
            over.set(true);
            ended
        };
        let mut moves = Moves::new(Arc::clone(world), chance);
        join(workload, moves.run(&over)).await.0
    } else {
        let mut chaos = Chaos::new(world, chance, faults.clone());
        let ended = match select(pin!(workload), pin!(chaos.run())).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), workload)) => workload.await,
        };
        chaos.calm();
        ended
    }
}

impl Inner {
    /// Starts the nodes that each service begins with. Fails with the first that does not start.
    async fn begin(&self) -> Result<(), String> {
        for (number, service) in (0..).zip(&self.services) {
            for _ in 0..service.nodes {
                let at = self.add_site(number);
                self.start(at).await.map_err(|error| {
                    let name = &service.name;
                    format!("a node of `{name}` does not start, before any fault: {error}")
                })?;
            }
        }
        Ok(())
    }
}

/// A runtime whose clock stands still while there is something to do.
fn runtime(seed: u64) -> std::io::Result<Runtime> {
    fastrand::seed(seed);
    chance::seed(seed);
    let mut builder = RuntimeBuilder::new_current_thread();
    builder.enable_time().start_paused(true);
    #[cfg(tokio_unstable)]
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()));
    builder.build()
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = self.services.iter().map(|service| &service.name);
        f.debug_struct("Simulation")
            .field("seed", &self.seed)
            .field("services", &services.collect::<Vec<_>>())
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
