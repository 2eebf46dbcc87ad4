//! What is done to the nodes while a workload runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep, sleep_until};

use super::broker::Snapshot;
use super::faults::{Disturbance, Faults};
use super::process::{Link, Process};
use super::site::{Phase, Site};
use super::wall;
use super::world::Inner;

/// Something goes wrong every few seconds.
const EVERY: Duration = Duration::from_secs(4);

/// How many nodes more than it began with a service may have.
const MORE: usize = 2;

pub(super) struct Chaos {
    world: Arc<Inner>,
    chance: Rng,
    faults: Faults,
    /// What ends by itself, and when.
    ends: BTreeMap<(Instant, u64), End>,
    next: u64,
    snapshot: Option<Snapshot>,
}

enum End {
    Pause(Arc<Process>),
    Link(Arc<Process>),
    Jump(Duration, bool),
}

impl Chaos {
    pub(super) fn new(world: &Arc<Inner>, chance: Rng, faults: Faults) -> Self {
        Self {
            world: Arc::clone(world),
            chance,
            faults,
            ends: BTreeMap::new(),
            next: 0,
            snapshot: None,
        }
    }

    /// Goes on for ever.
    pub(super) async fn run(&mut self) {
        self.world.broker.set_weather(self.faults.clone());
        let mut next = Instant::now();
        loop {
            let due = self.ends.first_key_value().map(|(due, _)| due.0);
            sleep_until(due.map_or(next, |due| due.min(next))).await;
            let now = Instant::now();
            let later = self.ends.split_off(&(now, u64::MAX));
            for end in std::mem::replace(&mut self.ends, later).into_values() {
                self.end(end);
            }
            if now >= next {
                next = now + EVERY.mul_f64(1.8_f64.mul_add(self.chance.f64(), 0.1));
                self.disturb().await;
            }
        }
    }

    /// Everything goes right again.
    pub(super) fn calm(&mut self) {
        self.world.broker.set_weather(Faults::none());
        for end in std::mem::take(&mut self.ends).into_values() {
            self.end(end);
        }
    }

    fn end(&self, end: End) {
        let history = &self.world.history;
        match end {
            End::Pause(process) => {
                history.note(format_args!("{process} goes on"));
                history.write_late(&process);
                process.resume();
            }
            End::Link(process) => {
                history.note(format_args!("{process} is connected again"));
                process.set_link(Link::Open);
            }
            End::Jump(by, back) => {
                history.note("the clock is right again");
                wall::jump(by, !back);
            }
        }
    }

    fn ends_after(&mut self, after: Duration, end: End) {
        self.next += 1;
        self.ends.insert((Instant::now() + after, self.next), end);
    }

    /// Up to this long: short mostly, and long often enough.
    fn upto(&mut self, seconds: f64) -> Duration {
        let share = self.chance.f64();
        Duration::from_secs_f64((seconds * share).mul_add(share, 0.05))
    }

    async fn disturb(&mut self) {
        let kinds: Vec<_> = self.faults.iter().collect();
        if kinds.is_empty() {
            return;
        }
        // Nodes that are down come back, whatever goes wrong beside.
        if self.chance.u8(..3) == 0 && self.come_back() {
            return;
        }
        match kinds[self.chance.usize(..kinds.len())] {
            Disturbance::Churn => self.churn(),
            Disturbance::Crash => self.crash(),
            Disturbance::Pause => self.pause(),
            Disturbance::Cut => self.disconnect(Link::Hung),
            Disturbance::Refuse => self.disconnect(Link::Refused),
            Disturbance::Outage => self.outage(),
            Disturbance::Flows => self.break_flows(),
            Disturbance::Clock => self.jump(),
            Disturbance::Fallback => self.fall_back().await,
            // They are on the lines all the time.
            Disturbance::Replies | Disturbance::Frames => {}
        }
    }

    fn draw_site(&mut self, is: impl Fn(&Site) -> bool) -> Option<usize> {
        let state = self.world.state();
        let found: Vec<_> = (0..)
            .zip(&state.sites)
            .filter(|(_, site)| is(site))
            .map(|(at, _)| at)
            .collect();
        drop(state);
        (!found.is_empty()).then(|| found[self.chance.usize(..found.len())])
    }

    fn draw_process(&mut self) -> Option<Arc<Process>> {
        let at = self.draw_site(|site| site.process.is_some())?;
        self.world.state().sites[at].process.clone()
    }

    fn come_back(&mut self) -> bool {
        let Some(at) = self.draw_site(|site| site.phase == Phase::Down) else {
            return false;
        };
        self.start(at);
        true
    }

    fn start(&self, at: usize) {
        let world = Arc::clone(&self.world);
        tokio::spawn(async move { world.start(at).await });
    }

    fn churn(&mut self) {
        if self.chance.bool() {
            let service = self.chance.usize(..self.world.services.len());
            let most = self.world.services[service].nodes + MORE;
            let sites = self
                .world
                .state()
                .sites
                .iter()
                .filter(|site| site.service == service)
                .count();
            if sites < most {
                let at = self.world.add_site(service);
                self.world.history.disturb("one more node joins");
                self.start(at);
            }
        } else if let Some(at) = self.draw_site(|site| site.phase == Phase::Up) {
            self.world.history.disturb("a node is shut down");
            let world = Arc::clone(&self.world);
            tokio::spawn(async move { world.shut_down(at).await });
        }
    }

    fn crash(&mut self) {
        let Some(at) = self.draw_site(|site| site.process.is_some()) else {
            return;
        };
        let crashed = self.world.state().sites[at].crash();
        if let Some((process, node)) = crashed {
            self.world
                .history
                .disturb(format_args!("{process} crashes"));
            drop(node);
        }
    }

    fn pause(&mut self) {
        // What stands still in the middle of something tells more.
        let busy = self.world.history.record().busy();
        let is_busy = |site: &Site| {
            let process = site.process.as_ref();
            process.is_some_and(|process| busy.contains(&process.life))
        };
        let at = self.draw_site(is_busy);
        let process = at.and_then(|at| self.world.state().sites[at].process.clone());
        if let Some(process) = process.or_else(|| self.draw_process()) {
            let after = self.upto(30.0);
            self.world
                .history
                .disturb(format_args!("{process} stands still for {after:?}"));
            process.pause();
            self.ends_after(after, End::Pause(process));
        }
    }

    fn disconnect(&mut self, link: Link) {
        if let Some(process) = self.draw_process() {
            let after = self.upto(25.0);
            self.world.history.disturb(format_args!(
                "the line of {process} is {link:?} for {after:?}"
            ));
            process.set_link(link);
            self.ends_after(after, End::Link(process));
        }
    }

    fn outage(&mut self) {
        let after = self.upto(15.0);
        let link = if self.chance.bool() {
            Link::Hung
        } else {
            Link::Refused
        };
        self.world
            .history
            .disturb(format_args!("all lines are {link:?} for {after:?}"));
        let processes = self.processes();
        for process in processes {
            process.set_link(link);
            self.ends_after(after, End::Link(process));
        }
    }

    fn processes(&self) -> Vec<Arc<Process>> {
        let state = self.world.state();
        let processes = state.sites.iter().filter_map(|site| site.process.clone());
        processes.collect()
    }

    fn break_flows(&mut self) {
        if let Some(process) = self.draw_process() {
            self.world
                .history
                .disturb(format_args!("what {process} reads breaks off"));
            process.break_flows();
        }
    }

    fn jump(&mut self) {
        let by = self.upto(7_200.0);
        let back = self.chance.bool();
        self.world
            .history
            .disturb(format_args!("the clock jumps by {by:?}, back: {back}"));
        wall::jump(by, back);
        let after = self.upto(40.0);
        self.ends_after(after, End::Jump(by, back));
    }

    /// Takes a snapshot, and the next time goes back to it.
    async fn fall_back(&mut self) {
        let broker = Arc::clone(&self.world.broker);
        let Some(snapshot) = self.snapshot.take() else {
            self.snapshot = broker.snapshot().await.ok();
            return;
        };
        let tells = self.chance.bool();
        if broker.fall_back(&snapshot, tells).await.is_ok() {
            self.world.history.forget_pauses();
            self.world.history.forget_versions();
            self.world.history.disturb(format_args!(
                "the records fall back; the store tells: {tells}"
            ));
            for process in self.processes() {
                process.break_flows();
            }
        }
    }
}

/// Waits for a time that is drawn.
pub(super) async fn a_while(chance: &mut Rng, most: Duration) {
    sleep(most.mul_f64(chance.f64())).await;
}
